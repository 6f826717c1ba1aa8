//! Loops that anybody would write, as the compiler vectorises them.

use crate::common::Slices;
use crate::common::plain;
use crate::operation::{Operation, leaky_relu, relu, relu_backward, slope, slope_in_place};
use crate::smooth::{CHANNELS, Function};
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

/// With the functions of the standard library, and `erf` from `libm`.
pub fn smooth(function: Function) -> Vec<Way> {
    macro_rules! each {
        ($function:expr) => {
            Way::serial("std loop", |s| {
                for x in &mut *s.output {
                    *x = $function(*x);
                }
            })
        };
    }
    macro_rules! fused {
        ($function:expr, $fuse:expr) => {
            Way::serial("std loop", |s| {
                for (x, &other) in s.output.iter_mut().zip(s.grad) {
                    *x = $fuse($function, *x, other);
                }
            })
        };
        ($function:expr) => {
            Way::serial("std loop", |s| {
                for row in s.output.chunks_mut(CHANNELS) {
                    for (x, &bias) in row.iter_mut().zip(s.grad) {
                        *x = $function(*x + bias);
                    }
                }
            })
        };
    }
    let way = match function {
        Function::Exp => each!(f32::exp),
        Function::Sigmoid => each!(plain::sigmoid),
        Function::Tanh => each!(f32::tanh),
        Function::Silu => each!(plain::silu),
        Function::Gelu => each!(plain::gelu),
        Function::GeluTanh => each!(plain::gelu_tanh),
        Function::Elu => each!(plain::elu),
        Function::Selu => each!(selu),
        Function::Softplus => each!(plain::softplus),
        Function::Mish => each!(plain::mish),
        Function::LogSigmoid => each!(|x: f32| -plain::softplus(-x)),
        Function::Softsign => each!(|x: f32| x / (1.0 + x.abs())),
        Function::TanhShrink => each!(|x: f32| x - x.tanh()),
        Function::Softmax(128) => Way::serial("std loop", softmax::<128>),
        Function::Softmax(1_000) => Way::serial("std loop", softmax::<1_000>),
        Function::Softmax(_) => Way::serial("std loop", softmax::<4_096>),
        Function::LogSoftmax(128) => Way::serial("std loop", log_softmax::<128>),
        Function::LogSoftmax(1_000) => Way::serial("std loop", log_softmax::<1_000>),
        Function::LogSoftmax(_) => Way::serial("std loop", log_softmax::<4_096>),
        Function::ReluBias => fused!(relu),
        Function::ReluResidual => fused!(relu, |f: fn(f32) -> f32, x, r| f(x + r)),
        Function::ReluGated => fused!(relu, |f: fn(f32) -> f32, x, u| f(x) * u),
        Function::SiluBias => fused!(plain::silu),
        Function::SiluResidual => fused!(plain::silu, |f: fn(f32) -> f32, x, r| f(x + r)),
        Function::SiluGated => fused!(plain::silu, |f: fn(f32) -> f32, x, u| f(x) * u),
    };
    vec![way]
}

fn selu(x: f32) -> f32 {
    const SCALE: f32 = 1.050_701;
    const ALPHA: f32 = 1.673_263_2;
    SCALE * if x < 0.0 { ALPHA * x.exp_m1() } else { x }
}

fn softmax<const ROW: usize>(s: &mut Slices<'_, f32>) {
    for row in s.output.chunks_mut(ROW) {
        let greatest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let mut sum = 0.0;
        for x in &mut *row {
            *x = (*x - greatest).exp();
            sum += *x;
        }
        for x in row {
            *x /= sum;
        }
    }
}

fn log_softmax<const ROW: usize>(s: &mut Slices<'_, f32>) {
    for row in s.output.chunks_mut(ROW) {
        let greatest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = row.iter().map(|x| (x - greatest).exp()).sum();
        let less = greatest + sum.ln();
        for x in row {
            *x -= less;
        }
    }
}

/// The passes that the fused forms save, as the compiler vectorises them.
pub fn add_bias(s: &mut Slices<'_, f32>) {
    for row in s.output.chunks_mut(CHANNELS) {
        for (x, bias) in row.iter_mut().zip(s.grad) {
            *x += bias;
        }
    }
}

pub fn add(s: &mut Slices<'_, f32>) {
    for (x, other) in s.output.iter_mut().zip(s.grad) {
        *x += other;
    }
}

pub fn multiply(s: &mut Slices<'_, f32>) {
    for (x, other) in s.output.iter_mut().zip(s.grad) {
        *x *= other;
    }
}
