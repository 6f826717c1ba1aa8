//! The check that slices are of one length.

use std::array;

/// Panics at the caller's line unless all lengths are equal.
#[inline]
#[track_caller]
pub(crate) fn same_length<const N: usize>(slices: [(&str, usize); N]) {
    if slices.iter().any(|slice| slice.1 != slices[0].1) {
        // Put together here: what is passed on as it came, every call may store for it.
        fail::<N>(array::from_fn(|i| slices[i]));
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn fail<const N: usize>(slices: [(&str, usize); N]) -> ! {
    // By value, so that the names are put together only on the way here.
    let lengths = slices.map(|(name, len)| format!("`{name}` has {len} elements"));
    panic!("slices of different lengths: {}", lengths.join(", "));
}

/// The same for inputs without names, and `last`.
#[inline]
#[track_caller]
pub(crate) fn same_lengths<const N: usize>(inputs: [usize; N], last: (&str, usize)) {
    if inputs.iter().any(|&len| len != last.1) {
        fail_inputs::<N>(array::from_fn(|i| inputs[i]), last);
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn fail_inputs<const N: usize>(inputs: [usize; N], (last, len): (&str, usize)) -> ! {
    let inputs = inputs.iter().enumerate();
    let lengths = inputs.map(|(i, len)| format!("`inputs[{i}]` has {len} elements"));
    let lengths: Vec<_> = lengths
        .chain([format!("`{last}` has {len} elements")])
        .collect();
    panic!("slices of different lengths: {}", lengths.join(", "));
}
