//! The tests that need no process of their own, in one program: kernels are compiled where they are used, and
//! this takes minutes less than a program for each.

#[path = "../common/mod.rs"]
mod common;
#[cfg(not(sanitizer_sample))]
#[allow(unreachable_pub)] // The crate `accuracy` has it, too.
#[path = "../common/every_f32.rs"]
mod every_f32;

// What `.ci/sanitizers sample` leaves out takes minutes to build there, and the fuzzer makes such calls under AddressSanitizer, too.
#[cfg(not(sanitizer_sample))]
mod accuracy;
mod any;
#[cfg(not(sanitizer_sample))]
mod exact;
#[cfg(not(sanitizer_sample))]
mod exhaustive;
#[cfg(not(sanitizer_sample))]
mod formulas;
mod fused;
mod prelu;
#[cfg(not(sanitizer_sample))]
mod properties;
mod softmax;
#[cfg(not(sanitizer_sample))]
mod streamed;
#[cfg(not(sanitizer_sample))]
mod vectors;
#[cfg(not(sanitizer_sample))]
mod vectors_smooth;
