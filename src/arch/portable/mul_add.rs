//! `a * b + c`, rounded once, where the target may have no instruction for it: x86 without FMA, and WebAssembly, unless its relaxed
//! SIMD has one.
//!
//! `f32`: as [`crate::mul_add`] has it, whose one dangerous case is looked for once a register, and done again in a function
//! apart.
//!
//! `f64`: product and sum as exact pairs, so that the result is the sum less a small number that was rounded. Where it is
//! the same with a little more and a little less of that, it is right. A register with any other lane, or with one out of the
//! range of exact products, is left to the standard library, as all are of WebAssembly without SIMD.
#![allow(unsafe_code)]

use wide::{f32x4, f32x8, f64x2, f64x4};

use crate::mul_add::INSTRUCTION;
#[cfg(not(any(target_arch = "x86_64", target_feature = "simd128")))]
use crate::mul_add::{mul_add_f64, rounded_once};

/// Whether `wide`'s multiply-add rounds once: it is NEON's instruction. Of the standard library's, lane by lane, the compiler does not
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
    ($($name:ident($register:ident of $element:ident), one: $one:path;)*) => {$(
        #[inline(always)]
        pub(super) fn $name(a: $register, b: $register, c: $register) -> $register {
            if WIDE {
                return a.mul_add(b, c);
            }
            if INSTRUCTION {
                return by_lanes!(a, b, c: $register, $element::mul_add);
            }
            #[cfg(any(target_arch = "x86_64", target_feature = "simd128"))]
            return registers::$name(a, b, c);
            #[cfg(not(any(target_arch = "x86_64", target_feature = "simd128")))]
            by_lanes!(a, b, c: $register, $one)
        }
    )*};
}

mul_add! {
    mul_add_f32x4(f32x4 of f32), one: rounded_once;
    mul_add_f32x8(f32x8 of f32), one: rounded_once;
    mul_add_f64x2(f64x2 of f64), one: mul_add_f64;
    mul_add_f64x4(f64x4 of f64), one: mul_add_f64;
}

/// Four `f32` or two `f64` at a time, by the instructions that x86 and WebAssembly have.
#[cfg(any(target_arch = "x86_64", target_feature = "simd128"))]
mod registers {
    #[cfg(target_arch = "x86_64")]
    use std::arch::x86_64::{__m128 as F32s, __m128d as F64s};

    #[cfg(target_family = "wasm")]
    use std::arch::wasm32::{v128 as F32s, v128 as F64s};

    use wide::{f32x4, f32x8, f64x2, f64x4, i32x4};

    use crate::mul_add::{MIDWAY, mul_add_f64, rounded_once};

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

    /// WebAssembly's relaxed multiply-add, where it rounds once. A runtime is free to round the product, too, but does the same for as
    /// long as it runs. The compiler does not know which, and as nothing here changes it asks in front of a loop and not inside.
    macro_rules! relaxed_or_emulated {
        ($($name:ident($register:ident of $element:ident): $relaxed:ident, $emulated:ident;)*) => {$(
            #[inline(always)]
            pub(super) fn $name(a: $register, b: $register, c: $register) -> $register {
                #[cfg(target_feature = "relaxed-simd")]
                {
                    use std::arch::wasm32::{$relaxed, v128_any_true};

                    // (1 + e)² - (1 + 2e) is e², or 0 where the product is rounded: half of its last place at most.
                    const E: $element = 1.0 / (1_u64 << $element::MANTISSA_DIGITS.div_ceil(2)) as $element;
                    let factor = $register::splat(1.0 + E).into();
                    let squared = $relaxed(factor, factor, $register::splat(-1.0 - 2.0 * E).into());
                    if v128_any_true(squared) {
                        return $relaxed(a.into(), b.into(), c.into()).into();
                    }
                }
                $emulated(a, b, c)
            }
        )*};
    }

    relaxed_or_emulated! {
        mul_add_f32x4(f32x4 of f32): f32x4_relaxed_madd, emulated_f32x4;
        mul_add_f64x2(f64x2 of f64): f64x2_relaxed_madd, emulated_f64x2;
    }

