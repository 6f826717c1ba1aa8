//! The loops. One serves all kernels: forward and backward, in place and out of place, on every tier.
//!
//! ```text
//! output   |  first  |                            |   last  |
//!              |  aligned registers, several at a time  |  ...
//! ```
//!
//! The body stores aligned, since stores that cross a cache line are slow. What it leaves over at the ends is
//! covered by two registers, the first and the last, that overlap it. The first is computed before anything is
//! written, and the last behind the body, which ends before it; both are stored after everything else, so each element is
//! computed from its input once, in place too.
//! What is no longer than eight registers is covered by such overlapping registers alone, where loads and stores set the
//! pace; where arithmetic does ([`Map::MEMORY_BOUND`](crate::Map::MEMORY_BOUND) is `false`), no more registers are computed
//! than cover the elements, what is less than a register is put together in one, and the code has few copies of the
//! formula.
//!
//! What was measured, and what was tried instead, is in `docs/measurements.md`.
#![allow(unsafe_code)]

use super::buffers::{Buffers, LINE_BYTES};
use crate::arch::{Register, Work, align_stack};
use crate::formula::Kernel;

/// Writes `map` of the inputs to every element of the output. With `STREAM` by non-temporal stores, to outputs that are all aligned
/// alike to a line: for [`Dispatch::dispatch_streaming`](crate::arch::Dispatch::dispatch_streaming).
pub(super) struct Loop<'b, 'a, T, M, const N: usize, const OUT: usize, const STREAM: bool> {
    pub(super) map: M,
    /// By reference: by value, the compiler copied them with loads that were wider than the stores just before.
    pub(super) buffers: &'b Buffers<'a, T, N, OUT>,
}

impl<T: Copy, M: Kernel<N, OUT>, const N: usize, const OUT: usize, const STREAM: bool> Work<T>
    for Loop<'_, '_, T, M, N, OUT, STREAM>
{
    type Home = M::Home;

    #[inline(always)]
    fn run<V: Register<Element = T>>(self, token: V::Token) {
        #[cfg(test)]
        seen::note::<V>(self.buffers.output_bytes(), STREAM);
        if !M::MEMORY_BOUND {
            align_stack::<V>();
        }
        if STREAM {
            streamed::<V, M, N, OUT>(token, self.map, self.buffers);
        } else {
            any_length::<V, M, N, OUT>(token, self.map, self.buffers);
        }
    }
}

/// The same for rows, all of which have the first input, `row`, in common: one dispatch for all of them. For rows far longer than eight
/// registers.
pub(super) struct RowLoop<'b, 'a, T, M, const N: usize, const INPUTS: usize> {
    pub(super) map: M,
    pub(super) row: &'b [T],
    pub(super) buffers: &'b Buffers<'a, T, N>,
}

impl<T: Copy, M: Kernel<INPUTS, 1>, const N: usize, const INPUTS: usize> Work<T>
    for RowLoop<'_, '_, T, M, N, INPUTS>
{
    type Home = M::Home;

    #[inline(always)]
    fn run<V: Register<Element = T>>(self, token: V::Token) {
        let mut done = 0;
        while done < self.buffers.len() {
            // No longer than the row, as the compiler sees: a kernel has no panic.
            let part = self.buffers.part(done, self.row.len());
            let values = &self.row[..part.len()];
            let row = &part.with_input(values);
            #[cfg(test)]
            seen::note::<V>(row.output_bytes(), false);
            // So are rows never; but `long` shall not have to say so at run time, either.
            if row.len() < 2 * V::LANES {
                short::<V, M, INPUTS, 1>(token, self.map, row);
            } else {
                long::<V, M, INPUTS, 1>(token, self.map, row);
            }
            done += row.len();
        }
    }
}

#[inline(always)]
fn any_length<V: Register, M: Kernel<N, OUT>, const N: usize, const OUT: usize>(
    token: V::Token,
    map: M,
    buffers: &Buffers<'_, V::Element, N, OUT>,
) {
    if !M::MEMORY_BOUND {
        // Arithmetic sets the pace: as few registers as can be, and few copies of a long formula.
        if buffers.len() <= 2 * V::LANES {
            short::<V, M, N, OUT>(token, map, buffers);
        } else {
            long::<V, M, N, OUT>(token, map, buffers);
        }
    } else if V::HALF_UP_TO == 0 {
        alone::<V, M, N, OUT>(token, map, buffers);
    } else if buffers.len() <= V::HALF_UP_TO {
        alone::<V::Half, M, N, OUT>(token.into(), map, buffers);
    } else {
        long::<V, M, N, OUT>(token, map, buffers);
    }
}

