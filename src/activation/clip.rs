use super::{Activation, Formula};
use crate::Element;
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

impl Activation for Clip {
    #[inline]
    fn eval<T: Element>(&self, x: T) -> T {
        let (min, max) = (T::from_f64(self.min), T::from_f64(self.max));
        let t = if x < min { min } else { x };
        if t > max { max } else { t }
    }

    #[inline]
    fn eval_backward<T: Element>(&self, x: T, grad_output: T) -> T {
        if x <= T::from_f64(self.min) || x >= T::from_f64(self.max) {
            T::ZERO
        } else {
            grad_output
        }
    }
}

impl Formula for Clip {
    #[inline(always)]
    fn vector_forward<V: Vector>(self, x: V) -> V {
        let min = x.splat(V::Element::from_f64(self.min));
        let max = x.splat(V::Element::from_f64(self.max));
        // In this order: both return their second operand where either is NaN and where both are zeros.
        max.min(min.max(x))
    }

    #[inline(always)]
    fn vector_backward<V: Vector>(self, x: V, grad_output: V) -> V {
        let zero = x.splat(V::Element::ZERO);
        let min = x.splat(V::Element::from_f64(self.min));
        let max = x.splat(V::Element::from_f64(self.max));
        x.select_le(min, zero, max.select_le(x, zero, grad_output))
    }
}

/// Implements an activation as a [`Clip`] of certain bounds.
macro_rules! is_clip {
    ($activation:ident, |$self:ident| $clip:expr) => {
        impl $crate::Activation for $activation {
            #[inline]
            fn eval<T: $crate::Element>(&$self, x: T) -> T {
                $clip.eval(x)
            }

            #[inline]
            fn eval_backward<T: $crate::Element>(&$self, x: T, grad_output: T) -> T {
                $clip.eval_backward(x, grad_output)
            }
        }

        impl $crate::activation::Formula for $activation {
            #[inline(always)]
            fn vector_forward<V: $crate::vector::Vector>($self, x: V) -> V {
                $clip.vector_forward(x)
            }

            #[inline(always)]
            fn vector_backward<V: $crate::vector::Vector>($self, x: V, grad_output: V) -> V {
                $clip.vector_backward(x, grad_output)
            }
        }
    };
}
pub(super) use is_clip;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_in_the_wrong_order_give_the_upper_one() {
        let clip = Clip::new(2.0, -1.0);
        for x in [-5.0, 0.0, 1.0, 5.0, f64::INFINITY] {
            assert_eq!(clip.eval(x), -1.0);
            assert_eq!(clip.eval_backward(x, 1.0), 0.0);
        }
        assert!(clip.eval(f64::NAN).is_nan());
    }

    #[test]
    fn zeros_keep_their_sign_at_a_bound_of_zero() {
        let clip = Clip::new(0.0, 1.0);
        assert_eq!(clip.eval(-0.0_f32).to_bits(), (-0.0_f32).to_bits());
        assert_eq!(clip.eval(-1.0_f32).to_bits(), 0);
    }
}
