//! The functions that the smooth activations are made of, one file a function and element type.
//!
//! A function is written once, over `V: Vector<Element = f32>` or `f64`, from operations that round alike on every
//! register, so its bits are the same on all of them. Beside the arithmetic of [`Vector`] it has the bits of lanes
//! ([`Bits`](crate::vector::sealed::Bits), hidden from users).
//!
//! To add a function: `f32/name.rs` and `f64/name.rs` with `pub(in crate::math) fn name<V: Vector<Element = f32>>(x: V) -> V`,
//! `#[inline(always)]` like all that it calls; `mod name;` in `f32.rs` and `f64.rs`; an item in
//! [`Functions`](crate::vector::sealed::Functions) and its line in the list below. If users are to have it, a method
//! of [`Vector`], whose body is `Self::Element::name(self)`. The constants are printed by `coefficients/f32_name.sollya`
//! and `coefficients/f64_name.sollya` at the repository's root.
//!
//! Items of the smooth activations, `f'` without the factor of the output's gradient:
//!
//! | item | it is |
//! |---|---|
//! | `exp`, `exp_m1`, `tanh` | as of [`Vector`] |
//! | `exp_below_0(x)` | `e^x` where x <= 0, which is less work; above 0 some number |
//! | `shift(max)`, `shifted_exp(x, shift)` | `SHIFTED_ONE e^(x - max)`, times a number from 0.7 to 1.5 that depends on `max` alone; written by hand, as they are about a `Shift` |
//! | `exact_shift(max)` | with it, `shifted_exp` is `SHIFTED_ONE e^(x - max)` itself |
//! | `exp_m1_below_0(x)` | `e^x - 1` where x <= 0, which is less work; above 0 some number. -0.0 gives either zero |
//! | `sigmoid(x)`, `sigmoid_gradient(x)` | `1 / (1 + e^-x)`, `e^-x / (1 + e^-x)^2` |
//! | `silu(x)`, `silu_gradient(x)` | `x sigmoid(x)`, -0 at -inf |
//! | `swish(x, beta)`, `swish_gradient(x, beta)` | `x sigmoid(beta x)` |
//! | `tanh_gradient(x)` | `1 - tanh(x)^2`, of full relative accuracy where it is small |
//! | `ln_1p`, `erf` | as of [`Vector`] |
//! | `gelu(x)`, `gelu_gradient(x)` | `x Phi(x)`, -0 at -inf; `Phi(x) + x phi(x)` |
//! | `gelu_tanh(x)`, `gelu_tanh_gradient(x)` | `x / (1 + e^-u)`, `u = sqrt(8/pi) (x + 0.044715 x^3)`, -0 at -inf |
//! | `softplus(x)`, `softplus_gradient(x)` | `ln(1 + e^x)`, `1 / (1 + e^-x)` |
//! | `softplus_scaled(x, beta)`, `softplus_scaled_gradient(x, beta)` | `ln(1 + e^(beta x)) / beta`, of either sign, infinite ones too; `1 / (1 + e^(-beta x))` |
//! | `mish(x)`, `mish_gradient(x)` | `x tanh(ln(1 + e^x))`, -0 at -inf |
//! | `tanh_shrink(x)`, `tanh_shrink_gradient(x)` | `x - tanh(x)`, odd to the bit; `tanh(x)^2` |

mod f32;
mod f64;

use std::f64::consts::LOG2_E;
use std::primitive;

use crate::vector::{Functions, Shift, Vector};

macro_rules! functions {
    ($($file:ident::$name:ident $arguments:tt,)*) => {
        functions!(@of f32, [f32; 8]: $($file::$name $arguments,)*);
        functions!(@of f64, [f64; 16]: $($file::$name $arguments,)*);
    };
    (@of $element:ident, $table:ty: $($file:ident::$name:ident($($argument:ident),*),)*) => {
        impl Functions for primitive::$element {
            type Table = $table;

            #[inline(always)]
            fn shift(max: Self) -> Shift<Self> {
                $element::exp::shift(max)
            }

            #[inline(always)]
            fn shifted_exp<V: Vector<Element = Self>>(x: V, shift: &Shift<Self>) -> V {
                $element::exp::shifted_exp(x, shift)
            }

            const SHIFTED_ONE: f64 = $element::exp::SHIFTED_ONE;

            #[inline(always)]
            fn exact_shift(max: Self) -> Shift<Self> {
                let shift = $element::exp::shift(max);
                let table = $element::exp::exact_table(max, shift.less, shift.rounding);
                Shift { table, ..shift }
            }

            $(
            #[inline(always)]
            fn $name<V: Vector<Element = Self>>($($argument: V),*) -> V {
                $element::$file::$name($($argument),*)
            }
            )*
        }
    };
}

functions! {
    exp::exp(x),
    exp::exp_below_0(x),
    exp_m1::exp_m1(x),
    exp_m1::exp_m1_below_0(x),
    tanh::tanh(x),
    tanh::tanh_gradient(x),
    sigmoid::sigmoid(x),
    sigmoid::sigmoid_gradient(x),
    silu::silu(x),
    silu::silu_gradient(x),
    silu::swish(x, beta),
    silu::swish_gradient(x, beta),
    ln_1p::ln_1p(x),
    erf::erf(x),
    gelu::gelu(x),
    gelu::gelu_gradient(x),
    gelu_tanh::gelu_tanh(x),
    gelu_tanh::gelu_tanh_gradient(x),
    softplus::softplus(x),
    softplus::softplus_scaled(x, beta),
    softplus::softplus_gradient(x),
    softplus::softplus_scaled_gradient(x, beta),
    mish::mish(x),
    mish::mish_gradient(x),
    tanh_shrink::tanh_shrink(x),
    tanh_shrink::tanh_shrink_gradient(x),
}

