//! A register of lanes: the only thing that a formula works on.
//!
//! Loops and formulas are written once, over [`Vector`]. Here stand the registers that every machine
//! has: those of `wide`, which are the portable tier, and `f32` and `f64` themselves as registers of one
//! lane, which finish what is shorter than the others.

#[cfg(not(x86_tiers))]
use std::array;
use std::mem::MaybeUninit;
use std::ops::{Add, Mul, Sub};

use wide::{f32x4, f64x2};

use crate::Element;

/// A register whose instructions may run here: the first is loaded with its tier's token, every other
/// comes from one in hand.
///
/// Each operation rounds once, as IEEE 754 says, and treats its lanes alike. All methods are
/// `#[inline(always)]`: one that is not costs a call for every register, and loses the instruction set.
pub trait Vector: Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> {
    type Element: Element;

    /// Proof that the CPU has the instructions.
    type Token: Copy;

    /// `[Element; LANES]`, as it stands in memory.
    type Array;

    /// A register of fewer lanes, for what does not fill this one. A register of one lane names itself.
    type Half: Vector<Element = Self::Element, Token: From<Self::Token>>;

    const LANES: usize = size_of::<Self::Array>() / size_of::<Self::Element>();

    /// Whether [`stream`](Self::stream) passes the cache by.
    const STREAMS: bool = false;

    fn load(token: Self::Token, from: &Self::Array) -> Self;

    /// Writes every lane, so that `to` is initialised then.
    fn store(self, to: &mut MaybeUninit<Self::Array>);

    /// Stores past the cache where the instruction set can ([`STREAMS`](Self::STREAMS)).
    ///
    /// # Safety
    /// Where `STREAMS` is set, `to` is aligned to its size, and the thread calls `x86::fence` before
    /// anybody else may read what was stored.
    #[allow(unsafe_code)]
    #[inline(always)]
    unsafe fn stream(self, to: &mut MaybeUninit<Self::Array>) {
        self.store(to);
    }

    /// Asks for the cache line of `at`, which will be read once; any address will do. Does nothing where the
    /// register does not stream.
    #[inline(always)]
    fn prefetch(_at: *const Self::Element) {}

    /// `value` in every lane.
    fn splat(self, value: Self::Element) -> Self;

    /// `self < rhs ? yes : no`; false at NaN.
    fn select_lt(self, rhs: Self, yes: Self, no: Self) -> Self;

    /// `self <= rhs ? yes : no`; false at NaN.
    fn select_le(self, rhs: Self, yes: Self, no: Self) -> Self;

    /// `self > rhs ? self : rhs`, as `MAXPS` has it: `rhs` where either is NaN and where both are zeros.
    #[inline(always)]
    fn max(self, rhs: Self) -> Self {
        rhs.select_lt(self, self, rhs)
    }

    /// `self < rhs ? self : rhs`, as `MINPS` has it: `rhs` where either is NaN and where both are zeros.
    #[inline(always)]
    fn min(self, rhs: Self) -> Self {
        self.select_lt(rhs, self, rhs)
    }
}

// `wide`'s own maximum treats NaN and zeros otherwise, or leaves them open (`fast_max`). A comparison and a
// selection are three or four instructions in SSE2, and of the maximum lane by lane LLVM does not always make
// the one that it is.
macro_rules! wide_register {
    ($register:ident, $element:ident, $lanes:literal, $half:ident, $max:ident, $min:ident) => {
        impl Vector for $register {
            type Element = $element;
            type Token = ();
            type Array = [$element; $lanes];
            type Half = $half;

            #[inline(always)]
            fn load((): (), from: &Self::Array) -> Self {
                Self::new(*from)
            }

            #[inline(always)]
            fn store(self, to: &mut MaybeUninit<Self::Array>) {
                to.write(self.to_array());
            }

            #[inline(always)]
            fn splat(self, value: $element) -> Self {
                Self::splat(value)
            }

            #[inline(always)]
            fn select_lt(self, rhs: Self, yes: Self, no: Self) -> Self {
                self.simd_lt(rhs).select(yes, no)
            }

            #[inline(always)]
            fn select_le(self, rhs: Self, yes: Self, no: Self) -> Self {
                self.simd_le(rhs).select(yes, no)
            }

            #[inline(always)]
            fn max(self, rhs: Self) -> Self {
                #[cfg(x86_tiers)]
                return crate::x86::sse2::$max(self, rhs);
                #[cfg(not(x86_tiers))]
                {
                    let (a, b) = (self.to_array(), rhs.to_array());
                    Self::new(array::from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] }))
                }
            }

            #[inline(always)]
            fn min(self, rhs: Self) -> Self {
                #[cfg(x86_tiers)]
                return crate::x86::sse2::$min(self, rhs);
                #[cfg(not(x86_tiers))]
                {
                    let (a, b) = (self.to_array(), rhs.to_array());
                    Self::new(array::from_fn(|i| if a[i] < b[i] { a[i] } else { b[i] }))
                }
            }
        }
    };
}

wide_register!(f32x4, f32, 4, f32, max_ps, min_ps);
wide_register!(f64x2, f64, 2, f64, max_pd, min_pd);

macro_rules! one_lane_register {
    ($element:ident) => {
        impl Vector for $element {
            type Element = Self;
            type Token = ();
            type Array = [Self; 1];
            type Half = Self;

            #[inline(always)]
            fn load((): (), from: &Self::Array) -> Self {
                from[0]
            }

            #[inline(always)]
            fn store(self, to: &mut MaybeUninit<Self::Array>) {
                to.write([self]);
            }

            #[inline(always)]
            fn splat(self, value: Self) -> Self {
                value
            }

            #[inline(always)]
            fn select_lt(self, rhs: Self, yes: Self, no: Self) -> Self {
                if self < rhs { yes } else { no }
            }

            #[inline(always)]
            fn select_le(self, rhs: Self, yes: Self, no: Self) -> Self {
                if self <= rhs { yes } else { no }
            }
        }
    };
}

one_lane_register!(f32);
one_lane_register!(f64);
