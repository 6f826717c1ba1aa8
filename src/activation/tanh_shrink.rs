use crate::formula::{Formula, Gradient};
use crate::named::{Named};
use crate::vector::{Functions, Vector};

/// The hyperbolic tangent's shrinkage: `f(x) = x - tanh(x)`.
///
/// `f'(x) = tanh²(x)`. It is odd, to the bit, and near 0, where it is `x³/3`, as accurate as elsewhere. NaN stays NaN,
/// quiet, and zeros pass. `f(-inf) = -inf` and `f(inf) = inf`.
///
/// Over all `f32` values are at most 2.656 ulp from the truth, and gradients 2.925.
///
/// Source: PyTorch's `torch.nn.Tanhshrink`.
///
/// ```
/// use rectify::{Activation, TanhShrink};
///
/// assert_eq!(TanhShrink.eval(f32::NEG_INFINITY), f32::NEG_INFINITY);
/// for (x, y) in [(-0.001, -3.333332e-10), (1.0, 0.23840584)] {
///     assert!((TanhShrink.eval::<f32>(x) / y - 1.0).abs() < 1e-6);
/// }
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
