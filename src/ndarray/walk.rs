//! How a call on arrays becomes calls on slices.
//!
//! Axes are put in the order of the first output's memory, and merged where no array has a gap between them. What then is
//! one piece in every array is one call, and long rows are a call each. The rest is gathered in blocks, computed there and
//! scattered; an array that has a block in one piece lends it as it is.

use std::array;

use ::ndarray::iter::{AxisChunksIter, AxisChunksIterMut};
use ::ndarray::{ArrayView, ArrayViewMut, Axis, Dimension, LayoutRef, Slice};

use super::layout::{are_alike, order_of};
use crate::element::Element;
use crate::engine::Plan;
use crate::engine::plan::rows_of_a_chunk;
use crate::engine::thresholds::Thresholds;

/// Elements of a block: those of a few arrays fit into the first-level cache.
const BLOCK: usize = 1024;

/// The same for lanes that are longer than that.
const LONG_BLOCK: usize = 4096;

/// Elements of a block along the axis in which an array moves least, where that is not the last one: two cache lines of
/// `f32`.
const TILE: usize = 32;

/// From this many elements on a row has a call of its own; shorter ones are gathered, several a call. `benches/arrays.rs` has rows
/// around it.
const ROW: usize = 32;

/// Inputs and outputs of one shape.
pub(super) type Arrays<'a, T, D, const N: usize, const OUT: usize> =
    ([ArrayView<'a, T, D>; N], [ArrayViewMut<'a, T, D>; OUT]);

/// A call on arrays.
#[derive(Clone, Copy)]
pub(super) struct Walk<'c, T, const N: usize, const OUT: usize> {
    plan: Plan,
    call: Call<'c, T, N, OUT>,
    /// Whether the outputs are read.
    in_place: bool,
    /// The axis whose elements belong together.
    lane: Option<Axis>,
}

/// Does the work on slices of one length: with a lane, on whole lanes, one behind the other, in their order.
type Call<'c, T, const N: usize, const OUT: usize> =
    &'c (dyn Fn(Plan, [&[T]; N], [&mut [T]; OUT]) + Sync);

impl<'c, T, const N: usize, const OUT: usize> Walk<'c, T, N, OUT> {
    /// Whose outputs are only written.
    pub(super) fn new(plan: Plan, call: Call<'c, T, N, OUT>) -> Self {
        Self {
            plan,
            call,
            in_place: false,
            lane: None,
        }
    }

    /// Whose outputs are read, too.
    pub(super) fn in_place(plan: Plan, call: Call<'c, T, N, OUT>) -> Self {
        Self {
            in_place: true,
            ..Self::new(plan, call)
        }
    }

    /// By lanes along the axis.
    pub(super) fn along(self, axis: Axis) -> Self {
        Self {
            lane: Some(axis),
            ..self
        }
    }
}

