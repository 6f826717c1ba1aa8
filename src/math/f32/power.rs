//! The exponential inside of other functions: `2^64 e^y` for `y` up to 44, so that what is subnormal in `e^y` is not
//! yet.
//!
//! `e^y = 2^k e^r`, where `k` is a multiple of 1/16 and `r = y - k ln 2`. The caller has `k` as the sum `k +
//! ROUNDING`, and `r`, which it computes as exactly as its `y` needs. The fraction of `2^k` comes from a table, and
//! its whole part is added to the exponent's bits.

use crate::vector::Vector;

/// A step of the exponent is 1/16: `look_up` has as many entries.
const FRACTION: u32 = 4;

/// Added to a small number, it rounds that to a multiple of 1/16. The 64 is the exponent of the scale.
pub(super) const ROUNDING: f32 = 786_432.0 + 64.0;
pub(super) const LOG2_E: f32 = f32::from_bits(0x3FB8_AA3B);
pub(super) const LN_2_HIGH: f32 = f32::from_bits(0x3F31_7218);
pub(super) const LN_2_LOW: f32 = f32::from_bits(0xB102_E308);
/// `ln 2` in 12 bits, so that its product with `k` is exact.
pub(super) const LN_2_SHORT: f32 = f32::from_bits(0x3F31_7000);
pub(super) const LN_2_REST: f32 = f32::from_bits(0x3805_FDF4);
/// 5.9943, with which the table is rounded by less than with 6.
pub(super) const CUBIC_0: f32 = f32::from_bits(0x40BF_D166);
const CUBIC_2: f32 = f32::from_bits(0x403F_D31B);
/// Of `e^r - 1`, without a constant term.
const C: [f32; 3] = [
    1.0,
    f32::from_bits(0x3F00_010F),
    f32::from_bits(0x3E2A_AACB),
];
/// 2^(j/16) / 6, less j in the bits that are shifted into the exponent.
const SIXTHS: [f32; 16] = [
    f32::from_bits(0x3E2A_D421),
    f32::from_bits(0x3E2A_6451),
    f32::from_bits(0x3E2A_4A3A),
    f32::from_bits(0x3E2A_89A7),
    f32::from_bits(0x3E2B_268F),
    f32::from_bits(0x3E2C_2516),
    f32::from_bits(0x3E2D_898E),
    f32::from_bits(0x3E2F_587B),
    f32::from_bits(0x3E31_9692),
    f32::from_bits(0x3E34_48C1),
    f32::from_bits(0x3E33_BA15),
    f32::from_bits(0x3E31_8F16),
    f32::from_bits(0x3E2F_A631),
    f32::from_bits(0x3E2E_0253),
    f32::from_bits(0x3E2C_A68A),
    f32::from_bits(0x3E2B_9608),
];
/// 2^(j/16), less j in the bits that are shifted into the exponent.
pub(super) const POWERS: [f32; 16] = [
    f32::from_bits(0x3F80_0000),
    f32::from_bits(0x3F7D_AAC3),
    f32::from_bits(0x3F7B_95C2),
    f32::from_bits(0x3F79_C3D3),
    f32::from_bits(0x3F78_37F0),
    f32::from_bits(0x3F76_F532),
    f32::from_bits(0x3F75_FED7),
    f32::from_bits(0x3F75_583F),
    f32::from_bits(0x3F75_04F3),
    f32::from_bits(0x3F75_08A4),
    f32::from_bits(0x3F75_672A),
    f32::from_bits(0x3F76_248C),
    f32::from_bits(0x3F77_44FD),
    f32::from_bits(0x3F78_CCDF),
    f32::from_bits(0x3F7A_C0C7),
    f32::from_bits(0x3F7D_257D),
];
/// What rounding took off these, relative to them.
pub(super) const POWERS_LOW: [f32; 16] = [
    f32::from_bits(0x0000_0000),
    f32::from_bits(0x3346_CB6A),
    f32::from_bits(0xB24E_0611),
    f32::from_bits(0x334B_2482),
    f32::from_bits(0x3309_2801),
    f32::from_bits(0x331B_85F2),
    f32::from_bits(0xB305_1AA8),
    f32::from_bits(0xB200_6C56),
    f32::from_bits(0x3293_02AE),
    f32::from_bits(0xB302_E5A2),
    f32::from_bits(0x31B3_D0E5),
    f32::from_bits(0x31D1_DAF2),
    f32::from_bits(0xB27C_E182),
    f32::from_bits(0xB1B4_B0DA),
    f32::from_bits(0xB1D2_90BE),
    f32::from_bits(0x31B0_A147),
];

