//! Activation kernels on the CPU.

mod activation;
mod element;
mod parallel;
pub mod scalar;
mod slice;
mod tier;
mod vector;
#[cfg(x86_tiers)]
mod x86;

#[cfg(feature = "parallel")]
pub use activation::Par;
pub use activation::{Activation, LeakyRelu, On, Relu};
pub use element::Element;
pub use tier::Tier;
