//! The exponential inside of other functions: `2^SHIFT e^y`, so that what is subnormal in `e^y` is not yet.
//!
//! `e^y = 2^k e^r`, where `k` is a multiple of 1/16 and `r = y - k ln 2`, |r| <= ln(2)/32. A caller has `k` as the sum
//! `k + rounding(SHIFT)`, and `r`, which it computes as exactly as its `y` needs. The fraction of `2^k` comes from a table,
//! its whole part is added to the exponent's bits, and `e^r` is a polynomial.

use crate::math::{polynomial, two_sum};
use crate::vector::Vector;

/// A step of the exponent is 1/16: `look_up` has as many entries.
pub(super) const FRACTION: u32 = 4;

pub(super) const LOG2_E: f64 = f64::from_bits(0x3FF7_1547_652B_82FE);
pub(super) const LN_2_HIGH: f64 = f64::from_bits(0x3FE6_2E42_FEFA_39EF);
pub(super) const LN_2_LOW: f64 = f64::from_bits(0x3C7A_BC9E_3B39_803F);
/// `ln 2` in 38 bits, so that its product with `k` is exact.
pub(super) const LN_2_SHORT: f64 = f64::from_bits(0x3FE6_2E42_FEFA_0000);
pub(super) const LN_2_REST: f64 = f64::from_bits(0x3D7C_F79A_BC9E_3B3A);
/// `e^r / (1 + 0.00333736) - 1`, with a relative error of the power of 2^-56.8: less what `TABLE` has more.
pub(super) const E: [f64; 7] = [
    f64::from_bits(0xBF6B_3FB2_2F56_8E70),
    f64::from_bits(0x3FEF_E4C0_4DD0_A986),
    f64::from_bits(0x3FDF_E4C0_4DD0_A91C),
    f64::from_bits(0x3FC5_432A_DE76_25C5),
    f64::from_bits(0x3FA5_432A_DEBF_82E5),
    f64::from_bits(0x3F81_029E_7FB4_BB28),
    f64::from_bits(0x3F56_ADF5_CA4B_794B),
];

/// With the factor all 16 numbers are, by chance, at most 0.126 ulp from the truth, and not up to half of one.
/// 2^(j/16) (1 + 0.00333736).
pub(super) const TABLE: [f64; 16] = [
    f64::from_bits(0x3FF0_0DAB_7CFE_DE89),
    f64::from_bits(0x3FF0_C39E_D97A_B505),
    f64::from_bits(0x3FF1_81A0_748E_8177),
    f64::from_bits(0x3FF2_480B_9BE3_90FA),
    f64::from_bits(0x3FF3_173F_A7FA_54E1),
    f64::from_bits(0x3FF3_EFA0_29FB_5BA8),
    f64::from_bits(0x3FF4_D195_1B8F_931A),
    f64::from_bits(0x3FF5_BD8B_10D6_D151),
    f64::from_bits(0x3FF6_B3F3_6C94_A6C0),
    f64::from_bits(0x3FF7_B544_96AC_8BA4),
    f64::from_bits(0x3FF8_C1FA_3507_9750),
    f64::from_bits(0x3FF9_DA95_66FF_189A),
    f64::from_bits(0x3FFA_FF9D_0368_9C80),
    f64::from_bits(0x3FFC_319D_D961_33C3),
    f64::from_bits(0x3FFD_712A_F3F7_1A1B),
    f64::from_bits(0x3FFE_BEDD_E0D2_4292),
];

/// `(e^r - 1 - r) / r²`, with a relative error of the power of 2^-55.
const Q: [f64; 5] = [
    f64::from_bits(0x3FE0_0000_0000_0001),
    f64::from_bits(0x3FC5_5555_554D_D26C),
    f64::from_bits(0x3FA5_5555_554B_918D),
    f64::from_bits(0x3F81_1120_B164_4514),
    f64::from_bits(0x3F56_C181_F735_D25E),
];

/// The same, with a relative error of `e^r - 1` of 2^-58.7.
const Q_M1: [f64; 6] = [
    f64::from_bits(0x3FE0_0000_0000_0001),
    f64::from_bits(0x3FC5_5555_5555_5557),
    f64::from_bits(0x3FA5_5555_554E_92B7),
    f64::from_bits(0x3F81_1111_110A_B946),
    f64::from_bits(0x3F56_C17E_D724_5A2F),
    f64::from_bits(0x3F2A_01B6_535B_0B96),
];

