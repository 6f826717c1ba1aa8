use super::power::{CUBIC, UP_64, quick_exp, reduced, two_to};
use crate::vector::Vector;

/// Above and below in the quotients, so that nothing but they themselves is subnormal.
const SCALE: f64 = (1_u128 << 64) as f64;

/// `1 / (1 + e^-x)`.
///
/// With `e^x = w e^r`, reduced as in `power.rs`, by the cubic, it is `w / (w + e^-r)`: so the power of two is multiplied with nothing.
/// `e^-r` is `1 - r (1 - r q(r))`, `q` of degree 1 on |r| <= ln(2)/16, with a relative error of 2^-25.2.
///
/// At most 2.677 ulp off, at -16.678564.
#[inline(always)]
pub(in crate::math) fn sigmoid<V: Vector<Element = f32>>(x: V) -> V {
    // Where the result is 1 or 0 already; NaN stays, as it is second.
    let y = V::constant(40.0).min(V::constant(-104.0).max(x));
    let (sum, r) = reduced(y);
    let [_, c2, c3] = CUBIC;
    let one = V::constant(SCALE);
    let q = r.mul_add(
        V::constant(c3 as f64 * SCALE),
        V::constant(-c2 as f64 * SCALE),
    );
    let slope = q.mul_add(r, one);
    let w = two_to(sum, &UP_64);
    w / (-slope).mul_add(r, one + w)
}

/// `e^-|x| / (1 + e^-|x|)^2`.
///
/// At most 2.823 ulp off, at 3.4087434.
#[inline(always)]
pub(in crate::math) fn sigmoid_gradient<V: Vector<Element = f32>>(x: V) -> V {
    bell(-x.abs(), 1.0)
}

/// `factor t / (1 + t)^2`, where `t = e^y` and `y` is not above 0. The denominator is `1 + t (2 + t)`, which rounds
/// less than a square.
#[inline(always)]
pub(super) fn bell<V: Vector<Element = f32>>(y: V, factor: f64) -> V {
    let t = quick_exp(V::constant(-110.0).max(y));
    let two_and_t = t.mul_add(
        V::constant(1.0 / (factor * SCALE)),
        V::constant(2.0 / factor),
    );
    t / t.mul_add(two_and_t, V::constant(SCALE / factor))
}
