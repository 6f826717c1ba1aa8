//! Where a kernel runs: on which tier, past the cache or not, on one thread or over Rayon.

use crate::slice::{Buffers, Map};
use crate::{Element, Thresholds, Tier};

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
        if buffers.footprint_bytes() < Thresholds::LEAST_BYTES {
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
        let thresholds = Thresholds::current();
        let bytes = buffers.footprint_bytes();
        // In place every line that is stored was just read: streaming would save nothing.
        let streaming = !buffers.in_place() && bytes >= thresholds.stream_bytes;
        #[cfg(feature = "parallel")]
        if self.parallel {
            let outside = rayon::current_thread_index().is_none();
            let from = if outside {
                thresholds.split_outside_bytes
            } else {
                thresholds.split_bytes
            };
            if bytes >= from {
                return split(tier, map, buffers, streaming);
            }
        }
        tier.run(map, &buffers, streaming);
    }
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
    tier.run(map, &buffers.split_off_front(to_page), false);
    let rest = Mutex::new(buffers);
    crate::crew::share(helpers, &|| {
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
    });
}
