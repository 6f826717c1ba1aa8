use crate::formula::{Formula, Gradient};
use crate::named::{Named, Operator, Parameter};
use crate::vector::{Functions, Vector};

/// The scaled exponential linear unit: `f(x) = scale * alpha * (e^x - 1)` for `x < 0`, else `scale * x`, with a `scale`
/// of 1.05070... and an `alpha` of 1.67326....
///
/// `f'(x) = scale * alpha * e^x` for `x <= 0`, else `scale`. NaN stays NaN, and -0.0 passes. `f(-inf)` is
/// `-scale * alpha`, -1.75809..., and `f(inf) = inf`.
///
/// Over all `f32` values are at most 1.863 ulp from the truth, and gradients 2.176.
///
/// Source: Klambauer and others, *Self-Normalizing Neural Networks*, 2017; ONNX's `Selu`, whose defaults are these
/// numbers as `f32`.
///
/// ```
/// use rectify::{Activation, Selu};
///
/// let y: [f32; 3] = [f32::NEG_INFINITY, -0.0, 2.0].map(|x| Selu.eval(x));
/// assert_eq!(y, [-1.7580993, 0.0, 2.101402]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selu;

impl Selu {
    /// The factor of the negative side, within the scale.
    pub const ALPHA: f64 = 1.673_263_242_354_377_2;

    /// The factor of both sides, called `gamma` in ONNX.
    pub const SCALE: f64 = 1.050_700_987_355_480_5;
}

/// The scale in two numbers, of which the first is one of `f32`, too, and less.
const SCALE_HIGH: f64 = 1.0507009029388428;
const SCALE_LOW: f64 = 8.441663771998183e-08;

/// The product of the two, from more digits of them.
const SCALE_ALPHA: f64 = 1.758_099_340_847_376_6;

/// The scale times `x`, without what rounding takes off the scale: with it, the greatest results of `f32` would be infinite.
#[inline(always)]
fn scaled<V: Vector>(x: V) -> V {
    x.mul_add(V::constant(SCALE_HIGH), V::constant(SCALE_LOW) * x)
}

impl Formula for Selu {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        let below = V::constant(SCALE_ALPHA) * V::Element::exp_m1_below_0(x);
        x.select_lt(V::constant(0.0), below, scaled(x))
    }
}

impl Gradient for Selu {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        let below = V::constant(SCALE_ALPHA) * V::Element::exp_below_0(x) * grad_output;
        x.select_le(V::constant(0.0), below, V::constant(Self::SCALE) * grad_output)
    }
}

impl Named for Selu {
    const NAME: &'static str = "selu";
    const OPERATORS: &'static [Operator<Self>] = &[Operator {
        name: "Selu",
        attributes: &[Parameter::new("alpha", Self::ALPHA), Parameter::new("gamma", Self::SCALE)],
        condition: "where these are ONNX's defaults",
        build: |values| {
            let is_default = values[0] as f32 == Self::ALPHA as f32 && values[1] as f32 == Self::SCALE as f32;
            is_default.then_some(Self)
        },
    }];

    fn with(_: &[f64]) -> Self {
        Self
    }
}
