#![cfg_attr(docsrs, feature(doc_cfg))]
//! Activation kernels for the CPU, forward and backward, over large `f32` and `f64` slices, on the best instruction set that
//! the CPU has: ReLU, leaky ReLU and their family, the smooth activations (GELU, SiLU, tanh, ...), and what stands around
//! them in a network: bias, residual, gate and softmax.
//!
//! ```
//! use rectify::{Activation, LeakyRelu, Relu, Tier};
//!
//! let x = vec![-3.0_f32, -0.5, 0.0, 2.0];
//! let dy = vec![1.0; x.len()];
//! let (mut y, mut dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
//!
//! Relu.forward(&x, &mut y);                        // out of place
//! assert_eq!(y, [0.0, 0.0, 0.0, 2.0]);
//! LeakyRelu::new(0.01).forward_in_place(&mut y);   // in place
//! Relu.backward(&x, &dy, &mut dx);                 // dx = dy where x > 0
//! assert_eq!(dx, [0.0, 0.0, 0.0, 1.0]);
//! let y: Vec<f32> = Relu.forward_to_vec(&x);       // a fresh vector, never cleared
//! # #[cfg(feature = "parallel")]
//! Relu.par().forward(&x, &mut dx);                 // over the current Rayon pool
//! for tier in Tier::available() {                  // tests, benches, curiosity
//!     assert_eq!(Relu.on(tier).forward_to_vec(&x), y);
//! }
//! ```
//!
//! | to | take |
//! |---|---|
//! | call an activation | [`Activation`], whose methods all of the next two lines have |
//! | … a rectifier | [`Relu`], [`LeakyRelu`], [`Clip`], [`Relu6`], [`HardTanh`], [`ThresholdedRelu`], [`SquaredRelu`], [`HardSigmoid`], [`HardSwish`], [`HardShrink`], [`SoftShrink`] |
//! | … a smooth one | [`Sigmoid`], [`Tanh`], [`Silu`], [`Swish`], [`Gelu`], [`GeluTanh`], [`Elu`], [`Selu`], [`Celu`], [`Softplus`], [`Mish`], [`LogSigmoid`], [`Softsign`], [`TanhShrink`] |
//! | learn a slope for each channel | [`PRelu`], with [`Channels`] to say which elements share one |
//! | add a bias in the same pass | [`forward_bias`](Activation::forward_bias), [`backward_bias`](Activation::backward_bias), and [`Channels::sum`] for the gradient of the bias |
//! | add a residual in the same pass | [`forward_residual`](Activation::forward_residual), [`backward_residual`](Activation::backward_residual) |
//! | multiply by a gated value in the same pass (GLU, SwiGLU, GEGLU) | [`forward_gated`](Activation::forward_gated), [`backward_gated`](Activation::backward_gated); where both stand in one buffer, [`forward_gated_halves`](Activation::forward_gated_halves) with [`Halves`] |
//! | train in place | [`backward_from_output`](Activation::backward_from_output), of activations that are [`GradientFromOutput`] |
//! | make probabilities of rows | [`Softmax`], [`LogSoftmax`] |
//! | do all of this to arrays of `ndarray`, whatever their strides | `ActivationArrays`, `Softmax::along`, with the feature `ndarray` |
//! | write a formula of your own, in safe code | [`Formula`], and [`Gradient`] for its backward pass, over a [`Vector`], which has [`exp`](Vector::exp), [`exp_m1`](Vector::exp_m1), [`ln_1p`](Vector::ln_1p), [`tanh`](Vector::tanh) and [`erf`](Vector::erf) beside its arithmetic |
//! | write one of several inputs | [`Map`], with the methods of [`MapSlices`] |
//! | choose the activation at run time, by a text or an ONNX operator | [`AnyActivation`] |
//! | run on several threads, or on one instruction set | `par()` and [`on`](Activation::on), which return a [`Planned`] |
//! | know or cap the instruction set | [`Tier`] |
//! | say from which sizes calls are split and stored past the cache | [`Thresholds`] |
//! | compare with plain loops | [`scalar`] |
//!
//! To read on: what each activation computes, with curves, [the rectifiers](guide::activations) and [the smooth
//! ones](guide::smooth); [recipes](guide::recipes) for `ndarray`, channels, layers in one pass, softmax and `candle`;
//! [tiers, thresholds and threads](guide::tuning); [what to expect](guide::performance).
//!
//! ## What holds for every call
//!
//! - **The same bits** for every element on every instruction set, at every length, alignment and thread count: those of
//!   the scalar definition, [`eval`](Activation::eval), which of a smooth activation is its formula on one number. A fused
//!   form has those of its parts, one after the other. [How it is tested](guide::verification).
//! - **Near the truth**: rectifiers round as written, smooth activations are [a few ulp off](guide::smooth) at most.
//! - **The same length**: slices of different lengths panic at your line, before anything is written.
//! - **Nothing behind your back**: no allocation but of what is returned, where `par()` splits a call, for sums by
//!   channel, and for the gradient of [`Softmax`] from its input; no thread but where you say `par()`.
//! - **NaN in, NaN out**: with its payload where it is selected, quiet where it is computed with, as in nearly all smooth
//!   activations. -0.0 passes wherever `x` does. Where a rectifier's gradient is 0, it selects: an infinite or NaN `dy` does not
//!   leak through. Those of smooth activations multiply.
//! - `backward` takes what `forward` was given, not its result: keep it, if you will need gradients, or see
//!   [`backward_from_output`](Activation::backward_from_output).
//!
//! ## Features
//!
//! - `parallel` (by default): `par()` and `par_sum()`, over Rayon.
//! - `ndarray`: `ActivationArrays` and `Softmax::along`, for arrays and views of `ndarray` 0.17, of any dimension and strides.
//! - `serde`: [`AnyActivation`] is serialized as its text.
//!
//! ## How the code is laid out
//!
//! Imports go downwards in this table, and no two files import each other:
//!
//! | layer | it is | where |
//! |---|---|---|
//! | guide | pages to read, from `docs/` | `src/guide.rs` |
//! | any | the activation that is chosen at run time, from a text or an ONNX operator | `src/any.rs`, `src/any/` |
//! | ndarray | calls on arrays, as calls on slices | `src/ndarray.rs`, `src/ndarray/` |
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
//! | math | exp and its like, and the smooth activations, over any register: `f32` and `f64` apart | `src/math.rs`, `src/math/` |
//! | vector | the arithmetic of a register | `src/vector.rs` |
//! | multiply-add | that of one number, where there may be no instruction for it | `src/mul_add.rs` |
//!
//! Unsafe code stands in `arch` (instructions, and the floating-point mode) and in four files of `engine`:
//! `buffers` (a caller's buffers as pointers), `loops` (what is in bounds, and the non-temporal stores), `plan` (an
//! output that was written is initialised) and `helpers` (a borrow that threads of the pool may outlive, behind a
//! gate). Of what else users link, `integrations/c` and `integrations/web` have some: what
//! takes pointers from C, or from JavaScript.

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
#[cfg(any(doc, doctest))]
pub mod guide;
mod lengths;
mod map_slices;
mod math;
mod mul_add;
mod named;
#[cfg(feature = "ndarray")]
mod ndarray;
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
#[cfg(feature = "ndarray")]
pub use ndarray::{ActivationArrays, Along};
pub use planned::Planned;
pub use softmax::{LogSoftmax, Softmax};
pub use vector::Vector;

/// The README's code is tested.
#[cfg(all(doctest, feature = "parallel"))]
#[doc = include_str!("../README.md")]
struct Readme;
