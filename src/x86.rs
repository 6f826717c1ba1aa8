//! AVX2 and AVX-512: their registers, the tokens that prove they may be used, streaming stores, and the
//! size of the cache that these should pass by.
//!
//! A token is only made by its `detect`, and a register only from a token or from another register, so
//! the methods of a register are safe to call. Formulas and loops are `#[inline(always)]` up to `run`,
//! the one function compiled with the instruction set enabled.
#![allow(unsafe_code)]

use std::arch::x86_64::*;
use std::mem::MaybeUninit;
use std::ops::{Add, Mul, Sub};

use crate::slice::{self, Buffers, Map};
use crate::vector::Vector;
use crate::{Element, element::Registers};

/// Proof that this CPU has AVX2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Avx2(());

/// Proof that this CPU has AVX-512, and does not slow down to use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Avx512(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    #[inline]
    pub(crate) fn run<T: Element, M: Map<N>, const N: usize>(
        self,
        map: M,
        buffers: &Buffers<T, N>,
        streaming: bool,
    ) {
        #[target_feature(enable = "avx2")]
        fn enabled<T: Element, M: Map<N>, const N: usize>(
            token: Avx2,
            map: M,
            buffers: &Buffers<T, N>,
            streaming: bool,
        ) {
            slice::run::<<T as Registers>::Avx2, M, N>(token, map, buffers, streaming);
        }
        // SAFETY: the token says that AVX2 is there.
        unsafe { enabled(self, map, buffers, streaming) }
    }
}

impl Avx512 {
    /// The first CPUs with AVX-512 lower their clock for a while after each 512-bit instruction, and
    /// everything around a short call pays for that. VBMI2 came with the generation that no longer does
    /// (Ice Lake, Zen 4), so it is asked for although no kernel uses it.
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            // Enabled along with AVX-512 by the compiler, though no kernel fuses or converts.
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
            && is_x86_feature_detected!("avx512vbmi2")
            && Avx2::detect().is_some())
        .then_some(Self(()))
    }

    #[inline]
    pub(crate) fn run<T: Element, M: Map<N>, const N: usize>(
        self,
        map: M,
        buffers: &Buffers<T, N>,
        streaming: bool,
    ) {
        #[target_feature(enable = "avx512f,avx512vl")]
        fn enabled<T: Element, M: Map<N>, const N: usize>(
            token: Avx512,
            map: M,
            buffers: &Buffers<T, N>,
            streaming: bool,
        ) {
            slice::run::<<T as Registers>::Avx512, M, N>(token, map, buffers, streaming);
        }
        // SAFETY: the token says that AVX-512F and VL are there.
        unsafe { enabled(self, map, buffers, streaming) }
    }
}

impl From<Avx512> for Avx2 {
    fn from(_: Avx512) -> Self {
        Self(())
    }
}

impl From<Avx2> for () {
    fn from(_: Avx2) {}
}

/// Makes every streaming store of this thread visible before anything that it stores later.
#[inline]
pub(crate) fn fence() {
    // SAFETY: every x86-64 CPU has SSE.
    unsafe { _mm_sfence() };
}

/// Bytes of the last-level cache that this CPU reports. `None` where it reports none, as some virtual
/// machines and emulators do.
pub(crate) fn last_level_cache_bytes() -> Option<usize> {
    let caches = raw_cpuid::CpuId::new().get_cache_parameters()?;
    caches
        .filter(|cache| cache.cache_type() != raw_cpuid::CacheType::Instruction)
        .max_by_key(raw_cpuid::CacheParameter::level)
        .map(|cache| {
            cache.associativity()
                * cache.physical_line_partitions()
                * cache.coherency_line_size()
                * cache.sets()
        })
}

/// What `wide`'s registers lack, in SSE2.
pub(crate) mod sse2 {
    use std::arch::x86_64::*;

    use wide::{f32x4, f64x2};

    macro_rules! operations {
        ($($name:ident($register:ident) is $intrinsic:ident;)*) => {$(
            #[inline(always)]
            pub(crate) fn $name(lhs: $register, rhs: $register) -> $register {
                // SAFETY: every x86-64 CPU has SSE2.
                unsafe { $intrinsic(lhs.into(), rhs.into()) }.into()
            }
        )*};
    }

    operations! {
        max_ps(f32x4) is _mm_max_ps;
        min_ps(f32x4) is _mm_min_ps;
        max_pd(f64x2) is _mm_max_pd;
        min_pd(f64x2) is _mm_min_pd;
    }
}