/// 2^(j/16) in 41 bits, so that 1 less such a power is exact unless the power is small.
const SHORT: [f64; 16] = [
    f64::from_bits(0x3FF0_0000_0000_0000),
    f64::from_bits(0x3FF0_B558_6CF9_9000),
    f64::from_bits(0x3FF1_72B8_3C7D_5000),
    f64::from_bits(0x3FF2_387A_6E75_6000),
    f64::from_bits(0x3FF3_06FE_0A31_B000),
    f64::from_bits(0x3FF3_DEA6_4C12_3000),
    f64::from_bits(0x3FF4_BFDA_D536_3000),
    f64::from_bits(0x3FF5_AB07_DD48_5000),
    f64::from_bits(0x3FF6_A09E_667F_4000),
    f64::from_bits(0x3FF7_A114_73EB_0000),
    f64::from_bits(0x3FF8_ACE5_422A_A000),
    f64::from_bits(0x3FF9_C491_82A3_F000),
    f64::from_bits(0x3FFA_E89F_995A_D000),
    f64::from_bits(0x3FFC_199B_DD85_5000),
    f64::from_bits(0x3FFD_5818_DCFB_A000),
    f64::from_bits(0x3FFE_A4AF_A2A4_9000),
];

/// The logarithm of what `SHORT` has for 2^(j/16), less that of 2^(j/16).
const SHORT_LOG: [f64; 16] = [
    f64::from_bits(0x0000_0000_0000_0000),
    f64::from_bits(0x3D5A_952B_3A99_2C72),
    f64::from_bits(0xBD35_B6B3_04D6_F283),
    f64::from_bits(0xBD3F_320C_A938_D3B6),
    f64::from_bits(0xBD57_D2C8_B4CC_7998),
    f64::from_bits(0xBD4A_A0F2_4C04_D777),
    f64::from_bits(0x3D52_0906_D0C2_785F),
    f64::from_bits(0xBD48_9554_01CB_703D),
    f64::from_bits(0x3D47_C394_C811_FB97),
    f64::from_bits(0xBD30_8A69_53B1_27F4),
    f64::from_bits(0xBD21_C78E_0055_D299),
    f64::from_bits(0xBD16_5EE7_149F_5F59),
    f64::from_bits(0xBD41_7DEE_9A57_5D63),
    f64::from_bits(0xBD37_C6E6_A700_3231),
    f64::from_bits(0xBD43_C03D_22A4_0A67),
    f64::from_bits(0xBD1C_64DF_1051_140A),
];

pub(super) const FRACTIONS: [f64; 16] = fractions(TABLE);
const SHORT_FRACTIONS: [f64; 16] = fractions(SHORT);

/// `table` less j in the bits that are shifted into the exponent.
#[inline(always)]
pub(super) const fn fractions(table: [f64; 16]) -> [f64; 16] {
    let mut fractions = table;
    let mut j = 0;
    while j < 16 {
        let bits = table[j].to_bits();
        fractions[j] = f64::from_bits(bits.wrapping_sub((j as u64) << (52 - FRACTION)));
        j += 1;
    }
    fractions
}

/// `2^n`, a normal number.
pub(in crate::math) const fn two_to(n: i32) -> f64 {
    f64::from_bits(((1023 + n) as u64) << 52)
}

/// `1.5 × 2^48 + shift`. Added to a small number, it rounds that to a multiple of 1/16, and its exponent's count to one more
/// by `shift`.
#[inline(always)]
pub(super) fn rounding<V: Vector<Element = f64>>(shift: i32) -> V {
    V::constant(two_to(48) + two_to(47) + shift as f64)
}

/// A power of e, as `scale + scale rest`.
#[derive(Clone, Copy)]
pub(in crate::math) struct Power<V> {
    pub(super) scale: V,
    pub(super) rest: V,
}

