//! `f64` inputs, a block at a time: special ones, then drawn ones. The tests and the crate `accuracy` share it, so that one hashes the
//! results that the other measured; they are the same on every machine, as nothing here is rounded in a way that a library chooses.

use twox_hash::XxHash3_64;

/// Inputs a block, but for the first.
pub const BLOCK: u64 = 1 << 12;

/// The blocks that a hash is of: the special ones, and 48 others.
pub const HASHED: u64 = 49;

/// The inputs of a block.
pub fn block(index: u64) -> Vec<f64> {
    match index.checked_sub(1) {
        None => special(),
        Some(index) => (index * BLOCK..(index + 1) * BLOCK).map(drawn).collect(),
    }
}

/// A third over all exponents, a third where activations bend, and a third over what is between that and zero.
fn drawn(i: u64) -> f64 {
    const SIGN_AND_MANTISSA: u64 = 0x800f_ffff_ffff_ffff;
    // A hash of a count is as good as a random number, and is defined once and for all.
    let random = XxHash3_64::oneshot(&i.to_le_bytes());
    match i % 3 {
        0 => f64::from_bits(random),
        // From -50 to 50.
        1 => (random >> 11) as f64 / (1_u64 << 53) as f64 * 100.0 - 50.0,
        // From 2^-70 to 2^11, of either sign.
        _ => {
            let exponent = 1023 - 70 + (random >> 52 & 0x7ff) % 81;
            f64::from_bits(random & SIGN_AND_MANTISSA | exponent << 52)
        }
    }
}

/// Zeros, infinities, NaN, the ends of the normal numbers; and about every whole number up to 800, and its 16th part,
/// where tables have their seams and results underflow.
fn special() -> Vec<f64> {
    let mut special = vec![
        0.0,
        f64::INFINITY,
        f64::NAN,
        f64::MAX,
        f64::MIN_POSITIVE,
        f64::MIN_POSITIVE.next_down(),
        f64::from_bits(1),
        f64::EPSILON,
    ];
    for i in 1..800 {
        for whole in [f64::from(i), f64::from(i) / 16.0] {
            special.extend([whole.next_down(), whole, whole.next_up()]);
        }
    }
    let negative: Vec<f64> = special.iter().map(|x| -x).collect();
    special.extend(negative);
    special
}
