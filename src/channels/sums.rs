//! Sums by channels, in an order that depends on nothing but the lengths: the gradients of values a channel.
//!
//! The inputs are cut into pieces. In a piece of alternating channels, the element that is `positions` behind
//! another is of the same channel and added to the same sum, in `T`: adding is a kernel like any other. A
//! plane is cut into parts of [`PART`] elements, each summed up in [`LANES`] lanes. Then the sums of each
//! channel are added in `f64`, in the order of their elements.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::{Channels, Layout};
use crate::element::Element;
use crate::engine::{Buffers, Piece, Plan};
use crate::formula::Map;
use crate::vector::Vector;

/// At most so many numbers are added in `T`.
const ADDITIONS: usize = 64;
const LANES: usize = 16;
const PART: usize = ADDITIONS * LANES;

/// Writes to `totals` the sum over each channel of what `term` makes of the inputs at each index, which have whole channels.
/// Of the `M` inputs of the kernel that adds, the last is the sum.
pub(crate) fn sum<T: Element, F: Map<N>, const N: usize, const M: usize>(
    channels: Channels<'_, T>,
    plan: Plan,
    term: F,
    inputs: [&[T]; N],
    totals: &mut [T],
) where
    Add<F>: Map<M>,
{
    let len = inputs[0].len();
    let order = Order::new(&channels, len);
    let place = Piece::on(plan.tier_for(F::MEMORY_BOUND));
    let mut partial = vec![0.0; order.pieces() * order.width];
    let next = Mutex::new(partial.chunks_mut(order.width).enumerate());
    let work = || {
        let mut memory = vec![T::ZERO; order.positions];
        loop {
            let taken = next.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((piece, sums)) = taken else { break };
            let range = order.range(piece);
            let inputs = inputs.map(|input| &input[range.clone()]);
            if order.plane > 0 {
                of_planes(order.plane, term, inputs, sums);
            } else {
                of_positions(&channels, place, term, inputs, &mut memory, sums);
            }
        }
    };
    plan.share(N * len * size_of::<T>(), order.pieces(), &work);
    add_up(&partial, totals);
}

/// How a buffer is cut.
struct Order {
    len: usize,
    /// Elements of a piece, but for the last one.
    piece: usize,
    /// Of a piece of alternating channels; 0 for planes.
    positions: usize,
    /// Elements of a plane, or 0.
    plane: usize,
    /// Numbers that a piece is summed up to: one for each of its planes, or for each channel.
    width: usize,
}

impl Order {
    fn new<T>(channels: &Channels<'_, T>, len: usize) -> Self {
        /// Enough to make taking a piece free, few enough to share them out.
        const PIECE: usize = 16 * PART;
        let count = channels.values.len();
        let alternating = |positions: usize| Self {
            len,
            piece: positions.saturating_mul(ADDITIONS),
            positions,
            plane: 0,
            width: count,
        };
        let planes = |plane: usize| {
            let width = (PIECE / plane).max(1);
            Self {
                len,
                piece: width * plane,
                positions: 0,
                plane,
                width,
            }
        };
        match channels.layout() {
            // One channel is as many planes as one likes.
            Layout::Planes if count == 1 => planes(PIECE),
            Layout::Pattern(positions) => alternating(positions),
            Layout::Rows if channels.inner == 1 => alternating(count),
            Layout::Planes | Layout::Rows => planes(channels.inner),
        }
    }

    fn pieces(&self) -> usize {
        self.len.div_ceil(self.piece)
    }

    fn range(&self, piece: usize) -> Range<usize> {
        let start = piece * self.piece;
        start..self.len.min(start + self.piece)
    }
}

/// A sum, and one term more.
#[derive(Clone, Copy)]
pub(crate) struct Add<M>(M);

impl<M: Map<1>> Map<2> for Add<M> {
    const MEMORY_BOUND: bool = M::MEMORY_BOUND;

    #[inline(always)]
    fn apply<V: Vector>(self, [a, sum]: [V; 2]) -> V {
        sum + self.0.apply([a])
    }
}

impl<M: Map<2>> Map<3> for Add<M> {
    const MEMORY_BOUND: bool = M::MEMORY_BOUND;

    #[inline(always)]
    fn apply<V: Vector>(self, [a, b, sum]: [V; 3]) -> V {
        sum + self.0.apply([a, b])
    }
}

/// Adds up a piece of alternating channels, which begins with the first one. `memory` holds a sum for each position.
fn of_positions<T: Element, F: Map<N>, const N: usize, const M: usize>(
    channels: &Channels<'_, T>,
    place: Piece,
    term: F,
    inputs: [&[T]; N],
    memory: &mut [T],
    sums: &mut [f64],
) where
    Add<F>: Map<M>,
{
    let (positions, len) = (memory.len(), inputs[0].len());
    let memory = &mut memory[..positions.min(len)];
    memory.fill(T::ZERO);
    for start in (0..len).step_by(positions) {
        let part = inputs.map(|input| &input[start..len.min(start + positions)]);
        let sum = &mut memory[..part[0].len()];
        place.run_unstreamed(Add(term), &Buffers::<T, M>::in_place(part, sum));
    }
    for (&value, channel) in memory.iter().zip(channels.of_elements()) {
        sums[channel] += value.into();
    }
}

/// Adds up each plane.
fn of_planes<T: Element, const N: usize>(
    plane: usize,
    term: impl Map<N>,
    inputs: [&[T]; N],
    sums: &mut [f64],
) {
    let len = inputs[0].len();
    let part = |start: usize, end: usize| inputs.map(|input| &input[start..end]);
    for (start, sum) in (0..len).step_by(plane).zip(sums) {
        let end = len.min(start + plane);
        let parts = (start..end).step_by(PART);
        *sum = parts
            .map(|start| of_part(term, part(start, end.min(start + PART))))
            .sum();
    }
}

/// The lanes are registers, which a kernel would store and load again; memory sets the pace, so what the
/// compiler makes of a plain loop will do.
fn of_part<T: Element, const N: usize>(term: impl Map<N>, inputs: [&[T]; N]) -> f64 {
    let mut sums = [T::ZERO; LANES];
    let chunks = inputs.map(|input| input.as_chunks::<LANES>());
    for chunk in 0..chunks[0].0.len() {
        let chunk = chunks.map(|(whole, _)| &whole[chunk]);
        for i in 0..LANES {
            sums[i] = sums[i] + term.apply(chunk.map(|input| input[i]));
        }
    }
    for i in 0..chunks[0].1.len() {
        sums[i] = sums[i] + term.apply(chunks.map(|(_, rest)| rest[i]));
    }
    sums.into_iter().map(Into::into).sum()
}

fn add_up<T: Element>(partial: &[f64], totals: &mut [T]) {
    let mut sums = vec![0.0; totals.len()];
    // Planes follow each other as channels do, and pieces begin with the first channel.
    for (i, partial) in partial.iter().enumerate() {
        sums[i % totals.len()] += partial;
    }
    for (total, sum) in totals.iter_mut().zip(sums) {
        *total = T::from_f64(sum);
    }
}
