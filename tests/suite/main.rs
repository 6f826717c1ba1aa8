//! The tests that need no process of their own, in one program: kernels are compiled where they are used, and
//! this takes minutes less than a program for each.

#[path = "../common/mod.rs"]
mod common;
#[allow(unreachable_pub)] // The crate `accuracy` has it, too.
#[path = "../common/every_f32.rs"]
mod every_f32;

mod accuracy;
mod any;
mod exact;
mod exhaustive;
mod formulas;
mod fused;
mod prelu;
mod properties;
mod softmax;
mod streamed;
mod vectors;
mod vectors_smooth;
