use crate::named::{Named, Operator, Parameter};
use crate::element::Element;
use crate::formula::{Formula, Gradient};
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
        Self::new(1.0)
    }
}

impl Formula for ThresholdedRelu {
    const MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        self.gradient(x, x)
    }

    #[inline]
    fn scalar<T: Element>(self, x: T) -> T {
        self.scalar_gradient(x, x)
    }
}

impl Gradient for ThresholdedRelu {
    const GRADIENT_MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        x.select_le(V::constant(self.theta), V::constant(0.0), grad_output)
    }

    #[inline]
    fn scalar_gradient<T: Element>(self, x: T, grad_output: T) -> T {
        if x <= T::from_f64(self.theta) {
            T::ZERO
        } else {
            grad_output
        }
    }
}

impl Named for ThresholdedRelu {
    const NAME: &'static str = "thresholded_relu";
    const PARAMETERS: &'static [Parameter] = &[Parameter::new("theta", 1.0)];
    const OPERATORS: &'static [Operator<Self>] = &[Operator {
        name: "ThresholdedRelu",
        attributes: &[Parameter::new("alpha", 1.0)],
        condition: "",
        build: |values| Some(Self::with(values)),
    }];

    fn with(values: &[f64]) -> Self {
        Self::new(values[0])
    }

    fn values(self) -> Vec<f64> {
        vec![self.theta]
    }
}
