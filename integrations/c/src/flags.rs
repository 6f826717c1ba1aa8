//! Where a call runs.

use crate::status::{Failure, Status};

/// On the calling thread alone.
pub const RECTIFY_SERIAL: u32 = 0;

/// Over the library's threads, of which the caller is one. Small buffers stay on the calling thread. The bits are the same.
pub const RECTIFY_PARALLEL: u32 = 1;

/// Of rows of two halves: the value is the first and the gate the second. Without it the gate is the first.
pub const RECTIFY_VALUE_FIRST: u32 = 2;

/// `kernel`, on the threads that `flags` say.
pub(crate) fn planned<K>(kernel: K, flags: u32, par: fn(K) -> K) -> Result<K, Failure> {
    known(flags, RECTIFY_PARALLEL)?;
    let parallel = flags & RECTIFY_PARALLEL != 0;
    Ok(if parallel { par(kernel) } else { kernel })
}

/// The flags without RECTIFY_VALUE_FIRST, and whether that is among them.
pub(crate) fn value_first(flags: u32) -> (u32, bool) {
    let others = flags & !RECTIFY_VALUE_FIRST;
    (others, others != flags)
}

pub(crate) fn known(flags: u32, known: u32) -> Result<(), Failure> {
    if flags & !known == 0 {
        return Ok(());
    }
    let unknown = flags & !known;
    let message = format!("`flags` is {flags:#x}: this function has no {unknown:#x}");
    Err(Failure::new(Status::RectifyBadFlag, message))
}
