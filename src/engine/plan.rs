//! Where a call runs: on which tier, by which stores, on one thread or over Rayon.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::sync::{Mutex, PoisonError};

use super::buffers::{Buffers, LINE_BYTES, Written};
use super::loops::{Fence, Loop, RowLoop};
use super::thresholds::Thresholds;
use crate::arch::{Dispatch, Tier, Work};
use crate::element::Element;
use crate::formula::Kernel;

/// What the caller asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    /// `None` means [`Tier::best_for`].
    pub(crate) tier: Option<Tier>,
    pub(crate) parallel: bool,
}

/// How a large call is done.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Decision {
    /// By non-temporal stores.
    pub(crate) streams: bool,
    /// By several threads.
    pub(crate) splits: bool,
}

/// Where a piece of a call runs, or the whole: on this thread. Only [`Plan::run_in_pieces`] makes one that streams, and
/// fences behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Piece {
    tier: Tier,
    streams: bool,
}

/// Bytes of a chunk: large enough to make taking one free, small enough to share them out evenly.
pub(super) const CHUNK_BYTES: usize = 128 << 10;

/// Rows of a chunk, where one has so many bytes.
pub(crate) fn rows_of_a_chunk(row_bytes: usize) -> usize {
    (CHUNK_BYTES / row_bytes).max(1)
}

impl Plan {
    /// On `tier`.
    #[inline]
    pub(crate) fn on(self, tier: Tier) -> Self {
        let tier = Some(tier);
        Self { tier, ..self }
    }

    /// Over the current Rayon pool.
    #[cfg(feature = "parallel")]
    #[inline]
    pub(crate) fn par(self) -> Self {
        let parallel = true;
        Self { parallel, ..self }
    }

    /// Writes `map` of the inputs to every element of the output, and says so.
    ///
    /// The buffers come by reference: by value, the compiler copied them with loads that were wider than the stores just
    /// before, and a short call waited 10 ns for that.
    #[inline]
    pub(crate) fn run<T: Element, M: Kernel<N, OUT>, const N: usize, const OUT: usize>(
        self,
        map: M,
        buffers: &mut Buffers<'_, T, N, OUT>,
    ) -> Written<T> {
        let whole = buffers.output();
        // One look at the size keeps a short call short.
        if buffers.footprint_bytes() < Thresholds::LEAST_BYTES {
            Piece::on(self.tier_for(M::MEMORY_BOUND)).run_unstreamed(map, buffers);
        } else {
            self.run_large(map, buffers);
        }
        // SAFETY: the loops have written every element, here or on threads that are done. If a formula panics,
        // wherever, this is not reached.
        unsafe { whole.written() }
    }

    #[cold]
    #[inline(never)]
    fn run_large<T: Element, M: Kernel<N, OUT>, const N: usize, const OUT: usize>(
        self,
        map: M,
        buffers: &mut Buffers<'_, T, N, OUT>,
    ) {
        let _ = self.run_in_pieces(M::MEMORY_BOUND, buffers, |place, _, piece| {
            place.run(map, piece)
        });
    }

    /// Has `work` write `buffers`, in one or in pieces that are shared out over the pool, and says so.
    /// `work` is told where its piece runs, and with which element the piece begins; it must run a map, or several, on
    /// all of its piece. The buffers come by reference, as in [`run`](Plan::run).
    #[inline]
    pub(crate) fn run_in_pieces<T: Element, const N: usize, const OUT: usize>(
        self,
        memory_bound: bool,
        buffers: &mut Buffers<'_, T, N, OUT>,
        work: impl Fn(Piece, usize, &mut Buffers<'_, T, N, OUT>) + Sync,
    ) -> Written<T> {
        let whole = buffers.output();
        let bytes = buffers.footprint_bytes();
        let (piece, splits) = self.place(memory_bound, bytes, buffers.is_in_place());
        let fenced = |start, buffers: &mut Buffers<'_, T, N, OUT>| {
            let _fence = piece.fence_when_done::<T>();
            work(piece, start, buffers);
        };
        #[cfg(feature = "parallel")]
        if splits {
            let all = buffers.split_off_front(buffers.len());
            super::split::split(all, &|start, mut piece| fenced(start, &mut piece));
        } else {
            fenced(0, buffers);
        }
        #[cfg(not(feature = "parallel"))]
        {
            debug_assert!(!splits);
            fenced(0, buffers);
        }
        // SAFETY: every piece was written, here or on threads that are done. If a formula panics, wherever, this
        // is not reached.
        unsafe { whole.written() }
    }

