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
use crate::{Activation, Element, slice};

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
