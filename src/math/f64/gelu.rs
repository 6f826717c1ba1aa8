use super::power::{
    LN_2_REST, LN_2_SHORT, LOG2_E, Power, fractions, mul_add_in_two, rounding, tail, two_to,
};
use crate::math::polynomial;
use crate::vector::Vector;

/// Of degree 10, with `M` of degree 9: `Φ(-z) e^(z²/2) √(2π)` is `P(z) / (z P(z) + M(z))`.
const P: [f64; 11] = [
    f64::from_bits(0x3FF0_0000_0000_0000),
    f64::from_bits(0x3FFB_1A3F_F641_3396),
    f64::from_bits(0x3FF6_B4FB_8973_A2F4),
    f64::from_bits(0x3FE8_5D17_D66C_2AEE),
    f64::from_bits(0x3FD2_6114_C47C_4BEF),
    f64::from_bits(0x3FB4_4A2C_FF3F_BA1B),
    f64::from_bits(0x3F90_9563_A3F2_1E57),
    f64::from_bits(0x3F63_DA74_4218_4339),
    f64::from_bits(0x3F30_BBEF_15F8_D8E1),
    f64::from_bits(0x3EF2_14D4_2CAA_413B),
    f64::from_bits(0x3EA3_4B60_6CE5_FC5C),
];

/// See `P`.
const M: [f64; 10] = [
    f64::from_bits(0x3FE9_8845_33D4_3651),
    f64::from_bits(0x3FEF_9F08_B73B_CD04),
    f64::from_bits(0x3FE4_06B7_5A9A_F0DC),
    f64::from_bits(0x3FD0_7788_C5A9_E437),
    f64::from_bits(0x3FB3_17D3_57AE_812E),
    f64::from_bits(0x3F90_1105_F71D_6649),
    f64::from_bits(0x3F63_9220_F6C6_AB11),
    f64::from_bits(0x3F30_A8A3_B4B6_E40D),
    f64::from_bits(0x3EF2_14D4_2CD2_08A9),
    f64::from_bits(0x3EA3_4B60_6CDF_47D3),
];

/// 2^(j/16) / √(2π).
const TABLE: [f64; 16] = [
    f64::from_bits(0x3FD9_8845_33D4_3651),
    f64::from_bits(0x3FDA_A9A7_DE11_2A90),
    f64::from_bits(0x3FDB_D7DA_73C5_93E6),
    f64::from_bits(0x3FDD_136E_2BD7_FC06),
    f64::from_bits(0x3FDE_5CFA_AB0E_879A),
    f64::from_bits(0x3FDF_B51E_4CED_6FE0),
    f64::from_bits(0x3FE0_8E3F_37E7_B1E4),
    f64::from_bits(0x3FE1_49E3_E22E_30AE),
    f64::from_bits(0x3FE2_0DD7_5042_9B6D),
    f64::from_bits(0x3FE2_DA77_AB15_C5C6),
    f64::from_bits(0x3FE3_B027_46D0_0A35),
    f64::from_bits(0x3FE4_8F4C_D211_3849),
    f64::from_bits(0x3FE5_7853_8748_0B39),
    f64::from_bits(0x3FE6_6BAB_6038_DE94),
    f64::from_bits(0x3FE7_69C9_4BCC_6397),
    f64::from_bits(0x3FE8_7327_6640_323E),
];

/// The logarithm of what `TABLE` has for 2^(j/16) / √(2π), less that of the latter.
const TABLE_LOG: [f64; 16] = [
    f64::from_bits(0x3C92_01B8_C07F_2C3F),
    f64::from_bits(0xBC89_1BC9_F8A9_E4E8),
    f64::from_bits(0x3C5D_E5E7_0A54_6F1B),
    f64::from_bits(0x3C72_F972_E068_898A),
    f64::from_bits(0x3C8A_A07E_6833_A2C3),
    f64::from_bits(0xBC8F_1363_B5E2_6199),
    f64::from_bits(0xBC6D_6E61_C78B_EEA6),
    f64::from_bits(0x3C7D_6ECB_5CF0_9444),
    f64::from_bits(0xBC6F_5688_18F5_05F6),
    f64::from_bits(0xBC78_7F8F_6F5A_203B),
    f64::from_bits(0xBC74_3CF0_54E2_6779),
    f64::from_bits(0xBC89_FB3B_4545_BD1B),
    f64::from_bits(0x3C5F_CEC4_CDB1_EBDA),
    f64::from_bits(0xBC7C_1123_4D54_813F),
    f64::from_bits(0x3C76_5296_D241_1C73),
    f64::from_bits(0xBC83_AB04_5CCD_FDBF),
];

const FRACTIONS: [f64; 16] = fractions(TABLE);
const P_TAIL: [f64; 10] = tail(P);
const P_TAIL_TAIL: [f64; 9] = tail(P_TAIL);
const M_TAIL: [f64; 9] = tail(M);
const SHIFT: i32 = 128;

