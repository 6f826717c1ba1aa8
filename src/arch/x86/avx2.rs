//! AVX2 with FMA: 256 bits.

use std::arch::asm;
use std::arch::x86_64::*;

use super::x86_register;
use crate::arch::register::{Register, Work};

/// Proof that this CPU has AVX2 and FMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }

    #[inline]
    pub(crate) fn run<V: Register<Token = Self>, W: Work<V::Element>>(self, work: W) {
        // SAFETY: the token says that AVX2 and FMA are there.
        unsafe { W::Home::enabled::<V, W>(self, work) }
    }
}

/// A method of every [`Work::Home`].
trait Enabled {
    /// # Safety
    /// The CPU has what is enabled, as the token says.
    unsafe fn enabled<V: Register<Token = Avx2>, W: Work<V::Element>>(token: Avx2, work: W);
}

impl<H> Enabled for H {
    #[target_feature(enable = "avx2,fma")]
    unsafe fn enabled<V: Register<Token = Avx2>, W: Work<V::Element>>(token: Avx2, work: W) {
        work.run::<V>(token);
    }
}

impl From<Avx2> for () {
    fn from(_: Avx2) {}
}

// Four are interleaved, and kept abreast (`docs/measurements.md`, *Smooth activations*); those of 128 bits are never more than one.

/// For [`Register::abreast`]: an instruction that makes all four of all four, in the eyes of the compiler. It is a comment, which names them
/// because operands have to be named.
macro_rules! abreast {
    ($name:ident of $raw:ident) => {
        #[inline]
        #[target_feature(enable = "avx2,fma")]
        fn $name(a: &mut $raw, b: &mut $raw, c: &mut $raw, d: &mut $raw) {
            // SAFETY: assembled to nothing. Each comes out as it went in, in the same register; no memory, stack or flag is touched.
            unsafe {
                asm!(
                    "/* {} {} {} {} */",
                    inout(ymm_reg) * a,
                    inout(ymm_reg) * b,
                    inout(ymm_reg) * c,
                    inout(ymm_reg) * d,
                    options(pure, nomem, nostack, preserves_flags),
                );
            }
        }
    };
}
abreast!(abreast_ps of __m256);
abreast!(abreast_pd of __m256d);

x86_register! {
    /// Eight `f32`.
    F32x8(__m256) of [f32; 8],
    token: Avx2, half: F32x4, half_up_to: 0, interleaved: 4,
    abreast: abreast_ps,
    load: _mm256_loadu_ps, store: _mm256_storeu_ps, stream: _mm256_stream_ps, splat: _mm256_set1_ps,
    add: _mm256_add_ps, sub: _mm256_sub_ps, mul: _mm256_mul_ps, div: _mm256_div_ps,
    mul_add: _mm256_fmadd_ps, max: _mm256_max_ps, min: _mm256_min_ps, sqrt: _mm256_sqrt_ps,
    negate: |x| _mm256_xor_ps(x, _mm256_set1_ps(-0.0)),
    abs: |x| _mm256_andnot_ps(_mm256_set1_ps(-0.0), x),
    lt: _CMP_LT_OQ, le: _CMP_LE_OQ,
    select: |C, lhs, rhs, yes, no| _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<C>(lhs, rhs)),
    bits: _mm256_castps_si256, float: _mm256_castsi256_ps, bits_add: _mm256_add_epi32, bits_sub: _mm256_sub_epi32,
    and: _mm256_and_si256, or: _mm256_or_si256, xor: _mm256_xor_si256, shl: _mm256_sll_epi32, shr: _mm256_srl_epi32,
    look_up: |index, table| {
        _mm256_permutevar8x32_ps(_mm256_loadu_ps(table.as_ptr()), index)
    },
}