/// Any length of what is bound by memory, without a look at [`Register::HALF_UP_TO`].
#[inline(always)]
fn alone<V: Register, M: Kernel<N, OUT>, const N: usize, const OUT: usize>(
    token: V::Token,
    map: M,
    buffers: &Buffers<'_, V::Element, N, OUT>,
) {
    let len = buffers.len();
    if len <= 2 * V::LANES {
        short::<V, M, N, OUT>(token, map, buffers);
    } else if len <= 4 * V::LANES {
        both_ends::<V, M, N, OUT, 2, 2>(token, map, buffers);
    } else if len <= 5 * V::LANES {
        // As few registers as cover it: they set the pace.
        both_ends::<V, M, N, OUT, 4, 1>(token, map, buffers);
    } else if len <= 6 * V::LANES {
        both_ends::<V, M, N, OUT, 3, 3>(token, map, buffers);
    } else if len <= 7 * V::LANES {
        both_ends::<V, M, N, OUT, 4, 3>(token, map, buffers);
    } else if len <= 8 * V::LANES {
        both_ends::<V, M, N, OUT, 4, 4>(token, map, buffers);
    } else {
        long::<V, M, N, OUT>(token, map, buffers);
    }
}

/// At most `2 * LANES` elements: two overlapping registers of the widest kind that fits. Where arithmetic sets the pace, a whole
/// register is computed once, and so is, but of pairs, what is less than one and more than its half, or anything where a half is one
/// element.
#[inline(always)]
fn short<V: Register, M: Kernel<N, OUT>, const N: usize, const OUT: usize>(
    token: V::Token,
    map: M,
    buffers: &Buffers<'_, V::Element, N, OUT>,
) {
    let len = buffers.len();
    // The halves of a pair are computed one by one anyway.
    let in_one = !M::MEMORY_BOUND && !V::IS_PAIR;
    if V::LANES == 1 {
        // At most three elements are left: the first, the middle and the last are all there are.
        debug_assert!(len <= 3);
        if len > 0 {
            let middle = len / 2;
            // SAFETY: `middle < len`.
            let between: [V; OUT] = unsafe { buffers.load(token, map, middle) };
            both_ends::<V, M, N, OUT, 1, 1>(token, map, buffers);
            // SAFETY: as above.
            unsafe { buffers.store(between, middle) };
        }
    } else if len == V::LANES && !M::MEMORY_BOUND {
        // SAFETY: `len >= LANES`.
        unsafe { step::<V, M, N, OUT, false>(token, map, buffers, 0) };
    } else if len >= V::LANES {
        both_ends::<V, M, N, OUT, 1, 1>(token, map, buffers);
    } else if in_one && (V::Half::LANES == 1 || len > V::Half::LANES) {
        if len > 0 {
            buffers.in_one_register::<V, M>(token, map);
        }
    } else {
        short::<V::Half, M, N, OUT>(token.into(), map, buffers);
    }
}

/// `FRONT` to `FRONT + BACK` registers: `FRONT` from the front and `BACK` up to the end, which may overlap. Without a
/// loop, and without a look at the alignment, which costs more than it gains here.
#[inline(always)]
fn both_ends<
    V: Register,
    M: Kernel<N, OUT>,
    const N: usize,
    const OUT: usize,
    const FRONT: usize,
    const BACK: usize,
