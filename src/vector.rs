//! The arithmetic that formulas are written in: the same on one number and on a register of many.

use std::fmt::{Debug, Display};
use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::mul_add::{mul_add_f32, mul_add_f64};
pub(crate) use sealed::{Bits, Functions, Shift};

/// What keeps [`Vector`] to the registers of this crate, and what only this crate uses of it.
pub(crate) mod sealed {
    use super::Vector;

    /// The bits of the lanes of a register, which stand in registers of the same type: between these operations a lane
    /// is an unsigned integer of its width, and sums and differences wrap.
    #[doc(hidden)]
    pub trait Bits: Copy {
        /// What a lane holds.
        type Lane: Functions;

        /// The bits of a lane's significand that are stored.
        const MANTISSA_BITS: u32;

        fn bits_add(self, rhs: Self) -> Self;
        fn bits_sub(self, rhs: Self) -> Self;
        fn bits_and(self, rhs: Self) -> Self;
        fn bits_or(self, rhs: Self) -> Self;
        fn bits_xor(self, rhs: Self) -> Self;

        /// Zeros come in. `count` is a constant less than the lane's width, or this is slow.
        fn bits_shl(self, count: u32) -> Self;

        /// As [`bits_shl`](Bits::bits_shl), to the right.
        fn bits_shr(self, count: u32) -> Self;

        /// The element of `table` at the index that the lowest bits of each lane are, as many as count it.
        fn look_up(self, table: &<Self::Lane as Functions>::Table) -> Self;

        /// `1.5 × 2^(MANTISSA_BITS - fraction)`. Added to a number that is small beside it, it rounds that to a multiple of
        /// `2^-fraction`, of which the lowest bits of the sum are the count, as a signed integer.
        #[inline(always)]
        fn rounding(fraction: u32) -> Self
        where
            Self: Vector,
        {
            Self::constant(1.5 * (1_u64 << (Self::MANTISSA_BITS - fraction)) as f64)
        }

        /// `self × 2^⌊k⌋`, rounded once, where `sum` is `k + Self::rounding(fraction)`.
        ///
        /// `self` is between 1/2 and 4, and `k` between -250 and 250 in `f32`, -2040 and 2040 in `f64`. If `self` is NaN, so
        /// is the result.
        #[inline(always)]
        fn scale(self, sum: Self, fraction: u32) -> Self
        where
            Self: Vector,
        {
            let one = Self::constant(1.0);
            let sign_and_exponent = Self::constant(f64::NEG_INFINITY);
            let to_exponent = Self::MANTISSA_BITS - fraction;
            let whole = sum.bits_shl(to_exponent).bits_and(sign_and_exponent);
            let half = sum.bits_shl(to_exponent - 1).bits_and(sign_and_exponent);
            let rest = whole.bits_sub(half);
            // The first product is exact.
            self * half.bits_add(one) * rest.bits_add(one)
        }
    }