impl<V: Vector<Element = f64>> Power<V> {
    /// `2^SHIFT 2^k e^r`, where `sum` is `k + rounding(SHIFT)`. `table` is `FRACTIONS`, or [`fractions`] of `TABLE` times a number, which the
    /// power is multiplied by then.
    #[inline(always)]
    pub(super) fn new(sum: V, r: V, table: &[f64; 16]) -> Self {
        Self {
            scale: scale(sum, table),
            rest: polynomial(r, &E),
        }
    }

    /// The same times what `table`, of [`fractions`], has in place of 2^(j/16).
    #[inline(always)]
    pub(super) fn by_table(sum: V, r: V, table: &[f64; 16]) -> Self {
        let q = polynomial(r, &Q);
        Self {
            scale: scale(sum, table),
            rest: (r * r).mul_add(q, r),
        }
    }

    /// As [`new`](Self::new), without the error of the table: it is in the exponent.
    ///
    /// `high + low` is `r`.
    #[inline(always)]
    pub(super) fn closely(sum: V, high: V, low: V) -> Self {
        let r = high + (low - sum.look_up(&SHORT_LOG));
        Self::by_table(sum, r, &SHORT_FRACTIONS)
    }

    /// The power, rounded.
    #[inline(always)]
    pub(in crate::math) fn value(self) -> V {
        self.scale.mul_add(self.rest, self.scale)
    }

    /// The power times `factor`, all but rounded once.
    #[inline(always)]
    pub(super) fn times(self, factor: V) -> V {
        let high = self.scale * factor;
        let low = self.scale.mul_add(factor, -high);
        high + high.mul_add(self.rest, low)
    }

    /// The power times `factor + factor_low`, all but rounded once, where the second is less than an ulp of the first or so.
    #[inline(always)]
    pub(super) fn times_sum(self, factor: V, factor_low: V) -> V {
        let high = self.scale * factor;
        let low = self.scale.mul_add(factor, -high);
        let low = self.scale.mul_add(factor_low, low);
        high + high.mul_add(self.rest, low)
    }
}

/// `a b + c`, rounded, and what rounding took from it.
#[inline(always)]
pub(super) fn mul_add_in_two<V: Vector<Element = f64>>(a: V, b: V, c: V) -> (V, V) {
    let product = a * b;
    let low = a.mul_add(b, -product);
    let (sum, sum_low) = two_sum(product, c);
    (sum, sum_low + low)
}

/// `2^SHIFT 2^k`, where `sum` is `k + rounding(SHIFT)`.
#[inline(always)]
fn scale<V: Vector<Element = f64>>(sum: V, table: &[f64; 16]) -> V {
    sum.look_up(table)
        .bits_add(sum.bits_shl(V::MANTISSA_BITS - FRACTION))
}

/// `2^shift e^y`, where that is a normal number.
#[inline(always)]
pub(super) fn scaled_exp<V: Vector<Element = f64>>(y: V, shift: i32) -> V {
    scaled_power(y, shift).value()
}

/// As [`scaled_exp`], in two parts.
#[inline(always)]
pub(super) fn scaled_power<V: Vector<Element = f64>>(y: V, shift: i32) -> Power<V> {
    power_rounded_by(y, rounding(shift), &FRACTIONS)
}

/// [`scaled_power`] where `rounding` is that of its shift, with a `table` as of [`Power::new`].
#[inline(always)]
pub(super) fn power_rounded_by<V: Vector<Element = f64>>(
    y: V,
    rounding: V,
    table: &[f64; 16],
) -> Power<V> {
    let sum = y.mul_add(V::splat(LOG2_E), rounding);
    let k = sum - rounding;
    // The first is exact.
    let r = k.mul_add(V::splat(-LN_2_HIGH), y);
    let r = k.mul_add(V::splat(-LN_2_LOW), r);
    Power::new(sum, r, table)
}

/// As [`scaled_exp`], in two parts, without the error of the table.
#[inline(always)]
pub(super) fn closely_scaled_exp<V: Vector<Element = f64>>(y: V, shift: i32) -> Power<V> {
    let rounding = rounding(shift);
    let sum = y.mul_add(V::splat(LOG2_E), rounding);
    let k = sum - rounding;
    let r = k.mul_add(V::splat(-LN_2_HIGH), y);
    Power::closely(sum, r, k * V::splat(-LN_2_LOW))
}