impl<T: Element, const N: usize, const OUT: usize> Walk<'_, T, N, OUT> {
    /// Does the work on all elements.
    pub(super) fn over<D: Dimension>(self, (inputs, mut outputs): Arrays<'_, T, D, N, OUT>) {
        const { assert!(OUT > 0) };
        if outputs[0].is_empty() {
            return;
        }
        let first = outputs[0].view();
        let others = outputs[1..].iter().map(|array| array.view());
        if self.lane.is_none() && are_alike(&first, inputs.iter().cloned().chain(others)) {
            const ALIKE: &str = "the first output is in one piece, and all are alike";
            let inputs = inputs
                .each_ref()
                .map(|x| x.to_slice_memory_order().expect(ALIKE));
            let outputs = outputs
                .each_mut()
                .map(|y| y.as_slice_memory_order_mut().expect(ALIKE));
            return (self.call)(self.plan, inputs, outputs);
        }
        self.over_arranged(arranged((inputs, outputs), self.lane));
    }

    fn over_arranged<D: Dimension>(self, arrays: Arrays<'_, T, D, N, OUT>) {
        let shape = arrays.1[0].raw_dim();
        let (last, len) = (shape.ndim() - 1, shape.size());
        // How many elements are in one piece in every array, and the first of the axes that they fill.
        let (mut piece, mut first) = (1, last + 1);
        while first > 0 && steps(&arrays, Axis(first - 1), |step| step == piece as isize) {
            first -= 1;
            piece *= shape[first];
        }
        if piece == len {
            return self.call_once(self.plan, arrays);
        }
        if piece >= ROW {
            let mut row = shape.clone();
            for axis in 0..first {
                row[axis] = 1;
            }
            // A row that is long enough to be split is not shared out with others.
            let bytes = piece * bytes_of_each::<T, N, OUT>();
            let splits = self.plan.parallel
                && bytes >= Thresholds::LEAST_BYTES
                && bytes >= Thresholds::current().split_outside_bytes;
            let rows = |plan, arrays: Arrays<'_, T, D, N, OUT>| {
                for_each_block(0, &row, arrays, &mut |row| self.call_once(plan, row));
            };
            return match splits {
                true => rows(self.plan, arrays),
                false => share(self.plan, &row, arrays, &rows),
            };
        }
        let room = match self.lane {
            None => BLOCK,
            Some(_) if len <= BLOCK => BLOCK,
            Some(_) => LONG_BLOCK.max(shape[last]),
        };
        let block = self.block(&arrays, room);
        share(self.plan, &block, arrays, &|plan, arrays| match room {
            BLOCK => self.over_blocks::<D, BLOCK>(plan, &block, arrays),
            LONG_BLOCK => self.over_blocks::<D, LONG_BLOCK>(plan, &block, arrays),
            _ => {
                let mut memory = vec![T::ZERO; room * (N + OUT)];
                let mut blocks = memory.chunks_exact_mut(room);
                let mut next = || blocks.next().expect("as many as arrays");
                let blocks = (array::from_fn(|_| next()), array::from_fn(|_| next()));
                self.over_blocks_in(plan, &block, arrays, blocks);
            }
        });
    }

    /// The shape of a block of at most `room` elements.
    fn block<D: Dimension>(self, arrays: &Arrays<'_, T, D, N, OUT>, room: usize) -> D {
        let shape = arrays.1[0].raw_dim();
        let last = shape.ndim() - 1;
        let mut block = shape.clone();
        block.as_array_view_mut().fill(1);
        let mut widen = |axis: usize, most: usize| {
            let others = block.size() / block[axis];
            block[axis] = shape[axis].min(most).min((room / others).max(1));
        };
        if self.lane.is_some() {
            widen(last, usize::MAX);
        } else if shape[last] >= ROW && steps(arrays, Axis(last), |step| step == 0 || step == 1) {
            // Part of a row, which arrays that are not gathered lend.
            widen(last, usize::MAX);
            return block;
        }
        // An array that moves least along another axis is gathered in tiles: each of its cache lines is used whole.
        let other = nearest_axes(arrays).find(|&axis| axis != last);
        if let Some(other) = other {
            widen(other, TILE);
            widen(last, usize::MAX);
            widen(other, usize::MAX);
        }
        for axis in (0..=last).rev() {
            widen(axis, usize::MAX);
        }
        block
    }

    /// Of arrays that are in one piece.
    fn call_once<D: Dimension>(self, plan: Plan, (inputs, outputs): Arrays<'_, T, D, N, OUT>) {
        const IN_ONE_PIECE: &str = "the steps are those of one piece";
        let inputs = inputs.map(|x| x.to_slice().expect(IN_ONE_PIECE));
        let outputs = outputs.map(|y| y.into_slice().expect(IN_ONE_PIECE));
        (self.call)(plan, inputs, outputs);
    }

    #[inline(never)]
    fn over_blocks<D: Dimension, const ROOM: usize>(
        self,
        plan: Plan,
        block: &D,
        arrays: Arrays<'_, T, D, N, OUT>,
    ) {
        let (mut of_inputs, mut of_outputs) = ([[T::ZERO; ROOM]; N], [[T::ZERO; ROOM]; OUT]);
        let memory = (
            of_inputs.each_mut().map(|memory| &mut memory[..]),
            of_outputs.each_mut().map(|memory| &mut memory[..]),
        );
        self.over_blocks_in(plan, block, arrays, memory);
    }

    /// Block by block, with memory for one of each array.
    fn over_blocks_in<D: Dimension>(
        self,
        plan: Plan,
        block: &D,
        arrays: Arrays<'_, T, D, N, OUT>,
        (mut of_inputs, mut of_outputs): ([&mut [T]; N], [&mut [T]; OUT]),
    ) {
        for_each_block(0, block, arrays, &mut |(inputs, mut outputs)| {
            let (shape, len) = (outputs[0].raw_dim(), outputs[0].len());
            let mut memory = of_inputs.iter_mut();
            let inputs = inputs.each_ref().map(|x| {
                let memory = &mut memory.next().expect("one for each")[..len];
                x.to_slice().unwrap_or_else(|| {
                    gathered(&shape, memory).assign(x);
                    memory
                })
            });
            let mut memory = of_outputs.iter_mut();
            let slices = outputs.each_mut().map(|y| {
                let memory = &mut memory.next().expect("one for each")[..len];
                if y.is_standard_layout() {
                    return y.as_slice_mut().expect("it is in this layout");
                }
                if self.in_place {
                    gathered(&shape, memory).assign(y);
                }
                memory
            });
            (self.call)(plan, inputs, slices);
            for (y, memory) in outputs.iter_mut().zip(&mut of_outputs) {
                if !y.is_standard_layout() {
                    y.assign(&gathered(&shape, &mut memory[..len]));
                }
            }
        });
    }
}

