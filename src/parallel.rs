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
    /// The plan for a piece of a call: the same on one thread, with its tier chosen. That may panic, which it
    /// must not on a thread that helps.
    pub(crate) fn of_piece(self) -> Self {
        Self {
            tier: Some(self.tier.unwrap_or_else(Tier::best)),
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
        let mut piece = self.of_piece();
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
        let from = || match rayon::current_thread_index() {
            Some(_) => Thresholds::current().split_bytes,
            None => Thresholds::current().split_outside_bytes,
        };
        self.parallel && bytes >= from().max(Thresholds::LEAST_BYTES)
    }
}

/// Runs over the current Rayon pool, in chunks that end where a page of the output does, so that no two
/// threads write to one cache line or page. `work` is told at which element its chunk begins.
///
/// Each thread has a share of its own, the same one in each call, so that it finds there what it left in its
/// cache. Who is done with his share goes on with the end of the longest one that is left: the caller begins
/// at once, and threads that wake late do less.
#[cfg(feature = "parallel")]
fn split<T: Element, const N: usize>(
    mut buffers: Buffers<T, N>,
    work: impl Fn(usize, Buffers<T, N>) + Sync,
) {
    use std::sync::{Mutex, PoisonError};

    const PAGE_BYTES: usize = 4096;
    /// Large enough to make taking a chunk free, small enough to share out evenly.
    const CHUNK_BYTES: usize = 32 * PAGE_BYTES;

    let chunk = CHUNK_BYTES / size_of::<T>();
    let helpers = (rayon::current_num_threads() - 1).min(buffers.len() / chunk);
    if helpers == 0 {
        return work(0, buffers);
    }

    let to_page = buffers.misaligned_by(PAGE_BYTES);
    let mut start = to_page;
    work(0, buffers.split_off_front(to_page));
    let share = buffers.len().div_ceil(chunk).div_ceil(helpers + 1) * chunk;
    let shares: Vec<_> = (0..=helpers)
        .map(|_| {
            let share = buffers.split_off_front(share);
            start += share.len();
            (start - share.len(), share)
        })
        .collect();

    let shares = Mutex::new(shares);
    let from_outside = rayon::current_thread_index().is_none();
    crate::crew::share(helpers, &|| {
        // The last share is that of a caller from outside.
        let own = match rayon::current_thread_index() {
            Some(index) if from_outside => index % helpers,
            Some(index) => index % (helpers + 1),
            None => helpers,
        };
        loop {
            let mut shares = shares.lock().unwrap_or_else(PoisonError::into_inner);
            let (start, next) = if shares[own].1.len() > 0 {
                let (start, share) = &mut shares[own];
                let next = share.split_off_front(chunk);
                *start += next.len();
                (*start - next.len(), next)
            } else {
                let longest = shares.iter_mut().max_by_key(|(_, share)| share.len());
                let (start, share) = longest.expect("there are shares");
                let next = share.split_off_back(chunk);
                (*start + share.len(), next)
            };
            drop(shares);
            if next.len() == 0 {
                break;
            }
            work(start, next);
        }
    });
}
