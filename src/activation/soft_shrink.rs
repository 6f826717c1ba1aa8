use super::hard_shrink::{HardShrink, SHRINK};
use crate::named::{Named, Operator, Parameter};
use crate::element::Element;
use crate::formula::{Formula, Gradient};
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
        Self::new(0.5)
    }
}

impl Formula for SoftShrink {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        let lambda = V::constant(self.lambda());
        let within_or_nan = x.select_le(lambda, V::constant(0.0), x);
        let not_above = x.select_lt(-lambda, x + lambda, within_or_nan);
        lambda.select_lt(x, x - lambda, not_above)
    }

    #[inline]
    fn scalar<T: Element>(self, x: T) -> T {
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
}

impl Gradient for SoftShrink {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        self.0.gradient(x, grad_output)
    }

    #[inline]
    fn scalar_gradient<T: Element>(self, x: T, grad_output: T) -> T {
        self.0.scalar_gradient(x, grad_output)
    }
}

impl Named for SoftShrink {
    const NAME: &'static str = "soft_shrink";
    const PARAMETERS: &'static [Parameter] = &[Parameter::not_negative("lambda", 0.5)];
    const OPERATORS: &'static [Operator<Self>] = &[Operator {
        name: "Shrink",
        attributes: SHRINK,
        condition: "where `bias` is `lambd`",
        build: |values| (values[0] == values[1]).then(|| Self::with(values)),
    }];

    fn with(values: &[f64]) -> Self {
        Self::new(values[0])
    }

    fn values(self) -> Vec<f64> {
        vec![self.lambda()]
    }
}
