//! The check that arrays are of one shape.

use ::ndarray::Axis;

/// Panics at the caller's line unless all shapes are equal.
#[inline]
#[track_caller]
pub(super) fn same_shape<const N: usize>(arrays: [(&str, &[usize]); N]) {
    if arrays.iter().any(|array| array.1 != arrays[0].1) {
        fail(&arrays);
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn fail(arrays: &[(&str, &[usize])]) -> ! {
    let shapes = arrays
        .iter()
        .map(|(name, shape)| format!("`{name}` has {shape:?}"));
    let shapes: Vec<_> = shapes.collect();
    panic!("arrays of different shapes: {}", shapes.join(", "));
}

/// Panics at the caller's line unless there is such an axis.
#[track_caller]
pub(super) fn has_axis((name, shape): (&str, &[usize]), Axis(axis): Axis) {
    assert!(
        axis < shape.len(),
        "there is no axis {axis}: `{name}` has the shape {shape:?}"
    );
}

/// Panics at the caller's line unless `bias` has a value for each index of the axis.
#[track_caller]
pub(super) fn fits_axis(bias: usize, array: (&str, &[usize]), axis: Axis) {
    has_axis(array, axis);
    let (name, shape) = array;
    let Axis(axis) = axis;
    assert!(
        bias == shape[axis],
        "`bias` has the shape [{bias}]: not a value for each index of axis {axis} of `{name}`, which has the shape {shape:?}"
    );
}