>(
    token: V::Token,
    map: M,
    buffers: &Buffers<'_, V::Element, N, OUT>,
) {
    const { assert!(BACK <= FRONT) };
    // The callers have just compared, so this is compiled to nothing.
    assert!(buffers.len() >= FRONT * V::LANES);
    let end = buffers.len() - BACK * V::LANES;
    // SAFETY: `len >= FRONT * LANES`, which is `BACK * LANES` at least.
    unsafe {
        // Neither closures nor iterators: see `Buffers::load`.
        let mut front: [[V; OUT]; FRONT] = [buffers.load(token, map, 0); FRONT];
        let mut back: [[V; OUT]; BACK] = [buffers.load(token, map, end); BACK];
        let mut i = 1;
        while i < FRONT {
            front[i] = buffers.load(token, map, i * V::LANES);
            i += 1;
        }
        i = 1;
        while i < BACK {
            back[i] = buffers.load(token, map, end + i * V::LANES);
            i += 1;
        }
        i = 0;
        while i < FRONT {
            buffers.store(front[i], i * V::LANES);
            i += 1;
        }
        i = 0;
        while i < BACK {
            buffers.store(back[i], end + i * V::LANES);
            i += 1;
        }
    }
}

/// Registers a turn of the body (`docs/measurements.md`, *Loops* and *Smooth activations*).
const fn unroll<V: Register, M: Kernel<N, OUT>, const N: usize, const OUT: usize>() -> usize {
    if !M::MEMORY_BOUND {
        match <V::Interleaved as Register>::LANES / V::LANES {
            // More, one after the other, only take the CPU's registers from the constants of a formula.
            1 => 2,
            interleaved => interleaved,
        }
    } else if size_of::<V::Array>() <= 16 {
        8
    } else {
        4
    }
}

/// The index of the first aligned element after element 0. At most one register precedes it.
#[inline(always)]
fn body_start<V: Register, const N: usize, const OUT: usize>(
    buffers: &Buffers<'_, V::Element, N, OUT>,
) -> usize {
    match buffers.misaligned_by(size_of::<V::Array>()) {
        0 => V::LANES,
        elements => elements,
    }
}

/// At least two registers; of a formula bound by memory meant for more than eight.
#[inline(always)]
fn long<V: Register, M: Kernel<N, OUT>, const N: usize, const OUT: usize>(
    token: V::Token,
    map: M,
    buffers: &Buffers<'_, V::Element, N, OUT>,
) {
    // The caller has just compared, so this is compiled to nothing.
    assert!(buffers.len() >= 2 * V::LANES);
    let end = buffers.len() - V::LANES;
    // SAFETY: `len >= V::LANES`.
    let first: [V; OUT] = unsafe { buffers.load(token, map, 0) };

    // Aligned, unless that takes a register more and is no small part of the work.
    let mut at = if M::MEMORY_BOUND || buffers.len() > 8 * V::LANES {
        body_start::<V, N, OUT>(buffers)
    } else {
        V::LANES
    };
    let turns = (end - at) / (unroll::<V, M, N, OUT>() * V::LANES);
    // Counted, as registers bound by memory are below: given a condition on `at`, LLVM keeps more counters than the body has instructions.
    for _ in 0..turns {
        // SAFETY: so many turns fit between where `at` began and `end`.
        unsafe { run_turn::<V, M, N, OUT, false>(token, map, buffers, at) };
        at += unroll::<V, M, N, OUT>() * V::LANES;
    }
    // Not before: far ahead of everything else, it would mislead the CPU's prefetching. Not later, as what follows
    // may overlap it.
    // SAFETY: `len >= V::LANES`.
    let last: [V; OUT] = unsafe { buffers.load(token, map, end) };
    // At most a turn is left; `last` covers its final register. A loop that is told so is unrolled: good for a few loads and stores, and
    // copies of a long formula for nothing.
    let at_most = if M::MEMORY_BOUND {
        unroll::<V, M, N, OUT>()
    } else {
        usize::MAX
    };
    for _ in 0..at_most {
        if at >= end {
            break;
        }
        // SAFETY: `at < len - V::LANES`.
        unsafe { step::<V, M, N, OUT, false>(token, map, buffers, at) };
        at += V::LANES;
    }
    // SAFETY: `len >= V::LANES`. Both overlap what was written above, with the same values.
    unsafe {
        buffers.store(first, 0);
        buffers.store(last, end);
    }
}

/// A turn of the body, from `at` on: the registers one after the other, or those of a long formula interleaved.
///
/// # Safety
/// As for [`step`], of a turn of elements.
#[inline(always)]
unsafe fn run_turn<
    V: Register,
    M: Kernel<N, OUT>,
    const N: usize,
    const OUT: usize,
    const STREAM: bool,
