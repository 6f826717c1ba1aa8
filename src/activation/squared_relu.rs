use crate::named::{Named};
use crate::element::Element;
use crate::formula::{Formula, Gradient};
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

impl Formula for SquaredRelu {
    const MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        // In this order, for NaN, as in ReLU. A zero of either sign has the square +0.
        let positive = V::constant(0.0).max(x);
        positive * positive
    }

    #[inline]
    fn scalar<T: Element>(self, x: T) -> T {
        if x < T::ZERO { T::ZERO } else { x * x }
    }
}

impl Gradient for SquaredRelu {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        let zero = V::constant(0.0);
        x.select_le(zero, zero, grad_output * (x + x))
    }

    #[inline]
    fn scalar_gradient<T: Element>(self, x: T, grad_output: T) -> T {
        if x <= T::ZERO {
            T::ZERO
        } else {
            grad_output * (x + x)
        }
    }
}

impl Named for SquaredRelu {
    const NAME: &'static str = "squared_relu";

    fn with(_: &[f64]) -> Self {
        Self
    }
}
