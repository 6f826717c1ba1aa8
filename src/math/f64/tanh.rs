use super::power::{one_less_exp, scaled_exp, two_to};
use crate::vector::Vector;

const SHIFT: i32 = 64;

/// The hyperbolic tangent.
///
/// With `m = 1 - e^-2|x|` it is `m / (2 - m)`, with the sign of `x`.
#[inline(always)]
pub(in crate::math) fn tanh<V: Vector<Element = f64>>(x: V) -> V {
    let two = V::constant(2.0);
    let less = one_less_exp(V::constant(40.0).min(x.abs() * two));
    (less / (two - less)).bits_or(x.bits_and(V::constant(-0.0)))
}

/// `1 - tanh(x)^2`.
///
/// With `t = e^-2|x|` it is `4 t / (1 + t)²`.
#[inline(always)]
pub(in crate::math) fn tanh_gradient<V: Vector<Element = f64>>(x: V) -> V {
    let t = scaled_exp(V::constant(-750.0).max(x.abs() * V::constant(-2.0)), SHIFT);
    let plain = t * V::constant(two_to(-SHIFT));
    let quarter = plain.mul_add(V::constant(0.25), V::constant(0.5));
    t / t.mul_add(quarter, V::constant(two_to(SHIFT - 2)))
}
