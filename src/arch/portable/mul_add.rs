//! `a * b + c`, rounded once, where the target may have no instruction for it: x86 without FMA, and WebAssembly.
//!
//! `f32`: the product of two is exact in `f64`, and the sum there is rounded to 53 bits. To round it again, to the 24
//! of the result, does harm in one case alone: where it lies midway between two `f32` and did not before it
//! was rounded. Such sums are rare. They are looked for, once a register, and done again in a function apart.
//!
//! `f64`: product and sum as exact pairs, so that the result is the sum less a small number that was rounded. Where it is
//! the same with a little more and a little less of that, it is right. A register with any other lane, or with one out of the
//! range of exact products, is left to the standard library, as all of WebAssembly's are.
#![allow(unsafe_code)]

use wide::{f32x4, f32x8, f64x2, f64x4};

/// Whether the standard library's is an instruction, or no other way is known.
const INSTRUCTION: bool = cfg!(target_feature = "fma")
    || !cfg!(any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_family = "wasm"
    ));

/// Whether `wide`'s rounds once: it is NEON's instruction. Of the standard library's, lane by lane, the compiler does not
/// always make that one again.
const WIDE: bool = cfg!(all(target_arch = "aarch64", target_feature = "neon"));

/// Lane by lane: without closures, which would be compiled without a tier's instructions.
macro_rules! by_lanes {
    ($a:ident, $b:ident, $c:ident: $register:ident, $one:path) => {{
        let (a, b, mut c) = ($a.to_array(), $b.to_array(), $c.to_array());
        for i in 0..c.len() {
            c[i] = $one(a[i], b[i], c[i]);
        }
        $register::new(c)
    }};
}

macro_rules! mul_add {
    ($($name:ident($register:ident of $element:ident), sse2: $sse2:ident, lanes: $one:path;)*) => {$(
        #[inline(always)]
        pub(super) fn $name(a: $register, b: $register, c: $register) -> $register {
            if WIDE {
                return a.mul_add(b, c);
            }
            if INSTRUCTION {
                return by_lanes!(a, b, c: $register, $element::mul_add);
            }
            #[cfg(target_arch = "x86_64")]
            return sse2::$sse2(a, b, c);
            #[cfg(not(target_arch = "x86_64"))]
            by_lanes!(a, b, c: $register, $one)
        }
    )*};
}

mul_add! {
    mul_add_f32x4(f32x4 of f32), sse2: mul_add_f32x4, lanes: mul_add_f32;
    mul_add_f32x8(f32x8 of f32), sse2: mul_add_f32x8, lanes: mul_add_f32;
    mul_add_f64x2(f64x2 of f64), sse2: mul_add_f64x2, lanes: f64::mul_add;
    mul_add_f64x4(f64x4 of f64), sse2: mul_add_f64x4, lanes: f64::mul_add;
}

/// The lowest bits of an `f64` that an `f32` does not have, where it is midway between two of them.
const MIDWAY: u32 = 1 << 28;

/// What [`INSTRUCTION`] would do.
#[inline(always)]
fn mul_add_f32(a: f32, b: f32, c: f32) -> f32 {
    let product = f64::from(a) * f64::from(b);
    let sum = product + f64::from(c);
    let result = sum as f32;
    let midway = sum.to_bits() as u32 & (2 * MIDWAY - 1) == MIDWAY;
    // Between two subnormal numbers it is other bits. Where the result is zero, the sum was exact.
    let tiny = result != 0.0 && result.abs() <= f32::MIN_POSITIVE;
    if midway | tiny {
        to_odd(product, f64::from(c), sum) as f32
    } else {
        result
    }
}

