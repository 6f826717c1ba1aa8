//! The tests that need no process of their own, in one program: kernels are compiled where they are used, and
//! this takes minutes less than a program for each.

#[path = "../common/mod.rs"]
mod common;
// The crate `accuracy` has these, too.
#[allow(unreachable_pub)]
#[path = "../common/drawn_f64.rs"]
mod drawn_f64;
#[allow(unreachable_pub)]
#[path = "../common/every_f32.rs"]
mod every_f32;
#[allow(unreachable_pub)]
#[path = "../common/hashes.rs"]
mod hashes;

mod accuracy;
mod vectors;
mod vectors_smooth;

// Of the least sample, which is of bits alone, there is nothing but the above.
#[cfg(not(suite_bits))]
mod any;
#[cfg(not(suite_bits))]
mod fused;
#[cfg(not(suite_bits))]
mod prelu;
#[cfg(not(suite_bits))]
mod softmax;

// What a sample of the suite leaves out, as it takes minutes to build: of every activation every method. The checks that are built
// more than once take the sample; each of their pages says how all is run.
#[cfg(not(suite_sample))]
mod exact;
#[cfg(not(suite_sample))]
mod exhaustive;
#[cfg(not(suite_sample))]
mod formulas;
#[cfg(not(suite_sample))]
mod properties;
#[cfg(not(suite_sample))]
mod streamed;
