use crate::named::{Named, Operator};
use crate::element::Element;
use crate::formula::{Formula, Gradient};
use crate::vector::Vector;

/// The hard swish: `f(x) = 0` for `x <= -3`, `x` for `x >= 3`, else `x * (x * (1/6) + 1/2)`.
///
/// `f'(x) = 0` for `x <= -3`, 1 for `x >= 3`, else `x * (1/3) + 1/2`. NaN stays NaN, -0.0 passes,
/// `f(-inf) = +0` and `f(inf) = inf`.
///
/// PyTorch computes `x * relu6(x + 3) / 6` instead, which is NaN at -inf and overflows where `6 * x` does; the
/// two differ by some roundings between.
///
/// Source: Howard and others, *Searching for MobileNetV3*, 2019.
///
/// ```
/// use rectify::{Activation, HardSwish};
///
/// let mut y = [f32::NEG_INFINITY, -3.0, -1.5, 0.0, 4.0];
/// HardSwish.forward_in_place(&mut y);
/// assert_eq!(y, [0.0, 0.0, -0.375, 0.0, 4.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HardSwish;

const SIXTH: f64 = 1.0 / 6.0;
const THIRD: f64 = 1.0 / 3.0;

impl Formula for HardSwish {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        // The factor is 1 at 3, and it never falls: at most 1 below, at least 1 above. So its minimum with 1
        // is the case `x >= 3` without a comparison.
        let factor = V::constant(1.0).min(x * V::constant(SIXTH) + V::constant(0.5));
        x.select_le(V::constant(-3.0), V::constant(0.0), x * factor)
    }

    #[inline]
    fn scalar<T: Element>(self, x: T) -> T {
        if x <= T::from_f64(-3.0) {
            T::ZERO
        } else if x >= T::from_f64(3.0) {
            x
        } else {
            x * (x * T::from_f64(SIXTH) + T::from_f64(0.5))
        }
    }
}

impl Gradient for HardSwish {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        let between = grad_output * (x * V::constant(THIRD) + V::constant(0.5));
        let above = V::constant(3.0).select_le(x, grad_output, between);
        x.select_le(V::constant(-3.0), V::constant(0.0), above)
    }

    #[inline]
    fn scalar_gradient<T: Element>(self, x: T, grad_output: T) -> T {
        if x <= T::from_f64(-3.0) {
            T::ZERO
        } else if x >= T::from_f64(3.0) {
            grad_output
        } else {
            grad_output * (x * T::from_f64(THIRD) + T::from_f64(0.5))
        }
    }
}

impl Named for HardSwish {
    const NAME: &'static str = "hard_swish";
    const OPERATORS: &'static [Operator<Self>] = &[Operator {
        name: "HardSwish",
        attributes: &[],
        condition: "",
        build: |_| Some(Self),
    }];

    fn with(_: &[f64]) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the vector formula relies on, in both types.
    #[test]
    fn the_factor_is_one_at_three() {
        assert_eq!(3.0 * (SIXTH as f32) + 0.5, 1.0);
        assert_eq!(3.0 * SIXTH + 0.5, 1.0);
    }
}