/// `product + addend`, finite, which is `sum` when rounded, with its last bit set where it is not exact: never midway
/// between two numbers of fewer bits, and on the same side of it as the exact one.
#[cold]
#[inline(never)]
fn to_odd(product: f64, addend: f64, sum: f64) -> f64 {
    let rest = sum - product;
    let error = (product - (sum - rest)) + (addend - rest);
    if error != 0.0 {
        // Towards zero, then to odd.
        let away_from_zero = error.is_sign_positive() != sum.is_sign_positive();
        f64::from_bits((sum.to_bits() - u64::from(away_from_zero)) | 1)
    } else {
        sum
    }
}

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::*;

    use wide::{f32x4, f32x8, f64x2, f64x4};

    use super::{MIDWAY, mul_add_f32};

    macro_rules! by_halves {
        ($($name:ident($register:ident of $half:ident, $lanes:literal) is $half_name:ident;)*) => {$(
            #[inline(always)]
            pub(super) fn $name(a: $register, b: $register, c: $register) -> $register {
                let (a, b, mut result) = (a.to_array(), b.to_array(), c.to_array());
                let (a, b) = (a.as_chunks::<$lanes>().0, b.as_chunks::<$lanes>().0);
                let c = result.as_chunks_mut::<$lanes>().0;
                for i in 0..c.len() {
                    c[i] = $half_name($half::new(a[i]), $half::new(b[i]), $half::new(c[i])).to_array();
                }
                $register::new(result)
            }
        )*};
    }

    by_halves! {
        mul_add_f32x8(f32x8 of f32x4, 4) is mul_add_f32x4;
        mul_add_f64x4(f64x4 of f64x2, 2) is mul_add_f64x2;
    }

    #[inline(always)]
    pub(super) fn mul_add_f32x4(a: f32x4, b: f32x4, c: f32x4) -> f32x4 {
        mul_add_ps(a.into(), b.into(), c.into()).into()
    }

    #[inline(always)]
    pub(super) fn mul_add_f64x2(a: f64x2, b: f64x2, c: f64x2) -> f64x2 {
        mul_add_pd(a.into(), b.into(), c.into()).into()
    }

    // Functions of their own: a formula has a dozen of these, and a kernel a dozen formulas, which took minutes to compile.
    // Calls of this convention take registers as they are. Those of Rust's pass them in memory, and LLVM then keeps them
    // there throughout a loop, at twice the time.

    /// What [`mul_add_f32`](super::mul_add_f32) is, four at a time.
    #[inline(never)]
    #[expect(improper_ctypes_definitions, reason = "only this file calls it")]
    extern "sysv64" fn mul_add_ps(a: __m128, b: __m128, c: __m128) -> __m128 {
        // SAFETY: every x86-64 CPU has SSE2.
        unsafe {
            let low = _mm_add_pd(
                _mm_mul_pd(_mm_cvtps_pd(a), _mm_cvtps_pd(b)),
                _mm_cvtps_pd(c),
            );
            let (a_high, b_high, c_high) = (
                _mm_movehl_ps(a, a),
                _mm_movehl_ps(b, b),
                _mm_movehl_ps(c, c),
            );
            let high = _mm_add_pd(
                _mm_mul_pd(_mm_cvtps_pd(a_high), _mm_cvtps_pd(b_high)),
                _mm_cvtps_pd(c_high),
            );
            let result = _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));

            // The lower half of each sum, without the bits that an `f32` has.
            let ends = _mm_shuffle_ps::<0b10_00_10_00>(_mm_castpd_ps(low), _mm_castpd_ps(high));
            let shift = const { MIDWAY.leading_zeros() };
            let ends = _mm_sll_epi32(_mm_castps_si128(ends), _mm_cvtsi32_si128(shift as i32));
            let midway = _mm_cmpeq_epi32(ends, _mm_set1_epi32(i32::MIN));
            // 0 < |result| <= MIN_POSITIVE: their bits less the sign, doubled, are at least 2 and at most 2^24. The sum
            // takes 2 to the least of all integers.
            let bits = _mm_castps_si128(result);
            let from_least = _mm_add_epi32(_mm_add_epi32(bits, bits), _mm_set1_epi32(i32::MAX - 1));
            let tiny = _mm_cmplt_epi32(from_least, _mm_set1_epi32(i32::MIN + (1 << 24) - 1));
            if _mm_movemask_epi8(_mm_or_si128(midway, tiny)) != 0 {
                return mul_add_ps_apart(a, b, c);
            }
            result
        }
    }

    #[cold]
    #[inline(never)]
    #[expect(improper_ctypes_definitions, reason = "only this file calls it")]
    extern "sysv64" fn mul_add_ps_apart(a: __m128, b: __m128, c: __m128) -> __m128 {
        let (a, b, c) = (f32x4::from(a), f32x4::from(b), f32x4::from(c));
        by_lanes!(a, b, c: f32x4, mul_add_f32).into()
    }

    /// Products below it may have a rest below the least `f64`.
    const LEAST_PRODUCT: f64 = f64::from_bits((1023 - 960) << 52);

    /// More than what rounding may take off a number, as a part of it.
    const DOUBT: f64 = 2.0 * f64::EPSILON;

    #[inline(never)]
    #[expect(improper_ctypes_definitions, reason = "only this file calls it")]
    extern "sysv64" fn mul_add_pd(a: __m128d, b: __m128d, c: __m128d) -> __m128d {
        let (a, b, c) = (f64x2::from(a), f64x2::from(b), f64x2::from(c));
        let (product, excess_of_product) = exact_product(a, b);
        let (sum, excess_of_sum) = exact_sum(product, c);
        // Zero is +0 here, and taking it off keeps the sign of a sum that is zero.
        let excess = excess_of_product + excess_of_sum;
        let greatest = sum - excess * f64x2::splat(1.0 - DOUBT);
        let least = sum - excess * f64x2::splat(1.0 + DOUBT);
        // SAFETY: every x86-64 CPU has SSE2.
        unsafe {
            let zero = _mm_setzero_pd();
            let is_zero = _mm_or_pd(_mm_cmpeq_pd(a.into(), zero), _mm_cmpeq_pd(b.into(), zero));
            let is_large = _mm_cmpge_pd(product.abs().into(), _mm_set1_pd(LEAST_PRODUCT));
            // Not so of NaN, which an overflow on the way has made.
            let is_known = _mm_cmpeq_pd(greatest.into(), least.into());
            let right = _mm_and_pd(is_known, _mm_or_pd(is_zero, is_large));
            if _mm_movemask_pd(right) != 0b11 {
                return mul_add_pd_apart(a.into(), b.into(), c.into());
            }
        }
        least.into()
    }

    #[cold]
    #[inline(never)]
    #[expect(improper_ctypes_definitions, reason = "only this file calls it")]
    extern "sysv64" fn mul_add_pd_apart(a: __m128d, b: __m128d, c: __m128d) -> __m128d {
        let (a, b, c) = (f64x2::from(a), f64x2::from(b), f64x2::from(c));
        by_lanes!(a, b, c: f64x2, f64::mul_add).into()
    }

    /// The product, and how much rounding has added to it. Source: Dekker, *A floating-point technique for extending the
    /// available precision*, 1971.
    #[inline(always)]
    fn exact_product(a: f64x2, b: f64x2) -> (f64x2, f64x2) {
        let product = a * b;
        let ((a, a_rest), (b, b_rest)) = (split(a), split(b));
        let excess = (((product - a * b) - a * b_rest) - a_rest * b) - a_rest * b_rest;
        (product, excess)
    }

    /// Two numbers of 26 bits whose sum is `x`. Veltkamp's, in the same paper.
    #[inline(always)]
    fn split(x: f64x2) -> (f64x2, f64x2) {
        let scaled = x * f64x2::splat(((1 << 27) + 1) as f64);
        let head = scaled - (scaled - x);
        (head, x - head)
    }

    /// The sum, and how much rounding has added to it. Source: Knuth, *The Art of Computer Programming*, volume 2, 4.2.2.
    #[inline(always)]
    fn exact_sum(a: f64x2, b: f64x2) -> (f64x2, f64x2) {
        let sum = a + b;
        let part = sum - a;
        (sum, ((sum - part) - a) + (part - b))
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    // Emulated CPUs run them, too.
    const TIMES: usize = if cfg!(miri) { 50 } else { 200_000 };

    /// Without the instruction the C library's `fmaf` rounds some results below the normal numbers twice: no reference then.
    fn library_is_exact() -> bool {
        #[cfg(target_arch = "x86_64")]
        return is_x86_feature_detected!("fma") || cfg!(miri);
        #[cfg(not(target_arch = "x86_64"))]
        true
    }

    /// Defines a check of a way to do `N` lanes at once, against the standard library, one lane at a time.
    macro_rules! rounds_once {
        ($name:ident: $element:ident of $bits:ident) => {
            fn $name<const N: usize>(way: fn([[$element; N]; 3]) -> [$element; N]) {
                const SPECIAL: [$element; 18] = [
                    0.0,
                    -0.0,
                    1.0,
                    -1.0,
                    3.0,
                    1.0 + $element::EPSILON,
                    $element::EPSILON,
                    $element::INFINITY,
                    $element::NEG_INFINITY,
                    $element::NAN,
                    $element::MAX,
                    $element::MIN,
                    $element::MAX.next_down(),
                    $element::MIN_POSITIVE,
                    -$element::MIN_POSITIVE,
                    $element::MIN_POSITIVE.next_down(),
                    $element::from_bits(1),
                    -$element::from_bits(1),
                ];
                if !library_is_exact() {
                    return;
                }
                let mut random = StdRng::seed_from_u64(1);
                let mut check = |case: &mut dyn FnMut(&mut StdRng) -> [$element; 3]| {
                    for _ in 0..TIMES / N {
                        let cases: [_; N] = std::array::from_fn(|_| case(&mut random));
                        let results = way([0, 1, 2].map(|k| cases.map(|case| case[k])));
                        for ([a, b, c], result) in cases.into_iter().zip(results) {
                            let exact = a.mul_add(b, c);
                            assert!(
                                result.to_bits() == exact.to_bits()
                                    || result.is_nan() && exact.is_nan(),
                                "{a:e} * {b:e} + {c:e} is {exact:e}, not {result:e}"
                            );
                        }
                    }
                };
                let any = |random: &mut StdRng| $element::from_bits(random.random());
                let special = |random: &mut StdRng| SPECIAL[random.random_range(0..SPECIAL.len())];
                // 1 and up to some last places.
                let about_one = |random: &mut StdRng, places: i32| {
                    1.0 + random.random_range(-places..=places) as $element * $element::EPSILON
                };
                // Midway between `c` and a neighbour, or beside it by less than a sum in twice the precision shows.
                let midway = |random: &mut StdRng, c: $element| {
                    let place = c.abs() - c.abs().next_down();
                    let by = random.random_range(0..4096) as $element * $element::EPSILON;
                    let half = if random.random() { 0.5 } else { -0.5 };
                    // So that neither factor is below the normal numbers.
                    let (little, big) = ((2.0 as $element).powi(-64), (2.0 as $element).powi(64));
                    let (to, from) = if place < 1.0 {
                        (big, little)
                    } else {
                        (little, big)
                    };
                    [place * to * (1.0 + by), half * from * (1.0 - by), c]
                };

                check(&mut |random| [any(random), any(random), any(random)]);
                check(&mut |random| [special(random), special(random), special(random)]);
                check(&mut |random| {
                    let mut case = [any(random), any(random), any(random)];
                    case[random.random_range(0..3)] = special(random);
                    case
                });
                // What remains is what the product has more, and a last place.
                check(&mut |random| {
                    let (a, b) = (any(random), any(random));
                    [a, b, -a * b * about_one(random, 1)]
                });
                check(&mut |random| {
                    let c = any(random);
                    midway(random, c)
                });
                check(&mut |random| {
                    let c = special(random);
                    midway(random, c)
                });
                // Below the normal numbers.
                check(&mut |random| {
                    let c = random.random_range(-1.0..1.0) * $element::MIN_POSITIVE;
                    midway(random, c)
                });
                check(&mut |random| {
                    let (a, b) = (about_one(random, 1_000_000), about_one(random, 1_000_000));
                    let c = about_one(random, 1_000_000) * $element::MIN_POSITIVE;
                    [a * 2.0 * $element::MIN_POSITIVE, b * 0.5, -c]
                });
            }
        };
    }
    rounds_once!(f32_rounds_once: f32 of u32);
    rounds_once!(f64_rounds_once: f64 of u64);

    macro_rules! ways {
        ($($name:ident($register:ident of $lanes:literal): $way:path, $check:ident;)*) => {$(
            #[test]
            fn $name() {
                $check::<$lanes>(|[a, b, c]| {
                    $way($register::new(a), $register::new(b), $register::new(c)).to_array()
                });
            }
        )*};
    }

    ways! {
        f32x4s(f32x4 of 4): mul_add_f32x4, f32_rounds_once;
        f32x8s(f32x8 of 8): mul_add_f32x8, f32_rounds_once;
        f64x2s(f64x2 of 2): mul_add_f64x2, f64_rounds_once;
        f64x4s(f64x4 of 4): mul_add_f64x4, f64_rounds_once;
    }

    // Whatever this is compiled for.
    #[cfg(target_arch = "x86_64")]
    ways! {
        f32x4s_by_sse2(f32x4 of 4): sse2::mul_add_f32x4, f32_rounds_once;
        f64x2s_by_sse2(f64x2 of 2): sse2::mul_add_f64x2, f64_rounds_once;
    }

    #[test]
    fn one_f32() {
        f32_rounds_once::<1>(|[[a], [b], [c]]| [mul_add_f32(a, b, c)]);
    }
}
