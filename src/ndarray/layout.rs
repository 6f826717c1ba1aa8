//! How arrays lie in memory.

use std::cmp::Reverse;

use ::ndarray::{Array, ArrayView, Axis, Dimension, LayoutRef};

/// The axes from the largest step in memory to the smallest, those in which nothing moves first.
pub(super) fn order_of<T, D: Dimension>(array: &LayoutRef<T, D>) -> D {
    let mut order = D::zeros(array.ndim());
    for axis in 0..array.ndim() {
        order[axis] = axis;
    }
    let step = |axis: usize| match array.strides()[axis].unsigned_abs() {
        0 => usize::MAX,
        _ if array.shape()[axis] == 1 => usize::MAX,
        step => step,
    };
    let mut axes = order.as_array_view_mut();
    let axes = axes.as_slice_mut().expect("it is an array of its own");
    axes.sort_unstable_by_key(|&axis| (Reverse(step(axis)), axis));
    order
}

/// Whether the first array has no gaps, and elements that correspond have the same place in all of them.
pub(super) fn are_alike<'v, T: 'v, D: Dimension + 'v>(
    first: &ArrayView<'v, T, D>,
    others: impl IntoIterator<Item = ArrayView<'v, T, D>>,
) -> bool {
    let mut others = others.into_iter();
    first.as_slice_memory_order().is_some()
        && others.all(|array| array.strides() == first.strides())
}

/// A new array of `elements`, which has the shape of `like` and its order in memory.
pub(super) fn in_order_of<T, D: Dimension>(
    like: &LayoutRef<T, D>,
    elements: Vec<T>,
) -> Array<T, D> {
    let order = order_of(like);
    let (mut shape, mut places) = (order.clone(), order.clone());
    for place in 0..like.ndim() {
        shape[place] = like.shape()[order[place]];
        places[order[place]] = place;
    }
    let array = Array::from_shape_vec(shape, elements).expect("an element for each");
    let mut array = array.permuted_axes(places);
    for axis in 0..like.ndim() {
        if like.strides()[axis] < 0 {
            array.invert_axis(Axis(axis));
        }
    }
    array
}
