use crate::formula::{Formula, Gradient};
use crate::named::Named;
use crate::vector::{Functions, Vector};

/// The sigmoid linear unit, also called the swish: `f(x) = x / (1 + e^-x)`, which is `x` times the sigmoid of `x`.
///
/// With `s = 1 / (1 + e^-x)`, `f'(x) = s * (1 + x * (1 - s))`. NaN stays NaN, quiet, and zeros pass. `f(-inf) = -0`,
/// where `x` times the sigmoid is NaN, and `f(inf) = inf`. The least value is -0.27846, at -1.27846.
///
/// Over all `f32` values are at most 2.864 ulp from the truth, and gradients 3.847.
/// The errors of gradients around their zero are in ulp of 1/16.
///
/// Source: Elfwing, Uchibe and Doya, *Sigmoid-Weighted Linear Units for Neural Network Function Approximation in
/// Reinforcement Learning*, 2017; PyTorch's `torch.nn.SiLU`.
///
/// ```
/// use rectify::{Activation, Silu};
///
/// let y: [f32; 4] = [f32::NEG_INFINITY, -0.0, 1.0, 100.0].map(|x| Silu.eval(x));
/// assert_eq!(y, [-0.0, -0.0, 0.73105854, 100.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Silu;

impl Formula for Silu {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        V::Element::silu(x)
    }
}

impl Gradient for Silu {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        grad_output * V::Element::silu_gradient(x)
    }
}

impl Named for Silu {
    const NAME: &'static str = "silu";

    fn with(_: &[f64]) -> Self {
        Self
    }
}
