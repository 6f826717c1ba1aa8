use crate::named::{Named, Operator, Parameter};
use crate::element::Element;
use crate::formula::{Formula, Gradient};
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
        Self::new(0.5)
    }
}

impl Formula for HardShrink {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        self.gradient(x, x)
    }

    #[inline]
    fn scalar<T: Element>(self, x: T) -> T {
        self.scalar_gradient(x, x)
    }
}

impl Gradient for HardShrink {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        // One comparison instead of two, of which AVX-512 does one a cycle. The size of NaN is NaN.
        x.abs().select_le(V::constant(self.lambda), V::constant(0.0), grad_output)
    }

    #[inline]
    fn scalar_gradient<T: Element>(self, x: T, grad_output: T) -> T {
        let lambda = T::from_f64(self.lambda);
        if x >= -lambda && x <= lambda {
            T::ZERO
        } else {
            grad_output
        }
    }
}

impl Named for HardShrink {
    const NAME: &'static str = "hard_shrink";
    const PARAMETERS: &'static [Parameter] = &[Parameter::not_negative("lambda", 0.5)];
    const OPERATORS: &'static [Operator<Self>] = &[Operator {
        name: "Shrink",
        attributes: SHRINK,
        condition: "where `bias` is 0",
        build: |values| (values[1] == 0.0).then(|| Self::with(values)),
    }];

    fn with(values: &[f64]) -> Self {
        Self::new(values[0])
    }

    fn values(self) -> Vec<f64> {
        vec![self.lambda]
    }
}

/// The attributes of ONNX's `Shrink`, which is the hard one or the soft one.
pub(super) const SHRINK: &[Parameter] = &[
    Parameter::not_negative("lambd", 0.5),
    Parameter::new("bias", 0.0),
];
