//! Results and what is left of them, a hash. The tests and the crate `accuracy` share it, so that one finds what the other wrote.

use bytemuck::NoUninit;
use rectify::{Activation, AnyActivation, Element, Tier};
use twox_hash::XxHash3_64;

/// The values of an activation on a tier, or its gradients; with one and the same NaN for all, since Rust says neither its sign nor its
/// payload.
pub fn results<T: Element>(
    activation: AnyActivation,
    gradient: bool,
    tier: Tier,
    x: &[T],
) -> Vec<T> {
    let mut results = vec![T::from_f64(1.0); x.len()];
    if gradient {
        activation.on(tier).backward_in_place(x, &mut results);
    } else {
        activation.on(tier).forward(x, &mut results);
    }
    let nan = T::from_f64(f64::from_bits(0x7ff8_0000_0000_0000));
    for result in &mut results {
        let number = *result;
        if number.partial_cmp(&number).is_none() {
            *result = nan;
        }
    }
    results
}

/// Of the [`results`] of a block.
pub fn hash<T: NoUninit>(results: &[T]) -> u64 {
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
