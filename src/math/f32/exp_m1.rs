use super::power::{LN_2_HIGH, LN_2_LOW, LOG2_E};
use crate::math::polynomial;
use crate::vector::Vector;

/// Of `(e^r - 1 - r) / r²` in `r`.
const POLYNOMIAL: [f32; 5] = [
    f32::from_bits(0x3EFF_FFFF),
    f32::from_bits(0x3E2A_AA58),
    f32::from_bits(0x3D2A_AB8B),
    f32::from_bits(0x3C09_13CC),
    f32::from_bits(0x3AB5_B9AE),
];

/// `e^x - 1`.
///
/// `e^x = 2^k e^r` with a whole `k`, and the result is `2^k p + (2^k - 1)`, rounded once but for what `2^k - 1` rounds.
/// `p = e^r - 1` is `r + r² q(r)`, `q` of degree 4 on |r| <= ln(2)/2, with an error of 2^-26.1 of `p`.
///
/// At most 1.53 ulp off, at 0.3911038 (`3EC8_3EC2`).
#[inline(always)]
pub(in crate::math) fn exp_m1<V: Vector<Element = f32>>(x: V) -> V {
    // Where the result is infinite or -1 already; NaN stays, as it is second.
    let s = V::constant(89.0).min(V::constant(-18.0).max(x));
    let rounding = V::rounding(0);
    let sum = s.mul_add(V::splat(LOG2_E), rounding);
    let k = sum - rounding;
    let r = k.mul_add(V::splat(-LN_2_HIGH), s);
    let r = k.mul_add(V::splat(-LN_2_LOW), r);
    // Half of the result, as 2^k may be too large.
    let half = V::constant(0.5);
    let power = sum.bits_shl(V::MANTISSA_BITS).bits_add(half);
    let y = power.mul_add(rest(r), power - half);
    // Half of a subnormal number may not be a number, and -0 would lose its sign.
    x.abs().select_lt(V::constant(2e-8), x, y + y)
}

/// `e^x - 1` where `x` is not above 0, up to the sign of 0; above, some number.
///
/// As [`exp_m1`], without the low part of `ln 2`: where it counts, `e^x` does not.
///
/// At most 0.945 ulp off, at -0.3955549 (`BECA_862C`).
#[inline(always)]
pub(in crate::math) fn exp_m1_below_0<V: Vector<Element = f32>>(x: V) -> V {
    let x = V::constant(-18.0).max(x);
    let rounding = V::rounding(0);
    let sum = x.mul_add(V::splat(LOG2_E), rounding);
    let k = sum - rounding;
    let r = k.mul_add(V::splat(-LN_2_HIGH), x);
    let one = V::constant(1.0);
    let power = sum.bits_shl(V::MANTISSA_BITS).bits_add(one);
    power.mul_add(rest(r), power - one)
}

/// `e^r - 1`.
#[inline(always)]
fn rest<V: Vector<Element = f32>>(r: V) -> V {
    (r * r).mul_add(polynomial(r, &POLYNOMIAL), r)
}