>(
    token: V::Token,
    map: M,
    buffers: &Buffers<'_, V::Element, N, OUT>,
    at: usize,
) {
    if M::MEMORY_BOUND {
        // Each is stored before the next is loaded: loading four first is slower (`docs/measurements.md`, *Loops*).
        for i in 0..unroll::<V, M, N, OUT>() {
            // SAFETY: as the caller says; so many are a turn.
            unsafe { step::<V, M, N, OUT, STREAM>(token, map, buffers, at + i * V::LANES) };
        }
    } else {
        let steps = const {
            let lanes = unroll::<V, M, N, OUT>() * V::LANES;
            assert!(lanes.is_multiple_of(<V::Interleaved as Register>::LANES));
            lanes / <V::Interleaved as Register>::LANES
        };
        for i in 0..steps {
            let at = at + i * <V::Interleaved as Register>::LANES;
            // SAFETY: as the caller says; so many are a turn. What streams is as aligned as one register, which is all it has to be.
            unsafe { step::<V::Interleaved, M, N, OUT, STREAM>(token, map, buffers, at) };
        }
    }
}

/// Computes the register at `at`, and streams it or stores it; the latter one half after the other where it is a pair, which never streams.
///
/// # Safety
/// `at + V::LANES <= len`, and with `STREAM` what [`Buffers::stream`] asks for.
#[inline(always)]
unsafe fn step<
    V: Register,
    M: Kernel<N, OUT>,
    const N: usize,
    const OUT: usize,
    const STREAM: bool,
>(
    token: V::Token,
    map: M,
    buffers: &Buffers<'_, V::Element, N, OUT>,
    at: usize,
) {
    const { assert!(!V::IS_PAIR || 2 * V::Half::LANES == V::LANES) };
    // SAFETY: in bounds, as the caller says; two halves are as long as the pair. What `stream` asks for is there, too.
    unsafe {
        if STREAM {
            buffers.stream::<V>(buffers.load(token, map, at), at);
        } else if V::IS_PAIR {
            for at in [at, at + V::Half::LANES] {
                let half: [V::Half; OUT] = buffers.load(token.into(), map, at);
                buffers.store(half, at);
            }
        } else {
            buffers.store::<V>(buffers.load(token, map, at), at);
        }
    }
}

/// As [`long`], with non-temporal stores of whole lines, and ordinary stores of what is in front of them and behind: a part of a line
/// that is streamed takes as long as many lines. No store overlaps one that streams; whoever runs this fences before anybody looks at
/// the output.
#[inline(always)]
fn streamed<V: Register, M: Kernel<N, OUT>, const N: usize, const OUT: usize>(
    token: V::Token,
    map: M,
    buffers: &Buffers<'_, V::Element, N, OUT>,
) {
    assert!(V::STREAMS, "these registers do not stream");
    /// How far ahead inputs are prefetched (`docs/measurements.md`, *Streaming*).
    const AHEAD_BYTES: usize = 4096;
    // What is left at the ends is less than a line, and no more than `short` takes.
    let line = const {
        assert!(2 * size_of::<V::Array>() >= LINE_BYTES && size_of::<V::Array>() <= LINE_BYTES);
        LINE_BYTES / size_of::<V::Element>()
    };

    let front = buffers.misaligned_by(LINE_BYTES).min(buffers.len());
    let mut at = front;
    let turn = const { unroll::<V, M, N, OUT>() * V::LANES };
    for _ in 0..(buffers.len() - at) / turn {
        for bytes in (0..unroll::<V, M, N, OUT>() * size_of::<V::Array>()).step_by(LINE_BYTES) {
            buffers.prefetch::<V>(at, AHEAD_BYTES + bytes);
        }
        // SAFETY: so many turns fit behind where `at` began, which is aligned; nobody writes or reads these bytes again before
        // the fence (`Plan::run_in_pieces`).
        unsafe { run_turn::<V, M, N, OUT, true>(token, map, buffers, at) };
        at += turn;
    }
    while buffers.len() - at >= line {
        for i in 0..line / V::LANES {
            let at = at + i * V::LANES;
            // SAFETY: a line is left; the rest as above.
            unsafe { step::<V, M, N, OUT, true>(token, map, buffers, at) };
        }
        at += line;
    }
    let ends = [(0, front), (at, buffers.len() - at)];
    let mut i = 0;
    while i < 2 {
        short::<V, M, N, OUT>(token, map, &buffers.part(ends[i].0, ends[i].1));
        i += 1;
    }
}

