// The README's code uses `par()`.
#![cfg_attr(feature = "parallel", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "parallel"),
    doc = "Activation kernels for the CPU, without Rayon."
)]
//!
//! ## How the code is laid out
//!
//! Imports go downwards in this table, and no two files import each other:
//!
//! | layer | it is | where |
//! |---|---|---|
//! | any | the activation that is chosen at run time, from a text or an ONNX operator | `src/any.rs`, `src/any/` |
//! | scalar | the reference kernels | `src/scalar.rs` |
//! | activation | what users call; the mathematics, one file an activation | `src/activation.rs`, `src/activation/` |
//! | softmax | rows: softmax and its logarithm | `src/softmax.rs` |
//! | fused | a formula with what stands around it: bias, residual, gate | `src/fused.rs` |
//! | map slices | what users of a map of several inputs call | `src/map_slices.rs` |
//! | planned | a formula with where it runs: `on` and `par` | `src/planned.rs` |
//! | channels | a value a channel: layouts, and sums in a fixed order | `src/channels.rs`, `src/channels/` |
//! | engine | the caller's buffers, the loops, where a call runs, how it is shared out over Rayon, thresholds | `src/engine.rs`, `src/engine/` |
//! | named | names and parameters of activations | `src/named.rs` |
//! | environment | the variables that are read | `src/environment.rs` |
//! | lengths | the check that slices are of one length | `src/lengths.rs` |
//! | formula | what authors write: `Formula`, `Gradient`, `Map` | `src/formula.rs` |
//! | element | `f32` and `f64` | `src/element.rs` |
//! | arch | loads and stores, tiers, one file an instruction set, facts about the CPU | `src/arch.rs`, `src/arch/` |
//! | math | exp and its like, over any register: `f32` and `f64` apart | `src/math.rs`, `src/math/` |
//! | vector | the arithmetic of a register | `src/vector.rs` |
//!
//! Unsafe code stands in `arch` (instructions, and reading the floating-point mode) and in four files of `engine`:
//! `buffers` (a caller's buffers as pointers), `loops` (what is in bounds, and the non-temporal stores), `plan` (an
//! output that was written is initialised) and `helpers` (a borrow that threads of the pool may outlive, behind a
//! gate).

#[cfg(all(target_arch = "x86", not(target_feature = "sse2")))]
compile_error!(
    "rectify needs SSE2 on 32-bit x86: the x87 unit rounds to more bits than an `f32` or `f64` has, and its results \
     would not be those of other machines"
);

mod activation;
mod any;
mod arch;
mod channels;
mod element;
mod engine;
mod environment;
mod formula;
mod fused;
mod lengths;
mod map_slices;
mod math;
mod named;
mod planned;
pub mod scalar;
mod softmax;
mod vector;

pub use activation::Activation;
pub use activation::all::*;
pub use any::{ActivationError, AnyActivation};
pub use arch::{ParseTierError, Tier, TierAlreadyChosen};
pub use channels::Channels;
pub use element::Element;
pub use engine::thresholds::{Thresholds, ThresholdsAlreadySet};
pub use formula::{Formula, Gradient, GradientFromOutput, Map, Run, RunGradient};
pub use fused::Halves;
pub use map_slices::MapSlices;
pub use planned::Planned;
pub use softmax::{LogSoftmax, Softmax};
pub use vector::Vector;
