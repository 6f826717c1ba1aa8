use super::power::{FRACTION, TABLE_LOW, UP_64, exact_power, two_to};
use crate::vector::Vector;

/// `√(8/π)` and `0.044715 √(8/π)`, both times 0.999157. With that the first has 21 bits and the second 24, and neither
/// is rounded. Powers of e are those of `e^(1/0.999157)` then, and so are the constants below.
const A: f32 = f32::from_bits(0x3FCC_1618);
const B: f32 = f32::from_bits(0x3D92_02F2);
const LOG2_E: f32 = f32::from_bits(0x3FB8_D21B);
/// In 12 bits, so that its product with `k` is exact.
const LN_2_SHORT: f32 = f32::from_bits(0x3F31_5000);
const LN_2_REST: f32 = f32::from_bits(0xB886_173F);
/// `√(8/π)`, and `3 * 0.044715` times that.
const SLOPE: f32 = f32::from_bits(0x3FCC_422A);
const CURVATURE: f32 = f32::from_bits(0x3E5B_33B6);
/// What rounding took off the first; off the second it took next to nothing.
const SLOPE_LOW: f32 = f32::from_bits(0xB342_BC9B);
/// Of `e^(r / 0.999157) - 1`, without a constant term, with a relative error of the power of 2^-30.3.
const QUARTIC: [f32; 4] = [
    f32::from_bits(0x3F80_1BA4),
    f32::from_bits(0x3F00_374F),
    f32::from_bits(0x3E2B_1651),
    f32::from_bits(0x3D2A_FCFE),
];
const SCALE: f64 = (1_u128 << 64) as f64;

/// `x / (1 + e^-u)`, where `u = √(8/π) (x + 0.044715 x³)`.
///
/// With `t = e^-|u|` it is `-|x| t / (1 + t)` below 0, and `x` less that above. `u` is computed in twice the bits and
/// reduced as in `power.rs`.
///
/// At most 3.455 ulp off, at -2.9778655.
#[inline(always)]
pub(in crate::math) fn gelu_tanh<V: Vector<Element = f32>>(x: V) -> V {
    let z = magnitude(x);
    let t = scaled_decay(z, z * z);
    // -0.0 where x is below 0, x where it is NaN or a zero.
    let straight = V::constant(-0.0).max(x);
    straight - z * t / (t + V::constant(SCALE))
}

/// With `t = e^-|u|` and `h = |x| u'` it is `b = t (1 + t - h) / (1 + t)^2` below 0, and `1 - b` above.
///
/// The terms in the first brackets nearly cancel where the derivative is least, so what is rounded off `h` and `1 - h` is
/// added to them.
///
/// At most 3.896 ulp off, at -0.51668537, of the ulp of 1/16 near its zero.
#[inline(always)]
pub(in crate::math) fn gelu_tanh_gradient<V: Vector<Element = f32>>(x: V) -> V {
    let (zero, one) = (V::constant(0.0), V::constant(1.0));
    let z = magnitude(x);
    let s = z * z;
    let s_low = z.mul_add(z, -s);
    // Times 2^64, like the numerator and the denominator, so that only the quotient may be subnormal.
    let t = exact_scaled_decay(z, s, s_low);
    let plain = t * V::constant(1.0 / SCALE);
    let (slope, curvature) = (V::splat(SLOPE), V::splat(CURVATURE));
    let u = s.mul_add(curvature, slope);
    let u_low = s.mul_add(curvature, slope - u);
    let u_low = s_low.mul_add(curvature, u_low) + V::splat(SLOPE_LOW);
    let h = z * u;
    let h_low = z.mul_add(u_low, z.mul_add(u, -h));
    let rest = one - h;
    let low = ((one - rest) - h) - h_low;
    let numerator = t.mul_add(rest, t * (plain + low));
    let denominator = t.mul_add(plain + V::constant(2.0), V::constant(SCALE));
    let below = numerator / denominator;
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
    let (sum, r) = reduced(z, s, z.mul_add(z, -s));
    let [c1, c2, c3, c4] = QUARTIC;
    let p = r.mul_add(V::splat(c4), V::splat(c3));
    let p = p.mul_add(r, V::splat(c2)).mul_add(r, V::splat(c1));
    let power = two_to(sum, &UP_64);
    power.mul_add(p * r, power)
}

/// The same, more exactly: see [`exact_power`].
#[inline(always)]
fn exact_scaled_decay<V: Vector<Element = f32>>(z: V, s: V, s_low: V) -> V {
    let (sum, r) = reduced(z, s, s_low);
    exact_power(sum, r, QUARTIC, &UP_64, &TABLE_LOW)
}

/// `k + V::rounding(FRACTION)`, and what is left of `-u`, in the units of the constants.
#[inline(always)]
fn reduced<V: Vector<Element = f32>>(z: V, s: V, s_low: V) -> (V, V) {
    let (a, b) = (V::splat(A), V::splat(B));
    // a + b z², as high + low. The difference of high and a is exact, since a has few bits.
    let high = s.mul_add(b, a);
    let low = s.mul_add(b, a - high);
    let low = s_low.mul_add(b, low);
    let y = -z;
    let rounding = V::rounding(FRACTION);
    let sum = (y * high).mul_add(V::splat(LOG2_E), rounding);
    let k = sum - rounding;
    let r = y.mul_add(high, k * V::splat(-LN_2_SHORT));
    let r = y.mul_add(low, r);
    (sum, k.mul_add(V::splat(-LN_2_REST), r))
}