/// Orders what the tier streamed on this thread before all that the thread does later.
pub(super) struct Fence;

impl<T> Work<T> for Fence {
    type Home = Self;

    #[inline(always)]
    fn run<V: Register<Element = T>>(self, _: V::Token) {
        #[cfg(test)]
        seen::note_fence();
        V::fence();
    }
}

/// What ran, for tests of decisions that change no bit: each run of a loop on a watched output notes itself.
#[cfg(test)]
pub(super) mod seen {
    use std::collections::HashSet;
    use std::ops::Range;
    use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
    use std::thread::{self, ThreadId};

    /// A run of a loop.
    #[derive(Clone, Debug)]
    pub(crate) struct Run {
        /// The addresses of its output.
        pub(crate) output: Range<usize>,
        /// The name of its registers.
        pub(crate) register: &'static str,
        pub(crate) streamed: bool,
        pub(crate) thread: ThreadId,
    }

    /// The threads that have streamed and not fenced since.
    fn unfenced() -> MutexGuard<'static, HashSet<ThreadId>> {
        static UNFENCED: LazyLock<Mutex<HashSet<ThreadId>>> = LazyLock::new(Mutex::default);
        UNFENCED.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this thread has fenced what it streamed.
    #[cfg(panic = "unwind")]
    pub(crate) fn is_fenced() -> bool {
        !unfenced().contains(&thread::current().id())
    }

    pub(super) fn note_fence() {
        unfenced().remove(&thread::current().id());
    }

    /// The outputs that are watched, with what ran on each.
    fn watched() -> MutexGuard<'static, Vec<(Range<usize>, Vec<Run>)>> {
        static WATCHED: Mutex<Vec<(Range<usize>, Vec<Run>)>> = Mutex::new(vec![]);
        WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note<V: crate::arch::Register>(output: Range<usize>, streamed: bool) {
        let mut watched = watched();
        let within = |whole: &Range<usize>| whole.start <= output.start && output.end <= whole.end;
        if let Some((_, runs)) = watched.iter_mut().find(|(whole, _)| within(whole)) {
            let register = std::any::type_name::<V>();
            let thread = thread::current().id();
            if streamed {
                unfenced().insert(thread);
            }
            runs.push(Run {
                output,
                register,
                streamed,
                thread,
            });
        }
    }

