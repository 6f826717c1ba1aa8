use crate::vector::Vector;

/// A step of the exponent is 1/16: `look_up` has as many entries.
pub(super) const FRACTION: u32 = 4;

pub(super) const LOG2_E: f32 = f32::from_bits(0x3FB8_AA3B);
pub(super) const LN_2_HIGH: f32 = f32::from_bits(0x3F31_7218);
pub(super) const LN_2_LOW: f32 = f32::from_bits(0xB102_E308);
pub(super) const C2: f32 = f32::from_bits(0x3F00_010F);
pub(super) const C3: f32 = f32::from_bits(0x3E2A_AACB);
/// 2^(j/16).
const TABLE: [f32; 16] = [
    f32::from_bits(0x3F80_0000),
    f32::from_bits(0x3F85_AAC3),
    f32::from_bits(0x3F8B_95C2),
    f32::from_bits(0x3F91_C3D3),
    f32::from_bits(0x3F98_37F0),
    f32::from_bits(0x3F9E_F532),
    f32::from_bits(0x3FA5_FED7),
    f32::from_bits(0x3FAD_583F),
    f32::from_bits(0x3FB5_04F3),
    f32::from_bits(0x3FBD_08A4),
    f32::from_bits(0x3FC5_672A),
    f32::from_bits(0x3FCE_248C),
    f32::from_bits(0x3FD7_44FD),
    f32::from_bits(0x3FE0_CCDF),
    f32::from_bits(0x3FEA_C0C7),
    f32::from_bits(0x3FF5_257D),
];

/// `2^exponent 2^(j/16)`, less j in the bits that [`power`] shifts into the exponent.
pub(super) const fn scaled_table(exponent: i32) -> [f32; 16] {
    let mut table = TABLE;
    let mut j = 0;
    while j < 16 {
        let bits = table[j].to_bits().wrapping_add_signed(exponent << 23);
        table[j] = f32::from_bits(bits - ((j as u32) << (23 - FRACTION)));
        j += 1;
    }
    table
}

/// `2^exponent 2^k`, where `sum` is `k + V::rounding(FRACTION)` and `table` is `scaled_table(exponent)`. A normal
/// number.
#[inline(always)]
pub(super) fn power<V: Vector<Element = f32>>(sum: V, table: &[f32; 16]) -> V {
    sum.look_up(table)
        .bits_add(sum.bits_shl(V::MANTISSA_BITS - FRACTION))
}

/// `2^exponent e^y`, where `table` is `scaled_table(exponent)` and the result a normal number. Nearly as accurate as
/// [`exp`].
#[inline(always)]
pub(super) fn scaled_exp<V: Vector<Element = f32>>(y: V, table: &[f32; 16]) -> V {
    let rounding = V::rounding(FRACTION);
    let sum = y.mul_add(V::splat(LOG2_E), rounding);
    let k = sum - rounding;
    let r = k.mul_add(V::splat(-LN_2_HIGH), y);
    let r = k.mul_add(V::splat(-LN_2_LOW), r);
    scaled(sum, r, table)
}

/// As [`scaled_exp`], reduced: `2^exponent 2^k e^r`, where `sum` is `k + V::rounding(FRACTION)`.
#[inline(always)]
pub(super) fn scaled<V: Vector<Element = f32>>(sum: V, r: V, table: &[f32; 16]) -> V {
    let q = r.mul_add(V::splat(C3), V::splat(C2));
    let p = (r * r).mul_add(q, r);
    let power = power(sum, table);
    power.mul_add(p, power)
}

/// `e^x`.
///
/// `e^x = 2^k e^r`, where `k` is `x log2(e)` rounded to a multiple of 1/16, `r` is `x - k ln 2` and the fraction of
/// `2^k` comes from a table. `e^r` is `1 + r + r² q(r)`, `q` of degree 1 on |r| <= ln(2)/32, with a relative error of
/// 2^-29.2.
///
/// At most 0.990 ulp off, at -22.029484 (`C1B0_3C62`).
#[inline(always)]
pub(in crate::math) fn exp<V: Vector<Element = f32>>(x: V) -> V {
    // Where the result is infinite or 0 already; NaN stays, as it is second.
    let x = V::constant(89.0).min(V::constant(-104.0).max(x));
    let rounding = V::rounding(FRACTION);
    let sum = x.mul_add(V::splat(LOG2_E), rounding);
    let k = sum - rounding;
    // The first is exact.
    let r = k.mul_add(V::splat(-LN_2_HIGH), x);
    let r = k.mul_add(V::splat(-LN_2_LOW), r);
    let q = r.mul_add(V::splat(C3), V::splat(C2));
    let fraction = sum.look_up(&TABLE);
    let p = (r * r).mul_add(q, r);
    fraction.mul_add(p, fraction).scale(sum, FRACTION)
}
