use super::exp_m1::{C2, C3, C4, C5, C6};
use super::power::{LN_2_HIGH, LOG2_E};
use super::sigmoid::bell;
use crate::vector::Vector;

/// Added to `log2 w`, it rounds that to a whole number, and leaves the exponent of `w` in the lowest bits.
const ROUNDING: f32 = 12_582_912.0 + 127.0;

/// `tanh x`.
///
/// With `e^(2|x|) = w e^(2s)`, `w` a power of two, it is `n / (2w - n)`, where `n = w - 1 + p` and `p = 1 - e^(-2s)`.
/// That is `s` times a polynomial of degree 5 on |s| <= ln(2)/4, with a relative error of 2^-26.1.
///
/// At most 2.564 ulp off, at 0.5396155.
#[inline(always)]
pub(in crate::math) fn tanh<V: Vector<Element = f32>>(x: V) -> V {
    // Where the result is 1 already; NaN stays, as it is second.
    let a = V::constant(9.25).min(x.abs());
    let rounding = V::splat(ROUNDING);
    let sum = a.mul_add(V::splat(2.0 * LOG2_E), rounding);
    let k = sum - rounding;
    let s = k.mul_add(V::splat(-0.5 * LN_2_HIGH), a);
    let p = s.mul_add(V::splat(-64.0 * C6), V::splat(32.0 * C5));
    let p = p.mul_add(s, V::splat(-16.0 * C4));
    let p = p.mul_add(s, V::splat(8.0 * C3));
    let p = p.mul_add(s, V::splat(-4.0 * C2));
    let p = p.mul_add(s, V::splat(2.0));
    let one = V::constant(1.0);
    let w = sum.bits_shl(V::MANTISSA_BITS);
    let n = s.mul_add(p, w - one);
    let y = n / w.mul_add(V::splat(2.0), -n);
    y.bits_or(x.bits_and(V::constant(-0.0)))
}

/// `4t / (1 + t)^2` with `t = e^(-2|x|)`.
///
/// At most 3.026 ulp off, at 1.7026577.
#[inline(always)]
pub(in crate::math) fn tanh_gradient<V: Vector<Element = f32>>(x: V) -> V {
    bell(x.abs() * V::constant(-2.0), 4.0)
}
