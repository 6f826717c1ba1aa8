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

use crate::activation::Activation;
use crate::activation::all::PRelu;
use crate::element::Element;
use crate::formula::Gradient;
use crate::lengths::same_length;

/// [`Activation::forward`], element after element.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn forward<A: Activation, T: Element>(activation: &A, input: &[T], output: &mut [T]) {
    same_length([("input", input.len()), ("output", output.len())]);
    for (y, x) in output.iter_mut().zip(input) {
        *y = activation.eval(*x);
    }
}

/// [`Activation::forward_in_place`], element after element.
pub fn forward_in_place<A: Activation, T: Element>(activation: &A, buffer: &mut [T]) {
    for x in buffer {
        *x = activation.eval(*x);
    }
}

/// [`Activation::backward`], element after element.
///
/// # Panics
/// If the lengths differ.
#[track_caller]
pub fn backward<A: Activation<Formula: Gradient>, T: Element>(
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
pub fn backward_in_place<A: Activation<Formula: Gradient>, T: Element>(
    activation: &A,
    input: &[T],
    grad: &mut [T],
) {
    same_length([("input", input.len()), ("grad", grad.len())]);
    for (dy, x) in grad.iter_mut().zip(input) {
        *dy = activation.eval_backward(*x, *dy);
    }
}

/// [`PRelu::forward`], channel after channel.
///
/// # Panics
/// If the lengths differ, or are no multiple of `inner * channels`.
#[track_caller]
pub fn prelu_forward<T: Element>(prelu: &PRelu<'_, T>, input: &[T], output: &mut [T]) {
    same_length([("input", input.len()), ("output", output.len())]);
    let (slopes, inner) = (prelu.slopes(), prelu.slopes().inner());
    slopes.divide("input", input.len());
    let runs = input.chunks(inner).zip(output.chunks_mut(inner));
    for ((x, y), channel) in runs.zip((0..slopes.values().len()).cycle()) {
        forward(&prelu.of_channel(channel), x, y);
    }
}

/// [`PRelu::backward`], channel after channel.
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
    let (slopes, inner) = (prelu.slopes(), prelu.slopes().inner());
    slopes.divide("input", input.len());
    let inputs = input.chunks(inner).zip(grad_output.chunks(inner));
    let runs = inputs.zip(grad_input.chunks_mut(inner));
    for (((x, dy), dx), channel) in runs.zip((0..slopes.values().len()).cycle()) {
        backward(&prelu.of_channel(channel), x, dy, dx);
    }
}

/// [`PRelu::backward_slopes`], element after element, with sums in `f64`. The last bits may differ
/// from the kernel's, which adds in another order.
///
/// # Panics
/// If the lengths differ, or are no multiple of `inner * channels`, or `grad_slopes` does not have an
/// element for each channel.
#[track_caller]
pub fn prelu_backward_slopes<T: Element>(
    prelu: &PRelu<'_, T>,
    input: &[T],
    grad_output: &[T],
    grad_slopes: &mut [T],
) {
    same_length([("input", input.len()), ("grad_output", grad_output.len())]);
    let (slopes, channels) = (prelu.slopes(), grad_slopes.len());
    same_length([("slopes", slopes.values().len()), ("grad_slopes", channels)]);
    slopes.divide("input", input.len());
    let mut sums = vec![0.0; channels];
    let inner = slopes.inner();
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
