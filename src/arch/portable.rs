//! The portable tier: `wide`'s `f32x8` and `f64x4`, whatever they are on this target.
//!
//! Without AVX at compile time they are pairs of 128 bits, `f32x4` and `f64x2`, which are their halves here.
//!
//! `wide`'s own maximum treats NaN and zeros otherwise, or leaves them open (`fast_max`), and its
//! multiply-add rounds twice where the target has none: see [`mul_add`].
#![allow(unsafe_code)]

mod look_up;
mod mul_add;

use std::mem::{MaybeUninit, transmute};

use wide::{f32x4, f32x8, f64x2, f64x4, u32x4, u32x8, u64x2, u64x4};

use super::register::Register;
use crate::vector::{Bits, Functions, Vector};

/// Whether `f32x8` and `f64x4` are two registers to the CPU.
const PAIRS: bool = !cfg!(target_feature = "avx");

/// The same bits as integers.
trait Integers {
    type Integers;

    fn integers(self) -> Self::Integers;

    fn from_integers(integers: Self::Integers) -> Self;
}

macro_rules! wide_register {
    (
        $register:ident of [$element:ident; $lanes:literal], bits: $integers:ident, half: $half:ident,
        is_pair: $is_pair:expr, mul_add: $mul_add:path, max: $max:path, min: $min:path, look_up: $look_up:path
    ) => {
        impl Integers for $register {
            type Integers = $integers;

            #[inline(always)]
            fn integers(self) -> $integers {
                // SAFETY: both are as many lanes of one width, of which all bits are values.
                unsafe { transmute::<Self, $integers>(self) }
            }

            #[inline(always)]
            fn from_integers(integers: $integers) -> Self {
                // SAFETY: as above.
                unsafe { transmute::<$integers, Self>(integers) }
            }
        }

        impl Bits for $register {
            type Lane = $element;
            const MANTISSA_BITS: u32 = $element::MANTISSA_BITS;

            #[inline(always)]
            fn bits_add(self, rhs: Self) -> Self {
                Self::from_integers(self.integers() + rhs.integers())
            }

            #[inline(always)]
            fn bits_sub(self, rhs: Self) -> Self {
                Self::from_integers(self.integers() - rhs.integers())
            }

            #[inline(always)]
            fn bits_and(self, rhs: Self) -> Self {
                self & rhs
            }

            #[inline(always)]
            fn bits_or(self, rhs: Self) -> Self {
                self | rhs
            }

            #[inline(always)]
            fn bits_xor(self, rhs: Self) -> Self {
                self ^ rhs
            }

            #[inline(always)]
            fn bits_shl(self, count: u32) -> Self {
                Self::from_integers(self.integers() << count)
            }

            #[inline(always)]
            fn bits_shr(self, count: u32) -> Self {
                Self::from_integers(self.integers() >> count)
            }

            #[inline(always)]
            fn look_up(self, table: &<$element as Functions>::Table) -> Self {
                $look_up(self, table)
            }
        }

        impl Vector for $register {
            type Element = $element;

            #[inline(always)]
            fn splat(value: $element) -> Self {
                Self::splat(value)
            }

            #[inline(always)]
            fn constant(value: f64) -> Self {
                Self::splat(value as $element)
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                $mul_add(self, factor, addend)
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
                $max(self, rhs)
            }

            #[inline(always)]
            fn min(self, rhs: Self) -> Self {
                $min(self, rhs)
            }

            #[inline(always)]
            fn abs(self) -> Self {
                self.abs()
            }

            #[inline(always)]
            fn sqrt(self) -> Self {
                self.sqrt()
            }
        }

        // SAFETY: the array is as long as the register, and half of it as long as the half.
        unsafe impl Register for $register {
            type Token = ();
            type Array = [$element; $lanes];
            type Half = $half;
            type Interleaved = Self;
            const IS_PAIR: bool = $is_pair;
            // Eight halves without a loop; eight pairs would keep sixteen registers live.
            const HALF_UP_TO: usize = if Self::IS_PAIR { 4 * $lanes } else { 0 };

            #[inline(always)]
            fn one_of(several: Self, _: usize) -> Self {
                several
            }

            #[inline(always)]
            fn load((): (), from: &Self::Array) -> Self {
                // On WebAssembly LLVM takes arrays of numbers apart, and goes on with them one by one.
                if cfg!(target_family = "wasm") {
                    // SAFETY: the array is as long as the register, all bits of which are values.
                    return unsafe { from.as_ptr().cast::<Self>().read_unaligned() };
                }
                Self::new(*from)
            }

            #[inline(always)]
            fn store(self, to: &mut MaybeUninit<Self::Array>) {
                if cfg!(target_family = "wasm") {
                    // SAFETY: the array is as long as the register, and is borrowed exclusively.
                    return unsafe { to.as_mut_ptr().cast::<Self>().write_unaligned(self) };
                }
                to.write(self.to_array());
            }
        }
    };
}

