use crate::vector::Vector;

/// A step of the exponent is 1/16: `look_up` has as many entries.
const FRACTION: u32 = 4;

const LOG2_E: f32 = f32::from_bits(0x3FB8_AA3B);
const LN_2_HIGH: f32 = f32::from_bits(0x3F31_7218);
const LN_2_LOW: f32 = f32::from_bits(0xB102_E308);
const C2: f32 = f32::from_bits(0x3F00_010F);
const C3: f32 = f32::from_bits(0x3E2A_AACB);
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

/// `e^x`.
///
/// `e^x = 2^k e^r`, where `k` is `x log2(e)` rounded to a multiple of 1/16, `r` is `x - k ln 2` and the fraction of `2^k`
/// comes from a table. `e^r` is `1 + r + r² q(r)`, `q` of degree 1 on |r| <= ln(2)/32, with a relative error of 2^-29.2.
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
    let power = sum.look_up(&TABLE);
    let p = (r * r).mul_add(q, r);
    power.mul_add(p, power).scale(sum, FRACTION)
}
