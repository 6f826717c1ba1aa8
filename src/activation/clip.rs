use crate::named::{Named, Operator, Parameter};
use crate::element::Element;
use crate::formula::{Formula, Gradient};
use crate::vector::Vector;

/// Clipping to a range: `f(x) = min` for `x < min`, `max` for what is then above `max`, else `x`.
///
/// `f'(x) = 0` for `x <= min` and for `x >= max`, else 1. NaN passes as it is, and so does -0.0 where 0 is
/// within the bounds; infinities become the bounds. Where `min > max` everything but NaN becomes `max`, as in
/// ONNX and PyTorch. A `min` of -inf or a `max` of inf clips nothing; the gradient at that infinity is 0.
///
/// Source: `Clip` of ONNX, `torch.clamp` of PyTorch.
///
/// ```
/// use rectify::{Activation, Clip};
///
/// let mut y = [-3.0_f32, -0.5, 0.25, 9.0];
/// Clip::new(-1.0, 1.0).forward_in_place(&mut y);
/// assert_eq!(y, [-1.0, -0.5, 0.25, 1.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clip {
    min: f64,
    max: f64,
}

impl Clip {
    /// With the given bounds: any numbers, infinite ones included.
    ///
    /// # Panics
    /// If `min` or `max` is NaN.
    #[inline]
    #[must_use]
    #[track_caller]
    pub const fn new(min: f64, max: f64) -> Self {
        assert!(!min.is_nan(), "`min` is NaN");
        assert!(!max.is_nan(), "`max` is NaN");
        Self { min, max }
    }

    /// The lower bound.
    #[inline]
    #[must_use]
    pub const fn min(self) -> f64 {
        self.min
    }

    /// The upper bound.
    #[inline]
    #[must_use]
    pub const fn max(self) -> f64 {
        self.max
    }
}

impl Formula for Clip {
    const MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        // In this order: both return their second operand where either is NaN and where both are zeros.
        V::constant(self.max).min(V::constant(self.min).max(x))
    }

    #[inline]
    fn scalar<T: Element>(self, x: T) -> T {
        let (min, max) = (T::from_f64(self.min), T::from_f64(self.max));
        let t = if x < min { min } else { x };
        if t > max { max } else { t }
    }
}

impl Gradient for Clip {
    const GRADIENT_MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        let zero = V::constant(0.0);
        let up_to_max = V::constant(self.max).select_le(x, zero, grad_output);
        x.select_le(V::constant(self.min), zero, up_to_max)
    }

    #[inline]
    fn scalar_gradient<T: Element>(self, x: T, grad_output: T) -> T {
        if x <= T::from_f64(self.min) || x >= T::from_f64(self.max) {
            T::ZERO
        } else {
            grad_output
        }
    }
}

impl Named for Clip {
    const NAME: &'static str = "clip";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::required("min"), Parameter::required("max")];
    const OPERATORS: &'static [Operator<Self>] = &[Operator {
        name: "Clip",
        attributes: &[
            Parameter::new("min", f64::NEG_INFINITY),
            Parameter::new("max", f64::INFINITY),
        ],
        condition: "",
        build: |values| Some(Self::with(values)),
    }];

    fn with(values: &[f64]) -> Self {
        Self::new(values[0], values[1])
    }

    fn values(self) -> Vec<f64> {
        vec![self.min, self.max]
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;
    use crate::activation::Activation;

    #[test]
    fn bounds_in_the_wrong_order_give_the_upper_one() {
        let clip = Clip::new(2.0, -1.0);
        for x in [-5.0, 0.0, 1.0, 5.0, f64::INFINITY] {
            assert_eq!(clip.eval(x), -1.0);
            assert_eq!(clip.eval_backward(x, 1.0), 0.0);
        }
        assert!(clip.eval(f64::NAN).is_nan());
    }

    /// Of numbers that the compiler does not see: of a literal -0.0 it makes, on AArch64, a maximum that is the other zero.
    #[test]
    fn zeros_keep_their_sign_at_a_bound_of_zero() {
        let clip = Clip::new(0.0, 1.0);
        let eval = |x: f32| clip.eval(black_box(x)).to_bits();
        assert_eq!(eval(-0.0), (-0.0_f32).to_bits());
        assert_eq!(eval(-1.0), 0);
    }
}