/// Memory as an array.
fn gathered<'m, T, D: Dimension>(shape: &D, memory: &'m mut [T]) -> ArrayViewMut<'m, T, D> {
    ArrayViewMut::from_shape(shape.clone(), memory).expect("an element for each")
}

const fn bytes_of_each<T, const N: usize, const OUT: usize>() -> usize {
    (N + OUT) * size_of::<T>()
}

/// Whether the step along the axis is such a one in every array. Where nothing moves, any is.
fn steps<T, D: Dimension, const N: usize, const OUT: usize>(
    (inputs, outputs): &Arrays<'_, T, D, N, OUT>,
    axis: Axis,
    is_such: impl Fn(isize) -> bool,
) -> bool {
    outputs[0].len_of(axis) == 1
        || inputs.iter().all(|x| is_such(x.stride_of(axis)))
            && outputs.iter().all(|y| is_such(y.stride_of(axis)))
}

/// Of each array the axis along which it moves least.
fn nearest_axes<T, D: Dimension, const N: usize, const OUT: usize>(
    (inputs, outputs): &Arrays<'_, T, D, N, OUT>,
) -> impl Iterator<Item = usize> {
    let nearest = |array: &LayoutRef<T, D>| order_of(array)[array.ndim() - 1];
    let inputs = inputs.each_ref().map(|x| nearest(x));
    let outputs = outputs.each_ref().map(|y| nearest(y));
    inputs.into_iter().chain(outputs)
}

/// The same arrays, with axes in the order of the first output's memory and in its direction, and as few as may be; the lane
/// last, and as it is.
fn arranged<'a, T, D: Dimension, const N: usize, const OUT: usize>(
    (inputs, outputs): Arrays<'a, T, D, N, OUT>,
    lane: Option<Axis>,
) -> Arrays<'a, T, D, N, OUT> {
    let mut order = order_of(&outputs[0]);
    let last = order.ndim() - 1;
    if let Some(Axis(lane)) = lane {
        let mut axes = order.as_array_view_mut();
        let axes = axes.as_slice_mut().expect("it is an array of its own");
        let place = axes
            .iter()
            .position(|&axis| axis == lane)
            .expect("callers have looked");
        axes[place..].rotate_left(1);
    }
    let mut inputs = inputs.map(|x| x.permuted_axes(order.clone()));
    let mut outputs = outputs.map(|y| y.permuted_axes(order.clone()));
    let mut into = last;
    if lane.is_some() {
        if last == 0 {
            return (inputs, outputs);
        }
        into -= 1;
    }
    for axis in (0..=into).map(Axis) {
        if outputs[0].stride_of(axis) < 0 {
            inputs.iter_mut().for_each(|x| x.invert_axis(axis));
            outputs.iter_mut().for_each(|y| y.invert_axis(axis));
        }
    }
    for take in (0..into).rev() {
        let merges = |array: &LayoutRef<T, D>| {
            let (outer, inner) = (Axis(take), Axis(into));
            let (outer_len, inner_len) = (array.len_of(outer), array.len_of(inner));
            let row = inner_len as isize * array.stride_of(inner);
            outer_len == 1 || inner_len == 1 || array.stride_of(outer) == row
        };
        if inputs.iter().all(|x| merges(x)) && outputs.iter().all(|y| merges(y)) {
            let (take, into) = (Axis(take), Axis(into));
            inputs
                .iter_mut()
                .for_each(|x| assert!(x.merge_axes(take, into)));
            outputs
                .iter_mut()
                .for_each(|y| assert!(y.merge_axes(take, into)));
        } else {
            into = take;
        }
    }
    (inputs, outputs)
}

