use crate::formula::{Formula, Gradient, Run, RunGradient, GradientFromOutput};
use crate::named::{Named, Operator, Parameter};
use crate::vector::{Functions, Vector};

/// The exponential linear unit: `f(x) = alpha * (e^x - 1)` for `x < 0`, else `x`.
///
/// `f'(x) = alpha * e^x` for `x <= 0`, else 1. NaN and -0.0 pass as they are; `f(-inf) = -alpha` and `f(inf) = inf`.
/// Where the gradient is 1, it is `dy` itself.
///
/// With an `alpha` of 1.0, over all `f32` values are at most 0.945 ulp from the truth, and gradients 0.929.
/// With an `alpha` of 0.5, over all `f32` values are at most 0.945 ulp from the truth, and gradients 0.937.
/// Other factors add their rounding: values are at most 2.4 ulp from the truth then, and gradients 2.5.
///
/// Source: Clevert, Unterthiner and Hochreiter, *Fast and Accurate Deep Network Learning by Exponential Linear Units
/// (ELUs)*, 2016; ONNX's `Elu`.
///
/// ```
/// use rectify::{Activation, Elu};
///
/// let y: [f32; 4] = [f32::NEG_INFINITY, -1e-10, -1.0, 2.0].map(|x| Elu::default().eval(x));
/// assert_eq!(y, [-1.0, -1e-10, -0.63212055, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elu {
    alpha: f64,
}

impl Elu {
    /// With the given `alpha`: any number, 0, infinite ones and those below 0 included.
    ///
    /// # Panics
    /// If `alpha` is NaN.
    #[inline]
    #[must_use]
    #[track_caller]
    pub const fn new(alpha: f64) -> Self {
        assert!(!alpha.is_nan(), "`alpha` is NaN");
        Self { alpha }
    }

    /// The size of the value at -inf.
    #[inline]
    #[must_use]
    pub const fn alpha(self) -> f64 {
        self.alpha
    }
}

/// An `alpha` of 1.
impl Default for Elu {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl Formula for Elu {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        let below = V::constant(self.alpha) * V::Element::exp_m1_below_0(x);
        x.select_lt(V::constant(0.0), below, x)
    }

    #[inline]
    fn choose<R: Run>(self, run: R) -> R::Done {
        if self.alpha == 1.0 {
            run.run(Plain)
        } else {
            run.run(self)
        }
    }
}

impl Gradient for Elu {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        let below = V::constant(self.alpha) * V::Element::exp_below_0(x) * grad_output;
        x.select_le(V::constant(0.0), below, grad_output)
    }

    #[inline]
    fn choose_gradient<R: RunGradient>(self, run: R) -> R::Done {
        if self.alpha == 1.0 {
            run.run(Plain)
        } else {
            run.run(self)
        }
    }
}

/// With an `alpha` of 1, which saves a product.
#[derive(Clone, Copy)]
pub(super) struct Plain;

impl Formula for Plain {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        x.select_lt(V::constant(0.0), V::Element::exp_m1_below_0(x), x)
    }
}

impl Gradient for Plain {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        x.select_le(V::constant(0.0), V::Element::exp_below_0(x) * grad_output, grad_output)
    }
}

/// For an `alpha` that is not below 0.
impl GradientFromOutput for Elu {
    /// `y + alpha` where `y <= 0`, else 1.
    #[inline(always)]
    fn gradient_from_output<V: Vector>(self, output: V, grad_output: V) -> V {
        let below = grad_output * (output + V::constant(self.alpha));
        output.select_le(V::constant(0.0), below, grad_output)
    }

    #[track_caller]
    fn check_parameters(self) {
        let alpha = self.alpha;
        assert!(
            alpha >= 0.0,
            "`alpha` is {alpha:?}: the gradient from the output needs one that is not below 0"
        );
    }
}

impl Named for Elu {
    const NAME: &'static str = "elu";
    const PARAMETERS: &'static [Parameter] = &[Parameter::new("alpha", 1.0)];
    const OPERATORS: &'static [Operator<Self>] = &[Operator {
        name: "Elu",
        attributes: &[Parameter::new("alpha", 1.0)],
        condition: "",
        build: |values| Some(Self::with(values)),
    }];

    fn with(values: &[f64]) -> Self {
        Self::new(values[0])
    }

    fn values(self) -> Vec<f64> {
        vec![self.alpha]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;

    #[test]
    fn any_alpha_has_the_meaning_of_the_formula() {
        let inf = f64::INFINITY;
        assert_eq!(Elu::new(0.0).eval(-1.0_f32), 0.0);
        assert_eq!(Elu::new(-2.0).eval(-inf), 2.0);
        assert_eq!(Elu::new(inf).eval(-1e-30_f32), f32::NEG_INFINITY);
        assert_eq!(Elu::new(inf).eval(3.0), 3.0);
        assert_eq!(Elu::new(3.0).derivative(-0.0), 3.0);
    }

    #[test]
    #[should_panic(expected = "`alpha` is NaN")]
    fn a_nan_alpha_panics() {
        let _ = Elu::new(f64::NAN);
    }
}
