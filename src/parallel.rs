//! Where a kernel runs: on which tier, past the cache or not, on one thread or over Rayon.

use crate::slice::{Buffers, Map};
use crate::{Element, Tier};

/// What the adaptors `on` and `par` ask for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    /// [`Tier::best`] where none was named.
    pub(crate) tier: Option<Tier>,
    #[cfg_attr(not(feature = "parallel"), allow(dead_code))]
    pub(crate) parallel: bool,
}

impl Plan {
    #[inline]
    pub(crate) fn run<T: Element, M: Map<N>, const N: usize>(self, map: M, buffers: Buffers<T, N>) {
        let tier = self.tier.unwrap_or_else(Tier::best);
        // One look at the size keeps a short call short.
        if buffers.footprint_bytes() < LARGE_BYTES {
            tier.run(map, &buffers, false);
        } else {
            self.run_large(tier, map, buffers);
        }
    }

    #[cold]
    #[inline(never)]
    fn run_large<T: Element, M: Map<N>, const N: usize>(
        self,
        tier: Tier,
        map: M,
        buffers: Buffers<T, N>,
    ) {
        let streaming = streams(&buffers);
        #[cfg(feature = "parallel")]
        if self.parallel
            && (rayon::current_thread_index().is_some()
                || buffers.footprint_bytes() >= LARGE_OUTSIDE_BYTES)
        {
            return split(tier, map, buffers, streaming);
        }
        tier.run(map, &buffers, streaming);
    }
}

/// Below this footprint a kernel neither streams nor splits. From inside a pool, splitting gains from
/// here on (`cargo bench -- parallel`).
const LARGE_BYTES: usize = 1 << 20;

/// Below this footprint a call from outside the pool is not split. Waking a thread takes 15 to 20 µs:
/// splitting 1 to 2 MiB gained up to 1.7 times on an idle machine and lost up to 3 times on a busy one
/// (`cargo bench -- parallel`).
#[cfg(feature = "parallel")]
const LARGE_OUTSIDE_BYTES: usize = 4 << 20;

/// Whether the output should pass the cache by.
///
/// A normal store to a line that is not in the cache first reads the line; a streaming store does not.
/// That pays once inputs and output together outgrow the last-level cache: measured on a 32 MiB one, from
/// 24 to 32 MB on (`cargo bench -- stream`), hence three quarters, which is also where glibc's `memcpy`
/// draws the line. In place every line was just read, and nothing is saved.
fn streams<T: Element, const N: usize>(buffers: &Buffers<T, N>) -> bool {
    !buffers.in_place() && buffers.footprint_bytes() > last_level_cache_bytes() / 4 * 3
}

/// The last-level cache's bytes, as the CPU reports them, or 32 MiB where it does not.
fn last_level_cache_bytes() -> usize {
    use std::sync::OnceLock;
    static BYTES: OnceLock<usize> = OnceLock::new();
    *BYTES.get_or_init(|| {
        #[cfg(x86_tiers)]
        let reported = crate::x86::last_level_cache_bytes();
        #[cfg(not(x86_tiers))]
        let reported = None;
        // A virtual machine may report a cache of no bytes, and then everything would stream.
        reported
            .filter(|&bytes| bytes >= LARGE_BYTES)
            .unwrap_or(32 << 20)
    })
}

/// Runs over the current Rayon pool, in chunks that end where a page of the output does, so that no two
/// threads write to one cache line or page. Chunks are taken from the front, by whoever is free: the
/// caller begins at once, and threads that wake late take less.
#[cfg(feature = "parallel")]
fn split<T: Element, M: Map<N>, const N: usize>(
    tier: Tier,
    map: M,
    mut buffers: Buffers<T, N>,
    streaming: bool,
) {
    use std::sync::{Mutex, PoisonError};

    const PAGE_BYTES: usize = 4096;
    /// Large enough to make taking a chunk free, small enough to share out evenly.
    const CHUNK_BYTES: usize = 32 * PAGE_BYTES;

    let chunk = CHUNK_BYTES / size_of::<T>();
    let helpers = (rayon::current_num_threads() - 1).min(buffers.len() / chunk);
    if helpers == 0 {
        return tier.run(map, &buffers, streaming);
    }

    let to_page = buffers.misaligned_by(PAGE_BYTES);
    let head = buffers.split_off_front(to_page);
    let rest = Mutex::new(buffers);
    let work = || {
        loop {
            let next = rest
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .split_off_front(chunk);
            if next.len() == 0 {
                break;
            }
            tier.run(map, &next, streaming);
        }
    };
    rayon::in_place_scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(|_| work());
        }
        tier.run(map, &head, false);
        work();
    });
}
