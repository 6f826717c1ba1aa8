//! A caller's buffers, looked at and then slices. Shapes, too.

use std::ops::Range;
use std::slice;

use rectify::Element;

use crate::status::{Failure, Status};

/// A buffer as the caller gave it: its name in messages, where it is, and its elements.
type Given<P> = (&'static str, P, usize);

/// Inputs, outputs, and whether the call is in place.
type Slices<'a, T, const N: usize, const M: usize> = ([&'a [T]; N], [&'a mut [T]; M], bool);

/// Makes slices of the buffers of a call, if they can be: none is null, misaligned or past memory's end, and no output overlaps
/// anything. With one exception: the first output may be the input at index `in_place`, to the byte. The call is in place
/// then, and that input an empty slice.
///
/// # Safety
/// Each pointer to an input points to as many elements as stand beside it, and each to an output to as many that may be
/// written to. As long as the slices are used, nobody else writes to any of them, or reads from an output.
pub(crate) unsafe fn slices<'a, T: Element, const N: usize, const M: usize>(
    inputs: [Given<*const T>; N],
    outputs: [Given<*mut T>; M],
    in_place: Option<usize>,
) -> Result<Slices<'a, T, N, M>, Failure> {
    let written = outputs.map(|(name, pointer, len)| (name, pointer.cast_const(), len));
    for &given in inputs.iter().chain(&written) {
        check(given)?;
    }
    let is_in_place =
        in_place.is_some_and(|input| addresses(inputs[input]) == addresses(written[0]));
    for (i, &output) in written.iter().enumerate() {
        for (j, &input) in inputs.iter().enumerate() {
            if !(is_in_place && i == 0 && in_place == Some(j)) {
                disjoint(output, input)?;
            }
        }
        for &other in &written[..i] {
            disjoint(output, other)?;
        }
    }
    let mut inputs = inputs;
    if let (true, Some(input)) = (is_in_place, in_place) {
        inputs[input].2 = 0;
    }
    let inputs = inputs.map(|(_, pointer, len)| {
        if len == 0 {
            return &[][..];
        }
        // SAFETY: `check` found the pointer neither null nor misaligned, and the bytes no more than memory has. The caller says
        // that there are `len` elements, and that nobody else writes to them. Nor do we: no output overlaps them.
        unsafe { slice::from_raw_parts(pointer, len) }
    });
    let outputs = outputs.map(|(_, pointer, len)| {
        if len == 0 {
            return &mut [][..];
        }
        // SAFETY: as above. We have no other slice of them: no other output overlaps them, and no input that is a slice.
        unsafe { slice::from_raw_parts_mut(pointer, len) }
    });
    Ok((inputs, outputs, is_in_place))
}

/// What can be known of a buffer before it is touched. Of one without elements, nothing is looked at.
fn check<T>((name, pointer, len): Given<*const T>) -> Result<(), Failure> {
    if len == 0 {
        return Ok(());
    }
    if pointer.is_null() {
        let message = format!("`{name}` is null: it should point to {len} elements");
        return Err(Failure::new(Status::RectifyNullPointer, message));
    }
    let address = pointer.addr();
    let bytes = len.checked_mul(size_of::<T>());
    let end = bytes.and_then(|bytes| address.checked_add(bytes));
    if end.is_none() || bytes.is_some_and(|bytes| bytes > isize::MAX.cast_unsigned()) {
        let message = format!(
            "`{name}` has {len} elements of {} bytes each: more than memory can hold",
            size_of::<T>()
        );
        return Err(Failure::new(Status::RectifyTooLong, message));
    }
    if !address.is_multiple_of(align_of::<T>()) {
        let message = format!(
            "`{name}` is at {pointer:?}: not a multiple of {} bytes",
            align_of::<T>()
        );
        return Err(Failure::new(Status::RectifyMisaligned, message));
    }
    Ok(())
}

/// The addresses of a buffer's bytes, which `check` has passed.
fn addresses<T>((_, pointer, len): Given<*const T>) -> Range<usize> {
    let start = pointer.addr();
    start..start + len * size_of::<T>()
}

fn disjoint<T>(output: Given<*const T>, other: Given<*const T>) -> Result<(), Failure> {
    let (a, b) = (addresses(output), addresses(other));
    if a.is_empty() || b.is_empty() || a.end <= b.start || b.end <= a.start {
        return Ok(());
    }
    let message = format!(
        "`{}`, {} elements at {:?}, overlaps `{}`, {} elements at {:?}",
        output.0, output.2, output.1, other.0, other.2, other.1
    );
    Err(Failure::new(Status::RectifyOverlap, message))
}

/// Checks that a buffer with `len` elements, as `name` says, is made of whole rows of `width`.
pub(crate) fn rows(name: &str, len: usize, width: usize) -> Result<(), Failure> {
    let message = if width == 0 {
        "`width` is 0: a row has one element at least".to_owned()
    } else if !len.is_multiple_of(width) {
        format!("`{name}` is {len}: not a multiple of rows of {width}")
    } else {
        return Ok(());
    };
    Err(Failure::new(Status::RectifyBadShape, message))
}

/// Checks that `input_len` elements are made of rows of two halves of `width`, and returns how many the gates have.
pub(crate) fn halves(input_len: usize, width: usize) -> Result<usize, Failure> {
    rows("input_len", input_len, width)?;
    if (input_len / width).is_multiple_of(2) {
        return Ok(input_len / 2);
    }
    let message = format!("`input_len` is {input_len}: not a multiple of two halves of {width}");
    Err(Failure::new(Status::RectifyBadShape, message))
}

/// Checks that `len` elements are made of whole rows of `channels`, each of `inner` elements.
pub(crate) fn divide(len: usize, channels: usize, inner: usize) -> Result<(), Failure> {
    let message = if channels == 0 || inner == 0 {
        format!("`channels` is {channels} and `inner` {inner}: each is 1 at least")
    } else if !len.is_multiple_of(channels.saturating_mul(inner)) {
        format!("`len` is {len}: not a multiple of {channels} channels of {inner} elements each")
    } else {
        return Ok(());
    };
    Err(Failure::new(Status::RectifyBadShape, message))
}