/// Cuts arrays along the axes from `axis` on into blocks of at most this shape.
fn for_each_block<T, D: Dimension, const N: usize, const OUT: usize>(
    axis: usize,
    block: &D,
    arrays: Arrays<'_, T, D, N, OUT>,
    work: &mut dyn FnMut(Arrays<'_, T, D, N, OUT>),
) {
    if axis == block.ndim() {
        return work(arrays);
    }
    let (inputs, mut outputs) = arrays;
    let (this, len, step) = (Axis(axis), outputs[0].len_of(Axis(axis)), block[axis]);
    if len <= step {
        return for_each_block(axis + 1, block, (inputs, outputs), work);
    }
    for start in (0..len).step_by(step) {
        let part = Slice::from(start..len.min(start + step));
        let inputs = inputs.each_ref().map(|x| {
            let mut x = x.view();
            x.slice_axis_inplace(this, part);
            x
        });
        let outputs = outputs.each_mut().map(|y| {
            let mut y = y.view_mut();
            y.slice_axis_inplace(this, part);
            y
        });
        for_each_block(axis + 1, block, (inputs, outputs), work);
    }
}

/// Has `work` do all of the arrays, on this thread, or cut into chunks of whole blocks and shared out over the pool.
fn share<T: Element, D: Dimension, const N: usize, const OUT: usize>(
    plan: Plan,
    block: &D,
    (inputs, mut outputs): Arrays<'_, T, D, N, OUT>,
    work: &(dyn Fn(Plan, Arrays<'_, T, D, N, OUT>) + Sync),
) {
    let len = outputs[0].len();
    let bytes = len * bytes_of_each::<T, N, OUT>();
    let axis = (0..block.ndim()).max_by_key(|&axis| outputs[0].shape()[axis].div_ceil(block[axis]));
    let (true, Some(axis)) = (plan.parallel && bytes >= Thresholds::LEAST_BYTES, axis) else {
        return work(plan, (inputs, outputs));
    };
    let indices = outputs[0].shape()[axis];
    let chunk = rows_of_a_chunk(bytes / indices).next_multiple_of(block[axis]);
    let chunks = Chunks {
        inputs: inputs
            .each_ref()
            .map(|x| x.axis_chunks_iter(Axis(axis), chunk)),
        outputs: outputs
            .each_mut()
            .map(|y| y.axis_chunks_iter_mut(Axis(axis), chunk)),
    };
    let serial = Plan {
        parallel: false,
        ..plan
    };
    plan.run_chunks::<T, _>(false, (bytes, true), chunks, &|_, chunk| {
        work(serial, chunk)
    });
}

/// Parts of arrays along one axis.
struct Chunks<'a, T, D, const N: usize, const OUT: usize> {
    inputs: [AxisChunksIter<'a, T, D>; N],
    outputs: [AxisChunksIterMut<'a, T, D>; OUT],
}

impl<'a, T, D: Dimension, const N: usize, const OUT: usize> Iterator for Chunks<'a, T, D, N, OUT> {
    type Item = Arrays<'a, T, D, N, OUT>;

    fn next(&mut self) -> Option<Self::Item> {
        const ONE_SHAPE: &str = "all arrays have one shape";
        if self.outputs[0].len() == 0 {
            return None;
        }
        let inputs = self
            .inputs
            .each_mut()
            .map(|chunks| chunks.next().expect(ONE_SHAPE));
        let outputs = self
            .outputs
            .each_mut()
            .map(|chunks| chunks.next().expect(ONE_SHAPE));
        Some((inputs, outputs))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.outputs[0].size_hint()
    }
}

impl<T, D: Dimension, const N: usize, const OUT: usize> ExactSizeIterator
    for Chunks<'_, T, D, N, OUT>
{
}
