use super::power::{exact_exp_of_product, scaled_exp};
use crate::math::polynomial;
use crate::vector::Vector;

/// `ln(1 + t) / t` on [0, 1], from its second coefficient on; the first is 1.
const C: [f32; 9] = [
    f32::from_bits(0xBEFF_FFE9),
    f32::from_bits(0x3EAA_A6ED),
    f32::from_bits(0xBE7F_92AB),
    f32::from_bits(0x3E49_AAB4),
    f32::from_bits(0xBE1D_339B),
    f32::from_bits(0x3DDA_9E24),
    f32::from_bits(0xBD6B_F7D4),
    f32::from_bits(0x3CA5_4913),
    f32::from_bits(0xBB59_156F),
];
const SCALE: f64 = 1.0 / (1_u128 << 64) as f64;
/// `SCALE`, and `C` times that.
const SCALED: [f32; 10] = {
    let mut scaled = [SCALE as f32; 10];
    let mut i = 0;
    while i < C.len() {
        scaled[i + 1] *= C[i];
        i += 1;
    }
    scaled
};

/// `ln(1 + e^x)`.
///
/// It is `max(x, 0) + ln(1 + t)` with `t = e^-|x|`, and `ln(1 + t)` is `t` times a polynomial of degree 9 on [0, 1],
/// with a relative error of 2^-27.5.
///
/// At most 2.328 ulp off, at -0.48788247.
#[inline(always)]
pub(in crate::math) fn softplus<V: Vector<Element = f32>>(x: V) -> V {
    let t = scaled_exp(V::constant(-110.0).max(-x.abs()));
    t.mul_add(quotient(t), V::constant(0.0).max(x))
}

/// `2^-64 ln(1 + t) / t`, from `2^64 t`.
#[inline(always)]
fn quotient<V: Vector<Element = f32>>(scaled: V) -> V {
    polynomial(scaled * V::constant(SCALE), &SCALED)
}

/// `ln(1 + e^(beta x)) / beta`: as [`softplus`], with the product inside not rounded. At an infinite `beta` it is the
/// limit, the greater of `x` and 0, or the less.
#[inline(always)]
pub(in crate::math) fn softplus_scaled<V: Vector<Element = f32>>(x: V, beta: V) -> V {
    let (zero, one) = (V::constant(0.0), V::constant(1.0));
    let t = exact_exp_of_product(x, beta);
    // The scale goes where nothing overflows, and nothing is subnormal before the end.
    let scale = V::constant(1.0 / SCALE);
    let factor = beta.abs().select_lt(one, scale, one);
    let log = t * (quotient(t) * factor);
    let straight = zero.select_lt(beta, zero.max(x), zero.min(x));
    straight + log / (beta * factor)
}

/// `1 / (1 + e^-x)`.
///
/// With `t = e^-|x|` it is `1 / (1 + t)` above 0, and `t / (1 + t)` below.
///
/// At most 2.558 ulp off, at -1.9470799.
#[inline(always)]
pub(in crate::math) fn softplus_gradient<V: Vector<Element = f32>>(x: V) -> V {
    sigmoid(x, scaled_exp(V::constant(-110.0).max(-x.abs())))
}

/// `1 / (1 + e^(-beta x))`: as [`softplus_gradient`], with the product not rounded.
#[inline(always)]
pub(in crate::math) fn softplus_scaled_gradient<V: Vector<Element = f32>>(x: V, beta: V) -> V {
    let signed = x.bits_xor(beta.bits_and(V::constant(-0.0)));
    sigmoid(signed, exact_exp_of_product(x, beta))
}

/// Of what has the sign of `x`, from `t` times 2^64.
#[inline(always)]
fn sigmoid<V: Vector<Element = f32>>(x: V, scaled: V) -> V {
    let scale = V::constant(1.0 / SCALE);
    x.select_lt(V::constant(0.0), scaled, scale) / (scaled + scale)
}
