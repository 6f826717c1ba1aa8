use super::power::{scaled_exp, two_to};
use crate::vector::Vector;

const SHIFT: i32 = 64;

/// `1 / (1 + e^-x)`.
///
/// Both parts of the quotient are scaled by 2^-64: it alone may be subnormal, and nothing overflows.
#[inline(always)]
pub(in crate::math) fn sigmoid<V: Vector<Element = f64>>(x: V) -> V {
    let scale = V::constant(two_to(-SHIFT));
    let y = V::constant(746.0).min(V::constant(-40.0).max(-x));
    scale / (scaled_exp(y, -SHIFT) + scale)
}

/// `t / (1 + t)²`, where `t = e^-|x|`.
#[inline(always)]
pub(in crate::math) fn sigmoid_gradient<V: Vector<Element = f64>>(x: V) -> V {
    let t = scaled_exp(V::constant(-746.0).max(-x.abs()), SHIFT);
    let plain = t * V::constant(two_to(-SHIFT));
    t / t.mul_add(plain + V::constant(2.0), V::constant(two_to(SHIFT)))
}
