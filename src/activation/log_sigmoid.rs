use crate::formula::{Formula, Gradient};
use crate::named::{Named};
use crate::vector::{Functions, Vector};

/// The logarithm of the sigmoid: `f(x) = ln(1 / (1 + e^-x))`, which is `-ln(1 + e^-x)`.
///
/// `f'(x) = 1 / (1 + e^x)`. NaN stays NaN, quiet. `f(-inf) = -inf` and `f(inf) = -0`; no value is above -0.
///
/// Over all `f32` values are at most 2.328 ulp from the truth, and gradients 2.558.
///
/// It is [`Softplus`](crate::Softplus) of `-x`, negated, to the bit.
///
/// Source: PyTorch's `torch.nn.LogSigmoid`.
///
/// ```
/// use rectify::{Activation, LogSigmoid};
///
/// assert_eq!(LogSigmoid.eval(f32::NEG_INFINITY), f32::NEG_INFINITY);
/// for (x, y) in [(-200.0, -200.0), (50.0, -1.9287498e-22)] {
///     assert!((LogSigmoid.eval::<f32>(x) / y - 1.0).abs() < 1e-6);
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LogSigmoid;

impl Formula for LogSigmoid {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        -V::Element::softplus(-x)
    }
}

impl Gradient for LogSigmoid {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        grad_output * V::Element::softplus_gradient(-x)
    }
}

impl Named for LogSigmoid {
    const NAME: &'static str = "log_sigmoid";

    fn with(_: &[f64]) -> Self {
        Self
    }
}
