//! `rten-vecmath` has leaky ReLU. ReLU is ours, in the way of its documentation, on `rten-simd`. Neither has
//! a gradient.

use std::mem::MaybeUninit;

use rten_simd::ops::{BitOps, NumOps};
use rten_simd::{Isa, SimdOp, SimdUnaryOp};
use rten_vecmath::{
    ApproxGelu, Elu, Exp, Gelu, LeakyRelu, LogSoftmax, Sigmoid, Silu, Softmax, Tanh,
};

use crate::operation::{Operation, slope, slope_in_place};
use crate::smooth::Function;
use crate::way::Way;

const RELU: &str = "rten-simd map";
const LEAKY: &str = "rten-vecmath LeakyRelu";

pub fn ways(operation: Operation) -> Vec<Way> {
    match operation {
        Operation::Relu => vec![Way::serial(RELU, |s| {
            Relu.map(s.input, as_uninit(s.output));
        })],
        Operation::ReluInPlace => vec![Way::serial(RELU, |s| Relu.map_mut(s.output))],
        Operation::LeakyRelu => vec![Way::serial(LEAKY, |s| {
            LeakyRelu { alpha: slope() }.map(s.input, as_uninit(s.output));
        })],
        Operation::LeakyReluInPlace => vec![Way::serial(LEAKY, |s| {
            LeakyRelu {
                alpha: slope_in_place(),
            }
            .map_mut(s.output);
        })],
        Operation::ReluBackward => vec![],
    }
}

struct Relu;

impl SimdUnaryOp<f32> for Relu {
    #[inline(always)]
    fn eval<I: Isa>(&self, isa: I, x: I::F32) -> I::F32 {
        let ops = isa.f32();
        ops.select(ops.zero(), x, ops.lt(x, ops.zero()))
    }
}

/// `map` takes memory that need not be initialised.
#[allow(unsafe_code)]
fn as_uninit(output: &mut [f32]) -> &mut [MaybeUninit<f32>] {
    // SAFETY: the layout is the same, and `map` writes nothing but numbers.
    unsafe { &mut *(std::ptr::from_mut(output) as *mut [MaybeUninit<f32>]) }
}

pub fn smooth(function: Function) -> Vec<Way> {
    macro_rules! map {
        ($function:expr) => {
            vec![Way::serial("rten", |s| $function.map_mut(s.output))]
        };
    }
    macro_rules! rows {
        ($function:ident, $row:expr) => {
            vec![Way::serial("rten", |s| {
                for row in s.output.chunks_mut($row) {
                    $function::new_mut(row).dispatch();
                }
            })]
        };
    }
    match function {
        Function::Exp => map!(Exp {}),
        Function::Sigmoid => map!(Sigmoid {}),
        Function::Tanh => map!(Tanh {}),
        Function::Silu => map!(Silu {}),
        Function::Gelu => map!(Gelu {}),
        Function::GeluTanh => map!(ApproxGelu {}),
        Function::Elu => map!(Elu { alpha: 1.0 }),
        Function::Softmax(128) => rows!(Softmax, 128),
        Function::Softmax(1_000) => rows!(Softmax, 1_000),
        Function::Softmax(_) => rows!(Softmax, 4_096),
        Function::LogSoftmax(128) => rows!(LogSoftmax, 128),
        Function::LogSoftmax(1_000) => rows!(LogSoftmax, 1_000),
        Function::LogSoftmax(_) => rows!(LogSoftmax, 4_096),
        _ => vec![],
    }
}
