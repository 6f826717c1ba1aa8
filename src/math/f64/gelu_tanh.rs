use super::power::{LN_2_REST, LN_2_SHORT, LOG2_E, Power, add_in_two, rounding, two_to};
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
    let t = Power::new(sum, r + low).value();
    // -0.0 where x is below 0, x where it is NaN or a zero.
    V::constant(-0.0).max(x) - z * t / (t + V::constant(two_to(SHIFT)))
}

/// With `s = 1 / (1 + e^-u)` it is `s + x s (1 - s) u'`.
///
/// With `h = 1 + x u'` that is `(1 + t h) / (1 + t)²` above 0, and `t (h + t) / (1 + t)²` below. `h` is computed in twice
/// the bits.
#[inline(always)]
pub(in crate::math) fn gelu_tanh_gradient<V: Vector<Element = f64>>(x: V) -> V {
    let (zero, one, scale) = (
        V::constant(0.0),
        V::constant(1.0),
        V::constant(two_to(SHIFT)),
    );
    let x = V::constant(-22.0).max(V::constant(22.0).min(x));
    let (z, square) = (x.abs(), x * x);
    let (sum, r, low) = reduced(z, square);
    let power = Power::closely(sum, r, low);
    let t = power.value();
    let plain = t * V::constant(two_to(-SHIFT));
    // a + 3 b z², here with an a of all bits, so that the rest is small.
    let (three_b, a) = (V::constant(3.0 * B), V::constant(A + A_LOW));
    let slope = square.mul_add(three_b, a);
    let slope_low = square.mul_add(three_b, a - slope);
    let slope_low = z.mul_add(z, -square).mul_add(three_b, slope_low);
    let product = x * slope;
    let product_low = x.mul_add(slope_low, x.mul_add(slope, -product));
    let (h, h_low) = add_in_two(product, one);
    let h_low = h_low + product_low;
    let (below, below_low) = add_in_two(h, plain);
    let below = power.times_sum(below, below_low + h_low);
    let numerator = x.select_lt(zero, below, t.mul_add(h + h_low, scale));
    numerator / t.mul_add(plain + V::constant(2.0), scale)
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
