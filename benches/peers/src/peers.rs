//! Everybody: one file a peer, which says what it has for each operation.

mod burn;
mod candle;
mod fearless;
mod ndarray;
mod ours;
mod plain;
mod rten;
mod tract;

use crate::operation::Operation;
use crate::way::Way;

/// All ways to do `operation`, ours first.
pub fn ways(operation: Operation) -> Vec<Way> {
    [
        ours::ways,
        plain::ways,
        ndarray::ways,
        fearless::ways,
        rten::ways,
        tract::ways,
        burn::ways,
        candle::ways,
    ]
    .into_iter()
    .flat_map(|ways| ways(operation))
    .collect()
}
