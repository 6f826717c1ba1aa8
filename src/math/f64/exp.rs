use crate::vector::Vector;

/// A step of the exponent is 1/16: `look_up` has as many entries.
const FRACTION: u32 = 4;

const LOG2_E: f64 = f64::from_bits(0x3FF7_1547_652B_82FE);
const LN_2_HIGH: f64 = f64::from_bits(0x3FE6_2E42_FEFA_39EF);
const LN_2_LOW: f64 = f64::from_bits(0x3C7A_BC9E_3B39_803F);
const C2: f64 = f64::from_bits(0x3FDF_FFFF_FFFF_FFBC);
const C3: f64 = f64::from_bits(0x3FC5_5555_5548_F57A);
const C4: f64 = f64::from_bits(0x3FA5_5555_558D_4F76);
const C5: f64 = f64::from_bits(0x3F81_1123_AD39_4031);
const C6: f64 = f64::from_bits(0x3F56_C14E_3082_24E8);
/// 2^(j/16).
const TABLE: [f64; 16] = [
    f64::from_bits(0x3FF0_0000_0000_0000),
    f64::from_bits(0x3FF0_B558_6CF9_890F),
    f64::from_bits(0x3FF1_72B8_3C7D_517B),
    f64::from_bits(0x3FF2_387A_6E75_6238),
    f64::from_bits(0x3FF3_06FE_0A31_B715),
    f64::from_bits(0x3FF3_DEA6_4C12_3422),
    f64::from_bits(0x3FF4_BFDA_D536_2A27),
    f64::from_bits(0x3FF5_AB07_DD48_5429),
    f64::from_bits(0x3FF6_A09E_667F_3BCD),
    f64::from_bits(0x3FF7_A114_73EB_0187),
    f64::from_bits(0x3FF8_ACE5_422A_A0DB),
    f64::from_bits(0x3FF9_C491_82A3_F090),
    f64::from_bits(0x3FFA_E89F_995A_D3AD),
    f64::from_bits(0x3FFC_199B_DD85_529C),
    f64::from_bits(0x3FFD_5818_DCFB_A487),
    f64::from_bits(0x3FFE_A4AF_A2A4_90DA),
];

/// `e^x`.
///
/// `e^x = 2^k e^r`, where `k` is `x log2(e)` rounded to a multiple of 1/16, `r` is `x - k ln 2` and the fraction of `2^k`
/// comes from a table. `e^r` is `1 + r + r² q(r)`, `q` of degree 4 on |r| <= ln(2)/32.
#[inline(always)]
pub(in crate::math) fn exp<V: Vector<Element = f64>>(x: V) -> V {
    // Where the result is infinite or 0 already; NaN stays, as it is second.
    let x = V::constant(710.0).min(V::constant(-746.0).max(x));
    let rounding = V::rounding(FRACTION);
    let sum = x.mul_add(V::splat(LOG2_E), rounding);
    let k = sum - rounding;
    // The first is exact.
    let r = k.mul_add(V::splat(-LN_2_HIGH), x);
    let r = k.mul_add(V::splat(-LN_2_LOW), r);
    let q = r.mul_add(V::splat(C6), V::splat(C5));
    let q = q.mul_add(r, V::splat(C4));
    let q = q.mul_add(r, V::splat(C3));
    let q = q.mul_add(r, V::splat(C2));
    let power = sum.look_up(&TABLE);
    let p = (r * r).mul_add(q, r);
    power.mul_add(p, power).scale(sum, FRACTION)
}
