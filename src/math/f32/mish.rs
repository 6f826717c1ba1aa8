use super::power::scaled_exp;
use crate::vector::Vector;

const SCALE: f64 = (1_u128 << 64) as f64;

/// `x tanh(ln(1 + e^x))`.
///
/// With `n = e^x (e^x + 2)` it is `x n / (n + 2)`. Above 10 that is `x`, rounded; below -110 it is less than half of the
/// least number.
#[inline(always)]
pub(in crate::math) fn mish<V: Vector<Element = f32>>(x: V) -> V {
    let top = V::constant(10.0);
    let inside = V::constant(-110.0).max(top.min(x));
    // Times 2^64 above and below, so that only the quotient may be subnormal.
    let n = numerator(inside).1;
    let y = inside * n / (n + V::constant(2.0 * SCALE));
    top.select_lt(x, x, y)
}

/// `e^x` and `n`, each times 2^64.
#[inline(always)]
fn numerator<V: Vector<Element = f32>>(x: V) -> (V, V) {
    let t = scaled_exp(x);
    (t, t * t.mul_add(V::constant(1.0 / SCALE), V::constant(2.0)))
}

/// `(n (n + 2) + 4 x t (1 + t)) / (n + 2)²`, where `t = e^x` and `n = t (t + 2)`.
///
/// As `w + x t (1 + t) 4 / (n + 2)²`, with `w = n / (n + 2)`: one division by `n + 2`, of 2.
#[inline(always)]
pub(in crate::math) fn mish_gradient<V: Vector<Element = f32>>(x: V) -> V {
    let x = V::constant(-120.0).max(V::constant(16.0).min(x));
    let (t, n) = numerator(x);
    let (one, down) = (V::constant(1.0), V::constant(1.0 / SCALE));
    // 2 / (n + 2)
    let q = V::constant(2.0) / n.mul_add(down, V::constant(2.0));
    // t times what is left of n / (n + 2) and of the other term.
    let plain = t * down;
    let half = plain.mul_add(V::constant(0.5), one);
    let rest = (x * q).mul_add(plain + one, half);
    (t * q) * (rest * down)
}
