//! What depends on the machine: its registers, which of them a call should use, and facts about the CPU.
//!
//! An instruction set is a file here and its lines in [`tier`].

pub(crate) mod cpu;
#[cfg(feature = "parallel")]
pub(crate) mod float_mode;
#[cfg(any(x86_tiers, test))]
mod interleaved;
mod portable;
pub(crate) mod register;
mod tier;
#[cfg(x86_tiers)]
mod x86;

#[cfg(test)]
pub(crate) use interleaved::Interleaved;
pub(crate) use register::{Register, Work, align_stack};
pub(crate) use tier::Dispatch;
pub use tier::{ParseTierError, Tier, TierAlreadyChosen};