/// `c[0] + c[1] x + ...`
#[inline(always)]
fn polynomial<V: Vector, const N: usize>(x: V, c: &[V::Element; N]) -> V {
    let mut p = V::splat(c[N - 1]);
    for i in 1..N {
        p = p.mul_add(x, V::splat(c[N - 1 - i]));
    }
    p
}

/// `tanh x`, where `tanh(x/2)` is about `x P(x²) / Q(x²)`.
///
/// With `tanh(x/2) = p/q` it is `2 p q / (q² + p²)`. The nearer it is to 1, the less counts what `p` and `q` are off by: both go into
/// numerator and denominator, and as much into the one as into the other where `p` is `q`.
///
/// `top` is where this gives 1 itself, which is the result of all that is greater, and no further than it has to be. It is never more than
/// 1 up to there: `2 p q` is not above `q² + p²`, whatever `p` and `q` are, and what rounding takes from `p²` is less than their
/// difference, `(q - p)²`, while that is more than some 2^-24 of `q²` (`f64` 2^-53). Beyond, `f32` has results above 1 from 9.84 on.
#[inline(always)]
fn tanh_by_half<V: Vector, const N: usize, const M: usize>(
    x: V,
    top: f64,
    p: &[V::Element; N],
    q: &[V::Element; M],
) -> V {
    let x = V::constant(top).min(V::constant(-top).max(x));
    let square = x * x;
    let p = polynomial(square, p) * x;
    let q = polynomial(square, q);
    (p + p) * q / q.mul_add(q, p * p)
}

/// `a + b`, rounded, and what rounding took from it (Knuth's two-sum).
#[inline(always)]
pub(crate) fn two_sum<V: Vector>(a: V, b: V) -> (V, V) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

/// `ln(1 + x)`, where `x` is not below 0 and not infinite.
#[inline(always)]
pub(crate) fn ln_1p_of_sum(x: primitive::f64) -> primitive::f64 {
    f64::ln_1p::ln_1p_of_finite(x)
}

/// The [`Shift`] of `max`. What is less than `max - furthest` counts as that, and a million such exponentials together are less than half the
/// least number.
///
/// `e^max` is about `2^k` for an integer `k`. To divide by that is to take `k` from the exponent, which costs nothing: the exponent is
/// rounded by adding a number, and that is less by `k` then. Where `max` is too great for exponents, it is taken from the numbers: those that count are between its half
/// and its double, so that nothing is rounded off.
#[inline(always)]
fn shift<T: Vector<Element = T> + Functions>(
    max: T,
    furthest: T,
    rounding: T,
    table: T::Table,
) -> Shift<T> {
    let zero = T::constant(0.0);
    let exponent_of = max.abs().select_lt(furthest + furthest, max, zero);
    let whole = T::rounding(0);
    // Any whole number near it will do: a multiply-add of one number is a call where there is no instruction.
    let k = exponent_of * T::constant(LOG2_E) + whole - whole;
    Shift {
        less: max - exponent_of,
        least: exponent_of - furthest,
        rounding: rounding - k,
        table,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;
    use crate::arch::Tier;
    use crate::element::Element;
    use crate::formula::Formula;

    #[derive(Clone, Copy)]
    struct Exp;

    impl Formula for Exp {
        #[inline(always)]
        fn value<V: Vector>(self, x: V) -> V {
            x.exp()
        }
    }

    /// `exp` on every register: the same bits, near the mathematical ones between these, and infinity and 0 past them.
    fn exp_on<T: Element>(least: f64, greatest: f64, tolerance: f64) {
        // Miri is slow.
        let count = if cfg!(miri) { 50 } else { 10_000 };
        let between =
            (0..count).map(|i| least + (greatest - least) * f64::from(i) / f64::from(count));
        let ends = [f64::INFINITY, f64::NEG_INFINITY, 1e30, -1e30, 0.0, -0.0];
        let x: Vec<T> = between.chain(ends).map(T::from_f64).collect();
        for tier in Tier::available() {
            assert!(Exp.on(tier).eval(T::from_f64(f64::NAN)).into().is_nan());
            for (&x, y) in x.iter().zip(Exp.on(tier).forward_to_vec(&x)) {
                assert!(Exp.eval(x) == y, "{tier}: {x}");
                let (exact, y) = (f64::exp(x.into()), y.into());
                let is_near = (y / exact - 1.0).abs() < tolerance;
                assert!(y == exact || is_near, "{tier}: {x}: {y}");
            }
        }
    }

    /// Odd to the bit, never above 1, and 1 in the end, which nothing but the roundings of one division sees to; and a subnormal number
    /// is no zero.
    #[test]
    fn tanh() {
        fn in_range<T: Functions + Vector<Element = T> + Element>(highest: f64) {
            // Miri is slow.
            let count = if cfg!(miri) { 50 } else { 1_000_000 };
            let between = (0..=count).map(|i| 1.1 * highest * f64::from(i) / f64::from(count));
            let x = between.chain([1e-300, 1e-40, 1e30, f64::INFINITY]);
            for x in x.map(T::from_f64) {
                let [y, opposite]: [f64; 2] = [Vector::tanh(x).into(), Vector::tanh(-x).into()];
                assert_eq!(y.to_bits(), (-opposite).to_bits(), "{x}");
                assert!(y <= 1.0 && (y > 0.0 || x.into() == 0.0), "{x}: {y}");
                assert!(y == 1.0 || x.into() < highest, "{x}: {y}");
            }
        }
        in_range::<f32>(9.02);
        in_range::<f64>(19.1);
    }

    #[test]
    fn exp() {
        exp_on::<f32>(-87.0, 88.7, 1.2e-7);
        exp_on::<f64>(-708.0, 709.7, 5e-16);
    }
}
