use super::clip::Clip;
use crate::named::{Named, Parameter};
use crate::element::Element;
use crate::formula::{Formula, Gradient};
use crate::vector::Vector;

/// The hard hyperbolic tangent: [`Clip`] to `min` and `max`, by default -1 and 1.
///
/// `f'(x) = 0` for `x <= min` and for `x >= max`, else 1. NaN passes as it is, and so does -0.0 where 0 is
/// within the bounds; infinities become the bounds.
///
/// Source: Collobert, *Large Scale Machine Learning*, 2004; `torch.nn.Hardtanh`.
///
/// ```
/// use rectify::{Activation, HardTanh};
///
/// let mut y = [-3.0_f32, 0.5, 9.0];
/// HardTanh::default().forward_in_place(&mut y);
/// assert_eq!(y, [-1.0, 0.5, 1.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HardTanh(Clip);

impl HardTanh {
    /// With the given bounds.
    ///
    /// # Panics
    /// If `min` or `max` is NaN.
    #[inline]
    #[must_use]
    #[track_caller]
    pub const fn new(min: f64, max: f64) -> Self {
        Self(Clip::new(min, max))
    }

    /// The lower bound.
    #[inline]
    #[must_use]
    pub const fn min(self) -> f64 {
        self.0.min()
    }

    /// The upper bound.
    #[inline]
    #[must_use]
    pub const fn max(self) -> f64 {
        self.0.max()
    }
}

/// Bounds of -1 and 1, as in PyTorch and Keras.
impl Default for HardTanh {
    fn default() -> Self {
        Self::new(-1.0, 1.0)
    }
}

impl Formula for HardTanh {
    const MEMORY_BOUND: bool = Clip::MEMORY_BOUND;

    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        self.0.value(x)
    }

    #[inline]
    fn scalar<T: Element>(self, x: T) -> T {
        self.0.scalar(x)
    }
}

impl Gradient for HardTanh {
    const GRADIENT_MEMORY_BOUND: bool = Clip::GRADIENT_MEMORY_BOUND;

    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        self.0.gradient(x, grad_output)
    }

    #[inline]
    fn scalar_gradient<T: Element>(self, x: T, grad_output: T) -> T {
        self.0.scalar_gradient(x, grad_output)
    }
}

impl Named for HardTanh {
    const NAME: &'static str = "hard_tanh";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::new("min", -1.0), Parameter::new("max", 1.0)];

    fn with(values: &[f64]) -> Self {
        Self::new(values[0], values[1])
    }

    fn values(self) -> Vec<f64> {
        vec![self.min(), self.max()]
    }
}