    /// Runs `work`, which reads so many bytes and shares out up to `pieces` pieces among its callers, on this thread
    /// and, if it is worth them, on others.
    pub(crate) fn share(self, bytes: usize, pieces: usize, work: &(dyn Fn() + Sync)) {
        #[cfg(feature = "parallel")]
        if bytes >= Thresholds::LEAST_BYTES
            && self.decide(bytes, false).splits
            && let Some(pool) = super::helpers::Pool::current()
        {
            return pool.share(pool.helpers().min(pieces), work);
        }
        let _ = (bytes, pieces);
        work();
    }

    /// Has `work` do each of `chunks`, which touch so many bytes together, on this thread or shared out over the pool. By its address, as
    /// in `split`.
    pub(crate) fn run_chunks<T: Element, C: Send>(
        self,
        memory_bound: bool,
        (bytes, in_place): (usize, bool),
        chunks: impl ExactSizeIterator<Item = C> + Send,
        work: &(dyn Fn(Piece, C) + Sync),
    ) {
        let (piece, _) = self.place(memory_bound, bytes, in_place);
        let count = chunks.len();
        let chunks = Mutex::new(chunks);
        self.share(bytes, count, &|| {
            loop {
                let chunk = chunks.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some(chunk) = chunk else { break };
                let _fence = piece.fence_when_done::<T>();
                work(piece, chunk);
            }
        });
    }

    /// Where the pieces of a call that touches so many bytes run, and whether it is split. Asked before that: it may panic, and
    /// threads that help should find it settled.
    #[inline]
    fn place(self, memory_bound: bool, bytes: usize, in_place: bool) -> (Piece, bool) {
        let Decision { streams, splits } = match bytes >= Thresholds::LEAST_BYTES {
            true => self.decide(bytes, in_place),
            false => Decision::default(),
        };
        let tier = self.tier_for(memory_bound);
        (Piece { tier, streams }, splits)
    }

    #[inline]
    pub(crate) fn tier_for(self, memory_bound: bool) -> Tier {
        self.tier.unwrap_or_else(|| Tier::best_for(memory_bound))
    }

    /// For a call that touches so many bytes.
    fn decide(self, bytes: usize, in_place: bool) -> Decision {
        #[cfg(feature = "parallel")]
        let inside_pool = rayon::current_thread_index().is_some();
        #[cfg(not(feature = "parallel"))]
        let inside_pool = false;
        self.decide_by(&Thresholds::current(), bytes, in_place, inside_pool)
    }

    fn decide_by(
        self,
        thresholds: &Thresholds,
        bytes: usize,
        in_place: bool,
        inside_pool: bool,
    ) -> Decision {
        let split_bytes = match inside_pool {
            true => thresholds.split_bytes,
            false => thresholds.split_outside_bytes,
        };
        Decision {
            // In place every line that is stored was just read: streaming would save nothing.
            streams: !in_place && bytes >= thresholds.stream_bytes,
            splits: self.parallel && bytes >= split_bytes,
        }
    }
}

/// Fences this thread when dropped, by a panic, too: what was streamed may then be read and written by anybody.
struct FenceWhenDone<T: Dispatch>(Tier, PhantomData<T>);

impl<T: Dispatch> Drop for FenceWhenDone<T> {
    fn drop(&mut self) {
        T::dispatch(self.0, Fence);
    }
}

impl Piece {
    /// Whether it writes past the cache.
    #[inline]
    pub(crate) fn streams(self) -> bool {
        self.streams
    }

    /// On `tier`, by ordinary stores.
    #[inline]
    pub(crate) fn on(tier: Tier) -> Self {
        Self {
            tier,
            streams: false,
        }
    }

    /// To be held while this thread may stream.
    #[inline]
    fn fence_when_done<T: Dispatch>(self) -> Option<FenceWhenDone<T>> {
        self.streams.then(|| FenceWhenDone(self.tier, PhantomData))
    }

    /// Runs `work` with the registers of this place's tier.
    pub(crate) fn dispatch<T: Element, W: Work<T>>(self, work: W) {
        T::dispatch(self.tier, work);
    }

