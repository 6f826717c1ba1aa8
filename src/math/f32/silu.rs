use std::f64::consts::LN_2;

use super::power::{
    FRACTION, LN_2_HIGH, LN_2_LOW, LN_2_REST, LN_2_SHORT, LOG2_E, QUARTIC, TABLE, TABLE_LOW, UP_64,
    exact_power, less_one, quick_less_one, reduced, scaled_exp, scaled_table, two_to,
};
use crate::vector::Vector;

/// Of the denominator, which would overflow where the quotient is small; of both parts of that of the gradient, so that
/// it alone is subnormal.
const SCALE: f64 = 1.0 / (1_u128 << 64) as f64;
const DOWN_64: [f32; 8] = scaled_table(TABLE, -64);

/// From here on `x sigmoid(x)` is `x`, rounded.
const TOP: f64 = 40.0;

/// `x / (1 + e^-x)`.
///
/// `e^-x` is reduced as in `power.rs`, by the cubic, and the 1 is added to its power of two. Zeros pass.
///
/// At most 2.864 ulp off, at -16.766027.
#[inline(always)]
pub(in crate::math) fn silu<V: Vector<Element = f32>>(x: V) -> V {
    // Less gives -0.
    let s = V::constant(-110.0).max(x);
    let (sum, r) = reduced(-s);
    V::constant(TOP).select_lt(x, x, quotient(s, sum, quick_less_one(r)))
}

/// `x / (1 + e^(-beta x))`, where |beta| is at least 2^-20: as [`silu`], by the quartic, with the product not rounded. An infinite
/// `beta` is taken for a great number.
///
/// At most 2.633 ulp off with a `beta` of 1.702, at -9.899548.
#[inline(always)]
pub(in crate::math) fn swish<V: Vector<Element = f32>>(x: V, beta: V) -> V {
    let (beta, s) = within(x, beta, 125.0);
    let rounding = V::rounding(FRACTION);
    let sum = s.mul_add(beta * V::splat(-LOG2_E), rounding);
    let k = sum - rounding;
    let r = s.mul_add(-beta, k * V::splat(-LN_2_SHORT));
    let r = k.mul_add(V::splat(-LN_2_REST), r);
    let top = rounding - V::constant(TOP / LN_2);
    sum.select_lt(top, x, quotient(s, sum, less_one(r)))
}

/// `beta`, so that its product with log2(e) is finite, and `x` between those whose product with it has `bound` for its
/// absolute value.
#[inline(always)]
fn within<V: Vector<Element = f32>>(x: V, beta: V, bound: f64) -> (V, V) {
    let most = V::constant(2e38);
    let beta = most.min((-most).max(beta));
    // A `beta` of 0 times infinity would be NaN.
    let end = V::splat(f32::MAX).min((V::constant(bound) / beta).abs());
    (beta, end.min((-end).max(x)))
}

/// `numerator / (1 + 2^k (1 + rest))`, where `sum` is `k` and the rounding constant.
#[inline(always)]
fn quotient<V: Vector<Element = f32>>(numerator: V, sum: V, rest: V) -> V {
    let power = two_to(sum, &DOWN_64);
    let scale = V::constant(SCALE);
    numerator / power.mul_add(rest, power + scale) * scale
}

/// With `t = e^-|x|` it is `(1 + t (1 + x)) / (1 + t)^2` above 0, and `t (1 + x + t) / (1 + t)^2` below.
///
/// At most 3.847 ulp off, at -0.83972985, of the ulp of 1/16 near its zero.
#[inline(always)]
pub(in crate::math) fn silu_gradient<V: Vector<Element = f32>>(x: V) -> V {
    let x = V::constant(110.0).min(V::constant(-110.0).max(x));
    slope(x, x + V::constant(1.0), scaled_exp(-x.abs()))
}

/// As [`silu_gradient`] at `beta x`, which is not rounded.
///
/// At most 3.546 ulp off with a `beta` of 1.702, at -2.2137115, of the ulp of 1/16 near its zero.
#[inline(always)]
pub(in crate::math) fn swish_gradient<V: Vector<Element = f32>>(x: V, beta: V) -> V {
    let (beta, s) = within(x, beta, 110.0);
    let z = beta * s;
    let low = beta.mul_add(s, -z);
    let sign = z.bits_and(V::constant(-0.0));
    let rounding = V::rounding(FRACTION);
    let sum = z.abs().mul_add(V::splat(-LOG2_E), rounding);
    let k = sum - rounding;
    let r = k.mul_add(V::splat(-LN_2_HIGH), -z.abs());
    let r = k.mul_add(V::splat(-LN_2_LOW), r - low.bits_xor(sign));
    let t = exact_power(sum, r, QUARTIC, &UP_64, &TABLE_LOW);
    slope(z, beta.mul_add(s, V::constant(1.0)), t)
}

/// From `z`, `1 + z` and `t = 2^64 e^-|z|`.
#[inline(always)]
fn slope<V: Vector<Element = f32>>(z: V, z_and_one: V, t: V) -> V {
    let one = V::constant(1.0 / SCALE);
    let plain = t * V::constant(SCALE);
    let numerator = t.mul_add(z_and_one, z.select_lt(V::constant(0.0), t * plain, one));
    numerator / t.mul_add(plain + V::constant(2.0), one)
}
