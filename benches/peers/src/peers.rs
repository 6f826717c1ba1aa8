//! Everybody: one file a peer, which says what it has for each operation.

pub(crate) mod burn;
pub(crate) mod candle;
pub(crate) mod fearless;
pub(crate) mod ndarray;
pub(crate) mod ours;
pub(crate) mod plain;
pub(crate) mod rten;
pub(crate) mod tract;

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
