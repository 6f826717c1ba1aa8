use super::power::{closely_scaled_exp, mul_add_in_two, scaled_exp, two_to};
use crate::vector::Vector;

const SHIFT: i32 = 128;
const SCALE: f64 = two_to(SHIFT);

/// `x tanh(ln(1 + e^x))`.
///
/// With `t = e^x` it is `x t (t + 2) / (t (t + 2) + 2)`. Above 40 that is `x`, rounded; below -760 it is less than half of the
/// least number.
#[inline(always)]
pub(in crate::math) fn mish<V: Vector<Element = f64>>(x: V) -> V {
    let top = V::constant(40.0);
    let inside = V::constant(-760.0).max(top.min(x));
    // Times 2^128 above and below, so that only the quotient may be subnormal.
    let t = scaled_exp(inside, SHIFT);
    let plain = t * V::constant(1.0 / SCALE);
    let xt = inside * t;
    let y =
        xt.mul_add(plain, xt + xt) / t.mul_add(plain + V::constant(2.0), V::constant(2.0 * SCALE));
    top.select_lt(x, x, y)
}

/// With `n = t (t + 2)` it is `t (t (t (t + 4) + 6 + 4 x) + 4 + 4 x) / (n + 2)²`.
///
/// The denominator is `n (n + 4) + 4`, with `n` in twice the bits. From 40 on it is what it is there, 1.
#[inline(always)]
pub(in crate::math) fn mish_gradient<V: Vector<Element = f64>>(x: V) -> V {
    let (two, four) = (V::constant(2.0), V::constant(4.0));
    let (up, down) = (V::constant(4.0 * SCALE), V::constant(1.0 / SCALE));
    let x = V::constant(-760.0).max(V::constant(40.0).min(x));
    let power = closely_scaled_exp(x, SHIFT);
    let t = power.value();
    let plain = t * down;
    let inner = plain.mul_add(plain + four, x.mul_add(four, V::constant(6.0)));
    let (numerator, numerator_low) = mul_add_in_two(plain, inner, x.mul_add(four, four));
    let n = t.mul_add(plain, t + t);
    let n_low = t.mul_add(plain, (t + t) - n);
    let n_plain = n * down;
    let low = n_low.mul_add(n_plain.mul_add(two, four), up);
    power.times_sum(numerator, numerator_low) / n.mul_add(n_plain + four, low)
}
