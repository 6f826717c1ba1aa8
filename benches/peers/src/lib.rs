//! Ways to compute activations in Rust, ours among them, and how they are compared.

#[path = "../../common/mod.rs"]
pub mod common;
pub mod contract;
pub mod operation;
pub mod peers;
pub mod race;
pub mod smooth;
pub mod way;
