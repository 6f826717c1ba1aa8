use super::clip::Clip;
use crate::named::{Named, Operator, Parameter};
use crate::element::Element;
use crate::formula::{Formula, Gradient};
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
    fn line<V: Vector>(self, x: V) -> V {
        V::constant(self.alpha) * x + V::constant(self.beta)
    }
}

const UNIT: Clip = Clip::new(0.0, 1.0);

/// [`PYTORCH`](HardSigmoid::PYTORCH).
impl Default for HardSigmoid {
    fn default() -> Self {
        Self::PYTORCH
    }
}

impl Formula for HardSigmoid {
    const MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        UNIT.value(self.line(x))
    }

    #[inline]
    fn scalar<T: Element>(self, x: T) -> T {
        UNIT.scalar(T::from_f64(self.alpha) * x + T::from_f64(self.beta))
    }
}

impl Gradient for HardSigmoid {
    const GRADIENT_MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        UNIT.gradient(self.line(x), V::constant(self.alpha) * grad_output)
    }

    #[inline]
    fn scalar_gradient<T: Element>(self, x: T, grad_output: T) -> T {
        let (alpha, beta) = (T::from_f64(self.alpha), T::from_f64(self.beta));
        UNIT.scalar_gradient(alpha * x + beta, alpha * grad_output)
    }
}

impl Named for HardSigmoid {
    const NAME: &'static str = "hard_sigmoid";
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::new("alpha", Self::PYTORCH.alpha),
        Parameter::new("beta", Self::PYTORCH.beta),
    ];
    const OPERATORS: &'static [Operator<Self>] = &[Operator {
        name: "HardSigmoid",
        attributes: &[
            Parameter::new("alpha", Self::ONNX.alpha),
            Parameter::new("beta", Self::ONNX.beta),
        ],
        condition: "",
        build: |values| Some(Self::with(values)),
    }];

    fn with(values: &[f64]) -> Self {
        Self::new(values[0], values[1])
    }

    fn values(self) -> Vec<f64> {
        vec![self.alpha, self.beta]
    }
}