    /// What runs on `output` while `work` does, in the order of their outputs.
    ///
    /// # Panics
    /// If a thread has streamed, and not fenced since.
    pub(crate) fn watch<T>(output: &mut [T], work: impl FnOnce(&mut [T])) -> Vec<Run> {
        let range = output.as_ptr_range();
        let range = range.start.addr()..range.end.addr();
        watched().push((range.clone(), vec![]));
        work(output);
        let mut watched = watched();
        let at = watched.iter().position(|(whole, _)| *whole == range);
        let (_, mut runs) = watched.swap_remove(at.expect("it was put there"));
        runs.sort_by_key(|run| run.output.start);
        let unfenced = unfenced();
        assert!(
            !runs.iter().any(|run| unfenced.contains(&run.thread)),
            "no fence"
        );
        runs
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::mem::MaybeUninit;
    use std::ops::{Add, Div, Mul, Neg, Sub};

    use super::*;
    use crate::arch::{Dispatch, Interleaved, Tier};
    use crate::element::Element;
    use crate::engine::buffers::as_output;
    use crate::formula::Map;
    use crate::vector::{Bits, Vector};

    #[derive(Clone, Copy)]
    struct Difference<const MEMORY_BOUND: bool>;

    impl<const MEMORY_BOUND: bool> Map<2> for Difference<MEMORY_BOUND> {
        const MEMORY_BOUND: bool = MEMORY_BOUND;

        #[inline(always)]
        fn apply<V: Vector>(self, [a, b]: [V; 2]) -> V {
            a - b
        }
    }

    fn every_element_is_written_once<T: Element, const STREAM: bool, const MEMORY_BOUND: bool>() {
        // Miri, which sees what becomes of borrows, is a thousand times slower.
        const LONGEST: usize = if cfg!(miri) { 70 } else { 3 * 64 + 30 };
        let numbers: Vec<T> = (0..2 * LONGEST).map(|i| T::from_f64(i as f64)).collect();
        for tier in Tier::available() {
            let is_seen = |len: &usize| !cfg!(miri) || *len < 8 || len.is_multiple_of(7);
            for len in (0..=LONGEST).filter(is_seen) {
                let offsets = 0..64 / size_of::<T>();
                for offset in offsets.step_by(if cfg!(miri) { 7 } else { 1 }) {
                    let (a, b) = (&numbers[offset..offset + len], &numbers[7..7 + len]);
                    let mut output = vec![T::ZERO; len + offset + 64];
                    let start = output.as_ptr().align_offset(64) + offset;
                    let out = &mut output[start..start + len];
                    out.copy_from_slice(b);
                    // `b` is read from the output itself, so an element done twice shows.
                    let buffers = &Buffers::in_place([a], &mut *out);
                    T::dispatch(
                        tier,
                        Loop::<T, _, 2, 1, false> {
                            map: Difference::<MEMORY_BOUND>,
                            buffers,
                        },
                    );
                    let expected = T::from_f64(offset as f64 - 7.0);
                    assert!(out.iter().all(|&x| x == expected), "{tier}, {len} in place");

                    out.fill(T::from_f64(f64::NAN));
                    let buffers = &Buffers::new([a, b], as_output(&mut *out));
                    let map = Difference::<MEMORY_BOUND>;
                    if STREAM {
                        let work = Loop::<T, _, 2, 1, true> { map, buffers };
                        if !T::dispatch_streaming(tier, work) {
                            continue;
                        }
                    } else {
                        T::dispatch(tier, Loop::<T, _, 2, 1, false> { map, buffers });
                    }
                    assert!(
                        out.iter().all(|&x| x == expected),
                        "{tier}, {len} at {offset}"
                    );
                    output[start..start + len].fill(T::ZERO);
                    let untouched = output.iter().all(|&x| x == T::ZERO);
                    assert!(untouched, "{tier}, {len} at {offset}: wrote outside");
                }
            }
        }
    }

    #[test]
    fn every_element_of_rows_is_written_once() {
        for (width, rows) in [(5, 3), (40, 2), (130, 3)] {
            let beside: Vec<f32> = (0..width).map(|i| i as f32).collect();
            let numbers: Vec<f32> = (0..width * rows).map(|i| (i * i % 97) as f32).collect();
            let expected: Vec<f32> = (0..width * rows)
                .map(|i| beside[i % width] - numbers[i])
                .collect();
            for tier in Tier::available() {
                let (map, row) = (Difference::<true>, &beside[..]);
                let mut output = numbers.clone();
                let buffers = &Buffers::in_place([], &mut output);
                f32::dispatch(tier, RowLoop::<_, _, 1, 2> { map, row, buffers });
                assert_eq!(output, expected, "{tier}, {rows} of {width} in place");

                output.fill(f32::NAN);
                let buffers = &Buffers::new([&numbers], as_output(&mut output));
                f32::dispatch(tier, RowLoop::<_, _, 1, 2> { map, row, buffers });
                assert_eq!(output, expected, "{tier}, {rows} of {width}");
            }
        }
    }

    #[test]
    fn every_element_is_written_once_through_the_cache() {
        every_element_is_written_once::<f32, false, true>();
        every_element_is_written_once::<f64, false, true>();
        every_element_is_written_once::<f32, false, false>();
        every_element_is_written_once::<f64, false, false>();
    }

    #[test]
    fn every_element_is_written_once_past_the_cache() {
        every_element_is_written_once::<f32, true, true>();
        every_element_is_written_once::<f64, true, true>();
        every_element_is_written_once::<f32, true, false>();
        every_element_is_written_once::<f64, true, false>();
    }

    /// What a loop does to memory beside loading, by addresses.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Event {
        Store(usize),
        Stream(usize),
        Prefetch(usize),
    }

    thread_local! {
        static EVENTS: RefCell<Vec<Event>> = const { RefCell::new(vec![]) };
    }

