use crate::formula::{Formula, Gradient};
use crate::named::{Named};
use crate::vector::{Functions, Vector};

/// The logarithm of the sigmoid: `f(x) = ln(1 / (1 + e^-x))`, which is `-ln(1 + e^-x)`.
///
/// `f'(x) = 1 / (1 + e^x)`. NaN stays NaN, quiet. `f(-inf) = -inf` and `f(inf) = -0`; no value is above -0.
///
/// It is [`Softplus`](crate::Softplus) of `-x`, negated, to the bit.
///
/// Source: PyTorch's `torch.nn.LogSigmoid`.
///
/// ```
/// use rectify::{Activation, LogSigmoid};
///
/// let y: [f32; 4] = [-200.0, 0.0, 50.0, f32::INFINITY].map(|x| LogSigmoid.eval(x));
/// assert_eq!(y, [-200.0, -0.6931472, -1.9287499e-22, 0.0]);
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
