use super::power::{scaled_exp, scaled_power, two_to};
use crate::vector::Vector;

const SHIFT: i32 = 128;
const SCALE: f64 = two_to(SHIFT);

/// `x tanh(ln(1 + e^x))`.
///
/// With `t = e^x` and `d = 1 + t + t t / 2` it is `(x t + x t t / 2) / d` up to 0, where what is rounded off `x t` is added, and `x - x / d`
/// above. Below -760 it is less than half of the least number.
#[inline(always)]
pub(in crate::math) fn mish<V: Vector<Element = f64>>(x: V) -> V {
    let zero = V::constant(0.0);
    let inside = V::constant(-760.0).max(V::constant(40.0).min(x));
    // Times 2^128 above and below, so that only the quotient may be subnormal.
    let t = scaled_exp(inside, SHIFT);
    let half = t * V::constant(0.5 / SCALE);
    let d = t.mul_add(half + V::constant(1.0), V::constant(SCALE));
    let xt = inside * t;
    // By subtractions, so that the zero of -0.0 keeps its sign.
    let too_much = inside.mul_add(-t, xt);
    let below = xt - xt.mul_add(-half, too_much);
    let quotient = x.select_le(zero, below, inside * V::constant(-SCALE)) / d;
    x.select_le(zero, quotient, x + quotient)
}

/// From here on the gradient is 1/2 and a quotient that is hardly greater.
const NEAR: f64 = -0.5;

/// With `t = e^x` it is `N / D`, where `N = t (4 + 4 x + t (6 + 4 x + t (4 + t)))` and `D = (t² + 2 t + 2)²`. Below `NEAR`, where `4 + 4 x`
/// is exact, most of what is rounded off the first brackets is added. From there on it is
/// `1/2 + (N - D/2) / D`, so that rounding counts little; from 40 on it is what it is there, 1.
#[inline(always)]
pub(in crate::math) fn mish_gradient<V: Vector<Element = f64>>(x: V) -> V {
    let (half, four, eight) = (V::constant(0.5), V::constant(4.0), V::constant(8.0));
    let near = V::constant(NEAR);
    let x = V::constant(-760.0).max(V::constant(40.0).min(x));
    // Times 2^128, like the numerators and the denominator, so that only the quotient may be subnormal.
    let power = scaled_power(x, SHIFT);
    let scaled = power.value();
    let t = scaled * V::constant(1.0 / SCALE);
    let t_and_four = t + four;
    let quadratic = t.mul_add(t_and_four, eight);
    let denominator = scaled.mul_add(t.mul_add(quadratic, eight), V::constant(4.0 * SCALE));

    let linear = x.mul_add(four, four);
    let slope = t.mul_add(t_and_four, linear + V::constant(2.0));
    let sum = t.mul_add(slope, linear);
    let sum_low = t.mul_add(slope, linear - sum);
    let below = power.times_sum(sum, sum_low);

    let slope = quadratic.mul_add(half, linear - V::constant(6.0));
    let above = scaled.mul_add(t.mul_add(slope, linear - four), V::constant(-2.0 * SCALE));

    let quotient = x.select_lt(near, below, above) / denominator;
    x.select_lt(near, quotient, quotient + half)
}
