use super::clip::Clip;
use super::{Activation, Formula};
use crate::Element;
use crate::vector::Vector;

/// The hard sigmoid: `alpha * x + beta`, clipped to 0 and 1.
///
/// With `v = alpha * x + beta`, rounded after the product and after the sum, `f'(x) = 0` for `v <= 0` and for
/// `v >= 1`, else `alpha`. NaN stays NaN; for a finite `beta`, and an `alpha` that is positive in
/// the element type, `f(-inf) = +0` and `f(inf) = 1`.
///
/// Source: Courbariaux, Bengio and David, *BinaryConnect*, 2015. Frameworks differ in `alpha`.
///
/// ```
/// use rectify::{Activation, HardSigmoid};
///
/// let mut y = [-3.0_f64, 0.0, 1.0, 3.0];
/// HardSigmoid::ONNX.forward_in_place(&mut y);
/// assert_eq!(y, [0.0, 0.5, 0.7, 1.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HardSigmoid {
    alpha: f64,
    beta: f64,
}

impl HardSigmoid {
    /// What `default()` returns.
    pub(crate) const DEFAULT: Self = Self::PYTORCH;

    /// `alpha` 1/6 and `beta` 1/2: PyTorch, Keras 3 and JAX.
    pub const PYTORCH: Self = Self::new(1.0 / 6.0, 0.5);
    /// `alpha` 0.2 and `beta` 1/2: ONNX's default, and Keras before version 3.
    pub const ONNX: Self = Self::new(0.2, 0.5);

    /// With the given slope and value at 0: any numbers.
    ///
    /// # Panics
    /// If `alpha` or `beta` is NaN.
    #[inline]
    #[must_use]
    #[track_caller]
    pub const fn new(alpha: f64, beta: f64) -> Self {
        assert!(!alpha.is_nan(), "`alpha` is NaN");
        assert!(!beta.is_nan(), "`beta` is NaN");
        Self { alpha, beta }
    }

    /// The slope.
    #[inline]
    #[must_use]
    pub const fn alpha(self) -> f64 {
        self.alpha
    }

    /// The value at 0.
    #[inline]
    #[must_use]
    pub const fn beta(self) -> f64 {
        self.beta
    }

    #[inline(always)]
    fn line<T: Element>(self, x: T) -> T {
        T::from_f64(self.alpha) * x + T::from_f64(self.beta)
    }

    #[inline(always)]
    fn vector_line<V: Vector>(self, x: V) -> V {
        let alpha = x.splat(V::Element::from_f64(self.alpha));
        alpha * x + x.splat(V::Element::from_f64(self.beta))
    }
}

const UNIT: Clip = Clip::new(0.0, 1.0);

/// [`PYTORCH`](HardSigmoid::PYTORCH).
impl Default for HardSigmoid {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Activation for HardSigmoid {
    #[inline]
    fn eval<T: Element>(&self, x: T) -> T {
        UNIT.eval(self.line(x))
    }

    #[inline]
    fn eval_backward<T: Element>(&self, x: T, grad_output: T) -> T {
        UNIT.eval_backward(self.line(x), T::from_f64(self.alpha) * grad_output)
    }
}

impl Formula for HardSigmoid {
    #[inline(always)]
    fn vector_forward<V: Vector>(self, x: V) -> V {
        UNIT.vector_forward(self.vector_line(x))
    }

    #[inline(always)]
    fn vector_backward<V: Vector>(self, x: V, grad_output: V) -> V {
        let alpha = x.splat(V::Element::from_f64(self.alpha));
        UNIT.vector_backward(self.vector_line(x), alpha * grad_output)
    }
}
