//! The numbers that a buffer holds.

use std::fmt::{Debug, Display};
use std::ops::{Add, Mul, Neg, Sub};

/// A number that the kernels work on: `f32` or `f64`. Sealed.
pub trait Element:
    Registers
    + Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
    + Into<f64>
    + Default
    + Debug
    + Display
    + Send
    + Sync
    + 'static
{
    /// Positive zero.
    const ZERO: Self;

    /// One.
    const ONE: Self;

    /// `value` rounded to the nearest number of this type, ties to even. The identity on `f64`; NaN stays
    /// NaN, and what is too large for `f32` becomes infinite.
    fn from_f64(value: f64) -> Self;
}

impl Element for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as Self
    }
}

impl Element for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
}

/// Each tier's register for an element. Out of the crate's reach, so it seals [`Element`].
pub trait Registers: Sized {
    type Portable: crate::vector::Vector<Element = Self, Token = ()>;
    #[cfg(x86_tiers)]
    type Avx2: crate::vector::Vector<Element = Self, Token = crate::x86::Avx2>;
    #[cfg(x86_tiers)]
    type Avx512: crate::vector::Vector<Element = Self, Token = crate::x86::Avx512>;
}

impl Registers for f32 {
    type Portable = wide::f32x4;
    #[cfg(x86_tiers)]
    type Avx2 = crate::x86::F32x8;
    #[cfg(x86_tiers)]
    type Avx512 = crate::x86::F32x16;
}

impl Registers for f64 {
    type Portable = wide::f64x2;
    #[cfg(x86_tiers)]
    type Avx2 = crate::x86::F64x4;
    #[cfg(x86_tiers)]
    type Avx512 = crate::x86::F64x8;
}
