//! The reference kernels: plain loops over the scalar definitions.
//!
//! They are what the vector kernels equal, bit by bit, and what the benches compare them with. They are
//! compiled as any other code of the program is, so the compiler may vectorise them for the target's
//! features.
//!
//! ```
//! use rectify::{Activation, LeakyRelu, scalar};
//!
//! let x = [-1.0_f32, -0.0, 3.0];
//! let (mut expected, mut y) = ([0.0; 3], [0.0; 3]);
//! scalar::forward(&LeakyRelu::default(), &x, &mut expected);
//! LeakyRelu::default().forward(&x, &mut y);
//! assert_eq!(y.map(f32::to_bits), expected.map(f32::to_bits));
//! ```

use std::mem::MaybeUninit;

use crate::activation::same_length;
use crate::{Activation, Element, PRelu, slice};

/// [`Activation::forward`], element after element.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn forward<A: Activation, T: Element>(activation: &A, input: &[T], output: &mut [T]) {
    forward_uninit(activation, input, slice::as_output(output));
}

/// [`Activation::forward_in_place`], element after element.
pub fn forward_in_place<A: Activation, T: Element>(activation: &A, buffer: &mut [T]) {
    for x in buffer {
        *x = activation.eval(*x);
    }
}

/// [`Activation::forward_uninit`], element after element.
///
/// # Panics
/// If the lengths differ.
#[allow(unsafe_code)]
#[track_caller]
pub fn forward_uninit<'a, A: Activation, T: Element>(
    activation: &A,
    input: &[T],
    output: &'a mut [MaybeUninit<T>],
) -> &'a mut [T] {
    same_length([("input", input.len()), ("output", output.len())]);
    for (y, x) in output.iter_mut().zip(input) {
        y.write(activation.eval(*x));
    }
    // SAFETY: the loop wrote every element: the lengths are equal.
    unsafe { slice::assume_written(output) }
}

/// [`Activation::backward`], element after element.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn backward<A: Activation, T: Element>(
    activation: &A,
    input: &[T],
    grad_output: &[T],
    grad_input: &mut [T],
) {
    same_length([
        ("input", input.len()),
        ("grad_output", grad_output.len()),
        ("grad_input", grad_input.len()),
    ]);
    for ((dx, x), dy) in grad_input.iter_mut().zip(input).zip(grad_output) {
        *dx = activation.eval_backward(*x, *dy);
    }
}

/// [`Activation::backward_in_place`], element after element.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn backward_in_place<A: Activation, T: Element>(activation: &A, input: &[T], grad: &mut [T]) {
    same_length([("input", input.len()), ("grad", grad.len())]);
    for (dy, x) in grad.iter_mut().zip(input) {
        *dy = activation.eval_backward(*x, *dy);
    }
}

/// [`PRelu::forward`], run after run of elements of one channel.
///
/// # Panics
/// If the lengths differ, or are no multiple of `inner * channels`.
#[track_caller]
pub fn prelu_forward<T: Element>(prelu: &PRelu<'_, T>, input: &[T], output: &mut [T]) {
    same_length([("input", input.len()), ("output", output.len())]);
    prelu.whole_channels("input", input.len());
    let runs = input
        .chunks(prelu.inner())
        .zip(output.chunks_mut(prelu.inner()));
    for ((x, y), &slope) in runs.zip(prelu.slopes().iter().cycle()) {
        for (y, &x) in y.iter_mut().zip(x) {
            *y = if x < T::ZERO { slope * x } else { x };
        }
    }
}

/// [`PRelu::backward`], run after run of elements of one channel.
///
/// # Panics
/// If the lengths differ, or are no multiple of `inner * channels`.
#[track_caller]
pub fn prelu_backward<T: Element>(
    prelu: &PRelu<'_, T>,
    input: &[T],
    grad_output: &[T],
    grad_input: &mut [T],
) {
    same_length([
        ("input", input.len()),
        ("grad_output", grad_output.len()),
        ("grad_input", grad_input.len()),
    ]);
    prelu.whole_channels("input", input.len());
    let inner = prelu.inner();
    let runs = input.chunks(inner).zip(grad_output.chunks(inner));
    let slopes = prelu.slopes().iter().cycle();
    for (((x, dy), dx), &slope) in runs.zip(grad_input.chunks_mut(inner)).zip(slopes) {
        for ((dx, &x), &dy) in dx.iter_mut().zip(x).zip(dy) {
            *dx = if x <= T::ZERO { slope * dy } else { dy };
        }
    }
}

/// [`PRelu::backward_slopes`], element after element in `f64`: another order than that of the kernel, so it
/// is near to it, but has other bits.
///
/// # Panics
/// If the lengths of `input` and `grad_output` differ, or are no multiple of `inner * channels`, and if
/// `grad_slopes` does not have an element for each channel.
#[track_caller]
pub fn prelu_backward_slopes<T: Element>(
    prelu: &PRelu<'_, T>,
    input: &[T],
    grad_output: &[T],
    grad_slopes: &mut [T],
) {
    same_length([("input", input.len()), ("grad_output", grad_output.len())]);
    same_length([
        ("slopes", prelu.slopes().len()),
        ("grad_slopes", grad_slopes.len()),
    ]);
    prelu.whole_channels("input", input.len());
    let (inner, channels) = (prelu.inner(), grad_slopes.len());
    let mut sums = vec![0.0; channels];
    let runs = input.chunks(inner).zip(grad_output.chunks(inner));
    for ((x, dy), channel) in runs.zip((0..channels).cycle()) {
        for (&x, &dy) in x.iter().zip(dy) {
            if x <= T::ZERO {
                sums[channel] += (x * dy).into();
            }
        }
    }
    for (grad, sum) in grad_slopes.iter_mut().zip(sums) {
        *grad = T::from_f64(sum);
    }
}
