use super::hard_shrink::HardShrink;
use super::{Activation, Formula};
use crate::Element;
use crate::vector::Vector;

/// The soft shrinkage: `f(x) = x - lambda` for `x > lambda`, `x + lambda` for `x < -lambda`, else 0.
///
/// `f'(x) = 0` for `-lambda <= x <= lambda`, else 1. NaN passes as it is; zeros become +0; infinities pass
/// unless `lambda` is infinite.
///
/// Source: Donoho, *De-noising by soft-thresholding*, 1995; `torch.nn.Softshrink`.
///
/// ```
/// use rectify::{Activation, SoftShrink};
///
/// let mut y = [-3.0_f32, -0.5, 0.25, 0.75];
/// SoftShrink::default().forward_in_place(&mut y);
/// assert_eq!(y, [-2.5, 0.0, 0.0, 0.25]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoftShrink(HardShrink);

impl SoftShrink {
    /// What `default()` returns.
    pub(crate) const DEFAULT: Self = Self::new(0.5);

    /// With the given threshold: any number that is not negative, infinity included.
    ///
    /// # Panics
    /// If `lambda` is NaN or negative.
    #[inline]
    #[must_use]
    #[track_caller]
    pub const fn new(lambda: f64) -> Self {
        Self(HardShrink::new(lambda))
    }

    /// The threshold.
    #[inline]
    #[must_use]
    pub const fn lambda(self) -> f64 {
        self.0.lambda()
    }
}

/// A threshold of 0.5, as in PyTorch and Keras.
impl Default for SoftShrink {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Activation for SoftShrink {
    #[inline]
    fn eval<T: Element>(&self, x: T) -> T {
        let lambda = T::from_f64(self.lambda());
        if x > lambda {
            x - lambda
        } else if x < -lambda {
            x + lambda
        } else if x.partial_cmp(&x).is_none() {
            x // NaN
        } else {
            T::ZERO
        }
    }

    #[inline]
    fn eval_backward<T: Element>(&self, x: T, grad_output: T) -> T {
        self.0.eval_backward(x, grad_output)
    }
}

impl Formula for SoftShrink {
    #[inline(always)]
    fn vector_forward<V: Vector>(self, x: V) -> V {
        let lambda = x.splat(V::Element::from_f64(self.lambda()));
        let minus_lambda = x.splat(-V::Element::from_f64(self.lambda()));
        let within_or_nan = x.select_le(lambda, x.splat(V::Element::ZERO), x);
        let not_above = x.select_lt(minus_lambda, x + lambda, within_or_nan);
        lambda.select_lt(x, x - lambda, not_above)
    }

    #[inline(always)]
    fn vector_backward<V: Vector>(self, x: V, grad_output: V) -> V {
        self.0.vector_backward(x, grad_output)
    }
}
