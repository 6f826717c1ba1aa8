//! The numbers that a buffer holds.

use std::fmt::{Debug, Display};

use crate::arch::Dispatch;
use crate::vector::Vector;

/// A number that the kernels work on: `f32` or `f64`. Sealed.
pub trait Element:
    Vector<Element = Self>
    + Dispatch
    + PartialOrd
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
    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        Self::constant(value)
    }
}

impl Element for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
}

impl Element for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
}
