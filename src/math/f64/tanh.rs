use super::power::{scaled_exp, two_to};
use crate::math::tanh_by_half;
use crate::vector::Vector;

const SHIFT: i32 = 64;

/// Up to here `tanh(x/2)` is `x P(x²) / Q(x²)`, by which `tanh x` has a relative error of about 2^-54, and of 2^-55.3 below 1/2. See
/// [`tanh_by_half`] before you move it.
const TOP: f64 = 19.1;
const P: [f64; 6] = [
    f64::from_bits(0x3FED_70A3_E000_0000),
    f64::from_bits(0x3FA0_F81A_E126_C1E8),
    f64::from_bits(0x3F32_49F3_91A7_9CA0),
    f64::from_bits(0x3EAA_56B7_3083_4AE8),
    f64::from_bits(0x3E09_8933_2CC3_D037),
    f64::from_bits(0x3D47_95BB_0678_9E76),
];
const Q: [f64; 7] = [
    f64::from_bits(0x3FFD_70A3_E000_0000),
    f64::from_bits(0x3FCC_1C7A_B093_60E7),
    f64::from_bits(0x3F6C_E361_1AAF_262B),
    f64::from_bits(0x3EF1_AEDE_1575_7CB3),
    f64::from_bits(0x3E5E_042F_346F_BF91),
    f64::from_bits(0x3DAE_C887_5614_7E08),
    f64::from_bits(0x3CD1_565D_EC15_6EA2),
];

/// The hyperbolic tangent.
#[inline(always)]
pub(in crate::math) fn tanh<V: Vector<Element = f64>>(x: V) -> V {
    tanh_by_half(x, TOP, &P, &Q)
}

/// `1 - tanh(x)^2`.
///
/// With `t = e^-2|x|` it is `4 t / (1 + t)²`.
#[inline(always)]
pub(in crate::math) fn tanh_gradient<V: Vector<Element = f64>>(x: V) -> V {
    let t = scaled_exp(V::constant(-750.0).max(x.abs() * V::constant(-2.0)), SHIFT);
    let plain = t * V::constant(two_to(-SHIFT));
    let quarter = plain.mul_add(V::constant(0.25), V::constant(0.5));
    t / t.mul_add(quarter, V::constant(two_to(SHIFT - 2)))
}
