use crate::formula::{Formula, Gradient, GradientFromOutput};
use crate::named::{Named, Operator};
use crate::vector::{Functions, Vector};

/// The hyperbolic tangent: `f(x) = tanh(x)`.
///
/// `f'(x) = 1 - tanh(x)²`, accurate where it is small, too. It is odd to the bit; zeros pass, NaN stays NaN, quiet, and
/// `f(-inf) = -1` and `f(inf) = 1`; no value is outside of these.
///
/// Over all `f32` values are at most 2.961 ulp from the truth, and gradients 2.823.
///
/// Source: LeCun and others, *Efficient BackProp*, 1998; ONNX's `Tanh`.
///
/// ```
/// use rectify::{Activation, Tanh};
///
/// let y: [f32; 4] = [f32::NEG_INFINITY, -0.0, 0.5, 1.0].map(|x| Tanh.eval(x));
/// assert_eq!(y, [-1.0, 0.0, 0.46211717, 0.7615942]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tanh;

impl Formula for Tanh {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        V::Element::tanh(x)
    }
}

impl Gradient for Tanh {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        grad_output * V::Element::tanh_gradient(x)
    }
}

impl GradientFromOutput for Tanh {
    /// `1 - y²`.
    #[inline(always)]
    fn gradient_from_output<V: Vector>(self, output: V, grad_output: V) -> V {
        grad_output * (-output).mul_add(output, V::constant(1.0))
    }
}

impl Named for Tanh {
    const NAME: &'static str = "tanh";
    const OPERATORS: &'static [Operator<Self>] = &[Operator {
        name: "Tanh",
        attributes: &[],
        condition: "",
        build: |_| Some(Self),
    }];

    fn with(_: &[f64]) -> Self {
        Self
    }
}
