use super::{Activation, Formula};
use crate::Element;
use crate::vector::Vector;

/// The thresholded rectified linear unit: `f(x) = 0` for `x <= theta`, else `x`.
///
/// `f'(x) = 0` for `x <= theta`, else 1. NaN passes as it is. So does -0.0 with a negative `theta`; with
/// others it becomes +0, as does all that is not above `theta`.
///
/// Source: Konda, Memisevic and Krueger, *Zero-bias autoencoders and the benefits of co-adapting features*,
/// 2015; `ThresholdedRelu` of ONNX, where `theta` is `alpha`.
///
/// ```
/// use rectify::{Activation, ThresholdedRelu};
///
/// let mut y = [-3.0_f32, 0.5, 1.0, 1.5];
/// ThresholdedRelu::default().forward_in_place(&mut y);
/// assert_eq!(y, [0.0, 0.0, 0.0, 1.5]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThresholdedRelu {
    theta: f64,
}

impl ThresholdedRelu {
    /// What `default()` returns.
    pub(crate) const DEFAULT: Self = Self::new(1.0);

    /// With the given threshold: any number, negative and infinite ones included.
    ///
    /// # Panics
    /// If `theta` is NaN.
    #[inline]
    #[must_use]
    #[track_caller]
    pub const fn new(theta: f64) -> Self {
        assert!(!theta.is_nan(), "`theta` is NaN");
        Self { theta }
    }

    /// The threshold.
    #[inline]
    #[must_use]
    pub const fn theta(self) -> f64 {
        self.theta
    }
}

/// A threshold of 1, as in ONNX and Keras 2.
impl Default for ThresholdedRelu {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Activation for ThresholdedRelu {
    #[inline]
    fn eval<T: Element>(&self, x: T) -> T {
        if x <= T::from_f64(self.theta) {
            T::ZERO
        } else {
            x
        }
    }

    #[inline]
    fn eval_backward<T: Element>(&self, x: T, grad_output: T) -> T {
        if x <= T::from_f64(self.theta) {
            T::ZERO
        } else {
            grad_output
        }
    }
}

impl Formula for ThresholdedRelu {
    #[inline(always)]
    fn vector_forward<V: Vector>(self, x: V) -> V {
        self.vector_backward(x, x)
    }

    #[inline(always)]
    fn vector_backward<V: Vector>(self, x: V, grad_output: V) -> V {
        let theta = x.splat(V::Element::from_f64(self.theta));
        x.select_le(theta, x.splat(V::Element::ZERO), grad_output)
    }
}