x86_register! {
    /// Four `f64`.
    F64x4(__m256d) of [f64; 4],
    token: Avx2, half: F64x2, half_up_to: 0, interleaved: 4,
    abreast: abreast_pd,
    load: _mm256_loadu_pd, store: _mm256_storeu_pd, stream: _mm256_stream_pd, splat: _mm256_set1_pd,
    add: _mm256_add_pd, sub: _mm256_sub_pd, mul: _mm256_mul_pd, div: _mm256_div_pd,
    mul_add: _mm256_fmadd_pd, max: _mm256_max_pd, min: _mm256_min_pd, sqrt: _mm256_sqrt_pd,
    negate: |x| _mm256_xor_pd(x, _mm256_set1_pd(-0.0)),
    abs: |x| _mm256_andnot_pd(_mm256_set1_pd(-0.0), x),
    lt: _CMP_LT_OQ, le: _CMP_LE_OQ,
    select: |C, lhs, rhs, yes, no| _mm256_blendv_pd(no, yes, _mm256_cmp_pd::<C>(lhs, rhs)),
    bits: _mm256_castpd_si256, float: _mm256_castsi256_pd, bits_add: _mm256_add_epi64, bits_sub: _mm256_sub_epi64,
    and: _mm256_and_si256, or: _mm256_or_si256, xor: _mm256_xor_si256, shl: _mm256_sll_epi64, shr: _mm256_srl_epi64,
    // Lane by lane, as all of this file's that a permutation of registers cannot do: gathers are slow on many CPUs, and wrong in
    // some emulators.
    look_up: |index, table| {
        let (low, high) = (_mm256_castsi256_si128(index), _mm256_extracti128_si256::<1>(index));
        _mm256_set_pd(
            table[_mm_extract_epi64::<1>(high) as usize % 16],
            table[_mm_cvtsi128_si64(high) as usize % 16],
            table[_mm_extract_epi64::<1>(low) as usize % 16],
            table[_mm_cvtsi128_si64(low) as usize % 16],
        )
    },
}

// `wide`'s have no multiply-add but where the whole crate is compiled with it.
x86_register! {
    /// Four `f32`.
    F32x4(__m128) of [f32; 4],
    token: Avx2, half: f32, half_up_to: 0, interleaved: 1,
    load: _mm_loadu_ps, store: _mm_storeu_ps, stream: _mm_stream_ps, splat: _mm_set1_ps,
    add: _mm_add_ps, sub: _mm_sub_ps, mul: _mm_mul_ps, div: _mm_div_ps,
    mul_add: _mm_fmadd_ps, max: _mm_max_ps, min: _mm_min_ps, sqrt: _mm_sqrt_ps,
    negate: |x| _mm_xor_ps(x, _mm_set1_ps(-0.0)),
    abs: |x| _mm_andnot_ps(_mm_set1_ps(-0.0), x),
    lt: _CMP_LT_OQ, le: _CMP_LE_OQ,
    select: |C, lhs, rhs, yes, no| _mm_blendv_ps(no, yes, _mm_cmp_ps::<C>(lhs, rhs)),
    bits: _mm_castps_si128, float: _mm_castsi128_ps, bits_add: _mm_add_epi32, bits_sub: _mm_sub_epi32,
    and: _mm_and_si128, or: _mm_or_si128, xor: _mm_xor_si128, shl: _mm_sll_epi32, shr: _mm_srl_epi32,
    look_up: |index, table| {
        let eight = F32x8(_mm256_castsi256_ps(_mm256_castsi128_si256(index)));
        _mm256_castps256_ps128(eight.look_up(table).0)
    },
}

x86_register! {
    /// Two `f64`.
    F64x2(__m128d) of [f64; 2],
    token: Avx2, half: f64, half_up_to: 0, interleaved: 1,
    load: _mm_loadu_pd, store: _mm_storeu_pd, stream: _mm_stream_pd, splat: _mm_set1_pd,
    add: _mm_add_pd, sub: _mm_sub_pd, mul: _mm_mul_pd, div: _mm_div_pd,
    mul_add: _mm_fmadd_pd, max: _mm_max_pd, min: _mm_min_pd, sqrt: _mm_sqrt_pd,
    negate: |x| _mm_xor_pd(x, _mm_set1_pd(-0.0)),
    abs: |x| _mm_andnot_pd(_mm_set1_pd(-0.0), x),
    lt: _CMP_LT_OQ, le: _CMP_LE_OQ,
    select: |C, lhs, rhs, yes, no| _mm_blendv_pd(no, yes, _mm_cmp_pd::<C>(lhs, rhs)),
    bits: _mm_castpd_si128, float: _mm_castsi128_pd, bits_add: _mm_add_epi64, bits_sub: _mm_sub_epi64,
    and: _mm_and_si128, or: _mm_or_si128, xor: _mm_xor_si128, shl: _mm_sll_epi64, shr: _mm_srl_epi64,
    look_up: |index, table| {
        _mm_set_pd(
            table[_mm_extract_epi64::<1>(index) as usize % 16],
            table[_mm_cvtsi128_si64(index) as usize % 16],
        )
    },
}
