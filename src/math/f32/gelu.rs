use super::power::{LOG2_E, ROUNDING, scaled_by};
use crate::vector::Vector;

/// Twice `ln 2`, in 12 bits and the rest, and twice the constant of `power.rs`: the remainder is twice that of the exponent.
const TWO_LN_2_SHORT: f32 = f32::from_bits(0x3FB1_7000);
const TWO_LN_2_REST: f32 = f32::from_bits(0x3885_FDF4);
const TWO_C2: f32 = f32::from_bits(0x40C0_0199);
/// 0.3989416 2^(j/16) / 48, less j in the bits that are shifted into the exponent.
const TABLE: [f32; 16] = [
    f32::from_bits(0x3C08_2C0D),
    f32::from_bits(0x3C06_336F),
    f32::from_bits(0x3C04_7F27),
    f32::from_bits(0x3C03_123A),
    f32::from_bits(0x3C01_EFD1),
    f32::from_bits(0x3C01_1B39),
    f32::from_bits(0x3C00_97E4),
    f32::from_bits(0x3C00_696A),
    f32::from_bits(0x3C00_938E),
    f32::from_bits(0x3C01_1A3B),
    f32::from_bits(0x3C02_018B),
    f32::from_bits(0x3C03_4DC5),
    f32::from_bits(0x3C05_0361),
    f32::from_bits(0x3C07_2709),
    f32::from_bits(0x3C09_BD9C),
    f32::from_bits(0x3C0A_6619),
];
const P: [f32; 4] = [
    f32::from_bits(0x42C6_F797),
    f32::from_bits(0x42B7_AB8D),
    f32::from_bits(0x421F_C8B6),
    f32::from_bits(0x4114_6C78),
];
const C: [f32; 4] = [
    f32::from_bits(0x429E_C0A7),
    f32::from_bits(0x4214_7E3E),
    f32::from_bits(0x4115_8300),
    f32::from_bits(0x3F7F_41A3),
];
/// `1 / √(2π)` over 0.3989416, as the table has it.
const DENSITY: f32 = f32::from_bits(0x3F80_000E);
const SCALE: f64 = (1_u128 << 64) as f64;

/// `x Φ(x)`.
///
/// With `z = |x|` and `g = z Φ(-z)` it is `-g` below 0, and `x - g` above. `Φ(-z) = e^(-z²/2) R(z)`, and
/// `R(z) = 0.3989416 P(z) / (z P(z) + C(z))` up to 14.6, `P` of degree 4 with 1 in front and `C` of degree 3, with a relative error
/// of 2^-25.6: where `z` is large, what rounding does to `P` falls out of the quotient. The exponent is reduced with its
/// square unrounded. The last bits of the constants were chosen together, for the least error of the result.
#[inline(always)]
pub(in crate::math) fn gelu<V: Vector<Element = f32>>(x: V) -> V {
    let z = V::constant(14.6).min(x.abs());
    // -0.0 where x is below 0, x where it is NaN or a zero.
    let straight = V::constant(-0.0).max(x);
    (z * negated_density(z)).mul_add(scaled_quotient(z), straight)
}

/// `Φ(x) + x φ(x)`: `h = Φ(-z) - z φ(z)` below 0, and `1 - h` above.
#[inline(always)]
pub(in crate::math) fn gelu_gradient<V: Vector<Element = f32>>(x: V) -> V {
    let (zero, one) = (V::constant(0.0), V::constant(1.0));
    let z = V::constant(14.8).min(x.abs());
    let rest = z.mul_add(V::constant(-DENSITY as f64 / SCALE), scaled_quotient(z));
    let sign = x.bits_and(V::constant(-0.0));
    let straight = x.select_lt(zero, zero, one);
    negated_density(z).bits_xor(sign).mul_add(rest, straight)
}

/// `-2^64 0.3989416 e^(-z²/2)`.
#[inline(always)]
fn negated_density<V: Vector<Element = f32>>(z: V) -> V {
    let rounding = V::splat(ROUNDING);
    let sum = (z * V::constant(-0.5 * LOG2_E as f64)).mul_add(z, rounding);
    let k = sum - rounding;
    let r = z.mul_add(z, k * V::splat(TWO_LN_2_SHORT));
    let r = k.mul_add(V::splat(TWO_LN_2_REST), r);
    // -48 e^(-r/2)
    let p = (r - V::splat(TWO_C2)).mul_add(r, V::constant(24.0));
    scaled_by(sum, &TABLE) * p.mul_add(r, V::constant(-48.0))
}

/// `2^-64 R(z) / 0.3989416`.
#[inline(always)]
fn scaled_quotient<V: Vector<Element = f32>>(z: V) -> V {
    let p = (z + V::splat(P[3])).mul_add(z, V::splat(P[2]));
    let p = p.mul_add(z, V::splat(P[1]));
    let p = p.mul_add(z, V::splat(P[0]));
    let c = z.mul_add(V::splat(C[3]), V::splat(C[2]));
    let c = c.mul_add(z, V::splat(C[1]));
    let c = c.mul_add(z, V::splat(C[0]));
    // The quotient is from 0.07 to 1.26, or NaN with z: only its exponent changes, and NaN stays in the other factor.
    let scale = V::splat(f32::from_bits(64 << 23));
    (p / p.mul_add(z, c)).bits_sub(scale)
}
