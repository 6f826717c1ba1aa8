use super::{Activation, Formula};
use crate::Element;
use crate::vector::Vector;

/// The hard shrinkage: `f(x) = 0` for `-lambda <= x <= lambda`, else `x`.
///
/// `f'(x) = 0` for `-lambda <= x <= lambda`, else 1. NaN passes as it is; zeros become +0; infinities pass
/// unless `lambda` is infinite.
///
/// Source: Donoho and Johnstone, *Ideal spatial adaptation by wavelet shrinkage*, 1994;
/// `torch.nn.Hardshrink`.
///
/// ```
/// use rectify::{Activation, HardShrink};
///
/// let mut y = [-3.0_f32, -0.5, 0.25, 0.75];
/// HardShrink::default().forward_in_place(&mut y);
/// assert_eq!(y, [-3.0, 0.0, 0.0, 0.75]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HardShrink {
    lambda: f64,
}

impl HardShrink {
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
        assert!(!lambda.is_nan(), "`lambda` is NaN");
        assert!(lambda >= 0.0, "`lambda` is negative");
        Self { lambda }
    }

    /// The threshold.
    #[inline]
    #[must_use]
    pub const fn lambda(self) -> f64 {
        self.lambda
    }
}

/// A threshold of 0.5, as in PyTorch and ONNX.
impl Default for HardShrink {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Activation for HardShrink {
    #[inline]
    fn eval<T: Element>(&self, x: T) -> T {
        self.eval_backward(x, x)
    }

    #[inline]
    fn eval_backward<T: Element>(&self, x: T, grad_output: T) -> T {
        let lambda = T::from_f64(self.lambda);
        if x >= -lambda && x <= lambda {
            T::ZERO
        } else {
            grad_output
        }
    }
}

impl Formula for HardShrink {
    #[inline(always)]
    fn vector_forward<V: Vector>(self, x: V) -> V {
        self.vector_backward(x, x)
    }

    #[inline(always)]
    fn vector_backward<V: Vector>(self, x: V, grad_output: V) -> V {
        let zero = x.splat(V::Element::ZERO);
        let lambda = x.splat(V::Element::from_f64(self.lambda));
        // One comparison instead of two, of which AVX-512 does one a cycle. The size of NaN is NaN.
        let size = (zero - x).max(x);
        size.select_le(lambda, zero, grad_output)
    }
}