    /// Writes `map` of the inputs to every element of the output.
    #[inline]
    pub(crate) fn run<T: Element, M: Kernel<N, OUT>, const N: usize, const OUT: usize>(
        self,
        map: M,
        buffers: &Buffers<'_, T, N, OUT>,
    ) {
        let streamed = self.streams
            && buffers.are_aligned_alike(LINE_BYTES)
            && T::dispatch_streaming(self.tier, Loop::<T, M, N, OUT, true> { map, buffers });
        if !streamed {
            self.run_unstreamed(map, buffers);
        }
    }

    /// As [`run`](Piece::run), for whole rows that have the first input, `row`, in common, which is long: far more than eight registers.
    #[inline]
    pub(crate) fn run_rows<
        T: Element,
        M: Kernel<INPUTS, 1>,
        const N: usize,
        const INPUTS: usize,
    >(
        self,
        map: M,
        row: &[T],
        buffers: &mut Buffers<'_, T, N>,
    ) {
        // Where arithmetic sets the pace, a dispatch is nothing beside a row.
        if M::MEMORY_BOUND && !self.streams {
            let work = RowLoop::<T, M, N, INPUTS> { map, row, buffers };
            return T::dispatch(self.tier, work);
        }
        buffers.by_rows(row, |row| self.run(map, row));
    }

