use super::elu::Plain;
use crate::formula::{Formula, Gradient, Run, RunGradient};
use crate::named::{Named, Operator, Parameter};
use crate::vector::{Functions, Vector};

/// The continuously differentiable exponential linear unit: `f(x) = alpha * (e^(x / alpha) - 1)` for `x < 0`, else `x`.
///
/// `f'(x) = e^(x / alpha)` for `x <= 0`, else 1. NaN and -0.0 pass as they are; `f(-inf) = -alpha` for an `alpha` above
/// 0, and `f(inf) = inf`. Where the gradient is 1, it is `dy` itself.
///
/// With an `alpha` of 2.0, over all `f32` values are at most 1.000 ulp from the truth, and gradients 0.929.
/// With others values are at most 3 ulp from the truth and gradients 2.5; less accurate where the quotient `x / alpha` is
/// subnormal. With one of 1 it is [`Elu`](crate::Elu).
///
/// Source: Barron, *Continuously Differentiable Exponential Linear Units*, 2017; ONNX's `Celu`.
///
/// ```
/// use rectify::{Activation, Celu};
///
/// let y: [f32; 3] = [f32::NEG_INFINITY, -2.0, 2.0].map(|x| Celu::new(2.0).eval(x));
/// assert_eq!(y, [-2.0, -1.2642411, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Celu {
    alpha: f64,
}

impl Celu {
    /// With the given `alpha`: any number but 0, those below 0 included. An infinite one makes NaN of what is
    /// below 0, as the formula does.
    ///
    /// # Panics
    /// If `alpha` is 0 or NaN.
    #[inline]
    #[must_use]
    #[track_caller]
    pub const fn new(alpha: f64) -> Self {
        assert!(!alpha.is_nan(), "`alpha` is NaN");
        assert!(alpha != 0.0, "`alpha` is 0");
        Self { alpha }
    }

    /// What `x` is divided by, and the size of the value at -inf.
    #[inline]
    #[must_use]
    pub const fn alpha(self) -> f64 {
        self.alpha
    }
}

/// An `alpha` of 1.
impl Default for Celu {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl Formula for Celu {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        if self.alpha > 0.0 {
            Positive(self).value(x)
        } else {
            let alpha = V::constant(self.alpha);
            let (quotient, low) = divided(x, alpha);
            let less = quotient.exp_m1();
            // e^low is 1 + low.
            let corrected = less.mul_add(low, less + low);
            let less = less.select_lt(V::constant(f64::INFINITY), corrected, less);
            x.select_lt(V::constant(0.0), alpha * less, x)
        }
    }

    #[inline]
    fn choose<R: Run>(self, run: R) -> R::Done {
        if self.alpha == 1.0 {
            run.run(Plain)
        } else if self.alpha > 0.0 {
            run.run(Positive(self))
        } else {
            run.run(self)
        }
    }
}

/// With an `alpha` above 0, which needs the exponential of what is below 0 alone.
#[derive(Clone, Copy)]
struct Positive(Celu);

impl Formula for Positive {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        let alpha = V::constant(self.0.alpha);
        let below = alpha * V::Element::exp_m1_below_0(x / alpha);
        x.select_lt(V::constant(0.0), below, x)
    }
}

/// `x / alpha`, and what rounding took from it, where that is a number.
#[inline(always)]
fn divided<V: Vector>(x: V, alpha: V) -> (V, V) {
    let one = V::constant(1.0);
    let quotient = x / alpha;
    let low = (-quotient).mul_add(alpha, x) * (one / alpha);
    (quotient, low.abs().select_lt(one, low, V::constant(0.0)))
}

impl Gradient for Positive {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        let (quotient, low) = divided(x, V::constant(self.0.alpha));
        let exp = V::Element::exp_below_0(quotient);
        let below = exp.mul_add(low, exp) * grad_output;
        x.select_le(V::constant(0.0), below, grad_output)
    }
}

impl Gradient for Celu {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        if self.alpha > 0.0 {
            return Positive(self).gradient(x, grad_output);
        }
        let (quotient, low) = divided(x, V::constant(self.alpha));
        let exp = quotient.exp();
        let exp = exp.select_lt(V::constant(f64::INFINITY), exp.mul_add(low, exp), exp);
        x.select_le(V::constant(0.0), exp * grad_output, grad_output)
    }

    #[inline]
    fn choose_gradient<R: RunGradient>(self, run: R) -> R::Done {
        if self.alpha == 1.0 {
            run.run(Plain)
        } else if self.alpha > 0.0 {
            run.run(Positive(self))
        } else {
            run.run(self)
        }
    }
}

impl Named for Celu {
    const NAME: &'static str = "celu";
    const PARAMETERS: &'static [Parameter] = &[Parameter::not_zero("alpha", 1.0)];
    const OPERATORS: &'static [Operator<Self>] = &[Operator {
        name: "Celu",
        attributes: &[Parameter::not_zero("alpha", 1.0)],
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
    fn a_negative_alpha_has_the_meaning_of_the_formula() {
        let celu = Celu::new(-1.0);
        let exact = -1.0_f64.exp_m1();
        assert!((celu.eval(-1.0_f64) - exact).abs() < 1e-15);
        // e^x has 85 times the error of a rounded quotient.
        let (alpha, x) = (-3.1_f32, -250.3_f32);
        let (value, alpha, x) = (Celu::new(alpha.into()).eval(x), f64::from(alpha), f64::from(x));
        let exact = alpha * (x / alpha).exp_m1();
        assert!((f64::from(value) / exact - 1.0).abs() < 3e-7, "{value:e} for {exact:e}");
        assert_eq!(celu.eval(f32::NEG_INFINITY), f32::NEG_INFINITY);
        assert_eq!(celu.eval(-1000.0_f32), f32::NEG_INFINITY);
        assert_eq!(celu.derivative(-1000.0_f32), f32::INFINITY);
    }

    #[test]
    #[should_panic(expected = "`alpha` is 0")]
    fn an_alpha_of_0_panics() {
        let _ = Celu::new(-0.0);
    }

    #[test]
    #[should_panic(expected = "`alpha` is NaN")]
    fn a_nan_alpha_panics() {
        let _ = Celu::new(f64::NAN);
    }
}