wide_register!(
    f32x8 of [f32; 8], bits: u32x8, half: f32x4, is_pair: PAIRS,
    mul_add: mul_add::mul_add_f32x8, max: extrema::max_f32x8, min: extrema::min_f32x8,
    look_up: look_up::look_up_f32x8
);
wide_register!(
    f64x4 of [f64; 4], bits: u64x4, half: f64x2, is_pair: PAIRS,
    mul_add: mul_add::mul_add_f64x4, max: extrema::max_f64x4, min: extrema::min_f64x4,
    look_up: look_up::look_up_f64x4
);
wide_register!(
    f32x4 of [f32; 4], bits: u32x4, half: f32, is_pair: false,
    mul_add: mul_add::mul_add_f32x4, max: extrema::max_f32x4, min: extrema::min_f32x4,
    look_up: look_up::look_up_f32x4
);
wide_register!(
    f64x2 of [f64; 2], bits: u64x2, half: f64, is_pair: false,
    mul_add: mul_add::mul_add_f64x2, max: extrema::max_f64x2, min: extrema::min_f64x2,
    look_up: look_up::look_up_f64x2
);

/// `a > b ? a : b` and `a < b ? a : b`: one instruction on x86. A comparison and a selection are three or four
/// there, and of the maximum lane by lane LLVM does not always make the one that it is.
#[cfg(target_arch = "x86_64")]
mod extrema {
    use std::arch::x86_64::*;

    use wide::{f32x4, f32x8, f64x2, f64x4};

    macro_rules! one_instruction {
        ($($name:ident($register:ident) is $intrinsic:ident;)*) => {$(
            #[inline(always)]
            pub(super) fn $name(a: $register, b: $register) -> $register {
                // SAFETY: every x86-64 CPU has SSE2, and AVX was enabled at compile time where this uses it.
                unsafe { $intrinsic(a.into(), b.into()) }.into()
            }
        )*};
    }

    one_instruction! {
        max_f32x4(f32x4) is _mm_max_ps;
        min_f32x4(f32x4) is _mm_min_ps;
        max_f64x2(f64x2) is _mm_max_pd;
        min_f64x2(f64x2) is _mm_min_pd;
    }

    #[cfg(target_feature = "avx")]
    one_instruction! {
        max_f32x8(f32x8) is _mm256_max_ps;
        min_f32x8(f32x8) is _mm256_min_ps;
        max_f64x4(f64x4) is _mm256_max_pd;
        min_f64x4(f64x4) is _mm256_min_pd;
    }

    #[cfg(not(target_feature = "avx"))]
    macro_rules! by_halves {
        ($($name:ident($register:ident, $lanes:literal) is $half_name:ident($half:ident, $half_lanes:literal);)*) => {$(
            #[inline(always)]
            pub(super) fn $name(a: $register, b: $register) -> $register {
                let (a, b) = (a.to_array(), b.to_array());
                let (a, b) = (a.as_chunks::<$half_lanes>().0, b.as_chunks::<$half_lanes>().0);
                let low = $half_name($half::new(a[0]), $half::new(b[0])).to_array();
                let high = $half_name($half::new(a[1]), $half::new(b[1])).to_array();
                let lane = |i| if i < $half_lanes { low[i] } else { high[i - $half_lanes] };
                $register::new(std::array::from_fn(lane))
            }
        )*};
    }