    /// As [`run`](Piece::run), by ordinary stores in any case.
    #[inline]
    pub(crate) fn run_unstreamed<
        T: Element,
        M: Kernel<N, OUT>,
        const N: usize,
        const OUT: usize,
    >(
        self,
        map: M,
        buffers: &Buffers<'_, T, N, OUT>,
    ) {
        T::dispatch(self.tier, Loop::<T, M, N, OUT, false> { map, buffers });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Once;
    use std::thread;

    use super::*;
    use crate::engine::buffers::as_output;
    use crate::engine::loops::seen;
    use crate::formula::Map;
    use crate::vector::Vector;

    #[derive(Clone, Copy)]
    struct Double;

    impl Map<1> for Double {
        #[inline(always)]
        fn apply<V: Vector>(self, [x]: [V; 1]) -> V {
            x + x
        }
    }

    const MIB: usize = 1 << 20;

    #[test]
    fn large_calls_stream_and_split_from_their_thresholds_on() {
        let mut thresholds = Thresholds::from_environment();
        thresholds.stream_bytes = 8 * MIB;
        thresholds.split_bytes = 2 * MIB;
        thresholds.split_outside_bytes = 4 * MIB;
        let (serial, parallel) = (
            Plan::default(),
            Plan {
                parallel: true,
                ..Plan::default()
            },
        );
        let decide = |plan: Plan, bytes, in_place, inside| {
            let Decision { streams, splits } = plan.decide_by(&thresholds, bytes, in_place, inside);
            (streams, splits)
        };
        // Streams from its threshold on, but not in place.
        for inside in [false, true] {
            assert_eq!(decide(serial, 8 * MIB - 1, false, inside), (false, false));
            assert_eq!(decide(serial, 8 * MIB, false, inside), (true, false));
            assert_eq!(decide(serial, 8 * MIB, true, inside), (false, false));
        }
        // Splits if asked to: earlier inside of a pool.
        assert_eq!(decide(parallel, 2 * MIB - 1, true, true), (false, false));
        assert_eq!(decide(parallel, 2 * MIB, true, true), (false, true));
        assert_eq!(decide(parallel, 4 * MIB - 1, true, false), (false, false));
        assert_eq!(decide(parallel, 4 * MIB, true, false), (false, true));
        assert_eq!(decide(parallel, 8 * MIB, false, false), (true, true));
    }

    /// For the whole process of these tests, which no environment variable reaches.
    fn everything_is_large() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let mut thresholds = Thresholds::from_environment();
            thresholds.stream_bytes = 0;
            thresholds.split_bytes = 0;
            thresholds.split_outside_bytes = 0;
            thresholds.set().expect("no other test asks before");
        });
    }

    /// Runs `plan` on so many elements, and returns the runs of loops that it took; checks that they cover the output
    /// exactly once.
    fn runs(plan: Plan, len: usize, in_place: bool) -> Vec<seen::Run> {
        everything_is_large();
        let input = vec![1.5_f32; len];
        let mut output = input.clone();
        let runs = seen::watch(&mut output, |output| {
            let _ = match in_place {
                true => plan.run(Double, &mut Buffers::in_place([], output)),
                false => plan.run(Double, &mut Buffers::new([&input], as_output(output))),
            };
        });
        assert!(output.iter().all(|&y| y == 3.0));
        let range = output.as_ptr_range();
        let mut end = range.start.addr();
        for run in &runs {
            assert_eq!(run.output.start, end, "a gap or an overlap");
            end = run.output.end;
        }
        assert_eq!(end, range.end.addr());
        runs
    }

    /// Well past the least size, and no whole number of anything.
    const LARGE: usize = if cfg!(miri) { 70_001 } else { 1_000_003 };

    #[test]
    fn what_is_large_streams_unless_in_place() {
        for tier in Tier::available() {
            let plan = Plan::default().on(tier);
            let [whole] = &runs(plan, LARGE, false)[..] else {
                panic!("more than one run")
            };
            assert_eq!(
                whole.streamed,
                !tier.to_string().starts_with("portable"),
                "{tier}"
            );
            assert_eq!(whole.thread, thread::current().id());
            let [whole] = &runs(plan, LARGE, true)[..] else {
                panic!("more than one run")
            };
            assert!(!whole.streamed, "{tier}");
            let [short] = &runs(plan, 30_000, false)[..] else {
                panic!("more than one run")
            };
            assert!(!short.streamed, "{tier}");
        }
    }

    // Where panics abort, nobody catches them.
    #[test]
    #[cfg(panic = "unwind")]
    fn a_panic_while_streaming_is_fenced() {
        use std::panic::{AssertUnwindSafe, catch_unwind};
        use std::sync::atomic::{AtomicUsize, Ordering};

        /// Panics at some register.
        #[derive(Clone, Copy)]
        struct Panics<'a>(&'a AtomicUsize);

        impl Map<1> for Panics<'_> {
            fn apply<V: Vector>(self, [x]: [V; 1]) -> V {
                let calls = self.0.fetch_add(1, Ordering::Relaxed);
                assert_ne!(calls, 100, "the panic that was asked for");
                x
            }
        }

        everything_is_large();
        let (input, mut output) = (vec![1.5_f32; LARGE], vec![0.0; LARGE]);
        let runs = seen::watch(&mut output, |output| {
            let calls = AtomicUsize::new(0);
            let mut buffers = Buffers::new([&input], as_output(output));
            let run = || Plan::default().run(Panics(&calls), &mut buffers);
            assert!(catch_unwind(AssertUnwindSafe(run)).is_err());
        });
        let streams = Tier::available().count() > 1;
        assert!(runs[0].streamed == streams && seen::is_fenced());
    }

    #[test]
    fn a_plan_runs_on_its_tier() {
        for (tier, register) in Tier::available().zip(["f32x8", "F32x8", "F32x16"]) {
            let [run] = &runs(Plan::default().on(tier), 1_000, false)[..] else {
                panic!("more than one run")
            };
            assert!(
                run.register.ends_with(&format!("::{register}")),
                "{tier}: {run:?}"
            );
        }
    }

    #[test]
    #[cfg(all(feature = "parallel", not(target_family = "wasm")))]
    fn only_par_splits() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build();
        pool.expect("threads").install(|| {
            for in_place in [false, true] {
                assert_eq!(runs(Plan::default(), LARGE, in_place).len(), 1);
                let pieces = runs(Plan::default().par(), LARGE, in_place);
                assert!(pieces.len() > 5 || cfg!(miri), "{} pieces", pieces.len());
            }
        });
        let _quiet = crate::engine::helpers::quiet_global_pool();
        assert!(runs(Plan::default().par(), LARGE, true).len() > 5 || cfg!(miri));
    }

    /// As on WebAssembly, where no thread can be started.
    #[test]
    #[cfg(all(feature = "parallel", target_family = "wasm"))]
    fn without_threads_par_does_not_split() {
        everything_is_large();
        for in_place in [false, true] {
            assert_eq!(runs(Plan::default().par(), LARGE, in_place).len(), 1);
        }
    }

    #[test]
    fn an_adaptor_asks_for_what_it_says() {
        let tiers = || Tier::available();
        let (first, last) = (tiers().next(), tiers().next_back());
        for tier in tiers() {
            assert_eq!(Plan::default().on(tier).tier, Some(tier));
            assert!(!Plan::default().on(tier).parallel);
            #[cfg(feature = "parallel")]
            for plan in [
                Plan::default().on(tier).par(),
                Plan::default().par().on(tier),
            ] {
                assert_eq!((plan.tier, plan.parallel), (Some(tier), true));
            }
        }
        // The last one said holds.
        let (first, last) = (first.expect("portable"), last.expect("portable"));
        assert_eq!(Plan::default().on(first).on(last).tier, Some(last));
    }
}
