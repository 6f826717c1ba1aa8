//! The exponential inside of other functions: `2^exponent e^y`, so that what is subnormal in `e^y` is not yet.
//!
//! `e^y = 2^k e^r`, where `k` is `y log2(e)` rounded to a multiple of 1/8 and `r = y - k ln 2`, |r| <= ln(2)/16. A caller
//! has `k` as the sum `k + V::rounding(FRACTION)`, and `r`, which it computes as exactly as its `y` needs. The fraction of
//! `2^k` comes from a table, its whole part is added to the exponent's bits, and `e^r` is a polynomial. It is a cubic or a
//! quartic, and the power may be in two parts: three errors at three costs.

use crate::vector::Vector;

/// A step of the exponent is 1/8: a table has as many entries. Eight numbers are one register of AVX2, and there one
/// instruction looks them up. Sixteen take four, and polynomials of one degree less.
pub(super) const FRACTION: u32 = 3;

pub(super) const LOG2_E: f32 = f32::from_bits(0x3FB8_AA3B);
pub(super) const LN_2_HIGH: f32 = f32::from_bits(0x3F31_7218);
pub(super) const LN_2_LOW: f32 = f32::from_bits(0xB102_E308);
/// `ln 2` in 12 bits, so that its product with `k` is exact.
pub(super) const LN_2_SHORT: f32 = f32::from_bits(0x3F31_7000);
pub(super) const LN_2_REST: f32 = f32::from_bits(0x3805_FDF4);
/// Of `e^r - 1`, without a constant term, with a relative error of the power of 2^-25.2, or 0.43 ulp.
pub(super) const CUBIC: [f32; 3] = [
    1.0,
    f32::from_bits(0x3F00_043A),
    f32::from_bits(0x3E2A_AB2A),
];
/// The same with 2^-32.1.
pub(super) const QUARTIC: [f32; 4] = [
    1.0,
    f32::from_bits(0x3F00_0002),
    f32::from_bits(0x3E2A_AE3B),
    f32::from_bits(0x3D2A_5FBB),
];
/// 2^(j/8).
pub(super) const TABLE: [f32; 8] = [
    1.0,
    f32::from_bits(0x3F8B_95C2),
    f32::from_bits(0x3F98_37F0),
    f32::from_bits(0x3FA5_FED7),
    f32::from_bits(0x3FB5_04F3),
    f32::from_bits(0x3FC5_672A),
    f32::from_bits(0x3FD7_44FD),
    f32::from_bits(0x3FEA_C0C7),
];
/// What rounding took off these, relative to them.
pub(super) const TABLE_LOW: [f32; 8] = [
    f32::from_bits(0x0000_0000),
    f32::from_bits(0xB24E_0611),
    f32::from_bits(0x3309_2801),
    f32::from_bits(0xB305_1AA8),
    f32::from_bits(0x3293_02AE),
    f32::from_bits(0x31B3_D0E5),
    f32::from_bits(0xB27C_E182),
    f32::from_bits(0xB1D2_90BE),
];
/// 2^(j/8) in twice the bits.
pub(super) const POWERS: [f64; 8] = {
    let mut powers = [1.0; 8];
    let mut j = 0;
    while j < 8 {
        powers[j] = TABLE[j] as f64 * (1.0 + TABLE_LOW[j] as f64);
        j += 1;
    }
    powers
};

pub(super) const UP_64: [f32; 8] = scaled_table(TABLE, 64);

/// `table` times `2^exponent`, less j in the bits that [`two_to`] shifts into the exponent.
#[inline(always)]
pub(super) const fn scaled_table(table: [f32; 8], exponent: i32) -> [f32; 8] {
    let mut scaled = table;
    let mut j = 0;
    while j < 8 {
        let bits = table[j].to_bits().wrapping_add_signed(exponent << 23);
        scaled[j] = f32::from_bits(bits.wrapping_sub((j as u32) << (23 - FRACTION)));
        j += 1;
    }
    scaled
}

/// `2^exponent 2^k`, a normal number, where `sum` is `k + V::rounding(FRACTION)` and `table` is
/// `scaled_table(TABLE, exponent)`; times whatever else was in the table.
#[inline(always)]
pub(super) fn two_to<V: Vector<Element = f32>>(sum: V, table: &[f32; 8]) -> V {
    sum.look_up(table)
        .bits_add(sum.bits_shl(V::MANTISSA_BITS - FRACTION))
}