    #[cfg(not(target_feature = "avx"))]
    by_halves! {
        max_f32x8(f32x8, 8) is max_f32x4(f32x4, 4);
        min_f32x8(f32x8, 8) is min_f32x4(f32x4, 4);
        max_f64x4(f64x4, 4) is max_f64x2(f64x2, 2);
        min_f64x4(f64x4, 4) is min_f64x2(f64x2, 2);
    }
}

/// One instruction on WebAssembly, too: of `(b, a)`, `pmax` is `b < a ? a : b` and `pmin` is `a < b ? a : b`.
#[cfg(all(target_feature = "simd128", not(target_feature = "relaxed-simd")))]
mod extrema {
    use std::arch::wasm32::*;
    use std::mem::transmute;

    use wide::{f32x4, f32x8, f64x2, f64x4};

    macro_rules! one_instruction {
        ($($name:ident($half:ident), $pair_name:ident($pair:ident) is $intrinsic:ident;)*) => {$(
            #[inline(always)]
            pub(super) fn $name(a: $half, b: $half) -> $half {
                $intrinsic(b.into(), a.into()).into()
            }

            #[inline(always)]
            pub(super) fn $pair_name(a: $pair, b: $pair) -> $pair {
                // SAFETY: a pair is two halves, of which all bits are values.
                let [[a, a_high], [b, b_high]] = unsafe { transmute::<[$pair; 2], [[$half; 2]; 2]>([a, b]) };
                // SAFETY: as above.
                unsafe { transmute::<[$half; 2], $pair>([$name(a, b), $name(a_high, b_high)]) }
            }
        )*};
    }

    one_instruction! {
        max_f32x4(f32x4), max_f32x8(f32x8) is f32x4_pmax;
        min_f32x4(f32x4), min_f32x8(f32x8) is f32x4_pmin;
        max_f64x2(f64x2), max_f64x4(f64x4) is f64x2_pmax;
        min_f64x2(f64x2), min_f64x4(f64x4) is f64x2_pmin;
    }
}

/// A comparison and a selection: NEON's own maximum treats NaN and zeros otherwise, and so does that of relaxed SIMD, which LLVM
/// takes for `pmax` and for a maximum of lanes. Written lane by lane, LLVM does not always make registers of it.
#[cfg(any(
    all(target_arch = "aarch64", target_feature = "neon"),
    target_feature = "relaxed-simd"
))]
mod extrema {
    use wide::{f32x4, f32x8, f64x2, f64x4};

    macro_rules! by_selection {
        ($($max:ident, $min:ident: $register:ident;)*) => {$(
            #[inline(always)]
            pub(super) fn $max(a: $register, b: $register) -> $register {
                a.simd_gt(b).select(a, b)
            }

            #[inline(always)]
            pub(super) fn $min(a: $register, b: $register) -> $register {
                a.simd_lt(b).select(a, b)
            }
        )*};
    }

    by_selection! {
        max_f32x8, min_f32x8: f32x8;
        max_f64x4, min_f64x4: f64x4;
        max_f32x4, min_f32x4: f32x4;
        max_f64x2, min_f64x2: f64x2;
    }
}

#[cfg(not(any(
    target_arch = "x86_64",
    target_feature = "simd128",
    all(target_arch = "aarch64", target_feature = "neon")
)))]
mod extrema {
    use std::array;

    use wide::{f32x4, f32x8, f64x2, f64x4};

    macro_rules! by_lanes {
        ($($max:ident, $min:ident: $register:ident;)*) => {$(
            #[inline(always)]
            pub(super) fn $max(a: $register, b: $register) -> $register {
                let (a, b) = (a.to_array(), b.to_array());
                $register::new(array::from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] }))
            }

            #[inline(always)]
            pub(super) fn $min(a: $register, b: $register) -> $register {
                let (a, b) = (a.to_array(), b.to_array());
                $register::new(array::from_fn(|i| if a[i] < b[i] { a[i] } else { b[i] }))
            }
        )*};
    }

    by_lanes! {
        max_f32x8, min_f32x8: f32x8;
        max_f64x4, min_f64x4: f64x4;
        max_f32x4, min_f32x4: f32x4;
        max_f64x2, min_f64x2: f64x2;
    }
}
