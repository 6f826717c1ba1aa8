use crate::math::polynomial;
use crate::vector::Vector;

const LN_2_HIGH: f32 = f32::from_bits(0x3F31_7218);
const LN_2_LOW: f32 = f32::from_bits(0xB102_E308);
/// Of `ln(1 + f)`, from `f²` on.
const C: [f32; 9] = [
    f32::from_bits(0xBEFF_FFFC),
    f32::from_bits(0x3EAA_AAA8),
    f32::from_bits(0xBE80_0219),
    f32::from_bits(0x3E4C_D20D),
    f32::from_bits(0xBE2A_12E2),
    f32::from_bits(0x3E11_36FE),
    f32::from_bits(0xBE07_9FD3),
    f32::from_bits(0x3E04_3067),
    f32::from_bits(0xBD9C_2395),
];
/// The bits of `√(1/2)`: what is added to make the exponent of `1 + x` change there and not at a power of two.
const ROOT_HALF: u32 = 0x3F35_04F3;

/// `ln(1 + x)`.
///
/// `1 + x = 2^k (1 + f)`, with `1 + f` from `√(1/2)` to `√2`, and the logarithm is `k ln 2 + f + f² q(f)`, `q` of
/// degree 8 with a relative error of 2^-27.8. `f` is `x 2^-k + (2^-k - 1)`, rounded once, so nothing of a small `x` is
/// lost.
///
/// At most 1.453 ulp off, at 0.4142768.
#[inline(always)]
pub(in crate::math) fn ln_1p<V: Vector<Element = f32>>(x: V) -> V {
    let one = V::constant(1.0);
    // k + 128 in the place of the exponent, then 4 / 2^k, which is normal for the greatest k, too.
    let shifted = (x + one).bits_sub(V::splat(f32::from_bits(ROOT_HALF.wrapping_sub(128 << 23))));
    let power = shifted.bits_and(V::splat(f32::NEG_INFINITY));
    let inverse = V::splat(f32::from_bits((127 + 2 + 128) << 23)).bits_sub(power);
    let f = (x * V::constant(0.25)).mul_add(inverse, inverse.mul_add(V::constant(0.25), -one));
    let two_23 = V::constant(8_388_608.0);
    let k = shifted.bits_shr(23).bits_add(two_23) - V::constant(8_388_608.0 + 128.0);
    let q = polynomial(f, &C);
    let log = k.mul_add(V::splat(LN_2_LOW), (f * f).mul_add(q, f));
    let log = k.mul_add(V::splat(LN_2_HIGH), log);
    // Where x is so small that it is the logarithm, zeros and subnormal numbers among it; and the ends.
    let log = x.abs().select_lt(V::constant(1e-9), x, log);
    let log = x.select_lt(V::splat(f32::INFINITY), log, x);
    let below = (x + one).select_lt(
        V::constant(0.0),
        V::splat(f32::NAN),
        V::splat(f32::NEG_INFINITY),
    );
    V::constant(-1.0).select_lt(x, log, x.select_le(V::constant(-1.0), below, x))
}
