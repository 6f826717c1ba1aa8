//! `a * b + c` of numbers, rounded once, where the target may have no instruction for it.
//!
//! `f32`: the product of two is exact in `f64`, and the sum there is rounded to 53 bits. To round it again, to the 24
//! of the result, does harm in one case alone: where it lies midway between two `f32` and did not before it
//! was rounded. Such sums are rare. The C library of WebAssembly's standard library does the same, and forgets those that
//! are midway between two subnormal numbers.
//!
//! `f64` is left to the standard library, but for a case that WebAssembly's C library gets wrong.

/// Whether the standard library's is an instruction, or no other way is known.
pub(crate) const INSTRUCTION: bool = cfg!(target_feature = "fma")
    || !cfg!(any(
        target_arch = "x86",
        target_arch = "x86_64",
        target_family = "wasm"
    ));

/// `a * b + c`, rounded once.
#[inline(always)]
pub(crate) fn mul_add_f32(a: f32, b: f32, c: f32) -> f32 {
    // On x86-64 a tier has the instruction where the crate is compiled without, and this is one there. Elsewhere it is a call of the
    // C library, and GNU's asks the CPU.
    if INSTRUCTION || cfg!(target_arch = "x86_64") {
        a.mul_add(b, c)
    } else {
        rounded_once(a, b, c)
    }
}

/// The lowest bits of an `f64` that an `f32` does not have, where it is midway between two of them.
pub(crate) const MIDWAY: u32 = 1 << 28;

/// `a * b + c`, rounded once.
#[inline(always)]
pub(crate) fn mul_add_f64(a: f64, b: f64, c: f64) -> f64 {
    // A product that is too small for any number but zero keeps its sign beside a zero.
    if cfg!(target_family = "wasm") && c == 0.0 && a != 0.0 && b != 0.0 {
        a * b
    } else {
        a.mul_add(b, c)
    }
}

/// What the instruction does, without it.
#[inline(always)]
pub(crate) fn rounded_once(a: f32, b: f32, c: f32) -> f32 {
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
