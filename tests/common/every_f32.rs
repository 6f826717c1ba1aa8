//! Every `f32`, or every so many, a block at a time. The tests and the crate `accuracy` share it.

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