/// A register: the newtype, its operators and its `Vector`, from the names of its intrinsics. `$select`
/// is the intrinsics' own form of `lhs < rhs ? yes : no` and of `<=`, where `$compare` stands for `$lt` and
/// `$le`.
macro_rules! register {
    (
        $(#[$doc:meta])*
        $register:ident($raw:ident) of [$element:ident; $lanes:literal], $token:ident, half $half:ty,
        $load:ident, $store:ident, $stream:ident, $splat:ident, $max:ident, $min:ident,
        $add:ident, $sub:ident, $mul:ident,
        select<$compare:ident: $lt:ident, $le:ident>
        ($lhs:ident, $rhs:ident, $yes:ident, $no:ident) $select:expr
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        pub struct $register($raw);

        register!(@operator $register, Add, add, $add);
        register!(@operator $register, Sub, sub, $sub);
        register!(@operator $register, Mul, mul, $mul);

        impl $register {
            #[inline(always)]
            fn select<const $compare: i32>(self, rhs: Self, yes: Self, no: Self) -> Self {
                let ($lhs, $rhs, $yes, $no) = (self.0, rhs.0, yes.0, no.0);
                // SAFETY: a register in hand says that its instructions may run.
                Self(unsafe { $select })
            }
        }

        impl Vector for $register {
            type Element = $element;
            type Token = $token;
            type Array = [$element; $lanes];
            type Half = $half;
            const STREAMS: bool = true;

            #[inline(always)]
            fn load(_: $token, from: &Self::Array) -> Self {
                // SAFETY: the token says that the instruction may run; the array is as long as the register.
                Self(unsafe { $load(from.as_ptr()) })
            }

            #[inline(always)]
            fn store(self, to: &mut MaybeUninit<Self::Array>) {
                // SAFETY: a register in hand says that its instructions may run; the array is as long.
                unsafe { $store(to.as_mut_ptr().cast(), self.0) }
            }

            #[inline(always)]
            unsafe fn stream(self, to: &mut MaybeUninit<Self::Array>) {
                // SAFETY: a register in hand says that its instructions may run; the array is as long; the
                // caller says that it is aligned, and that the thread fences.
                unsafe { $stream(to.as_mut_ptr().cast(), self.0) }
            }

            #[inline(always)]
            fn prefetch(at: *const $element) {
                // SAFETY: every x86-64 CPU has SSE, and a prefetch of any address is no access.
                unsafe { _mm_prefetch::<_MM_HINT_NTA>(at.cast()) }
            }

            #[inline(always)]
            fn splat(self, value: $element) -> Self {
                // SAFETY: a register in hand says that its instructions may run.
                Self(unsafe { $splat(value) })
            }

            #[inline(always)]
            fn select_lt(self, rhs: Self, yes: Self, no: Self) -> Self {
                self.select::<$lt>(rhs, yes, no)
            }

            #[inline(always)]
            fn select_le(self, rhs: Self, yes: Self, no: Self) -> Self {
                self.select::<$le>(rhs, yes, no)
            }

            #[inline(always)]
            fn max(self, rhs: Self) -> Self {
                // SAFETY: a register in hand says that its instructions may run.
                Self(unsafe { $max(self.0, rhs.0) })
            }

            #[inline(always)]
            fn min(self, rhs: Self) -> Self {
                // SAFETY: a register in hand says that its instructions may run.
                Self(unsafe { $min(self.0, rhs.0) })
            }
        }
    };
    (@operator $register:ident, $operator:ident, $method:ident, $intrinsic:ident) => {
        impl $operator for $register {
            type Output = Self;

            #[inline(always)]
            fn $method(self, rhs: Self) -> Self {
                // SAFETY: a register in hand says that its instructions may run.
                Self(unsafe { $intrinsic(self.0, rhs.0) })
            }
        }
    };
}

register! {
    /// Eight `f32` in AVX2.
    F32x8(__m256) of [f32; 8], Avx2, half wide::f32x4,
    _mm256_loadu_ps, _mm256_storeu_ps, _mm256_stream_ps, _mm256_set1_ps, _mm256_max_ps, _mm256_min_ps,
    _mm256_add_ps, _mm256_sub_ps, _mm256_mul_ps,
    select<C: _CMP_LT_OQ, _CMP_LE_OQ>
    (lhs, rhs, yes, no) _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<C>(lhs, rhs))
}

register! {
    /// Four `f64` in AVX2.
    F64x4(__m256d) of [f64; 4], Avx2, half wide::f64x2,
    _mm256_loadu_pd, _mm256_storeu_pd, _mm256_stream_pd, _mm256_set1_pd, _mm256_max_pd, _mm256_min_pd,
    _mm256_add_pd, _mm256_sub_pd, _mm256_mul_pd,
    select<C: _CMP_LT_OQ, _CMP_LE_OQ>
    (lhs, rhs, yes, no) _mm256_blendv_pd(no, yes, _mm256_cmp_pd::<C>(lhs, rhs))
}

// In AVX-512 the mask says where *not*: a mask that says where makes the compiler invert it with `KNOT` for
// `yes` = 0, and the gradient of 4,096 `f32` in L1 takes 1.4 times as long.

register! {
    /// Sixteen `f32` in AVX-512.
    F32x16(__m512) of [f32; 16], Avx512, half F32x8,
    _mm512_loadu_ps, _mm512_storeu_ps, _mm512_stream_ps, _mm512_set1_ps, _mm512_max_ps, _mm512_min_ps,
    _mm512_add_ps, _mm512_sub_ps, _mm512_mul_ps,
    select<C: _CMP_NLT_UQ, _CMP_NLE_UQ>
    (lhs, rhs, yes, no) _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<C>(lhs, rhs), yes, no)
}

register! {
    /// Eight `f64` in AVX-512.
    F64x8(__m512d) of [f64; 8], Avx512, half F64x4,
    _mm512_loadu_pd, _mm512_storeu_pd, _mm512_stream_pd, _mm512_set1_pd, _mm512_max_pd, _mm512_min_pd,
    _mm512_add_pd, _mm512_sub_pd, _mm512_mul_pd,
    select<C: _CMP_NLT_UQ, _CMP_NLE_UQ>
    (lhs, rhs, yes, no) _mm512_mask_blend_pd(_mm512_cmp_pd_mask::<C>(lhs, rhs), yes, no)
}
