//! AVX-512: 512 bits.

use std::arch::x86_64::*;

use super::avx2::{Avx2, F32x8, F64x4};
use super::x86_register;
use crate::arch::register::{Register, Work};

/// Proof that this CPU has AVX-512, and does not slow down to use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Avx512(Avx2);

impl Avx512 {
    /// The first CPUs with AVX-512 lower their clock for a while after each 512-bit instruction, and
    /// everything around a short call pays for that. VBMI2 came with the generation that no longer does
    /// (Ice Lake, Zen 4), so it is asked for although no kernel uses it.
    pub(crate) fn detect() -> Option<Self> {
        let all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            // The compiler enables it along with AVX-512.
            && is_x86_feature_detected!("f16c")
            && is_x86_feature_detected!("avx512vbmi2");
        Avx2::detect().filter(|_| all).map(Self)
    }

    #[inline]
    pub(crate) fn run<V: Register<Token = Self>, W: Work<V::Element>>(self, work: W) {
        // SAFETY: the token says that AVX-512F, VL and DQ are there, and with it AVX2, FMA and F16C, which they imply.
        unsafe { W::Home::enabled::<V, W>(self, work) }
    }
}

/// A method of every [`Work::Home`].
trait Enabled {
    /// # Safety
    /// The CPU has what is enabled, as the token says.
    unsafe fn enabled<V: Register<Token = Avx512>, W: Work<V::Element>>(token: Avx512, work: W);
}

impl<H> Enabled for H {
    #[target_feature(enable = "avx512f,avx512vl,avx512dq")]
    unsafe fn enabled<V: Register<Token = Avx512>, W: Work<V::Element>>(token: Avx512, work: W) {
        work.run::<V>(token);
    }
}

impl From<Avx512> for Avx2 {
    fn from(token: Avx512) -> Self {
        token.0
    }
}

// Up to eight registers AVX2 is as fast or faster: every unaligned 512-bit access crosses a cache line.
//
// Negation is the exclusive or of floats, which is of DQ: that of integers the compiler does not take for one, and folds into no
// multiply-add.
//
// Four are interleaved: three are slower, six no faster (`docs/measurements.md`, *Smooth activations*).
//
// The mask marks the lanes that take `no`: otherwise, where `yes` is 0, the compiler inverts it by `KNOT`, which costs more
// than the store.

x86_register! {
    /// Sixteen `f32`.
    F32x16(__m512) of [f32; 16],
    token: Avx512, half: F32x8, half_up_to: 8 * 16, interleaved: 4,
    load: _mm512_loadu_ps, store: _mm512_storeu_ps, stream: _mm512_stream_ps, splat: _mm512_set1_ps,
    add: _mm512_add_ps, sub: _mm512_sub_ps, mul: _mm512_mul_ps, div: _mm512_div_ps,
    mul_add: _mm512_fmadd_ps, max: _mm512_max_ps, min: _mm512_min_ps, sqrt: _mm512_sqrt_ps,
    negate: |x| _mm512_xor_ps(x, _mm512_set1_ps(-0.0)),
    abs: |x| _mm512_abs_ps(x),
    lt: _CMP_NLT_UQ, le: _CMP_NLE_UQ,
    select: |C, lhs, rhs, yes, no| _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<C>(lhs, rhs), yes, no),
    bits: _mm512_castps_si512, float: _mm512_castsi512_ps, bits_add: _mm512_add_epi32, bits_sub: _mm512_sub_epi32,
    and: _mm512_and_si512, or: _mm512_or_si512, xor: _mm512_xor_si512, shl: _mm512_sll_epi32, shr: _mm512_srl_epi32,
    look_up: |index, table| {
        // Twice, so that the fourth bit of the index does not count.
        let twice = _mm512_broadcast_f64x4(_mm256_loadu_pd(table.as_ptr().cast()));
        _mm512_permutexvar_ps(index, _mm512_castpd_ps(twice))
    },
    scale: _mm512_scalef_ps,
}

x86_register! {
    /// Eight `f64`.
    F64x8(__m512d) of [f64; 8],
    token: Avx512, half: F64x4, half_up_to: 8 * 8, interleaved: 4,
    load: _mm512_loadu_pd, store: _mm512_storeu_pd, stream: _mm512_stream_pd, splat: _mm512_set1_pd,
    add: _mm512_add_pd, sub: _mm512_sub_pd, mul: _mm512_mul_pd, div: _mm512_div_pd,
    mul_add: _mm512_fmadd_pd, max: _mm512_max_pd, min: _mm512_min_pd, sqrt: _mm512_sqrt_pd,
    negate: |x| _mm512_xor_pd(x, _mm512_set1_pd(-0.0)),
    abs: |x| _mm512_abs_pd(x),
    lt: _CMP_NLT_UQ, le: _CMP_NLE_UQ,
    select: |C, lhs, rhs, yes, no| _mm512_mask_blend_pd(_mm512_cmp_pd_mask::<C>(lhs, rhs), yes, no),
    bits: _mm512_castpd_si512, float: _mm512_castsi512_pd, bits_add: _mm512_add_epi64, bits_sub: _mm512_sub_epi64,
    and: _mm512_and_si512, or: _mm512_or_si512, xor: _mm512_xor_si512, shl: _mm512_sll_epi64, shr: _mm512_srl_epi64,
    look_up: |index, table| {
        let (low, high) = (_mm512_loadu_pd(table.as_ptr()), _mm512_loadu_pd(table[8..].as_ptr()));
        _mm512_permutex2var_pd(low, index, high)
    },
    scale: _mm512_scalef_pd,
}
