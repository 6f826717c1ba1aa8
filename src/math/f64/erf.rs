use super::gelu::two_sided_tail;
use crate::math::polynomial;
use crate::vector::Vector;

/// `erf(x) / x - 1` in `x²` up to 1, with a relative error of 2^-55.
const C: [f64; 12] = [
    f64::from_bits(0x3FC0_6EBA_8214_DB68),
    f64::from_bits(0xBFD8_1274_6B03_79BD),
    f64::from_bits(0x3FBC_E2F2_1A04_0D16),
    f64::from_bits(0xBF9B_82CE_311F_A93E),
    f64::from_bits(0x3F75_65BC_CF92_B2F9),
    f64::from_bits(0xBF4C_02DB_03DD_71D7),
    f64::from_bits(0x3F1F_9A2B_AA8F_EE19),
    f64::from_bits(0xBEEF_4CA4_D6F3_E759),
    f64::from_bits(0x3EBB_97FD_3D99_536D),
    f64::from_bits(0xBE85_C072_6F05_DCF5),
    f64::from_bits(0x3E4D_71B0_F1B7_D8EC),
    f64::from_bits(0xBE0A_BAE4_91D8_287F),
];

/// The error function.
///
/// Below 1 it is `x + x C(x²)`, `C` of degree 11; above it is `1 - 2 Φ(-√2 x)`, with the rational function of `gelu.rs`.
#[inline(always)]
pub(in crate::math) fn erf<V: Vector<Element = f64>>(x: V) -> V {
    let one = V::constant(1.0);
    let z = V::constant(6.0).min(x.abs());
    let near = z.mul_add(polynomial(z * z, &C), z);
    let far = one - two_sided_tail(z * V::constant(std::f64::consts::SQRT_2));
    let sign = x.bits_and(V::constant(-0.0));
    z.select_lt(one, near, far).bits_or(sign)
}
