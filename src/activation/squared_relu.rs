use super::{Activation, Formula};
use crate::Element;
use crate::vector::Vector;

/// The squared rectified linear unit: `f(x) = 0` for `x < 0`, else `x * x`.
///
/// `f'(x) = 0` for `x <= 0`, else `x + x`. NaN stays NaN, `f(-0.0) = +0`, `f(inf) = inf`, and squares that
/// are too large for the type become infinite.
///
/// Source: So and others, *Primer: Searching for Efficient Transformers for Language Modeling*, 2021.
///
/// ```
/// use rectify::{Activation, SquaredRelu};
///
/// let mut y = [-3.0_f32, 0.5, 3.0];
/// SquaredRelu.forward_in_place(&mut y);
/// assert_eq!(y, [0.0, 0.25, 9.0]);
/// assert_eq!(SquaredRelu.derivative(3.0), 6.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SquaredRelu;

impl Activation for SquaredRelu {
    #[inline]
    fn eval<T: Element>(&self, x: T) -> T {
        if x < T::ZERO { T::ZERO } else { x * x }
    }

    #[inline]
    fn eval_backward<T: Element>(&self, x: T, grad_output: T) -> T {
        if x <= T::ZERO {
            T::ZERO
        } else {
            grad_output * (x + x)
        }
    }
}

impl Formula for SquaredRelu {
    #[inline(always)]
    fn vector_forward<V: Vector>(self, x: V) -> V {
        // In this order, for NaN, as in ReLU. A zero of either sign has the square +0.
        let positive = x.splat(V::Element::ZERO).max(x);
        positive * positive
    }

    #[inline(always)]
    fn vector_backward<V: Vector>(self, x: V, grad_output: V) -> V {
        let zero = x.splat(V::Element::ZERO);
        x.select_le(zero, zero, grad_output * (x + x))
    }
}
