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
    /// This is a piece of a call that is large enough to stream.
    pub(crate) streaming: bool,
}

impl Plan {
    /// The same on one thread.
    pub(crate) fn serial(self) -> Self {
        Self {
            parallel: false,
            ..self
        }
    }

    #[inline]
    pub(crate) fn run<T: Element, M: Map<N>, const N: usize>(self, map: M, buffers: Buffers<T, N>) {
        let tier = self.tier.unwrap_or_else(Tier::best);
        // One look at the size keeps a short call short.
        if buffers.footprint_bytes() < Thresholds::LEAST_BYTES {
            tier.run(map, &buffers, self.streaming);
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
        self.in_pieces(buffers, |plan, _, piece| {
            tier.run(map, &piece, plan.streaming)
        });
    }

    /// Does `work` on `buffers`: on all in one, or on pieces, shared out over the pool. It is told the plan
    /// for its piece, and at which element the piece begins.
    #[inline]
    pub(crate) fn in_pieces<T: Element, const N: usize>(
        self,
        buffers: Buffers<T, N>,
        work: impl Fn(Self, usize, Buffers<T, N>) + Sync,
    ) {
        let bytes = buffers.footprint_bytes();
        let mut piece = self.serial();
        if bytes >= Thresholds::LEAST_BYTES {
            // In place every line that is stored was just read: streaming would save nothing.
            piece.streaming |= !buffers.in_place() && bytes >= Thresholds::current().stream_bytes;
            #[cfg(feature = "parallel")]
            if self.splits(bytes) {
                return split(buffers, |start, buffers| work(piece, start, buffers));
            }
        }
        work(piece, 0, buffers);
    }

    /// Whether a call that touches so many bytes is worth more than one thread.
    #[cfg(feature = "parallel")]
    pub(crate) fn splits(self, bytes: usize) -> bool {
        let thresholds = Thresholds::current();
        let from = match rayon::current_thread_index() {
            Some(_) => thresholds.split_bytes,
            None => thresholds.split_outside_bytes,
        };
        self.parallel && bytes >= from.max(Thresholds::LEAST_BYTES)
    }
}

/// Runs over the current Rayon pool, in chunks that end where a page of the output does, so that no two
/// threads write to one cache line or page. Chunks are taken from the front, by whoever is free: the
/// caller begins at once, and threads that wake late take less. `work` is told at which element its chunk
/// begins.
#[cfg(feature = "parallel")]
fn split<T: Element, const N: usize>(
    mut buffers: Buffers<T, N>,
    work: impl Fn(usize, Buffers<T, N>) + Sync,
) {
    use std::sync::{Mutex, PoisonError};

    const PAGE_BYTES: usize = 4096;
    /// Large enough to make taking a chunk free, small enough to share out evenly.
    const CHUNK_BYTES: usize = 32 * PAGE_BYTES;

    let (chunk, len) = (CHUNK_BYTES / size_of::<T>(), buffers.len());
    let helpers = (rayon::current_num_threads() - 1).min(len / chunk);
    if helpers == 0 {
        return work(0, buffers);
    }

    let to_page = buffers.misaligned_by(PAGE_BYTES);
    work(0, buffers.split_off_front(to_page));
    let rest = Mutex::new(buffers);
    crate::crew::share(helpers, &|| {
        loop {
            let mut rest = rest.lock().unwrap_or_else(PoisonError::into_inner);
            let start = len - rest.len();
            let next = rest.split_off_front(chunk);
            drop(rest);
            if next.len() == 0 {
                break;
            }
            work(start, next);
        }
    });
}
