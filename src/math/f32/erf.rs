use crate::vector::Vector;

/// Of `erf(x) / x - 1` in `x²`.
const NEAR: [f32; 7] = [
    f32::from_bits(0x3E03_75D4),
    f32::from_bits(0xBEC0_9398),
    f32::from_bits(0x3DE7_1536),
    f32::from_bits(0xBCDB_E757),
    f32::from_bits(0x3BA9_6061),
    f32::from_bits(0xBA4D_7306),
    f32::from_bits(0x3898_8B0D),
];
const MIDDLE: f32 = f32::from_bits(0x4024_0000);
/// Of `erfc(x)` in `x - MIDDLE`.
const FAR: [f32; 14] = [
    f32::from_bits(0x3998_209C),
    f32::from_bits(0xBAD0_0F07),
    f32::from_bits(0x3B85_4F38),
    f32::from_bits(0xBBD2_6C38),
    f32::from_bits(0x3BE0_FFF0),
    f32::from_bits(0xBBA7_639E),
    f32::from_bits(0x3B26_ECC6),
    f32::from_bits(0xBA2B_CB3F),
    f32::from_bits(0xB919_627D),
    f32::from_bits(0x3964_8D7B),
    f32::from_bits(0xB895_AA6D),
    f32::from_bits(0xB6DD_BFAE),
    f32::from_bits(0x3710_84D1),
    f32::from_bits(0xB5A2_FC0B),
];

/// The error function.
///
/// Below 1.125 it is `x + x p(x²)`, `p` of degree 6 with a relative error of 2^-25.7; above it is `1 - q(x)`, `q` of degree 13
/// up to 4 with an absolute error of 2^-26.2, and 1 beyond.
#[inline(always)]
pub(in crate::math) fn erf<V: Vector<Element = f32>>(x: V) -> V {
    let z = V::constant(4.0).min(x.abs());
    let near = z.mul_add(near_quotient(z * z), z);
    let far = V::constant(1.0) - complement(z - V::splat(MIDDLE));
    let sign = x.bits_and(V::constant(-0.0));
    z.select_lt(V::constant(1.125), near, far).bits_or(sign)
}

#[inline(always)]
fn near_quotient<V: Vector<Element = f32>>(s: V) -> V {
    let mut p = V::splat(NEAR[6]);
    p = p.mul_add(s, V::splat(NEAR[5]));
    p = p.mul_add(s, V::splat(NEAR[4]));
    p = p.mul_add(s, V::splat(NEAR[3]));
    p = p.mul_add(s, V::splat(NEAR[2]));
    p = p.mul_add(s, V::splat(NEAR[1]));
    p = p.mul_add(s, V::splat(NEAR[0]));
    p
}

#[inline(always)]
fn complement<V: Vector<Element = f32>>(d: V) -> V {
    let mut p = V::splat(FAR[13]);
    p = p.mul_add(d, V::splat(FAR[12]));
    p = p.mul_add(d, V::splat(FAR[11]));
    p = p.mul_add(d, V::splat(FAR[10]));
    p = p.mul_add(d, V::splat(FAR[9]));
    p = p.mul_add(d, V::splat(FAR[8]));
    p = p.mul_add(d, V::splat(FAR[7]));
    p = p.mul_add(d, V::splat(FAR[6]));
    p = p.mul_add(d, V::splat(FAR[5]));
    p = p.mul_add(d, V::splat(FAR[4]));
    p = p.mul_add(d, V::splat(FAR[3]));
    p = p.mul_add(d, V::splat(FAR[2]));
    p = p.mul_add(d, V::splat(FAR[1]));
    p = p.mul_add(d, V::splat(FAR[0]));
    p
}