/// `k + V::rounding(FRACTION)`, and `r`.
#[inline(always)]
pub(super) fn reduced<V: Vector<Element = f32>>(y: V) -> (V, V) {
    reduced_by(y, V::rounding(FRACTION))
}

/// As [`reduced`], with a rounding that is less, or more, by an integer, and so is the sum.
#[inline(always)]
pub(super) fn reduced_by<V: Vector<Element = f32>>(y: V, rounding: V) -> (V, V) {
    let sum = y.mul_add(V::splat(LOG2_E), rounding);
    let k = sum - rounding;
    // The first is exact.
    let r = k.mul_add(V::splat(-LN_2_HIGH), y);
    (sum, k.mul_add(V::splat(-LN_2_LOW), r))
}

/// `e^r - 1`, by the quartic.
#[inline(always)]
pub(super) fn less_one<V: Vector<Element = f32>>(r: V) -> V {
    let [_, c2, c3, c4] = QUARTIC;
    let q = r.mul_add(V::splat(c4), V::splat(c3));
    let q = q.mul_add(r, V::splat(c2));
    (r * r).mul_add(q, r)
}

/// `e^r - 1`, by the cubic.
#[inline(always)]
pub(super) fn quick_less_one<V: Vector<Element = f32>>(r: V) -> V {
    let [_, c2, c3] = CUBIC;
    let q = r.mul_add(V::splat(c3), V::splat(c2));
    (r * r).mul_add(q, r)
}

/// `2^exponent 2^k e^r`: at most 1.4 ulp off.
#[inline(always)]
pub(super) fn quick_power<V: Vector<Element = f32>>(sum: V, r: V, table: &[f32; 8]) -> V {
    let power = two_to(sum, table);
    power.mul_add(quick_less_one(r), power)
}

/// `2^64 e^y`, by [`quick_power`].
#[inline(always)]
pub(super) fn quick_exp<V: Vector<Element = f32>>(y: V) -> V {
    let (sum, r) = reduced(y);
    quick_power(sum, r, &UP_64)
}

/// `2^64 e^y`: at most 1 ulp off.
#[inline(always)]
pub(super) fn scaled_exp<V: Vector<Element = f32>>(y: V) -> V {
    let (sum, r) = reduced(y);
    let power = two_to(sum, &UP_64);
    power.mul_add(less_one(r), power)
}

/// `2^64 e^y`, by [`exact_power`].
#[inline(always)]
pub(super) fn exact_exp<V: Vector<Element = f32>>(y: V) -> V {
    let (sum, r) = reduced(y);
    exact_power(sum, r, QUARTIC, &UP_64, &TABLE_LOW)
}

/// `2^exponent 2^k (1 + c[0] r + c[1] r² + c[2] r³ + c[3] r^4)`: at most 0.53 ulp off, with a look-up more, in `low`, of what
/// rounding took off `table`.
#[inline(always)]
pub(super) fn exact_power<V: Vector<Element = f32>>(
    sum: V,
    r: V,
    c: [f32; 4],
    table: &[f32; 8],
    low: &[f32; 8],
) -> V {
    let power = two_to(sum, table);
    let p = r.mul_add(V::splat(c[3]), V::splat(c[2]));
    let p = p.mul_add(r, V::splat(c[1]));
    let p = p.mul_add(r, V::splat(c[0]));
    p.mul_add(r, sum.look_up(low)).mul_add(power, power)
}

/// `2^64 e^-|x factor|`, which is 0 to its user where that is less than `2^-150`. The product is not rounded. `factor`
/// is neither 0 nor NaN.
#[inline(always)]
pub(super) fn exact_exp_of_product<V: Vector<Element = f32>>(x: V, factor: V) -> V {
    // Its product with log2(e) is finite.
    let factor = V::constant(1e38).min(factor.abs());
    // So that what is divided by a small factor is 0, too.
    let bound = V::splat(f32::MAX).min(V::splat(125.0) / factor);
    let z = bound.min(x.abs());
    let rounding = V::rounding(FRACTION);
    let sum = z.mul_add(factor * V::splat(-LOG2_E), rounding);
    let k = sum - rounding;
    let r = z.mul_add(-factor, k * V::splat(-LN_2_SHORT));
    let r = k.mul_add(V::splat(-LN_2_REST), r);
    let power = exact_power(sum, r, QUARTIC, &UP_64, &TABLE_LOW);
    // Even where no number is as great as the bound would have to be.
    V::splat(f32::MAX).select_lt(x.abs(), V::splat(0.0), power)
}
