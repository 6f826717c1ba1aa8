//! The floating-point mode of a thread: how it rounds, and whether it flushes subnormal numbers to zero.
#![allow(unsafe_code)]

/// The part of a thread's control register that changes results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FloatMode(u64);

impl FloatMode {
    /// That of this thread.
    #[cfg(all(any(target_arch = "x86", target_arch = "x86_64"), not(miri)))]
    pub(crate) fn current() -> Self {
        /// Denormals are zeros, rounding, and flush to zero. The rest are flags and masks of exceptions.
        const CHANGES_RESULTS: u32 = 1 << 6 | 0b11 << 13 | 1 << 15;
        let mut mxcsr = 0_u32;
        // SAFETY: SSE2 is required; the instruction writes these four bytes and nothing else.
        unsafe {
            std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut mxcsr, options(nostack, preserves_flags));
        }
        Self(u64::from(mxcsr & CHANGES_RESULTS))
    }

    /// That of this thread.
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    pub(crate) fn current() -> Self {
        let fpcr: u64;
        // SAFETY: reading the control register has no effect.
        unsafe {
            std::arch::asm!("mrs {}, fpcr", out(reg) fpcr, options(nomem, nostack, preserves_flags));
        }
        Self(fpcr)
    }

    /// Not looked at on other CPUs.
    #[cfg(not(all(
        any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64"),
        not(miri)
    )))]
    pub(crate) fn current() -> Self {
        Self(0)
    }
}

#[cfg(all(test, target_arch = "x86_64", not(miri)))]
mod tests {
    use super::*;

    #[test]
    fn a_flag_that_was_raised_is_no_other_mode() {
        let before = FloatMode::current();
        assert_eq!(before, FloatMode(0));
        // Raises the flag of inexact results.
        let third = std::hint::black_box(1.0_f64) / std::hint::black_box(3.0);
        assert_eq!(FloatMode::current(), before, "{third}");
    }
}
