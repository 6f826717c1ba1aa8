use super::power::{LN_2_HIGH, LOG2_E};
use super::sigmoid::bell;
use crate::vector::Vector;

/// Added to `log2 w`, it rounds that to a whole number, and leaves the exponent of `w / 2` in the lowest bits.
const ROUNDING: f32 = 12_582_912.0 + 126.0;

/// `tanh s` is `s (P s² + ONE) / (Q s² + ONE)`, with a relative error of 2^-29.8 on |s| <= ln(2)/4. All three may be multiplied by
/// any number. With this one, most sums and products are a little less than a power of two, where rounding is least beside them.
const ONE: f32 = f32::from_bits(0x3FAE_B852);
const P: f32 = f32::from_bits(0x3DBA_20E7);
const Q: f32 = f32::from_bits(0x3F0B_BEF7);

/// `tanh x`.
///
/// With `e^(2|x|) = w e^(2s)`, `w` a power of two, and `tanh s = p/q`, it is `(m (p + q) + p) / (m (p + q) + q)`, where
/// `m = (w - 1)/2`. Of a small `x` it is `x` or a neighbour of it.
///
/// At most 2.794 ulp off, at 0.20277524.
#[inline(always)]
pub(in crate::math) fn tanh<V: Vector<Element = f32>>(x: V) -> V {
    // Where the result is 1 already; NaN stays, as it is second.
    let a = V::constant(9.25).min(x.abs());
    let rounding = V::splat(ROUNDING);
    let sum = a.mul_add(V::splat(2.0 * LOG2_E), rounding);
    let m = sum.bits_shl(V::MANTISSA_BITS) - V::constant(0.5);
    let k = sum - rounding;
    let s = k.mul_add(V::splat(-0.5 * LN_2_HIGH), a);
    let u = s * s;
    let q = u.mul_add(V::splat(Q), V::splat(ONE));
    let p = s * u.mul_add(V::splat(P), V::splat(ONE));
    let both = p + q;
    let y = m.mul_add(both, p) / m.mul_add(both, q);
    y.bits_or(x.bits_and(V::constant(-0.0)))
}

/// `4t / (1 + t)^2` with `t = e^(-2|x|)`.
///
/// At most 2.823 ulp off, at 1.7043717.
#[inline(always)]
pub(in crate::math) fn tanh_gradient<V: Vector<Element = f32>>(x: V) -> V {
    bell(x.abs() * V::constant(-2.0), 4.0)
}
