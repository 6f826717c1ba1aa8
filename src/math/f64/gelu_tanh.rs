use super::power::{FRACTIONS, LN_2_REST, LN_2_SHORT, LOG2_E, Power, rounding, two_to};
use crate::vector::Vector;

/// `√(8/π)` in 45 bits and the rest, and `0.044715 √(8/π)` and its rest.
const A: f64 = f64::from_bits(0x3FF9_8845_33D4_3600);
const A_LOW: f64 = f64::from_bits(0x3D14_2343_F2CF_1403);
const B: f64 = f64::from_bits(0x3FB2_444F_2A4D_8B4B);
const B_LOW: f64 = f64::from_bits(0xBC26_C843_A29D_1C70);
const SHIFT: i32 = 160;

/// `x / (1 + e^-u)`, where `u = √(8/π) (x + 0.044715 x³)`.
///
/// With `t = e^-|u|` it is `-|x| t / (1 + t)` below 0, and `x` less that above. `u` is computed in twice the bits, and not
/// rounded before its reduction.
#[inline(always)]
pub(in crate::math) fn gelu_tanh<V: Vector<Element = f64>>(x: V) -> V {
    let z = V::constant(22.0).min(x.abs());
    let (sum, r, low) = reduced(z, z * z);
    let t = Power::new(sum, r + low, &FRACTIONS).value();
    // -0.0 where x is below 0, x where it is NaN or a zero.
    V::constant(-0.0).max(x) - z * t / (t + V::constant(two_to(SHIFT)))
}

/// With `t = e^-|u|` and `h = |x| u'` it is `b = t (1 + t - h) / (1 + t)²` below 0, and `1 - b` above.
///
/// The terms in the first brackets nearly cancel where the derivative is least, so what is rounded off `h` and their sums is added to
/// them.
#[inline(always)]
pub(in crate::math) fn gelu_tanh_gradient<V: Vector<Element = f64>>(x: V) -> V {
    let (zero, one) = (V::constant(0.0), V::constant(1.0));
    let z = V::constant(22.0).min(x.abs());
    let square = z * z;
    let (sum, r, low) = reduced(z, square);
    // Times 2^160, like the numerator and the denominator, so that only the quotient may be subnormal.
    let power = Power::closely(sum, r, low);
    let t = power.value();
    let plain = t * V::constant(two_to(-SHIFT));
    // a + 3 b z², here with an a of all bits, so that the rest is small.
    let (three_b, a) = (V::constant(3.0 * B), V::constant(A + A_LOW));
    let slope = square.mul_add(three_b, a);
    let slope_low = square.mul_add(three_b, a - slope);
    let slope_low = z.mul_add(z, -square).mul_add(three_b, slope_low);
    let h = z * slope;
    let h_low = z.mul_add(slope_low, z.mul_add(slope, -h));
    let more = one + plain;
    let more_low = (one - more) + plain;
    let rest = more - h;
    let rest_low = ((more - rest) - h) + (more_low - h_low);
    let numerator = power.times_sum(rest, rest_low);
    let denominator = t.mul_add(plain + V::constant(2.0), V::constant(two_to(SHIFT)));
    let below = numerator / denominator;
    x.select_lt(zero, below, one - below)
}

/// Of `-u` at `z` from 0 to 22, whose square, rounded, is `square`: `k + rounding(SHIFT)`, and the remainder as two.
#[inline(always)]
fn reduced<V: Vector<Element = f64>>(z: V, square: V) -> (V, V, V) {
    let (a, b) = (V::splat(A), V::splat(B));
    // a + b z² as high + low. The difference of high and a is exact, since a has few bits.
    let high = square.mul_add(b, a);
    let low = square.mul_add(b, a - high) + V::splat(A_LOW);
    let low = square.mul_add(V::splat(B_LOW), low);
    let low = z.mul_add(z, -square).mul_add(b, low);
    let y = -z;
    let rounding = rounding(SHIFT);
    let sum = (y * high).mul_add(V::splat(LOG2_E), rounding);
    let k = sum - rounding;
    let r = y.mul_add(high, k * V::splat(-LN_2_SHORT));
    (sum, r, y.mul_add(low, k * V::splat(-LN_2_REST)))
}
