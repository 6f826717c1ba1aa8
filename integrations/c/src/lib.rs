//! `librectify`: the kernels of `rectify` behind a C interface. `include/rectify.h` is made of what stands here.
//!
//! No kernel and no formula is here. Unsafe code is what the border takes: `buffers` makes slices of pointers, and `activation`
//! and `tier` read texts and handles. A function of the interface is unsafe, as it takes its caller's word for what pointers
//! point to; all that can be looked at is looked at before anything is written.
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
