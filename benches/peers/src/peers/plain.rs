//! Loops that anybody would write, as the compiler vectorises them.

use crate::operation::{Operation, leaky_relu, relu, relu_backward, slope, slope_in_place};
use crate::way::Way;

pub fn ways(operation: Operation) -> Vec<Way> {
    match operation {
        Operation::Relu => vec![Way::serial("plain loop", |s| {
            for (y, &x) in s.output.iter_mut().zip(s.input) {
                *y = relu(x);
            }
        })],
        Operation::ReluInPlace => vec![
            // A store that may not happen keeps the compiler from vectorising. Nothing is negative after
            // the first run, so here the branch is always foreseen and nothing is ever stored.
            Way::serial("branching loop (never taken)", |s| {
                for x in &mut *s.output {
                    if *x < 0.0 {
                        *x = 0.0;
                    }
                }
            }),
            Way::serial("plain loop", |s| {
                for x in &mut *s.output {
                    *x = relu(*x);
                }
            }),
        ],
        Operation::LeakyRelu => vec![Way::serial("plain loop", |s| {
            let slope = slope();
            for (y, &x) in s.output.iter_mut().zip(s.input) {
                *y = leaky_relu(x, slope);
            }
        })],
        Operation::LeakyReluInPlace => vec![Way::serial("plain loop", |s| {
            let slope = slope_in_place();
            for x in &mut *s.output {
                *x = leaky_relu(*x, slope);
            }
        })],
        Operation::ReluBackward => vec![Way::serial("plain loop", |s| {
            for ((dx, &x), &dy) in s.output.iter_mut().zip(s.input).zip(s.grad) {
                *dx = relu_backward(x, dy);
            }
        })],
    }
}
