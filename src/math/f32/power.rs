//! The exponential inside of other functions: `2^64 e^y` for `y` up to 44, so that what is subnormal in `e^y` is not yet.
//!
//! `e^y = 2^k e^r`, where `k` is a multiple of 1/16 and `r = y - k ln 2`. The caller has `k` as the sum
//! `k + ROUNDING`, and `r`, which it computes as exactly as its `y` needs. The fraction of `2^k` comes from a table, and
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
const C2: f32 = f32::from_bits(0x4040_0199);
/// 2^(j/16) / 6, less j in the bits that are shifted into the exponent.
const TABLE: [f32; 16] = [
    f32::from_bits(0x3E2A_AAAB),
    f32::from_bits(0x3E2A_3905),
    f32::from_bits(0x3E2A_1D03),
    f32::from_bits(0x3E2A_5A6F),
    f32::from_bits(0x3E2A_F540),
    f32::from_bits(0x3E2B_F199),
    f32::from_bits(0x3E2D_53C9),
    f32::from_bits(0x3E2F_2054),
    f32::from_bits(0x3E31_5BEF),
    f32::from_bits(0x3E34_0B85),
    f32::from_bits(0x3E33_9A1C),
    f32::from_bits(0x3E31_6DB3),
    f32::from_bits(0x3E2F_8353),
    f32::from_bits(0x3E2D_DDEA),
    f32::from_bits(0x3E2C_8085),
    f32::from_bits(0x3E2B_6E53),
];

/// `2^64 2^k e^r`, where `sum` is `k + ROUNDING`, `k` from -170 to 60, and |r| <= ln(2)/32.
///
/// `6 e^r` is `((r + C2) r + 6) r + 6`, with a relative error of 2^-29.2; the first factor needs no product, since the table
/// is a sixth of the powers. The result is at most 1.2 ulp off.
#[inline(always)]
pub(super) fn power<V: Vector<Element = f32>>(sum: V, r: V) -> V {
    let six = V::splat(6.0);
    let p = (r + V::splat(C2)).mul_add(r, six).mul_add(r, six);
    scaled(sum) * p
}

/// `2^64 2^k / 6`.
#[inline(always)]
pub(super) fn scaled<V: Vector<Element = f32>>(sum: V) -> V {
    scaled_by(sum, &TABLE)
}

/// `2^64 2^k`, times the factor that `table` has in place of 1/6.
#[inline(always)]
pub(super) fn scaled_by<V: Vector<Element = f32>>(sum: V, table: &[f32; 16]) -> V {
    sum.look_up(table)
        .bits_add(sum.bits_shl(V::MANTISSA_BITS - FRACTION))
}

/// `2^64 e^y`, for `y` between -115 and 40.
#[inline(always)]
pub(super) fn scaled_exp<V: Vector<Element = f32>>(y: V) -> V {
    let rounding = V::splat(ROUNDING);
    let sum = y.mul_add(V::splat(LOG2_E), rounding);
    let k = sum - rounding;
    let r = k.mul_add(V::splat(-LN_2_HIGH), y);
    let r = k.mul_add(V::splat(-LN_2_LOW), r);
    power(sum, r)
}

/// `2^64 e^-|x factor|`, which is 0 to its user where that is less than `2^-150`. The product is not rounded. `factor` is
/// neither 0 nor NaN.
#[inline(always)]
pub(super) fn scaled_exp_of_product<V: Vector<Element = f32>>(x: V, factor: V) -> V {
    let factor = V::splat(f32::MAX).min(factor.abs());
    let z = (V::splat(110.0) / factor).min(x.abs());
    let rounding = V::splat(ROUNDING);
    let sum = z.mul_add(factor * V::splat(-LOG2_E), rounding);
    let k = sum - rounding;
    let r = z.mul_add(-factor, k * V::splat(-LN_2_SHORT));
    let r = k.mul_add(V::splat(-LN_2_REST), r);
    power(sum, r)
}
