use crate::formula::{Formula, Gradient, Run};
use crate::named::{Named, Operator, Parameter};
use crate::vector::{Functions, Vector};

/// The swish: `f(x) = x / (1 + e^(-beta * x))`, which is `x` times the sigmoid of `beta * x`.
///
/// With `s = 1 / (1 + e^(-beta * x))`, `f'(x) = s * (1 + beta * x * (1 - s))`. NaN stays NaN, quiet, and zeros pass.
/// With a `beta` above 0, `f(-inf) = -0` and `f(inf) = inf`; with one below 0, `f(-inf) = -inf` and `f(inf) = +0`. With
/// a `beta` of 0 it is `x / 2`. An infinite one counts as a great number, which makes it ReLU but for the least inputs. With
/// a `beta` of 1 it is [`Silu`](crate::Silu).
///
/// With a `beta` of 1.702, over all `f32` values are at most 2.633 ulp from the truth, and gradients 3.546.
/// The errors of gradients around their zero are in ulp of 1/16. The product `beta * x` is not rounded on the way, unless
/// `beta` is within 2^-20 of 0; then values are less accurate where the product is great.
///
/// Source: Ramachandran, Zoph and Le, *Searching for Activation Functions*, 2017; ONNX's `Swish`, where `beta` is
/// called `alpha`.
///
/// ```
/// use rectify::{Activation, Silu, Swish};
///
/// assert_eq!(Swish::QUICK_GELU.eval(1.0_f32), 0.8457958);
/// assert_eq!(Swish::default().eval(-3.0_f32), Silu.eval(-3.0_f32));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Swish {
    beta: f64,
}

impl Swish {
    /// The approximation of [`Gelu`](crate::Gelu) that CLIP and others use: a `beta` of 1.702.
    pub const QUICK_GELU: Self = Self::new(1.702);

    /// With the given `beta`: any number, 0, infinite ones and those below 0 included.
    ///
    /// # Panics
    /// If `beta` is NaN.
    #[inline]
    #[must_use]
    #[track_caller]
    pub const fn new(beta: f64) -> Self {
        assert!(!beta.is_nan(), "`beta` is NaN");
        Self { beta }
    }

    /// The factor inside of the sigmoid.
    #[inline]
    #[must_use]
    pub const fn beta(self) -> f64 {
        self.beta
    }
}

/// A `beta` of 1.
impl Default for Swish {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl Formula for Swish {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        if self.beta.abs() < LEAST {
            Flat(self).value(x)
        } else {
            Steep(self).value(x)
        }
    }

    #[inline]
    fn choose<R: Run>(self, run: R) -> R::Done {
        if self.beta.abs() < LEAST {
            run.run(Flat(self))
        } else {
            run.run(Steep(self))
        }
    }
}

/// 2^-20: with less, `x` may be so large that both its quotient and what `e^(-beta * x)` is scaled by count.
const LEAST: f64 = 1.0 / (1 << 20) as f64;

/// With a `beta` of at least [`LEAST`] or at most its negative.
#[derive(Clone, Copy)]
struct Steep(Swish);

impl Formula for Steep {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        V::Element::swish(x, V::constant(self.0.beta))
    }
}

/// With a `beta` between.
#[derive(Clone, Copy)]
struct Flat(Swish);

impl Formula for Flat {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        let product = V::constant(self.0.beta) * x;
        let value = x * V::Element::sigmoid(product);
        // Infinity times a sigmoid of 0 would be NaN, and so would be that times a `beta` of 0.
        let limit = product.select_lt(V::constant(0.0), x.bits_and(V::constant(-0.0)), x);
        x.abs().select_lt(V::constant(f64::INFINITY), value, limit)
    }
}

impl Gradient for Swish {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        grad_output * V::Element::swish_gradient(x, V::constant(self.beta))
    }
}

impl Named for Swish {
    const NAME: &'static str = "swish";
    const PARAMETERS: &'static [Parameter] = &[Parameter::new("beta", 1.0)];
    const OPERATORS: &'static [Operator<Self>] = &[Operator {
        name: "Swish",
        attributes: &[Parameter::new("alpha", 1.0)],
        condition: "",
        build: |values| Some(Self::with(values)),
    }];

    fn with(values: &[f64]) -> Self {
        Self::new(values[0])
    }

    fn values(self) -> Vec<f64> {
        vec![self.beta]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;
    use crate::arch::Tier;
    use crate::element::Element;

    /// Value and gradient, each by all ways there are: alone, on one lane and on registers.
    fn both<T: Element>(beta: f64, x: T) -> [f64; 2] {
        let swish = Swish::new(beta);
        let (mut y, mut dx) = ([x; 40], [T::from_f64(1.0); 40]);
        let (value, gradient) = (swish.eval(x).into(), swish.derivative(x).into());
        for tier in Tier::available() {
            swish.on(tier).backward_in_place(&[x; 40], &mut dx);
            swish.on(tier).forward_in_place(&mut y);
            for (y, dx) in y.into_iter().zip(dx) {
                assert_eq!([y.into(), dx.into()], [value, gradient], "{tier}: {beta}, {x}");
            }
            (y, dx) = ([x; 40], [T::from_f64(1.0); 40]);
        }
        [value, gradient]
    }

    #[test]
    fn betas_at_the_ends_have_one_meaning() {
        const INF: f64 = f64::INFINITY;
        for x in [-INF, -3.0, -0.0, 0.0, 3.0, INF] {
            // At 0 the sigmoid is 1/2, whatever `beta`.
            let step = |x: f64| if x == 0.0 { 0.5 } else { f64::from(u8::from(x > 0.0)) };
            for (beta, expected) in [
                (0.0, [x * 0.5, 0.5]),
                (INF, [x.max(0.0), step(x)]),
                (-INF, [x.min(0.0), step(-x)]),
            ] {
                assert_eq!(both::<f32>(beta, x as f32), expected, "{beta}, {x}");
                assert_eq!(both::<f64>(beta, x), expected, "{beta}, {x}");
            }
        }
        // Infinite inputs, and ones that are beyond the numbers of `f32`, with a small `beta`.
        assert_eq!(both::<f64>(1e-30, 1e60), [1e60, 1.0]);
        assert_eq!(both::<f64>(1e-30, -INF), [0.0, 0.0]);
        assert_eq!(both::<f32>(1e-30, f32::INFINITY), [INF, 1.0]);
    }

    #[test]
    #[should_panic(expected = "`beta` is NaN")]
    fn a_nan_beta_panics() {
        let _ = Swish::new(f64::NAN);
    }
}