/// From here on nothing cancels in the gradient, and most of what rounding does to `P` falls out of the quotient.
const NEAR: f64 = 1.5;

/// `x Φ(x)`.
///
/// With `z = |x|` and `g = z Φ(-z)` it is `-g` below 0, and `x - g` above. `Φ(-z) = φ(z) P(z) / (z P(z) + M(z))` up to 39, with
/// a relative error of 2^-57: where `z` is large, what rounding does to `P` falls out of the quotient. The exponent is reduced
/// with its square unrounded.
#[inline(always)]
pub(in crate::math) fn gelu<V: Vector<Element = f64>>(x: V) -> V {
    let z = V::constant(39.0).min(x.abs());
    let square = z * z;
    let (sum, k, r) = reduced(z, square);
    let r = k.mul_add(V::splat(-LN_2_REST), r);
    let density = Power::by_table(sum, r, &FRACTIONS);
    // z P, where P is 1 + z times the others.
    let zp = square.mul_add(polynomial(z, &P_TAIL), z);
    let numerator = density.times(zp);
    let quotient = numerator / ((zp + polynomial(z, &M)) * V::constant(two_to(SHIFT)));
    // -0.0 where x is below 0, x where it is NaN or a zero.
    V::constant(-0.0).max(x) - quotient
}

/// `Φ(x) + x φ(x)`: `h = Φ(-z) - z φ(z)` below 0, and `1 - h` above.
///
/// `h` is `φ(z) N / (z P + M)`, with `N = P - z (z P + M) = P w - z M` and `w = 1 - z²`. Below `NEAR`, where `N` has its zero, it is
/// `w + z (s w - M)` with `P = 1 + z s`, and what the last steps of `s` and `M` were rounded by is added. From there on it takes
/// the same rounded `P` as the denominator, so that the error of it falls out.
#[inline(always)]
pub(in crate::math) fn gelu_gradient<V: Vector<Element = f64>>(x: V) -> V {
    let (zero, one) = (V::constant(0.0), V::constant(1.0));
    let z = V::constant(39.0).min(x.abs());
    let (sum, k, r) = reduced(z, z * z);
    let low = k.mul_add(V::splat(-LN_2_REST), -sum.look_up(&TABLE_LOG));
    let density = Power::by_table(sum, r + low, &FRACTIONS);
    // P = 1 + z s
    let (s, s_low) = last_step(z, polynomial(z, &P_TAIL_TAIL), P[1]);
    let (m, m_low) = last_step(z, polynomial(z, &M_TAIL), M[0]);
    let p = z.mul_add(s, one);
    let denominator = z.mul_add(p, m);
    let w = (-z).mul_add(z, one);
    // What the rounding of 1 - w takes from it counts as well.
    let square = one - w;
    let w_low = (-z).mul_add(z, square) + ((one - square) - w);
    let inner_low = s_low.mul_add(w, -m_low);
    let (n, n_low) = mul_add_in_two(s.mul_add(w, -m), z, w);
    let near = V::constant(NEAR);
    let n = z.select_lt(near, n, p.mul_add(w, -(z * m)));
    let n_low = z.select_lt(near, z.mul_add(inner_low, n_low), zero);
    let n_low = w_low.mul_add(p, n_low);
    let h = density.times_sum(n, n_low) / (denominator * V::constant(two_to(SHIFT)));
    x.select_lt(zero, h, one - h)
}

/// `2 Φ(-z)`, for `z` from 0 to 8.5.
#[inline(always)]
pub(super) fn two_sided_tail<V: Vector<Element = f64>>(z: V) -> V {
    let (sum, k, r) = reduced(z, z * z);
    let density = Power::by_table(sum, k.mul_add(V::splat(-LN_2_REST), r), &FRACTIONS).value();
    let p = polynomial(z, &P);
    density * p / (z.mul_add(p, polynomial(z, &M)) * V::constant(two_to(SHIFT - 1)))
}

/// `z p + c`, and what rounding took from it.
#[inline(always)]
fn last_step<V: Vector<Element = f64>>(z: V, p: V, c: f64) -> (V, V) {
    let high = p.mul_add(z, V::splat(c));
    (high, p.mul_add(z, V::splat(c) - high))
}

/// Of `-z²/2`: `k + rounding(SHIFT)`, `k`, and the remainder but for `LN_2_REST`.
#[inline(always)]
fn reduced<V: Vector<Element = f64>>(z: V, square: V) -> (V, V, V) {
    let rounding = rounding(SHIFT);
    let sum = square.mul_add(V::splat(-0.5 * LOG2_E), rounding);
    let k = sum - rounding;
    let r = (z * V::constant(-0.5)).mul_add(z, k * V::splat(-LN_2_SHORT));
    (sum, k, r)
}
