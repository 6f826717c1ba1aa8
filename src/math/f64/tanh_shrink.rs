use super::power::{one_less_exp_in_two, scaled_exp, tail};
use crate::math::polynomial;
use crate::vector::Vector;

/// `(x - tanh x) / x³` is `P(x²) / Q(x²)` up to 1, with a relative error of 2^-57.
const P: [f64; 4] = [
    f64::from_bits(0x3FF0_0000_0000_0000),
    f64::from_bits(0x3FB0_711B_8F78_6B43),
    f64::from_bits(0x3F47_E933_FC18_4318),
    f64::from_bits(0x3E6B_C52D_65D2_E3A3),
];

/// See `P`.
const Q: [f64; 4] = [
    f64::from_bits(0x4008_0000_0000_0000),
    f64::from_bits(0x3FF6_4868_5E19_C747),
    f64::from_bits(0x3FB2_D3E7_4902_9E10),
    f64::from_bits(0x3F48_FE86_2063_55E3),
];

const P_TAIL: [f64; 3] = tail(P);

/// `x - tanh x`.
///
/// Below 1 it is `x³ P(x²) / Q(x²)`, both of degree 3; above it is `(x - 1) + 2 t / (1 + t)` with `t = e^-2x`. There is one
/// division for both.
#[inline(always)]
pub(in crate::math) fn tanh_shrink<V: Vector<Element = f64>>(x: V) -> V {
    let (zero, one) = (V::constant(0.0), V::constant(1.0));
    let z = x.abs();
    let square = z * z;
    // 2 t
    let t = scaled_exp(V::constant(-64.0).max(z * V::constant(-2.0)), 1);
    // z³ P(z²), where P is 1 and z² times the others.
    let cube = square * z;
    let numerator = cube.mul_add(square * polynomial(square, &P_TAIL), cube);
    let numerator = z.select_lt(one, numerator, t);
    let denominator = z.select_lt(
        one,
        polynomial(square, &Q),
        t.mul_add(V::constant(0.5), one),
    );
    let y = zero.max(z - one) + numerator / denominator;
    y.bits_or(x.bits_and(V::constant(-0.0)))
}

/// `tanh²(x)`.
///
/// As `(1 - t)² / (1 + t)²`, with `t = e^-2|x|`. The square doubles the error of `1 - t`, so that is in two parts.
#[inline(always)]
pub(in crate::math) fn tanh_shrink_gradient<V: Vector<Element = f64>>(x: V) -> V {
    let (one, two) = (V::constant(1.0), V::constant(2.0));
    let (less, less_low, t) = one_less_exp_in_two(V::constant(40.0).min(x.abs() * two));
    let t = t.value();
    less.mul_add(less, (less + less) * less_low) / t.mul_add(t + two, one)
}
