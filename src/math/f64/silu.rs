use super::power::{PRODUCT_SHIFT, scaled_exp, scaled_exp_of_product, two_to};
use crate::vector::Vector;

const SHIFT: i32 = 128;

/// `x / (1 + e^-x)`.
///
/// With `t = e^-|x|` it is `-|x| t / (1 + t)` below 0, and `x` less that above. Both parts of the quotient are scaled, so that
/// it alone may be subnormal.
#[inline(always)]
pub(in crate::math) fn silu<V: Vector<Element = f64>>(x: V) -> V {
    let z = V::constant(760.0).min(x.abs());
    let t = scaled_exp(-z, SHIFT);
    // -0.0 where x is below 0, x where it is NaN or a zero.
    V::constant(-0.0).max(x) - z * t / (t + V::constant(two_to(SHIFT)))
}

/// `s (1 + x (1 - s))`, where `s = 1 / (1 + e^-x)`.
#[inline(always)]
pub(in crate::math) fn silu_gradient<V: Vector<Element = f64>>(x: V) -> V {
    let x = V::constant(-760.0).max(V::constant(760.0).min(x));
    let t = scaled_exp(-x.abs(), SHIFT);
    slope(x, t, x + V::constant(1.0), SHIFT)
}

/// `x / (1 + e^(-beta x))`: `x` times `t / (1 + t)` or `1 / (1 + t)`, where `t = e^-|beta x|`, with the product not rounded.
#[inline(always)]
pub(in crate::math) fn swish<V: Vector<Element = f64>>(x: V, beta: V) -> V {
    let (zero, one) = (V::constant(0.0), V::constant(1.0));
    let (up, down) = (
        V::constant(two_to(PRODUCT_SHIFT)),
        V::constant(two_to(-PRODUCT_SHIFT)),
    );
    let sign = x.bits_and(V::constant(-0.0));
    let signed = x.bits_xor(beta.bits_and(V::constant(-0.0)));
    let (t, z, _) = scaled_exp_of_product(x, beta);
    let share = signed.select_lt(zero, t, up) / t.mul_add(down, one);
    let x = signed.select_lt(zero, z.bits_or(sign), x);
    // The scale goes where nothing overflows, and nothing is subnormal before the end.
    let (scale_x, scale_y) = (
        x.abs().select_lt(one, one, down),
        x.abs().select_lt(one, down, one),
    );
    x * scale_x * share * scale_y
}

/// `s (1 + beta x (1 - s))`, where `s = 1 / (1 + e^(-beta x))`.
#[inline(always)]
pub(in crate::math) fn swish_gradient<V: Vector<Element = f64>>(x: V, beta: V) -> V {
    // A `beta` of 0 times infinity would be NaN.
    let greatest = V::splat(f64::MAX);
    let x = greatest.min((-greatest).max(x));
    let (t, z, factor) = scaled_exp_of_product(x, beta);
    let signed = x.bits_xor(beta.bits_and(V::constant(-0.0)));
    let z = z.bits_or(signed.bits_and(V::constant(-0.0)));
    slope(
        signed,
        t,
        z.mul_add(factor, V::constant(1.0)),
        PRODUCT_SHIFT,
    )
}

/// Of what has the sign of `x`, with `t = e^-|x|` times 2^shift and `h = 1 + x`: `(1 + t h) / (1 + t)²` above 0, and
/// `t (h + t) / (1 + t)²` below.
#[inline(always)]
fn slope<V: Vector<Element = f64>>(x: V, t: V, h: V, shift: i32) -> V {
    let scale = V::constant(two_to(shift));
    let plain = t * V::constant(two_to(-shift));
    let numerator = t.mul_add(h, x.select_lt(V::constant(0.0), t * plain, scale));
    numerator / t.mul_add(plain + V::constant(2.0), scale)
}