/// `2^64 2^k e^r`, where `sum` is `k + ROUNDING`, `k` from -170 to 60, and |r| <= ln(2)/32. At most 1.2 ulp off.
///
/// `6 e^r` is `((r + CUBIC_2) r + 6) r + 6`, with a relative error of 2^-29.2; the first factor needs no product,
/// since the table is a sixth of the powers.
#[inline(always)]
pub(super) fn power<V: Vector<Element = f32>>(sum: V, r: V) -> V {
    let c0 = V::splat(CUBIC_0);
    let p = (r + V::splat(CUBIC_2)).mul_add(r, c0).mul_add(r, c0);
    sixths(sum) * p
}

/// As [`power`], at most 0.51 ulp off, with a product and a look-up more.
#[inline(always)]
pub(super) fn exact_power<V: Vector<Element = f32>>(sum: V, r: V) -> V {
    exact_power_by(sum, r, C, &POWERS, &POWERS_LOW)
}

/// The same of another polynomial, times the factor that is in the tables.
#[inline(always)]
pub(super) fn exact_power_by<V: Vector<Element = f32>>(
    sum: V,
    r: V,
    c: [f32; 3],
    table: &[f32; 16],
    low: &[f32; 16],
) -> V {
    let power = scaled_by(sum, table);
    let p = r.mul_add(V::splat(c[2]), V::splat(c[1]));
    let p = p.mul_add(r, V::splat(c[0]));
    p.mul_add(r, sum.look_up(low)).mul_add(power, power)
}

/// `2^64 2^k / 6`.
#[inline(always)]
pub(super) fn sixths<V: Vector<Element = f32>>(sum: V) -> V {
    scaled_by(sum, &SIXTHS)
}

/// `2^64 2^k`, times what `table` has been multiplied by.
#[inline(always)]
pub(super) fn scaled_by<V: Vector<Element = f32>>(sum: V, table: &[f32; 16]) -> V {
    sum.look_up(table)
        .bits_add(sum.bits_shl(V::MANTISSA_BITS - FRACTION))
}

/// `2^64 e^y`, for `y` between -125 and 40.
#[inline(always)]
pub(super) fn scaled_exp<V: Vector<Element = f32>>(y: V) -> V {
    let (sum, r) = reduced(y);
    power(sum, r)
}

/// As [`scaled_exp`], by [`exact_power`].
#[inline(always)]
pub(super) fn exact_scaled_exp<V: Vector<Element = f32>>(y: V) -> V {
    let (sum, r) = reduced(y);
    exact_power(sum, r)
}

#[inline(always)]
fn reduced<V: Vector<Element = f32>>(y: V) -> (V, V) {
    let rounding = V::splat(ROUNDING);
    let sum = y.mul_add(V::splat(LOG2_E), rounding);
    let k = sum - rounding;
    let r = k.mul_add(V::splat(-LN_2_HIGH), y);
    (sum, k.mul_add(V::splat(-LN_2_LOW), r))
}

/// `2^64 e^-|x factor|`, which is 0 to its user where that is less than `2^-150`. The product is not rounded. `factor`
/// is neither 0 nor NaN.
#[inline(always)]
pub(super) fn scaled_exp_of_product<V: Vector<Element = f32>>(x: V, factor: V) -> V {
    // Its product with log2(e) is finite.
    let factor = V::constant(1e38).min(factor.abs());
    let z = (V::splat(110.0) / factor).min(x.abs());
    let rounding = V::splat(ROUNDING);
    let sum = z.mul_add(factor * V::splat(-LOG2_E), rounding);
    let k = sum - rounding;
    let r = z.mul_add(-factor, k * V::splat(-LN_2_SHORT));
    let r = k.mul_add(V::splat(-LN_2_REST), r);
    exact_power(sum, r)
}
