use crate::formula::{Formula, Gradient};
use crate::named::{Named};
use crate::vector::{Functions, Vector};

/// The hyperbolic tangent's shrinkage: `f(x) = x - tanh(x)`.
///
/// `f'(x) = tanh²(x)`. It is odd, to the bit, and near 0, where it is `x³/3`, as accurate as elsewhere. NaN stays NaN,
/// quiet, and zeros pass. `f(-inf) = -inf` and `f(inf) = inf`.
///
/// Values of `f32` are at most ERR_VALUE ulp from the truth, gradients ERR_GRADIENT.
///
/// Source: PyTorch's `torch.nn.Tanhshrink`.
///
/// ```
/// use rectify::{Activation, TanhShrink};
///
/// let y: [f32; 4] = [-0.001, 0.0, 1.0, 10.0].map(|x| TanhShrink.eval(x));
/// assert_eq!(y, [-3.333332e-10, 0.0, 0.23840584, 9.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TanhShrink;

impl Formula for TanhShrink {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        V::Element::tanh_shrink(x)
    }
}

impl Gradient for TanhShrink {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        grad_output * V::Element::tanh_shrink_gradient(x)
    }
}

impl Named for TanhShrink {
    const NAME: &'static str = "tanh_shrink";

    fn with(_: &[f64]) -> Self {
        Self
    }
}
