use super::exp::{C2, C3, FRACTION, LN_2_HIGH, LN_2_LOW, LOG2_E, power, scaled_exp, scaled_table};
use crate::vector::Vector;

/// Above and below in the quotients, so that nothing but they themselves is subnormal.
const SCALE: f64 = (1_u128 << 64) as f64;
const TABLE: [f32; 16] = scaled_table(64);

/// `1 / (1 + e^-x)`.
///
/// With `e^x = w e^r`, reduced as in `exp`, it is `w / (w + e^-r)`: so the power of two is multiplied with nothing.
/// `e^-r` is `1 - r (1 - r q(r))`, `q` of degree 1 on |r| <= ln(2)/32, with a relative error of 2^-29.2.
///
/// At most 2.44 ulp off, at -16.645712 (`C185_2A6B`).
#[inline(always)]
pub(in crate::math) fn sigmoid<V: Vector<Element = f32>>(x: V) -> V {
    // Where the result is 1 or 0 already; NaN stays, as it is second.
    let x = V::constant(40.0).min(V::constant(-104.0).max(x));
    let rounding = V::rounding(FRACTION);
    let sum = x.mul_add(V::splat(LOG2_E), rounding);
    let k = sum - rounding;
    let r = k.mul_add(V::splat(-LN_2_HIGH), x);
    let r = k.mul_add(V::splat(-LN_2_LOW), r);
    let one = V::constant(SCALE);
    let q = r.mul_add(
        V::constant(C3 as f64 * SCALE),
        V::constant(-C2 as f64 * SCALE),
    );
    let slope = q.mul_add(r, one);
    let w = power(sum, &TABLE);
    w / (-slope).mul_add(r, one + w)
}

/// `e^-|x| / (1 + e^-|x|)^2`.
///
/// At most 3.03 ulp off, at 3.4053154 (`4059_F0B0`).
#[inline(always)]
pub(in crate::math) fn sigmoid_gradient<V: Vector<Element = f32>>(x: V) -> V {
    bell(-x.abs(), 1.0)
}

/// `factor t / (1 + t)^2`, where `t = e^y` and `y` is not above 0. The denominator is `1 + t (2 + t)`, which rounds
/// less than a square.
#[inline(always)]
pub(super) fn bell<V: Vector<Element = f32>>(y: V, factor: f64) -> V {
    let t = scaled_exp(V::constant(-110.0).max(y), &TABLE);
    let two_and_t = t.mul_add(
        V::constant(1.0 / (factor * SCALE)),
        V::constant(2.0 / factor),
    );
    t / t.mul_add(two_and_t, V::constant(SCALE / factor))
}
