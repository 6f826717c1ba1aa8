use super::power::{FRACTION, LOG2_E, exact_power, scaled_table};
use crate::vector::Vector;

/// Twice `ln 2`, in 12 bits and the rest: the remainder is twice that of the exponent.
const TWO_LN_2_SHORT: f32 = f32::from_bits(0x3FB1_7000);
const TWO_LN_2_REST: f32 = f32::from_bits(0x3885_FDF4);
/// Of `e^(-r/2) - 1`, without a constant term.
const HALF: [f32; 4] = [
    -0.5,
    f32::from_bits(0x3E00_0002),
    f32::from_bits(0xBCAA_AE3B),
    f32::from_bits(0x3B2A_5FBB),
];
const P: [f32; 4] = [
    f32::from_bits(0x42C6_F781),
    f32::from_bits(0x42B7_AAEC),
    f32::from_bits(0x421F_C80A),
    f32::from_bits(0x4114_6C13),
];
const C: [f32; 4] = [
    f32::from_bits(0x429E_C095),
    f32::from_bits(0x4214_7D4B),
    f32::from_bits(0x4115_82BA),
    f32::from_bits(0x3F7F_41DA),
];
/// 0.3989416 2^(j/8), and what rounding took off, relative to that.
const DENSITIES: [f32; 8] = [
    f32::from_bits(0x3ECC_4213),
    f32::from_bits(0x3EDE_BEBB),
    f32::from_bits(0x3EF2_E7BA),
    f32::from_bits(0x3F04_71EB),
    f32::from_bits(0x3F10_6EAA),
    f32::from_bits(0x3F1D_8129),
    f32::from_bits(0x3F2B_C289),
    f32::from_bits(0x3F3B_4E35),
];
const DENSITIES_LOW: [f32; 8] = [
    f32::from_bits(0xB2A0_9D08),
    f32::from_bits(0xB2BD_7875),
    f32::from_bits(0x3220_2C23),
    f32::from_bits(0xB222_E1E6),
    f32::from_bits(0x3318_BF62),
    f32::from_bits(0xB32F_B136),
    f32::from_bits(0xAFB5_623D),
    f32::from_bits(0x330A_DBA9),
];
/// `1 / √(2π)` over 0.3989416, and what rounding took off.
const DENSITY: f32 = f32::from_bits(0x3F80_000E);
const DENSITY_LOW: f32 = f32::from_bits(0x3329_CCB2);
const DENSITIES_UP_64: [f32; 8] = scaled_table(DENSITIES, 64);
const SCALE: f64 = (1_u128 << 64) as f64;

/// `x Φ(x)`.
///
/// With `z = |x|` and `g = z Φ(-z)` it is `-g` below 0, and `x - g` above. `Φ(-z)` is `e^(-z²/2) R(z)`, and up to 14.6
/// `R(z) = 0.3989416 P(z) / (z P(z) + C(z))`, `P` of degree 4 with 1 in front and `C` of degree 3, with a relative
/// error of 2^-25.6. So what rounding does to `P` falls out of the quotient where `z` is large. The square is reduced
/// unrounded, and what is rounded off `z e^(-z²/2)` is added.
///
/// At most 3.995 ulp off, at -7.321153.
#[inline(always)]
pub(in crate::math) fn gelu<V: Vector<Element = f32>>(x: V) -> V {
    let z = V::constant(14.6).min(x.abs());
    // -0.0 where x is below 0, x where it is NaN or a zero.
    let straight = V::constant(-0.0).max(x);
    let (density, quotient) = (density(z), negative_quotient(z));
    let product = z * density;
    let low = z.mul_add(density, -product);
    product.mul_add(quotient, low.mul_add(quotient, straight))
}

/// `Φ(x) + x φ(x)`: `h = Φ(-z) - z φ(z)` below 0, and `1 - h` above.
///
/// The terms of `h` nearly cancel around its zero, so what is rounded off the quotient is added to their difference.
///
/// At most 3.329 ulp off, at -1.1262304, of the ulp of 1/16 near its zero.
#[inline(always)]
pub(in crate::math) fn gelu_gradient<V: Vector<Element = f32>>(x: V) -> V {
    let (zero, one) = (V::constant(0.0), V::constant(1.0));
    let z = V::constant(14.8).min(x.abs());
    let (p1, c1) = lead(z);
    let (p, p_low) = last(p1, z, V::splat(P[0]));
    let (c, c_low) = last(c1, z, V::splat(C[0]));
    let (q, q_low) = last(p, z, c);
    let q_low = z.mul_add(p_low, q_low + c_low);
    let inverse = one / q;
    let quotient = p * inverse;
    let left = quotient.mul_add(-q_low, quotient.mul_add(-q, p) + p_low);
    let low = z.mul_add(V::splat(-DENSITY_LOW), left * inverse);
    let difference = z.mul_add(V::splat(-DENSITY), quotient) + low;
    let below = (difference * V::constant(1.0 / SCALE)) * density(z);
    x.select_lt(zero, below, one - below)
}

/// `a z + b`, and what was rounded off, nearly.
#[inline(always)]
fn last<V: Vector<Element = f32>>(a: V, z: V, b: V) -> (V, V) {
    let sum = a.mul_add(z, b);
    (sum, a.mul_add(z, b - sum))
}

/// `2^64 0.3989416 e^(-z²/2)`.
#[inline(always)]
fn density<V: Vector<Element = f32>>(z: V) -> V {
    let (sum, r) = reduced(z);
    exact_power(sum, r, HALF, &DENSITIES_UP_64, &DENSITIES_LOW)
}

/// `k + V::rounding(FRACTION)`, and twice what is left of `z²/2`.
#[inline(always)]
fn reduced<V: Vector<Element = f32>>(z: V) -> (V, V) {
    let rounding = V::rounding(FRACTION);
    let sum = (z * V::constant(-0.5 * LOG2_E as f64)).mul_add(z, rounding);
    let k = sum - rounding;
    let r = z.mul_add(z, k * V::splat(TWO_LN_2_SHORT));
    (sum, k.mul_add(V::splat(TWO_LN_2_REST), r))
}

/// `-2^-64 R(z) / 0.3989416`.
#[inline(always)]
fn negative_quotient<V: Vector<Element = f32>>(z: V) -> V {
    let (p, c) = lead(z);
    let p = p.mul_add(z, V::splat(P[0]));
    let q = (p + c).mul_add(z, V::splat(C[0]));
    // The quotient is from 0.07 to 1.26, or NaN with z: only its exponent and its sign change, and NaN stays in the other factor.
    // By its bits, since the compiler moves negations of numbers about, in each copy of a kernel in its own way: of no account but
    // where a thread does not round to nearest.
    let scale_and_sign = V::splat(f32::from_bits((64 << 23) | (1 << 31)));
    (p / q).bits_sub(scale_and_sign)
}

/// `P` and `C` without their last steps.
#[inline(always)]
fn lead<V: Vector<Element = f32>>(z: V) -> (V, V) {
    let p = (z + V::splat(P[3])).mul_add(z, V::splat(P[2]));
    let c = z.mul_add(V::splat(C[3]), V::splat(C[2]));
    (p.mul_add(z, V::splat(P[1])), c.mul_add(z, V::splat(C[1])))
}
