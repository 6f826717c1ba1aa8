use super::power::less_one;
use crate::vector::Vector;

/// `e^x - 1`.
///
/// Half of it is `(s - 1/2) + s p`, where `s + s p` is half of `e^x`, `s` is a power of `2^(1/16)` in 41 bits and `p` of
/// degree 7.
#[inline(always)]
pub(in crate::math) fn exp_m1<V: Vector<Element = f64>>(x: V) -> V {
    let y = V::constant(710.0).min(V::constant(-64.0).max(x));
    let half = less_one(y, -1);
    // Where x is so small that it is the result, zeros and subnormal numbers among it.
    x.abs().select_lt(V::constant(1e-17), x, half + half)
}

/// `e^x - 1` where x <= 0; above 0 some number.
#[inline(always)]
pub(in crate::math) fn exp_m1_below_0<V: Vector<Element = f64>>(x: V) -> V {
    less_one(V::constant(0.0).min(V::constant(-40.0).max(x)), 0)
}
