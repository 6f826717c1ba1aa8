use super::gelu::APPROXIMATE;
use crate::formula::{Formula, Gradient};
use crate::named::{Named, Operator};
use crate::vector::{Functions, Vector};

/// The Gaussian error linear unit with a hyperbolic tangent for the error function:
/// `f(x) = x/2 * (1 + tanh(√(2/π) * (x + 0.044715 x³)))`. It differs from [`Gelu`](crate::Gelu) by up to 0.0005.
///
/// The same is `x / (1 + e^-u)` with `u = √(8/π) * (x + 0.044715 x³)`, and with `s = 1 / (1 + e^-u)` the derivative is
/// `f'(x) = s + x * s * (1 - s) * u'`, where `u' = √(8/π) * (1 + 0.134145 x²)`. NaN stays NaN, quiet, and zeros pass.
/// `f(-inf) = -0`, where other libraries give NaN, and `f(inf) = inf`. The least value is -0.17004, at -0.75246.
///
/// Over all `f32` values are at most 3.455 ulp from the truth, and gradients 3.896.
/// That is so on the negative side, too, where values fall below the least normal number at -9.8 and become 0 at -10.7. The
/// errors of gradients around their zero are in ulp of 1/16.
///
/// Source: Hendrycks and Gimpel, *Gaussian Error Linear Units (GELUs)*, 2016. Elsewhere it is `gelu_new`,
/// `gelu_pytorch_tanh`, or GELU with `approximate` set.
///
/// ```
/// use rectify::{Activation, GeluTanh};
///
/// assert_eq!(GeluTanh.eval(f32::NEG_INFINITY), 0.0);
/// for (x, y) in [(-9.0, -1.3364596e-28), (1.0, 0.84119199)] {
///     assert!((GeluTanh.eval::<f32>(x) / y - 1.0).abs() < 1e-6);
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct GeluTanh;

impl Formula for GeluTanh {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        V::Element::gelu_tanh(x)
    }
}

impl Gradient for GeluTanh {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        grad_output * V::Element::gelu_tanh_gradient(x)
    }
}

impl Named for GeluTanh {
    const NAME: &'static str = "gelu_tanh";
    const OPERATORS: &'static [Operator<Self>] = &[Operator {
        name: "Gelu",
        attributes: &[APPROXIMATE],
        condition: "for an `approximate` of 1, which is \"tanh\"",
        build: |values| (values[0] == 1.0).then_some(Self),
    }];

    fn with(_: &[f64]) -> Self {
        Self
    }
}