    fn note(event: Event) {
        EVENTS.with_borrow_mut(|events| events.push(event));
    }

    /// A register that notes what is done with it: of a line, or of half of one.
    #[derive(Clone, Copy)]
    struct Noting<const LANES: usize>([f32; LANES]);

    macro_rules! no_arithmetic {
        ($($operator:ident $method:ident,)*) => {$(
            impl<const LANES: usize> $operator for Noting<LANES> {
                type Output = Self;

                fn $method(self, _: Self) -> Self {
                    unimplemented!("the maps of these tests compute nothing")
                }
            }
        )*};
    }
    no_arithmetic!(Add add, Sub sub, Mul mul, Div div,);

    impl<const LANES: usize> Neg for Noting<LANES> {
        type Output = Self;

        fn neg(self) -> Self {
            unimplemented!()
        }
    }

    macro_rules! no_bits {
        ($($method:ident($($argument:ident: $type:ty),*);)*) => {$(
            fn $method($($argument: $type),*) -> Self {
                unimplemented!("the maps of these tests compute nothing")
            }
        )*};
    }

    impl<const LANES: usize> Bits for Noting<LANES> {
        type Lane = f32;
        const MANTISSA_BITS: u32 = f32::MANTISSA_BITS;

        no_bits! {
            bits_add(self: Self, _rhs: Self);
            bits_sub(self: Self, _rhs: Self);
            bits_and(self: Self, _rhs: Self);
            bits_or(self: Self, _rhs: Self);
            bits_xor(self: Self, _rhs: Self);
            bits_shl(self: Self, _count: u32);
            bits_shr(self: Self, _count: u32);
            look_up(self: Self, _table: &[f32; 8]);
        }
    }

    impl<const LANES: usize> Vector for Noting<LANES> {
        type Element = f32;

        fn splat(value: f32) -> Self {
            Self([value; LANES])
        }

        fn constant(value: f64) -> Self {
            Self::splat(value as f32)
        }

        fn mul_add(self, _: Self, _: Self) -> Self {
            unimplemented!()
        }

        fn select_lt(self, _: Self, _: Self, _: Self) -> Self {
            unimplemented!()
        }

        fn select_le(self, _: Self, _: Self, _: Self) -> Self {
            unimplemented!()
        }

        fn max(self, _: Self) -> Self {
            unimplemented!()
        }

        fn min(self, _: Self) -> Self {
            unimplemented!()
        }

        fn abs(self) -> Self {
            unimplemented!()
        }

        fn sqrt(self) -> Self {
            unimplemented!()
        }
    }

    macro_rules! noting_register {
        ($lanes:literal, half $half:ty) => {
            // SAFETY: the array is as long as the register.
            unsafe impl Register for Noting<$lanes> {
                type Token = ();
                type Array = [f32; $lanes];
                type Half = $half;
                type Interleaved = Interleaved<Self, 4>;
                const STREAMS: bool = true;

                fn one_of(several: Self::Interleaved, index: usize) -> Self {
                    several.get(index)
                }

                fn load((): (), from: &[f32; $lanes]) -> Self {
                    Self(*from)
                }

                fn store(self, to: &mut MaybeUninit<[f32; $lanes]>) {
                    note(Event::Store(to.as_ptr().addr()));
                    to.write(self.0);
                }

                unsafe fn stream(self, to: &mut MaybeUninit<[f32; $lanes]>) {
                    note(Event::Stream(to.as_ptr().addr()));
                    to.write(self.0);
                }

                fn prefetch(at: *const f32) {
                    note(Event::Prefetch(at.addr()));
                }
            }
        };
    }
    noting_register!(16, half wide::f32x8);
    noting_register!(8, half wide::f32x4);

    #[derive(Clone, Copy)]
    struct Same<const MEMORY_BOUND: bool>;

    impl<const MEMORY_BOUND: bool> Map<1> for Same<MEMORY_BOUND> {
        const MEMORY_BOUND: bool = MEMORY_BOUND;

        fn apply<V: Vector>(self, [x]: [V; 1]) -> V {
            x
        }
    }

