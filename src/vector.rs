//! The arithmetic that formulas are written in: the same on one number and on a register of many.

use std::fmt::{Debug, Display};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// Keeps [`Vector`] to the registers of this crate.
pub(crate) mod sealed {
    #[doc(hidden)]
    pub trait Sealed {}
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
/// otherwise; in generic code they are those of this trait.
pub trait Vector:
    sealed::Sealed
    + Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// What a lane holds: `f32` or `f64`.
    type Element: Copy + PartialOrd + Into<f64> + Debug + Display + Send + Sync + 'static;

    /// `value` in every lane.
    fn splat(value: Self::Element) -> Self;

    /// `value` in every lane, rounded once to the element type.
    fn constant(value: f64) -> Self;

    /// `self * factor + addend`, rounded once.
    ///
    /// Exact on every tier. It is slow, a function call for each lane, where the tier has no such instruction: on x86 that
    /// is the portable tier, unless it is compiled with FMA.
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
}

/// A number is a register of one lane.
macro_rules! one_lane {
    ($element:ident) => {
        impl sealed::Sealed for $element {}

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
                <$element>::mul_add(self, factor, addend)
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

one_lane!(f32);
one_lane!(f64);