    /// What the exponentials of many numbers are divided by so that none is infinite and the greatest not 0.
    #[doc(hidden)]
    #[allow(
        unreachable_pub,
        reason = "it is in the signatures of a public trait; the oldest compiler does not see that"
    )]
    #[derive(Clone, Copy)]
    pub struct Shift<T: Functions> {
        /// Taken off each number.
        pub(crate) less: T,
        /// What is less, when that is taken off, counts as this: a million such exponentials are less than the least number.
        pub(crate) least: T,
        /// What rounds the exponent, less that of what is divided by.
        pub(crate) rounding: T,
        /// The fractions of powers, for `look_up`.
        pub(crate) table: T::Table,
    }

    /// The functions of an element type, over every register of it. `math` implements it.
    #[doc(hidden)]
    #[allow(
        unreachable_pub,
        reason = "it bounds a type of a public trait; the oldest compiler does not see that"
    )]
    pub trait Functions: Sized {
        /// Of as many fractions of powers as [`look_up`](Bits::look_up) takes: eight `f32`, which are one register of AVX2, sixteen `f64`.
        type Table: Copy;

        fn exp<V: Vector<Element = Self>>(x: V) -> V;

        /// `e^x` where `x` is not above 0; above, some number.
        fn exp_below_0<V: Vector<Element = Self>>(x: V) -> V;

        /// What makes `e^max` about 1, for [`shifted_exp`](Functions::shifted_exp).
        fn shift(max: Self) -> Shift<Self>;

        /// A power of two, so great that no exponential that counts is subnormal when it is multiplied by that.
        const SHIFTED_ONE: f64;

        /// `SHIFTED_ONE e^(x - max)`, times a number from 0.7 to 1.5 that depends on `max` alone, where `x` is not above that `max`.
        fn shifted_exp<V: Vector<Element = Self>>(x: V, shift: &Shift<Self>) -> V;

        /// As `shift`, and `shifted_exp` is `SHIFTED_ONE e^(x - max)` then.
        fn exact_shift(max: Self) -> Shift<Self>;

        fn exp_m1<V: Vector<Element = Self>>(x: V) -> V;

        /// `e^x - 1` where `x` is not above 0, up to the sign of 0; above, some number.
        fn exp_m1_below_0<V: Vector<Element = Self>>(x: V) -> V;

        fn tanh<V: Vector<Element = Self>>(x: V) -> V;

        /// `1 - tanh(x)^2`.
        fn tanh_gradient<V: Vector<Element = Self>>(x: V) -> V;

        /// `1 / (1 + e^-x)`.
        fn sigmoid<V: Vector<Element = Self>>(x: V) -> V;

        fn sigmoid_gradient<V: Vector<Element = Self>>(x: V) -> V;

        /// `x / (1 + e^-x)`.
        fn silu<V: Vector<Element = Self>>(x: V) -> V;

        fn silu_gradient<V: Vector<Element = Self>>(x: V) -> V;

        /// `x / (1 + e^(-beta x))`, where |beta| is at least 2^-20.
        fn swish<V: Vector<Element = Self>>(x: V, beta: V) -> V;

        /// As `swish`, with any `beta`.
        fn swish_gradient<V: Vector<Element = Self>>(x: V, beta: V) -> V;

        /// `ln(1 + x)`.
        fn ln_1p<V: Vector<Element = Self>>(x: V) -> V;

        /// `2/√π ∫ e^(-t²) dt` from 0 to `x`.
        fn erf<V: Vector<Element = Self>>(x: V) -> V;

        /// `x Φ(x)`, where `Φ(x) = (1 + erf(x / √2)) / 2`.
        fn gelu<V: Vector<Element = Self>>(x: V) -> V;

        /// `Φ(x) + x φ(x)`, where `φ(x) = e^(-x²/2) / √(2π)`.
        fn gelu_gradient<V: Vector<Element = Self>>(x: V) -> V;

        /// `x / (1 + e^-u)`, where `u = √(8/π) (x + 0.044715 x³)`.
        fn gelu_tanh<V: Vector<Element = Self>>(x: V) -> V;

        fn gelu_tanh_gradient<V: Vector<Element = Self>>(x: V) -> V;

        /// `ln(1 + e^x)`.
        fn softplus<V: Vector<Element = Self>>(x: V) -> V;

        /// `ln(1 + e^(beta x)) / beta`, where `beta` is neither 0 nor NaN.
        fn softplus_scaled<V: Vector<Element = Self>>(x: V, beta: V) -> V;

        fn softplus_gradient<V: Vector<Element = Self>>(x: V) -> V;

        /// `1 / (1 + e^(-beta x))`, where `beta` is neither 0 nor NaN.
        fn softplus_scaled_gradient<V: Vector<Element = Self>>(x: V, beta: V) -> V;

        /// `x tanh(ln(1 + e^x))`.
        fn mish<V: Vector<Element = Self>>(x: V) -> V;

        fn mish_gradient<V: Vector<Element = Self>>(x: V) -> V;

        /// `x - tanh x`.
        fn tanh_shrink<V: Vector<Element = Self>>(x: V) -> V;

        /// `tanh²(x)`.
        fn tanh_shrink_gradient<V: Vector<Element = Self>>(x: V) -> V;
    }
}