    /// Functions of their own: a formula has a dozen of these, and a kernel a dozen formulas, which took minutes to compile.
    /// Calls of this convention take registers as they are. Those of Rust's pass them in memory, and LLVM then keeps them
    /// there throughout a loop, at twice the time.
    macro_rules! calls {
        ($abi:literal: $(
            $(#[$attribute:meta])* $visibility:vis fn $name:ident($register:ident as $native:ident) = $body:path;
        )*) => {$(
            #[inline(always)]
            $visibility fn $name(a: $register, b: $register, c: $register) -> $register {
                $(#[$attribute])*
                #[inline(never)]
                #[allow(improper_ctypes_definitions, reason = "only this file calls it")]
                extern $abi fn $name(a: $native, b: $native, c: $native) -> $native {
                    $body(a.into(), b.into(), c.into()).into()
                }
                $name(a.into(), b.into(), c.into()).into()
            }
        )*};
    }

    macro_rules! with_convention {
        ($($calls:tt)*) => {
            #[cfg(target_arch = "x86_64")]
            calls! { "sysv64": $($calls)* }
            #[cfg(not(target_arch = "x86_64"))]
            calls! { "C": $($calls)* }
        };
    }

    with_convention! {
        pub(super) fn emulated_f32x4(f32x4 as F32s) = by_f64;
        pub(super) fn emulated_f64x2(f64x2 as F64s) = by_pairs;
        #[cold]
        fn apart_f32x4(f32x4 as F32s) = by_lanes_f32x4;
        #[cold]
        fn apart_f64x2(f64x2 as F64s) = by_lanes_f64x2;
    }

    #[inline(always)]
    fn by_lanes_f32x4(a: f32x4, b: f32x4, c: f32x4) -> f32x4 {
        by_lanes!(a, b, c: f32x4, rounded_once)
    }

    #[inline(always)]
    fn by_lanes_f64x2(a: f64x2, b: f64x2, c: f64x2) -> f64x2 {
        by_lanes!(a, b, c: f64x2, mul_add_f64)
    }

    /// What [`rounded_once`] is, four at a time.
    #[inline(always)]
    fn by_f64(a: f32x4, b: f32x4, c: f32x4) -> f32x4 {
        let ([a_low, a_high], [b_low, b_high], [c_low, c_high]) = (halves(a), halves(b), halves(c));
        let (low, high) = (a_low * b_low + c_low, a_high * b_high + c_high);
        let result = narrowed(low, high);

        // The lower half of each sum, without the bits that an `f32` has.
        let ends = low_words(low, high) << const { MIDWAY.leading_zeros() };
        let midway = ends.simd_eq(i32x4::splat(i32::MIN));
        // 0 < |result| <= MIN_POSITIVE: their bits less the sign, doubled, are at least 2 and at most 2^24. The sum
        // takes 2 to the least of all integers.
        let bits = i32x4::new(result.to_array().map(|lane| lane.to_bits() as i32));
        let from_least = bits + bits + i32x4::splat(i32::MAX - 1);
        let tiny = from_least.simd_lt(i32x4::splat(i32::MIN + (1 << 24) - 1));
        if (midway | tiny).any() {
            return apart_f32x4(a, b, c);
        }
        result
    }

    /// Products below it may have a rest below the least `f64`.
    const LEAST_PRODUCT: f64 = f64::from_bits((1023 - 960) << 52);

    /// More than what rounding may take off a number, as a part of it.
    const DOUBT: f64 = 2.0 * f64::EPSILON;

    #[inline(always)]
    fn by_pairs(a: f64x2, b: f64x2, c: f64x2) -> f64x2 {
        let (product, excess_of_product) = exact_product(a, b);
        let (sum, excess_of_sum) = exact_sum(product, c);
        // Zero is +0 here, and taking it off keeps the sign of a sum that is zero.
        let excess = excess_of_product + excess_of_sum;
        let greatest = sum - excess * f64x2::splat(1.0 - DOUBT);
        let least = sum - excess * f64x2::splat(1.0 + DOUBT);
        let is_zero = a.simd_eq(f64x2::ZERO) | b.simd_eq(f64x2::ZERO);
        let is_large = product.abs().simd_ge(f64x2::splat(LEAST_PRODUCT));
        // Not so of NaN, which an overflow on the way has made.
        let is_known = greatest.simd_eq(least);
        if !(is_known & (is_zero | is_large)).all() {
            return apart_f64x2(a, b, c);
        }
        least
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

    /// The lower two of four and the upper two, as `f64`.
    #[inline(always)]
    fn halves(x: f32x4) -> [f64x2; 2] {
        let x = F32s::from(x);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every x86-64 CPU has SSE2.
        let halves = unsafe {
            use std::arch::x86_64::*;
            [_mm_cvtps_pd(x), _mm_cvtps_pd(_mm_movehl_ps(x, x))]
        };
        #[cfg(target_family = "wasm")]
        let halves = {
            use std::arch::wasm32::*;
            let high = i32x4_shuffle::<2, 3, 2, 3>(x, x);
            [f64x2_promote_low_f32x4(x), f64x2_promote_low_f32x4(high)]
        };
        halves.map(f64x2::from)
    }

    /// The four, rounded.
    #[inline(always)]
    fn narrowed(low: f64x2, high: f64x2) -> f32x4 {
        let (low, high) = (F64s::from(low), F64s::from(high));
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every x86-64 CPU has SSE2.
        let narrowed = unsafe {
            use std::arch::x86_64::*;
            _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high))
        };
        #[cfg(target_family = "wasm")]
        let narrowed = {
            use std::arch::wasm32::*;
            let (low, high) = (f32x4_demote_f64x2_zero(low), f32x4_demote_f64x2_zero(high));
            // One shuffle of both, LLVM takes apart into numbers.
            v128_or(low, i32x4_shuffle::<2, 3, 0, 1>(high, high))
        };
        narrowed.into()
    }

    /// The lower 32 bits of each of the four.
    #[inline(always)]
    fn low_words(low: f64x2, high: f64x2) -> i32x4 {
        let (low, high) = (F64s::from(low), F64s::from(high));
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every x86-64 CPU has SSE2.
        let words = unsafe {
            use std::arch::x86_64::*;
            let (low, high) = (_mm_castpd_ps(low), _mm_castpd_ps(high));
            _mm_castps_si128(_mm_shuffle_ps::<0b10_00_10_00>(low, high))
        };
        #[cfg(target_family = "wasm")]
        let words = std::arch::wasm32::i32x4_shuffle::<0, 2, 4, 6>(low, high);
        words.into()
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};
    use rustc_apfloat::Float;
    use rustc_apfloat::ieee::{Double, Single};

    use super::*;
    use crate::mul_add::{mul_add_f32, mul_add_f64, rounded_once};

    // Emulated CPUs run them, too.
    const TIMES: usize = if cfg!(miri) { 16 } else { 200_000 };

    /// Defines a check of a way to do `N` lanes at once, against LLVM's arithmetic by integers: C libraries round some results
    /// below the normal numbers twice.
    macro_rules! rounds_once {
        ($name:ident: $element:ident as $reference:ident) => {
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
                let mut random = StdRng::seed_from_u64(1);
                let mut check = |case: &mut dyn FnMut(&mut StdRng) -> [$element; 3]| {
                    for _ in 0..TIMES / N {
                        let cases: [_; N] = std::array::from_fn(|_| case(&mut random));
                        let results = way([0, 1, 2].map(|k| cases.map(|case| case[k])));
                        for ([a, b, c], result) in cases.into_iter().zip(results) {
                            let exact = if cfg!(miri) {
                                // Which computes by the same arithmetic, and not a step at a time.
                                a.mul_add(b, c)
                            } else {
                                let [x, y, z] =
                                    [a, b, c].map(|x| $reference::from_bits(x.to_bits().into()));
                                $element::from_bits(x.mul_add(y, z).value.to_bits() as _)
                            };
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
    rounds_once!(f32_rounds_once: f32 as Single);
    rounds_once!(f64_rounds_once: f64 as Double);

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
    #[cfg(any(target_arch = "x86_64", target_feature = "simd128"))]
    ways! {
        f32x4s_without_the_instruction(f32x4 of 4): registers::emulated_f32x4, f32_rounds_once;
        f64x2s_without_the_instruction(f64x2 of 2): registers::emulated_f64x2, f64_rounds_once;
    }

    #[test]
    fn one_f32() {
        f32_rounds_once::<1>(|[[a], [b], [c]]| [rounded_once(a, b, c)]);
        // Where an x86 CPU lacks the instruction, its C library rounds some results below the normal numbers twice.
        #[cfg(target_arch = "x86_64")]
        if !is_x86_feature_detected!("fma") {
            return;
        }
        f32_rounds_once::<1>(|[[a], [b], [c]]| [mul_add_f32(a, b, c)]);
    }

    #[test]
    fn one_f64() {
        f64_rounds_once::<1>(|[[a], [b], [c]]| [mul_add_f64(a, b, c)]);
    }
}
