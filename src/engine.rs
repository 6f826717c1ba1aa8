//! How a call is done: the caller's buffers, the loops, where a call runs, and how it is shared out over threads.

pub(crate) mod buffers;
#[cfg(feature = "parallel")]
pub(crate) mod helpers;
mod loops;
pub(crate) mod plan;
#[cfg(feature = "parallel")]
mod split;
pub(crate) mod thresholds;

pub(crate) use buffers::Buffers;
pub(crate) use plan::{Piece, Plan};
