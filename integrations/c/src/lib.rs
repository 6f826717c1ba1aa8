//! `librectify`: the kernels of `rectify` behind a C interface. `include/rectify.h` is made of what stands here.
//!
//! No kernel and no formula is here. Unsafe code is what the border takes: `buffers` makes slices of pointers, and
//! `activation` and `tier` read texts and handles. All that can be looked at is looked at before anything is written. What
//! cannot be, every function takes its caller's word for:
//!
//! - a pointer to a buffer, unless null, points to as many elements as the call says, and these may be written to where it is
//!   an output; nobody else writes to them during the call, or reads from an output;
//! - a text, unless null, ends with a zero and does not change during the call;
//! - a handle, unless null, comes from `rectify_activation_new`, and was not given back.
//!
//! - `status`: return codes, the message of the last failure, and the end of every panic.
//! - `buffers`: pointers and lengths, checked, as slices.
//! - `activation`: handles.
//! - `tier`: the instruction set, and the threads.
//! - `flags`: where a call runs.
//! - `float`: the functions over `float`; `double` is the same file with the other type, made by `header`.

pub mod activation;
mod buffers;
pub mod double;
pub mod flags;
pub mod float;
pub mod status;
pub mod tier;
