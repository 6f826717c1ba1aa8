//! How a call is shared out over the threads of a Rayon pool.

use std::sync::{Mutex, PoisonError};

use super::buffers::Buffers;
use super::helpers;
use super::plan::CHUNK_BYTES;

const PAGE_BYTES: usize = 4096;

// Chunks end where a page does.
const _: () = assert!(CHUNK_BYTES.is_multiple_of(PAGE_BYTES));

/// Does `work` on all of `buffers`, over the current Rayon pool, in chunks that end where a page of the output does,
/// so that no two threads write to one cache line or page. `work` is told at which element its chunk begins.
///
/// Each thread has a share of its own, the same one in each call, so that it finds there what it left in its
/// cache. A thread that is done with its share goes on with the end of the longest one that is left: the caller
/// begins at once, and threads that wake late do less.
///
/// It knows `work` by its address: a chunk is worth a call, and this is compiled once and not for every kernel.
pub(super) fn split<'a, T: Copy + Send + Sync, const N: usize, const OUT: usize>(
    buffers: Buffers<'a, T, N, OUT>,
    work: &(dyn Fn(usize, Buffers<'a, T, N, OUT>) + Sync),
) {
    let chunk = CHUNK_BYTES / size_of::<T>();
    let Some(pool) = helpers::Pool::current() else {
        return work(0, buffers);
    };
    let helpers = pool.helpers().min(buffers.len() / chunk);
    if helpers == 0 {
        return work(0, buffers);
    }
    let shares = Shares::new(buffers, helpers + 1, chunk, work);
    pool.share(helpers, &|| {
        let own = pool.share_of_this_thread(helpers);
        while let Some((start, chunk)) = shares.next(own) {
            work(start, chunk);
        }
    });
}

/// What is left to do of each thread's share.
struct Shares<'a, T, const N: usize, const OUT: usize> {
    /// With the element at which each begins.
    shares: Mutex<Vec<(usize, Buffers<'a, T, N, OUT>)>>,
    chunk: usize,
}

impl<'a, T: Copy, const N: usize, const OUT: usize> Shares<'a, T, N, OUT> {
    /// Cuts `buffers` into shares of whole chunks; what is before the first page is done here.
    fn new(
        mut buffers: Buffers<'a, T, N, OUT>,
        shares: usize,
        chunk: usize,
        work: &dyn Fn(usize, Buffers<'a, T, N, OUT>),
    ) -> Self {
        let to_page = buffers.misaligned_by(PAGE_BYTES);
        let mut start = to_page;
        work(0, buffers.split_off_front(to_page));
        let share = buffers.len().div_ceil(chunk).div_ceil(shares) * chunk;
        let shares = (0..shares).map(|_| {
            let share = buffers.split_off_front(share);
            start += share.len();
            (start - share.len(), share)
        });
        Self {
            shares: Mutex::new(shares.collect()),
            chunk,
        }
    }

    /// The next chunk of share `own`, or of the longest one, and the element at which it begins.
    fn next(&self, own: usize) -> Option<(usize, Buffers<'a, T, N, OUT>)> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, next) = if shares[own].1.len() > 0 {
            let (start, share) = &mut shares[own];
            let next = share.split_off_front(self.chunk);
            *start += next.len();
            (*start - next.len(), next)
        } else {
            let longest = shares.iter_mut().max_by_key(|(_, share)| share.len());
            let (start, share) = longest.expect("there are shares");
            let next = share.split_off_back(self.chunk);
            (*start + share.len(), next)
        };
        (next.len() > 0).then_some((start, next))
    }
}

// WebAssembly has no threads to test with.
#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use std::collections::HashSet;
    use std::sync::Condvar;
    use std::thread;
    use std::time::Duration;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// Splits a buffer of chunks and some more over a pool of so many threads, and checks that pieces cover it exactly
    /// once, that each is told its place, and that every thread has done some: each waits in its first piece until all
    /// have one.
    fn all_take_part(threads: usize, from_outside: bool) {
        let len = 20 * CHUNK_BYTES / size_of::<f32>() + 12_345;
        let mut buffer: Vec<f32> = vec![0.0; len];
        let first = buffer.as_ptr().addr();
        let pieces = Mutex::new(vec![]);
        let (seen, joined) = (Mutex::new(HashSet::new()), Condvar::new());
        // From outside the caller is one more, in place of one of the pool.
        let expected = threads;
        let work = |start: usize, piece: Buffers<'_, f32, 1>| {
            // What is before the first page is done before anybody is asked.
            if start > 0 || piece.len() >= PAGE_BYTES / size_of::<f32>() {
                let mut seen = seen.lock().expect("nobody panics with the lock");
                seen.insert(thread::current().id());
                joined.notify_all();
                let waited = joined
                    .wait_timeout_while(seen, LONG, |seen| seen.len() < expected)
                    .expect("nobody panics with the lock");
                assert!(!waited.1.timed_out(), "not {expected} threads at work");
            }
            let output = piece.output_bytes();
            assert_eq!(output.start, first + start * size_of::<f32>());
            pieces
                .lock()
                .expect("nobody panics with the lock")
                .push(output);
        };
        let mut run = || split(Buffers::in_place([], &mut buffer), &work);
        if from_outside {
            run();
        } else {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.expect("threads").install(run);
        }
        let mut pieces = pieces.into_inner().expect("nobody panics with the lock");
        pieces.sort_by_key(|piece| piece.start);
        let mut end = first;
        for piece in pieces {
            assert_eq!(piece.start, end, "a gap or an overlap");
            // Between threads, whole pages.
            assert!(piece.start == first || piece.start.is_multiple_of(PAGE_BYTES));
            end = piece.end;
        }
        assert_eq!(end, first + len * size_of::<f32>());
    }

    #[test]
    fn all_threads_of_a_pool_take_part() {
        for threads in [2, 3, 5] {
            all_take_part(threads, false);
        }
    }

    #[test]
    fn all_threads_of_the_global_pool_but_one_help_a_caller_outside() {
        let _quiet = helpers::quiet_global_pool();
        let threads = rayon::current_num_threads();
        if threads > 1 {
            all_take_part(threads, true);
        }
    }
}
