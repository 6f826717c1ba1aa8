use super::power::{ROUNDING, scaled};
use crate::vector::Vector;

/// `√(8/π)` and `0.044715 √(8/π)`, both times 0.999157. With that the first has 21 bits and the second 24, and neither is
/// rounded. Powers of e are those of `e^(1/0.999157)` then, and so are the constants below.
const A: f32 = f32::from_bits(0x3FCC_1618);
const B: f32 = f32::from_bits(0x3D92_02F2);
const LOG2_E: f32 = f32::from_bits(0x3FB8_D21B);
/// In 12 bits, so that its product with `k` is exact.
const LN_2_SHORT: f32 = f32::from_bits(0x3F31_5000);
const LN_2_REST: f32 = f32::from_bits(0xB886_173F);
const C1: f32 = f32::from_bits(0x40C0_2977);
const C2: f32 = f32::from_bits(0x4040_54BB);
/// `√(8/π)`, and `3 * 0.044715` times that.
const SLOPE: f32 = f32::from_bits(0x3FCC_422A);
const CURVATURE: f32 = f32::from_bits(0x3E5B_33B6);
const SCALE: f64 = (1_u128 << 64) as f64;

/// `x / (1 + e^-u)`, where `u = √(8/π) (x + 0.044715 x³)`.
///
/// With `t = e^-|u|` it is `-|x| t / (1 + t)` below 0, and `x` less that above. `u` is computed in twice the bits and
/// reduced as in `power.rs`; `6 e^r` is a cubic with a relative error of 2^-28.6.
#[inline(always)]
pub(in crate::math) fn gelu_tanh<V: Vector<Element = f32>>(x: V) -> V {
    let z = magnitude(x);
    let t = scaled_decay(z, z * z);
    // -0.0 where x is below 0, x where it is NaN or a zero.
    let straight = V::constant(-0.0).max(x);
    straight - z * t / (t + V::constant(SCALE))
}

/// With `s = 1 / (1 + e^-u)` it is `s + x s (1 - s) u'`.
///
/// For `-|x|` that is `h = t (1 - |x| u' / (1 + t)) / (1 + t)`, and for `|x|` it is `1 - h`.
#[inline(always)]
pub(in crate::math) fn gelu_tanh_gradient<V: Vector<Element = f32>>(x: V) -> V {
    let (zero, one, scale) = (V::constant(0.0), V::constant(1.0), V::constant(SCALE));
    let z = magnitude(x);
    let s = z * z;
    let t = scaled_decay(z, s);
    let inverse = one / (t + scale);
    let slope = z * s.mul_add(V::splat(CURVATURE), V::splat(SLOPE));
    let rest = (-slope).mul_add(scale * inverse, one);
    let below = t * rest * inverse;
    x.select_lt(zero, below, one - below)
}

/// `|x|`, up to where the results no longer change.
#[inline(always)]
fn magnitude<V: Vector<Element = f32>>(x: V) -> V {
    V::constant(11.0).min(x.abs())
}

/// `2^64 e^-u` for `z` from 0 to 11, whose square, rounded, is `s`.
#[inline(always)]
fn scaled_decay<V: Vector<Element = f32>>(z: V, s: V) -> V {
    let (a, b) = (V::splat(A), V::splat(B));
    // a + b z², as high + low. The difference of high and a is exact, since a has few bits.
    let high = s.mul_add(b, a);
    let low = s.mul_add(b, a - high);
    let low = z.mul_add(z, -s).mul_add(b, low);
    let y = -z;
    let rounding = V::splat(ROUNDING);
    let sum = (y * high).mul_add(V::splat(LOG2_E), rounding);
    let k = sum - rounding;
    let r = y.mul_add(high, k * V::splat(-LN_2_SHORT));
    let r = y.mul_add(low, r);
    let r = k.mul_add(V::splat(-LN_2_REST), r);
    let p = (r + V::splat(C2)).mul_add(r, V::splat(C1));
    scaled(sum) * p.mul_add(r, V::constant(6.0))
}
