use super::power::{closely_scaled_exp, scaled_exp, two_to};
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

/// Below 0 it is `N / D`, and above `1 + (N - D) / D`, which is 1 and little: `D = (t² + 2 t + 2)²`, and `N = t (4 + 4 x +
/// t (6 + 4 x + t (4 + t)))`, where what is rounded off `4 + 4 x` is added. From 40 on it is what it is there, 1.
#[inline(always)]
pub(in crate::math) fn mish_gradient<V: Vector<Element = f64>>(x: V) -> V {
    let (zero, one, four, eight) = (
        V::constant(0.0),
        V::constant(1.0),
        V::constant(4.0),
        V::constant(8.0),
    );
    let (up, down) = (V::constant(4.0 * SCALE), V::constant(1.0 / SCALE));
    let x = V::constant(-760.0).max(V::constant(40.0).min(x));
    // Times 2^128, like the numerators and the denominator, so that only the quotient may be subnormal.
    let scaled = closely_scaled_exp(x, SHIFT).value();
    let t = scaled * down;
    let t_and_four = t + four;
    let denominator = t.mul_add(t.mul_add(t_and_four, eight), eight);
    let denominator = scaled.mul_add(denominator, up);
    let linear = x.mul_add(four, four);
    let linear_low = x.mul_add(four, four - linear);
    let six = x.mul_add(four, V::constant(6.0));
    let rest = t.mul_add(t.mul_add(t_and_four, six), linear_low);
    let below = scaled.mul_add(linear, scaled * rest);
    let above = scaled.mul_add(t.mul_add(six - eight, linear - eight), -up);
    let quotient = x.select_lt(zero, below, above) / denominator;
    x.select_lt(zero, quotient, quotient + one)
}
