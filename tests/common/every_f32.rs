//! Every `f32`, or every so many, a block at a time, and what is left of the results: a hash. The tests and the crate
//! `accuracy` share it, so that one finds what the other wrote.

use twox_hash::XxHash3_64;

/// Inputs a block: they, what is computed of them and what it is compared with fit the second-level cache.
pub const BLOCK: u64 = 1 << 14;

/// How sparse a sample is, where there is no time for all. Prime, so that it meets all last bits.
pub const SAMPLE: u64 = 1021;

/// The number of blocks that hold every `every`th `f32`, by its bits.
pub fn blocks(every: u64) -> u64 {
    (1_u64 << 32).div_ceil(every).div_ceil(BLOCK)
}

/// The inputs of a block.
pub fn block(every: u64, index: u64) -> Vec<f32> {
    let end = (1_u64 << 32).div_ceil(every);
    (index * BLOCK..end.min((index + 1) * BLOCK))
        .map(|i| f32::from_bits((i * every) as u32))
        .collect()
}

/// Makes every NaN one and the same, since Rust says neither its sign nor its payload.
pub fn one_nan(results: &mut [f32]) {
    for result in results {
        if result.is_nan() {
            *result = f32::from_bits(0x7fc0_0000);
        }
    }
}

/// Of the results of a block, after [`one_nan`].
pub fn hash(results: &[f32]) -> u64 {
    if cfg!(target_endian = "little") {
        return XxHash3_64::oneshot(bytemuck::cast_slice(results));
    }
    let bytes: Vec<u8> = results
        .iter()
        .flat_map(|result| result.to_le_bytes())
        .collect();
    XxHash3_64::oneshot(&bytes)
}

/// Of all, from those of all blocks in their order: 16 hexadecimal digits.
pub fn hash_of_all(blocks: &[u64]) -> String {
    let bytes: Vec<u8> = blocks
        .iter()
        .flat_map(|block| block.to_le_bytes())
        .collect();
    format!("{:016x}", XxHash3_64::oneshot(&bytes))
}