/// A register of one or more lanes, each of which holds a number. Sealed.
///
/// A [`Formula`](crate::Formula) is written once, over `V: Vector`, and compiled for the register of each
/// [`Tier`](crate::Tier). `f32` and `f64` are registers of one lane, so a formula can be called on a number.
///
/// Every operation treats its lanes alike and rounds once, to nearest with ties to even, as IEEE 754 says; so
/// a formula gives the same bits on every register. There is no implicit multiply-add: `a * b + c` rounds twice,
/// and [`mul_add`](Vector::mul_add) once. The NaN that an operation makes or passes on is some NaN: Rust
/// does not say with which sign and payload. Selections, [`abs`](Vector::abs) and negation keep them.
///
/// ```
/// use rectify::Vector;
///
/// /// The greater of `x` and 1, squared.
/// fn example<V: Vector>(x: V) -> V {
///     let x = x.max(V::constant(1.0));
///     x * x
/// }
/// assert_eq!(example(-3.0_f32), 1.0);
/// assert_eq!(example(2.0_f64), 4.0);
/// ```
///
/// Beside `f32` and `f64` it is implemented for the registers of the tiers. Some of these are types of the crate `wide`,
/// which is no promise: they may change with any version.
///
/// On `f32` and `f64` themselves, `x.max(y)` and `x.min(y)` are the standard library's methods, which treat NaN
/// otherwise, and `x.exp()` and its like are too, which have other bits on each system; in generic code they are those of
/// this trait.
pub trait Vector:
    sealed::Bits<Lane = <Self as Vector>::Element>
    + Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// What a lane holds: `f32` or `f64`.
    type Element: Functions
        + Copy
        + PartialOrd
        + Into<f64>
        + Debug
        + Display
        + Send
        + Sync
        + 'static;

    /// `value` in every lane.
    fn splat(value: Self::Element) -> Self;

    /// `value` in every lane, rounded once to the element type.
    fn constant(value: f64) -> Self;

    /// `self * factor + addend`, rounded once.
    ///
    /// Exact on every tier; of one `f32` or `f64` on an x86-64 CPU without the instruction, as exact as the C library's. It is slow where the tier has no such instruction: on x86 that is the portable tier, unless it
    /// is compiled with FMA. There it is many times as slow.
    fn mul_add(self, factor: Self, addend: Self) -> Self;

    /// The lanes of `yes` where `self < rhs`, and those of `no` elsewhere; of `no` where either is NaN.
    fn select_lt(self, rhs: Self, yes: Self, no: Self) -> Self;

    /// The lanes of `yes` where `self <= rhs`, and those of `no` elsewhere; of `no` where either is NaN.
    fn select_le(self, rhs: Self, yes: Self, no: Self) -> Self;

    /// `self > rhs ? self : rhs`. So `rhs` where either is NaN, and where both are zeros.
    fn max(self, rhs: Self) -> Self;

    /// `self < rhs ? self : rhs`. So `rhs` where either is NaN, and where both are zeros.
    fn min(self, rhs: Self) -> Self;

    /// The absolute value: `self` with its sign bit cleared, NaN included.
    fn abs(self) -> Self;

    /// The square root; NaN below -0.0, and -0.0 of -0.0.
    fn sqrt(self) -> Self;

    /// `e^self`, at most 1 ulp off. Its range is `[0, inf]`: 0 at -inf, and what is less than the least normal number is
    /// a subnormal one.
    #[inline(always)]
    fn exp(self) -> Self {
        Self::Element::exp(self)
    }

    /// `e^self - 1`, without what cancels near 0. Zeros pass; -1 at -inf, and no value is below.
    #[inline(always)]
    fn exp_m1(self) -> Self {
        Self::Element::exp_m1(self)
    }

    /// The hyperbolic tangent: odd to the bit, and in `[-1, 1]`.
    #[inline(always)]
    fn tanh(self) -> Self {
        Self::Element::tanh(self)
    }

    /// `ln(1 + self)`, relatively accurate near 0, too. -inf at -1, NaN below, and inf at inf.
    #[inline(always)]
    fn ln_1p(self) -> Self {
        Self::Element::ln_1p(self)
    }

    /// The error function, `2/√π` times the integral of `e^(-t²)` from 0 to `self`. Its range is `[-1, 1]`, and it is odd.
    #[inline(always)]
    fn erf(self) -> Self {
        Self::Element::erf(self)
    }
}

/// A number is a register of one lane.
macro_rules! one_lane {
    ($element:ident, $mantissa_bits:literal, $mul_add:path) => {
        impl Bits for $element {
            type Lane = Self;
            const MANTISSA_BITS: u32 = $mantissa_bits;

            #[inline(always)]
            fn bits_add(self, rhs: Self) -> Self {
                Self::from_bits(self.to_bits().wrapping_add(rhs.to_bits()))
            }

            #[inline(always)]
            fn bits_sub(self, rhs: Self) -> Self {
                Self::from_bits(self.to_bits().wrapping_sub(rhs.to_bits()))
            }

            #[inline(always)]
            fn bits_and(self, rhs: Self) -> Self {
                Self::from_bits(self.to_bits() & rhs.to_bits())
            }

            #[inline(always)]
            fn bits_or(self, rhs: Self) -> Self {
                Self::from_bits(self.to_bits() | rhs.to_bits())
            }

            #[inline(always)]
            fn bits_xor(self, rhs: Self) -> Self {
                Self::from_bits(self.to_bits() ^ rhs.to_bits())
            }

            #[inline(always)]
            fn bits_shl(self, count: u32) -> Self {
                Self::from_bits(self.to_bits() << count)
            }

            #[inline(always)]
            fn bits_shr(self, count: u32) -> Self {
                Self::from_bits(self.to_bits() >> count)
            }

            #[inline(always)]
            fn look_up(self, table: &<Self as Functions>::Table) -> Self {
                table[self.to_bits() as usize % table.len()]
            }
        }

        impl Vector for $element {
            type Element = Self;

            #[inline(always)]
            fn splat(value: Self) -> Self {
                value
            }

            #[inline(always)]
            fn constant(value: f64) -> Self {
                value as Self
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                $mul_add(self, factor, addend)
            }

            #[inline(always)]
            fn select_lt(self, rhs: Self, yes: Self, no: Self) -> Self {
                if self < rhs { yes } else { no }
            }

            #[inline(always)]
            fn select_le(self, rhs: Self, yes: Self, no: Self) -> Self {
                if self <= rhs { yes } else { no }
            }

            #[inline(always)]
            fn max(self, rhs: Self) -> Self {
                if self > rhs { self } else { rhs }
            }

            #[inline(always)]
            fn min(self, rhs: Self) -> Self {
                if self < rhs { self } else { rhs }
            }

            #[inline(always)]
            fn abs(self) -> Self {
                <$element>::abs(self)
            }

            #[inline(always)]
            fn sqrt(self) -> Self {
                <$element>::sqrt(self)
            }
        }
    };
}

one_lane!(f32, 23, mul_add_f32);
one_lane!(f64, 52, mul_add_f64);
