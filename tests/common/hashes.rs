//! Results and what is left of them, a hash. The tests and the crate `accuracy` share it, so that one finds what the other wrote.

use bytemuck::NoUninit;
use rectify::{Activation, AnyActivation, Element, Tier};
use twox_hash::XxHash3_64;

/// A number whose NaN has one pattern of bits here: Rust says neither the sign nor the payload of one that was computed.
pub trait OneNan: Element + NoUninit {
    const NAN: Self;
}

impl OneNan for f32 {
    const NAN: Self = f32::from_bits(0x7fc0_0000);
}

impl OneNan for f64 {
    const NAN: Self = f64::from_bits(0x7ff8_0000_0000_0000);
}

/// The values of an activation on a tier, or its gradients, with one NaN for all.
pub fn results<T: OneNan>(
    activation: AnyActivation,
    gradient: bool,
    tier: Tier,
    x: &[T],
) -> Vec<T> {
    let mut results = vec![T::ONE; x.len()];
    if gradient {
        activation.on(tier).backward_in_place(x, &mut results);
    } else {
        activation.on(tier).forward(x, &mut results);
    }
    for result in &mut results {
        let number = *result;
        if number.partial_cmp(&number).is_none() {
            *result = T::NAN;
        }
    }
    results
}

/// Of the [`results`] of a block.
pub fn hash<T: OneNan>(results: &[T]) -> u64 {
    let bytes: &[u8] = bytemuck::cast_slice(results);
    if cfg!(target_endian = "little") {
        return XxHash3_64::oneshot(bytes);
    }
    let little: Vec<u8> = bytes
        .chunks_exact(size_of::<T>())
        .flat_map(|result| result.iter().rev().copied())
        .collect();
    XxHash3_64::oneshot(&little)
}

/// Of all, from those of all blocks in their order: 16 hexadecimal digits.
pub fn hash_of_all(blocks: &[u64]) -> String {
    let bytes: Vec<u8> = blocks
        .iter()
        .flat_map(|block| block.to_le_bytes())
        .collect();
    format!("{:016x}", XxHash3_64::oneshot(&bytes))
}