    fn whole_lines_are_streamed<
        V: Register<Element = f32, Token = ()>,
        const MEMORY_BOUND: bool,
    >() {
        let unrolled = match MEMORY_BOUND {
            true => 4,
            false => <V::Interleaved as Register>::LANES / V::LANES,
        };
        for len in [0, 1, 15, 16, 17, 40, 8 * 16 + 1, 200, 1_000, 1_007] {
            for offset in (0..16).step_by(if cfg!(miri) { 5 } else { 1 }) {
                let input: Vec<f32> = (0..len).map(|i| i as f32).collect();
                let mut memory = vec![0.0_f32; len + 32];
                let start = memory.as_ptr().align_offset(64) + offset;
                let output = &mut memory[start..start + len];
                let (from, to) = (input.as_ptr().addr(), output.as_ptr().addr());
                EVENTS.take();
                let buffers = &Buffers::new([&input], as_output(&mut *output));
                let map = Same::<MEMORY_BOUND>;
                Loop::<f32, _, 1, 1, true> { map, buffers }.run::<V>(());
                assert_eq!(output, &input[..]);

                let head = ((16 - offset) % 16).min(len);
                let lines = (len - head) / 16;
                let (mut streamed, mut ahead) = (vec![], vec![]);
                for event in EVENTS.take() {
                    match event {
                        Event::Stream(at) => streamed.push(at),
                        Event::Prefetch(at) => ahead.push(at - from),
                        // What is less than a line may be a register of half of one, or is put together elsewhere.
                        Event::Store(at) => assert!(
                            (V::LANES < 16 || !MEMORY_BOUND)
                                && (at < to + 4 * head || at >= to + 4 * (head + 16 * lines)),
                            "a part of a whole line was stored"
                        ),
                    }
                }
                let parts = 16 / V::LANES * lines;
                let whole = (0..parts).map(|i| to + 4 * (head + V::LANES * i));
                assert_eq!(streamed, Vec::from_iter(whole));
                assert!(parts == 0 || streamed[0] % 64 == 0);
                // Of every turn, the lines of the input that are 4 KiB ahead of it; behind, it would help nobody.
                let turn = unrolled * V::LANES;
                let lines =
                    (0..(len - head) / turn * (turn / 16)).map(|i| 4 * head + 64 * i + 4096);
                assert_eq!(ahead, Vec::from_iter(lines));
            }
        }
    }

    #[test]
    fn whole_lines_are_streamed_and_nothing_else() {
        whole_lines_are_streamed::<Noting<16>, true>();
        whole_lines_are_streamed::<Noting<8>, true>();
        whole_lines_are_streamed::<Noting<16>, false>();
        whole_lines_are_streamed::<Noting<8>, false>();
    }

    /// In Miri only this is interleaved.
    #[test]
    fn interleaved_registers_are_computed_before_any_is_stored() {
        for len in [33, 64, 100, 16 * 12 + 5] {
            let input: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let mut memory = vec![0.0_f32; len + 32];
            let start = memory.as_ptr().align_offset(64) + 3;
            let output = &mut memory[start..start + len];
            let buffers = &Buffers::new([&input], as_output(&mut *output));
            let map = Same::<false>;
            Loop::<f32, _, 1, 1, false> { map, buffers }.run::<Noting<16>>(());
            assert_eq!(output, input);

            let buffers = &Buffers::in_place([], &mut *output);
            Loop::<f32, _, 1, 1, false> { map, buffers }.run::<Noting<16>>(());
            assert_eq!(output, input, "in place");
        }
    }

    /// In Miri only this is put together of halves of several lanes: its other registers are pairs, or their halves single elements.
    #[test]
    fn less_than_a_register_is_two_halves_of_one() {
        for len in 0..16 {
            let input: Vec<f32> = (0..len).map(|i| i as f32).collect();
            let map = Same::<false>;
            let mut output = vec![f32::NAN; len];
            let buffers = &Buffers::new([&input], as_output(&mut output));
            Loop::<f32, _, 1, 1, false> { map, buffers }.run::<Noting<16>>(());
            assert_eq!(output, input);

            let buffers = &Buffers::in_place([], &mut output);
            Loop::<f32, _, 1, 1, false> { map, buffers }.run::<Noting<16>>(());
            assert_eq!(output, input, "in place");
        }
    }
}
