// The README's code uses `par()`.
#![cfg_attr(feature = "parallel", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "parallel"),
    doc = "Activation kernels for the CPU, without Rayon."
)]
//!
//! ## How the code is laid out
//!
//! From the bottom up:
//!
//! | layer | it is | where |
//! |---|---|---|
//! | vector | a register: load, store, splat, arithmetic, compare-and-select | `src/vector.rs` |
//! | x86 | AVX2 and AVX-512 registers with their tokens, the streaming store | `src/x86.rs` |
//! | slice | the loops | `src/slice.rs` |
//! | tier | which registers this machine may and should use | `src/tier.rs` |
//! | parallel | how a slice is split over Rayon, and when it is not; when it streams | `src/parallel.rs`, `src/thresholds.rs`, `src/crew.rs` |
//! | activation | the mathematics, one file an activation | `src/activation.rs`, `src/activation/` |
//! | any | the activation that is chosen at run time, from a text or an ONNX operator | `src/any.rs` |
//! | scalar | the reference kernels | `src/scalar.rs` |
//!
//! Unsafe code stands in `x86` (intrinsics), in `slice` (a caller's buffers as pointers), in `crew` (a
//! borrow that threads of the pool may outlive, behind a gate) and in the `forward_uninit`s, which
//! return what they have written; `vector` declares one unsafe operation, the
//! streaming store, with a safe body where there is none.

mod activation;
mod any;
#[cfg(feature = "parallel")]
mod crew;
mod element;
mod parallel;
pub mod scalar;
mod slice;
mod thresholds;
mod tier;
mod vector;
#[cfg(x86_tiers)]
mod x86;

#[cfg(feature = "parallel")]
pub use activation::Par;
pub use activation::all::*;
pub use activation::{Activation, On};
pub use any::{ActivationError, AnyActivation};
pub use element::Element;
pub use thresholds::Thresholds;
pub use tier::Tier;
