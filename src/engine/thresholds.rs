//! From which sizes on large calls are done differently: streamed past the cache, or split over threads.

use std::error::Error;
use std::ffi::OsStr;
use std::fmt;
use std::sync::OnceLock;

use crate::arch::cpu;
use crate::environment::variable;

/// The sizes, in bytes, from which a call is done differently. They are those of all buffers of the call
/// together: of `forward` and `backward_in_place` twice the slice, of `backward` three times, of
/// `forward_in_place` once.
///
/// The defaults were measured (`cargo bench -- stream`, `cargo bench -- parallel`), on few machines. Where
/// they are wrong for yours, an environment variable in bytes overrides each; it is read once, at the
/// first call that is large enough to ask, and an empty one is as if it were not set. [`set`](Thresholds::set) does the same from code. No call below 256 KiB
/// is streamed or split in any case: a smaller threshold counts as that.
///
/// ```
/// use rectify::Thresholds;
///
/// let mut thresholds = Thresholds::from_environment();
/// thresholds.stream_bytes = 64 << 20;
/// thresholds.set().expect("no call has asked for them yet");
/// assert_eq!(Thresholds::current().stream_bytes, 64 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thresholds {
    /// From here on, outputs that are not in place are stored past the cache, by non-temporal stores, on the tiers
    /// that have them. `RECTIFY_STREAM_BYTES`; by default three quarters of the last-level cache that the CPU
    /// reports, or of 32 MiB where it reports more, none or less than 1 MiB.
    pub stream_bytes: usize,

    /// From here on, `par()` splits a call from inside of a Rayon pool. `RECTIFY_SPLIT_BYTES`; by default
    /// 2 MiB (`docs/measurements.md`, *Threads*).
    pub split_bytes: usize,

    /// From here on, `par()` splits a call from outside, where a sleeping thread has to be woken.
    /// `RECTIFY_SPLIT_OUTSIDE_BYTES`; by default 4 MiB.
    pub split_outside_bytes: usize,
}

static CURRENT: OnceLock<Thresholds> = OnceLock::new();

impl Thresholds {
    /// Below this a call is never done differently, so that short calls pay for one comparison alone.
    pub(crate) const LEAST_BYTES: usize = 256 << 10;

    /// The thresholds of this process: those that were set, else those of the environment.
    ///
    /// # Panics
    /// If one of the environment variables is set to anything but a number of bytes.
    #[must_use]
    pub fn current() -> Self {
        *CURRENT.get_or_init(|| Self::from_environment().at_least())
    }

    /// The defaults, and what the environment variables say instead.
    ///
    /// # Panics
    /// If one of the environment variables is set to anything but a number of bytes.
    #[must_use]
    pub fn from_environment() -> Self {
        Self {
            stream_bytes: from_environment("RECTIFY_STREAM_BYTES", || {
                stream_bytes(cpu::last_level_cache_bytes())
            }),
            split_bytes: from_environment("RECTIFY_SPLIT_BYTES", || 2 << 20),
            split_outside_bytes: from_environment("RECTIFY_SPLIT_OUTSIDE_BYTES", || 4 << 20),
        }
    }

    /// Makes these the thresholds of this process. To be called before the first large call.
    ///
    /// # Errors
    /// If they are settled already: by an earlier call, or by their first use.
    pub fn set(self) -> Result<(), ThresholdsAlreadySet> {
        CURRENT
            .set(self.at_least())
            .map_err(|_| ThresholdsAlreadySet(()))
    }

    fn at_least(self) -> Self {
        Self {
            stream_bytes: self.stream_bytes.max(Self::LEAST_BYTES),
            split_bytes: self.split_bytes.max(Self::LEAST_BYTES),
            split_outside_bytes: self.split_outside_bytes.max(Self::LEAST_BYTES),
        }
    }
}

/// [`Thresholds::set`] came too late: they were settled, by an earlier call of it or of [`Thresholds::current`], or by the
/// first large call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThresholdsAlreadySet(());

impl fmt::Display for ThresholdsAlreadySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the thresholds are settled: they can be set once, before they are asked for and before the first large call")
    }
}

impl Error for ThresholdsAlreadySet {}

/// Where streaming begins to pay, for a last-level cache of so many bytes.
///
/// A normal store to a line that is not in the cache first reads the line; a streaming store does not.
/// That pays once inputs and output together outgrow what of the last-level cache is one's own: from three quarters of it on
/// (`docs/measurements.md`, *Streaming*; `cargo bench -- stream`).
fn stream_bytes(last_level_cache_bytes: Option<usize>) -> usize {
    // A greater cache is mostly shared by many cores, and a virtual machine of two of them is told all of it.
    const MOST_BYTES: usize = 32 << 20;
    // It may also report a cache of no bytes, and then everything would stream.
    last_level_cache_bytes
        .filter(|&bytes| bytes >= 1 << 20)
        .map_or(MOST_BYTES, |bytes| bytes.min(MOST_BYTES))
        / 4
        * 3
}

fn from_environment(name: &str, default: impl FnOnce() -> usize) -> usize {
    variable(name).map_or_else(default, |value| {
        bytes(&value).unwrap_or_else(|| fail(name, &value))
    })
}

/// Decimal digits alone: a sign is no part of a size.
fn bytes(value: &OsStr) -> Option<usize> {
    let text = value.to_str()?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn fail(name: &str, value: &OsStr) -> ! {
    panic!("{name} is {value:?}: it must be a number of bytes, such as 4194304")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_quarters_of_a_cache_that_is_believed() {
        assert_eq!(stream_bytes(Some(16 << 20)), 12 << 20);
        assert_eq!(stream_bytes(Some(300 << 20)), 24 << 20);
        assert_eq!(stream_bytes(Some(0)), 24 << 20);
        assert_eq!(stream_bytes(None), 24 << 20);
    }

    #[test]
    fn the_defaults_are_within_what_machines_have() {
        let Thresholds {
            stream_bytes,
            split_bytes,
            split_outside_bytes,
        } = Thresholds::from_environment();
        assert!(
            (256 << 10..=64 << 20).contains(&split_bytes),
            "{split_bytes}"
        );
        assert!(
            (split_bytes..=64 << 20).contains(&split_outside_bytes),
            "{split_outside_bytes}"
        );
        assert!(
            (768 << 10..=24 << 20).contains(&stream_bytes),
            "{stream_bytes}"
        );
    }

    #[test]
    fn small_thresholds_count_as_the_least() {
        let none = Thresholds {
            stream_bytes: 0,
            split_bytes: 1,
            split_outside_bytes: 1 << 30,
        };
        let least = 256 << 10;
        let expected = Thresholds {
            stream_bytes: least,
            split_bytes: least,
            split_outside_bytes: 1 << 30,
        };
        assert_eq!(none.at_least(), expected);
    }

    #[test]
    fn bytes_are_digits() {
        let some = |text: &str| bytes(OsStr::new(text));
        assert_eq!(some("4194304"), Some(4 << 20));
        for wrong in ["", "+5", "-1", "1e6", "4 MiB", "99999999999999999999999"] {
            assert_eq!(some(wrong), None, "{wrong}");
        }
    }
}