/// Of [`scaled_exp_of_product`]: `x e^(beta x)` may be a number where the power is far below the least one, as `x` may be great.
pub(super) const PRODUCT_SHIFT: i32 = 512;
const PRODUCT_LIMIT: f64 = 1060.0;

/// `2^PRODUCT_SHIFT e^-|x factor|`, and `x` and `factor` without their signs, of a size that can be computed with. The product
/// is not rounded. Where it is past `PRODUCT_LIMIT`, the power is 0. `factor` is neither 0 nor NaN.
#[inline(always)]
pub(super) fn scaled_exp_of_product<V: Vector<Element = f64>>(x: V, factor: V) -> (V, V, V) {
    let greatest = V::splat(f64::MAX);
    let factor = greatest.min(factor.abs());
    // Infinite where the factor is subnormal.
    let bound = V::constant(PRODUCT_LIMIT) / factor;
    let z = greatest.min(bound).min(x.abs());
    let rounding = rounding(PRODUCT_SHIFT);
    let sum = (z * factor).mul_add(V::splat(-LOG2_E), rounding);
    let k = sum - rounding;
    let r = z.mul_add(-factor, k * V::splat(-LN_2_SHORT));
    let r = k.mul_add(V::splat(-LN_2_REST), r);
    let power = Power::new(sum, r, &FRACTIONS).value();
    let power = bound.select_le(x.abs(), V::constant(0.0), power);
    (power, z, factor)
}

/// `1 - e^-y` for `y` from 0 to 64, with what rounding took from it, and `e^-y` itself.
///
/// With `e^-y = s + s p` it is `(1 - s) - s p`; near 0 `s` is 1, and elsewhere nothing cancels that is not exact. With `r` in two parts it
/// is `((1 - s) - s r) - s (p - r)`, where what is rounded off the first is added to the second.
#[inline(always)]
pub(super) fn one_less_exp_in_two<V: Vector<Element = f64>>(y: V) -> (V, V, Power<V>) {
    let (scale, high, low) = reduced_by_short(-y, 0);
    let r = high + low;
    let r_low = (high - r) + low;
    let more = (r * r).mul_add(polynomial(r, &Q_M1), r_low);
    let less_scale = V::constant(1.0) - scale;
    let most = (-scale).mul_add(r, less_scale);
    let most_low = (-scale).mul_add(r, less_scale - most);
    let rest = (-scale).mul_add(more, most_low);
    let less = most + rest;
    let rest = (most - less) + rest;
    let power = Power {
        scale,
        rest: r + more,
    };
    (less, rest, power)
}

/// Of `2^shift e^y`, the power of `SHORT`, and the remainder as two.
#[inline(always)]
fn reduced_by_short<V: Vector<Element = f64>>(y: V, shift: i32) -> (V, V, V) {
    let rounding = rounding(shift);
    let sum = y.mul_add(V::splat(LOG2_E), rounding);
    let k = sum - rounding;
    let high = k.mul_add(V::splat(-LN_2_HIGH), y);
    let low = k.mul_add(V::splat(-LN_2_LOW), -sum.look_up(&SHORT_LOG));
    (scale(sum, &SHORT_FRACTIONS), high, low)
}

/// `e^r - 1`.
#[inline(always)]
fn expm1_of_rest<V: Vector<Element = f64>>(r: V) -> V {
    (r * r).mul_add(polynomial(r, &Q_M1), r)
}

/// `2^shift (e^y - 1)`, for `shift` 0 or -1, where `2^shift e^y` is a normal number: as [`one_less_exp_in_two`].
#[inline(always)]
pub(super) fn less_one<V: Vector<Element = f64>>(y: V, shift: i32) -> V {
    let (scale, high, low) = reduced_by_short(y, shift);
    scale.mul_add(
        expm1_of_rest(high + low),
        scale - V::constant(two_to(shift)),
    )
}

/// All coefficients but the first.
pub(super) const fn tail<const N: usize, const M: usize>(c: [f64; N]) -> [f64; M] {
    assert!(N == M + 1);
    let mut rest = [0.0; M];
    let mut i = 0;
    while i < M {
        rest[i] = c[i + 1];
        i += 1;
    }
    rest
}
