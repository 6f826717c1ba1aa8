//! From which sizes on large calls are done differently: streamed past the cache, or split over threads.

use std::ffi::OsStr;
use std::sync::OnceLock;

/// The sizes, in bytes, from which a call is done differently. They are those of all buffers of the call
/// together: of `forward` and `backward_in_place` twice the slice, of `backward` three times, of
/// `forward_in_place` once.
///
/// The defaults were measured (`cargo bench -- stream`, `cargo bench -- parallel`), on few machines. Where
/// they are wrong for yours, an environment variable in bytes overrides each; it is read once, at the
/// first call that is large enough to ask. No call below 256 KiB is streamed or split in any case.
///
/// ```
/// let thresholds = rectify::Thresholds::current();
/// println!("outputs are streamed from {} bytes on", thresholds.stream_bytes);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thresholds {
    /// From here on, outputs that are not in place are stored past the cache, on the tiers that can.
    /// `RECTIFY_STREAM_BYTES`; by default three quarters of the last-level cache that the CPU reports, or of
    /// 32 MiB where it reports none.
    pub stream_bytes: usize,

    /// From here on, `par()` splits a call from inside of a Rayon pool. `RECTIFY_SPLIT_BYTES`; by default
    /// 1 MiB.
    pub split_bytes: usize,

    /// From here on, `par()` splits a call from outside, where a sleeping thread has to be woken.
    /// `RECTIFY_SPLIT_OUTSIDE_BYTES`; by default 4 MiB.
    pub split_outside_bytes: usize,
}

impl Thresholds {
    /// Below this a call is never done differently, so that short calls pay for one comparison alone.
    pub(crate) const LEAST_BYTES: usize = 256 << 10;

    /// The thresholds of this process.
    ///
    /// # Panics
    /// If one of the environment variables is set to anything but a number of bytes.
    #[must_use]
    pub fn current() -> Self {
        static CURRENT: OnceLock<Thresholds> = OnceLock::new();
        *CURRENT.get_or_init(|| Self {
            stream_bytes: from_environment("RECTIFY_STREAM_BYTES", stream_bytes),
            split_bytes: from_environment("RECTIFY_SPLIT_BYTES", || 1 << 20),
            split_outside_bytes: from_environment("RECTIFY_SPLIT_OUTSIDE_BYTES", || 4 << 20),
        })
    }
}

/// Where streaming begins to pay.
///
/// A normal store to a line that is not in the cache first reads the line; a streaming store does not.
/// That pays once inputs and output together outgrow the last-level cache: measured on a 32 MiB one, from
/// 24 to 32 MB on (`cargo bench -- stream`), hence three quarters, which is also where glibc's `memcpy`
/// draws the line.
fn stream_bytes() -> usize {
    #[cfg(x86_tiers)]
    let reported = crate::x86::last_level_cache_bytes();
    #[cfg(not(x86_tiers))]
    let reported = None;
    // A virtual machine may report a cache of no bytes, and then everything would stream.
    reported
        .filter(|&bytes| bytes >= 1 << 20)
        .unwrap_or(32 << 20)
        / 4
        * 3
}

fn from_environment(name: &str, default: impl FnOnce() -> usize) -> usize {
    std::env::var_os(name).map_or_else(default, |value| {
        let bytes = value.to_str().and_then(|text| text.parse().ok());
        bytes.unwrap_or_else(|| fail(name, &value))
    })
}

fn fail(name: &str, value: &OsStr) -> ! {
    panic!("{name} is {value:?}: it must be a number of bytes, such as 4194304")
}
