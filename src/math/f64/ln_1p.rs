use super::power::{LN_2_HIGH, LN_2_LOW};
use crate::math::polynomial;
use crate::vector::Vector;

/// `ln((2 + v) / (2 - v)) = v + v³ C(v²)` for `v` up to 0.3432, with a relative error of 2^-57.
const C: [f64; 7] = [
    f64::from_bits(0x3FB5_5555_5555_5558),
    f64::from_bits(0x3F89_9999_9999_5223),
    f64::from_bits(0x3F62_4924_92E0_3EC7),
    f64::from_bits(0x3F3C_71C6_2D03_5D29),
    f64::from_bits(0x3F17_462B_A29D_AEE6),
    f64::from_bits(0x3EF3_9FDB_9164_67D4),
    f64::from_bits(0x3ED2_B5FC_0CC3_ECEC),
];

/// The bits of `√(1/2)`: what is added to make the exponent of `1 + x` change there and not at a power of two.
const ROOT_HALF: u64 = 0x3FE6_A09E_667F_3BCD;

/// `ln(1 + x)`.
#[inline(always)]
pub(in crate::math) fn ln_1p<V: Vector<Element = f64>>(x: V) -> V {
    let log = x.select_lt(V::splat(f64::INFINITY), ln_1p_of_finite(x), x);
    let below = (x + V::constant(1.0)).select_lt(
        V::constant(0.0),
        V::splat(f64::NAN),
        V::splat(f64::NEG_INFINITY),
    );
    V::constant(-1.0).select_lt(x, log, x.select_le(V::constant(-1.0), below, x))
}

/// `ln(1 + x)` where that is a number; NaN stays.
///
/// `1 + x = 2^k (1 + f)`, with `1 + f` from `√(1/2)` to `√2`, and the logarithm is `k ln 2` and a series in
/// `v = 2 f / (2 + f)`, whose polynomial is of degree 6. `f` is `x 2^-k + (2^-k - 1)`, rounded once, so nothing of a small `x` is lost.
#[inline(always)]
pub(in crate::math) fn ln_1p_of_finite<V: Vector<Element = f64>>(x: V) -> V {
    let (one, two) = (V::constant(1.0), V::constant(2.0));
    // k + 1024 in the place of the exponent, then 4 / 2^k, which is normal for the greatest k, too.
    let shifted = (x + one).bits_sub(V::splat(f64::from_bits(ROOT_HALF.wrapping_sub(1024 << 52))));
    let power = shifted.bits_and(V::splat(f64::NEG_INFINITY));
    let inverse = V::splat(f64::from_bits((1023 + 2 + 1024) << 52)).bits_sub(power);
    let quarter = V::constant(0.25);
    let f = (x * quarter).mul_add(inverse, inverse.mul_add(quarter, -one));
    let two_52 = V::constant(4_503_599_627_370_496.0);
    let k = shifted.bits_shr(52).bits_add(two_52) - V::constant(4_503_599_627_370_496.0 + 1024.0);
    let v = (f + f) / (f + two);
    let square = v * v;
    let log = (v * square).mul_add(polynomial(square, &C), k.mul_add(V::splat(LN_2_LOW), v));
    let log = k.mul_add(V::splat(LN_2_HIGH), log);
    // Where x is so small that it is the logarithm, zeros and subnormal numbers among it.
    x.abs().select_lt(V::constant(1e-17), x, log)
}
