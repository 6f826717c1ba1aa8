use super::power::{PRODUCT_SHIFT, scaled_exp, scaled_exp_of_product, two_to};
use crate::math::polynomial;
use crate::vector::Vector;

/// `ln((2 + v) / (2 - v)) = v + v³ C(v²)` for `v` up to 2/3, with a relative error of 2^-57.
const C: [f64; 10] = [
    f64::from_bits(0x3FB5_5555_5555_5555),
    f64::from_bits(0x3F89_9999_9999_A458),
    f64::from_bits(0x3F62_4924_923C_D0EA),
    f64::from_bits(0x3F3C_71C7_2768_2788),
    f64::from_bits(0x3F17_45CE_FBD2_6320),
    f64::from_bits(0x3EF3_B18C_B6A8_429E),
    f64::from_bits(0x3ED1_0AAF_9622_8D7F),
    f64::from_bits(0x3EAE_BAAE_7E02_9043),
    f64::from_bits(0x3E86_7FAB_20FA_36AD),
    f64::from_bits(0x3E74_B8A3_C660_4603),
];

const SHIFT: i32 = 64;
const SCALE: f64 = two_to(SHIFT);

/// `ln(1 + e^x)`.
///
/// It is `max(x, 0) + ln(1 + t)` with `t = e^-|x|`, and `ln(1 + t)` is a series in `v = 2 t / (2 + t)`, whose polynomial is of
/// degree 9.
#[inline(always)]
pub(in crate::math) fn softplus<V: Vector<Element = f64>>(x: V) -> V {
    let t = scaled_exp(V::constant(-746.0).max(-x.abs()), SHIFT);
    // Both parts of the quotient are scaled, so that it alone may be subnormal.
    let v = t / t.mul_add(V::constant(0.5), V::constant(SCALE));
    series(v) + V::constant(0.0).max(x)
}

#[inline(always)]
fn series<V: Vector<Element = f64>>(v: V) -> V {
    let square = v * v;
    (v * square).mul_add(polynomial(square, &C), v)
}

/// `ln(1 + e^(beta x)) / beta`: as [`softplus`], with the product inside not rounded. At an infinite `beta` it is the
/// limit, the greater of `x` and 0, or the less.
#[inline(always)]
pub(in crate::math) fn softplus_scaled<V: Vector<Element = f64>>(x: V, beta: V) -> V {
    let (zero, one) = (V::constant(0.0), V::constant(1.0));
    let (t, ..) = scaled_exp_of_product(x, beta);
    let down = V::constant(two_to(-PRODUCT_SHIFT));
    // 2^PRODUCT_SHIFT v, which does not underflow.
    let scaled = t / (t * down).mul_add(V::constant(0.5), one);
    let v = scaled * down;
    let square = v * v;
    let log = (scaled * square).mul_add(polynomial(square, &C), scaled);
    // The scale goes where nothing overflows, and nothing is subnormal before the end.
    let (scale_log, scale_inverse) = (
        beta.abs().select_lt(one, one, down),
        beta.abs().select_lt(one, down, one),
    );
    let straight = zero.select_lt(beta, zero.max(x), zero.min(x));
    (log * scale_log).mul_add(scale_inverse / beta, straight)
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(in crate::math) fn softplus_gradient<V: Vector<Element = f64>>(x: V) -> V {
    sigmoid(
        x,
        scaled_exp(V::constant(-746.0).max(-x.abs()), SHIFT),
        SCALE,
    )
}

/// `1 / (1 + e^(-beta x))`: as [`softplus_gradient`], with the product not rounded.
#[inline(always)]
pub(in crate::math) fn softplus_scaled_gradient<V: Vector<Element = f64>>(x: V, beta: V) -> V {
    let signed = x.bits_xor(beta.bits_and(V::constant(-0.0)));
    let (t, ..) = scaled_exp_of_product(x, beta);
    sigmoid(signed, t, two_to(PRODUCT_SHIFT))
}

/// Of what has the sign of `x`, from `t = e^-|x|` times `scale`: `1 / (1 + t)` above 0, and `t / (1 + t)` below.
#[inline(always)]
fn sigmoid<V: Vector<Element = f64>>(x: V, t: V, scale: f64) -> V {
    let scale = V::splat(scale);
    x.select_lt(V::constant(0.0), t, scale) / (t + scale)
}
