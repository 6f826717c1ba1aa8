//! How a kernel that was made of a formula is run: as one loop, or step by step.

use crate::channels::long_row;
use crate::element::Element;
use crate::engine::buffers::{Buffers, LINE, LINE_BYTES, Lines, Source, Target, Written};
use crate::engine::{Piece, Plan};
use crate::formula::Kernel;

/// A kernel that can be done by several, one after the other, with the same bits.
pub(super) trait Steps<const N: usize, const OUT: usize = 1>: Kernel<N, OUT> {
    /// Runs the steps, on all of `block`.
    fn steps<T: Element>(self, block: &mut Block<'_, '_, T, N, OUT>);
}

/// How a kernel is run on a piece of a call.
pub(super) trait Way {
    /// From so many last channels on there are rows rather than patterns: see [`Channels::cut`](crate::Channels::cut).
    fn long_row(place: Piece) -> usize;

    fn run<T: Element, K: Steps<N, OUT>, const N: usize, const OUT: usize>(
        place: Piece,
        kernel: K,
        piece: &mut Buffers<'_, T, N, OUT>,
    );

    /// The same for whole rows that have the first input, `row`, in common, which is long.
    fn run_rows<T: Element, K: Steps<INPUTS>, const N: usize, const INPUTS: usize>(
        place: Piece,
        kernel: K,
        row: &[T],
        piece: &mut Buffers<'_, T, N>,
    ) {
        piece.by_rows(row, |row| Self::run(place, kernel, row));
    }
}

/// Nothing is kept in memory between, and each kernel is a loop of its own.
pub(super) struct OneLoop;

impl Way for OneLoop {
    #[inline]
    fn long_row(place: Piece) -> usize {
        long_row(place)
    }

    #[inline]
    fn run<T: Element, K: Steps<N, OUT>, const N: usize, const OUT: usize>(
        place: Piece,
        kernel: K,
        piece: &mut Buffers<'_, T, N, OUT>,
    ) {
        place.run(kernel, piece);
    }

    #[inline]
    fn run_rows<T: Element, K: Steps<INPUTS>, const N: usize, const INPUTS: usize>(
        place: Piece,
        kernel: K,
        row: &[T],
        piece: &mut Buffers<'_, T, N>,
    ) {
        place.run_rows(kernel, row, piece);
    }
}

/// Step by step, on blocks that stay in the first-level cache between, so that memory sees one pass, too. Of each
/// formula only itself and its gradient are compiled.
pub(super) struct InSteps;

/// Elements of a block: 4 or 8 KiB, of which the steps have up to four in the first-level cache.
const BLOCK: usize = 1024;

/// What is shorter should not pay for clearing the memory of a block.
const SHORT: usize = 64;

impl InSteps {
    /// All of a call.
    pub(super) fn run_whole<T: Element, K: Steps<N, OUT>, const N: usize, const OUT: usize>(
        plan: Plan,
        kernel: K,
        buffers: &mut Buffers<'_, T, N, OUT>,
    ) -> Written<T> {
        plan.run_in_pieces(K::MEMORY_BOUND, buffers, |place, _, piece| {
            Self::run(place, kernel, piece);
        })
    }

    fn run_blocks<
        T: Element,
        K: Steps<N, OUT>,
        const N: usize,
        const OUT: usize,
        const LEN: usize,
    >(
        place: Piece,
        kernel: K,
        piece: &mut Buffers<'_, T, N, OUT>,
    ) {
        // What steps hand on to the next.
        let mut memory = Lines([T::ZERO; LEN]);
        // All blocks but the first begin where a line of the output does.
        let mut len = match piece.len() <= LEN {
            true => LEN,
            false => LEN - LINE + piece.misaligned_by(LINE_BYTES),
        };
        let mut done = 0;
        while done < piece.len() {
            let end = piece.len().min(done + len);
            kernel.steps(&mut Block {
                place,
                buffers: piece.window(done..end),
                memory: &mut memory.0[..end - done],
            });
            (done, len) = (end, LEN);
        }
    }
}

impl Way for InSteps {
    #[inline]
    fn long_row(_: Piece) -> usize {
        // A block of its own for each row costs more than to write a pattern.
        usize::MAX
    }

    fn run<T: Element, K: Steps<N, OUT>, const N: usize, const OUT: usize>(
        place: Piece,
        kernel: K,
        piece: &mut Buffers<'_, T, N, OUT>,
    ) {
        if piece.len() <= SHORT {
            Self::run_blocks::<T, K, N, OUT, SHORT>(place, kernel, piece);
        } else {
            Self::run_blocks::<T, K, N, OUT, BLOCK>(place, kernel, piece);
        }
    }
}

/// A part of a call that is done in steps, with memory for what they hand on.
pub(super) struct Block<'m, 'a, T, const N: usize, const OUT: usize> {
    place: Piece,
    buffers: Buffers<'a, T, N, OUT>,
    memory: &'m mut [T],
}

impl<T: Element, const N: usize, const OUT: usize> Block<'_, '_, T, N, OUT> {
    /// Runs one step.
    pub(super) fn step<K: Kernel<M, 1>, const M: usize>(
        &mut self,
        kernel: K,
        from: [Source; M],
        to: Target,
    ) {
        let step = self.buffers.step(self.memory, from, to);
        match to {
            Target::Memory => self.place.run_unstreamed(kernel, &step),
            Target::Output(_) => self.place.run(kernel, &step),
        }
    }
}
