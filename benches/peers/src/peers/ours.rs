//! rectify itself.

use rectify::{
    Activation, Channels, Elu, Formula, Gelu, GeluTanh, LeakyRelu, LogSigmoid, LogSoftmax, Mish,
    Relu, Selu, Sigmoid, Silu, Softmax, Softplus, Softsign, Tanh, TanhShrink, Vector,
};

use crate::operation::{Operation, slope, slope_in_place};
use crate::peers::plain::{add, add_bias, multiply};
use crate::smooth::{CHANNELS, Function};
use crate::way::Way;

const SERIAL: &str = "rectify";
const PARALLEL: &str = "rectify par()";

pub fn ways(operation: Operation) -> Vec<Way> {
    match operation {
        Operation::Relu => vec![
            Way::serial(SERIAL, |s| Relu.forward(s.input, s.output)),
            Way::rayon(PARALLEL, |s| Relu.par().forward(s.input, s.output)),
        ],
        Operation::ReluInPlace => vec![
            Way::serial(SERIAL, |s| Relu.forward_in_place(s.output)),
            Way::rayon(PARALLEL, |s| Relu.par().forward_in_place(s.output)),
        ],
        Operation::LeakyRelu => vec![
            Way::serial(SERIAL, |s| leaky(slope()).forward(s.input, s.output)),
            Way::rayon(PARALLEL, |s| {
                leaky(slope()).par().forward(s.input, s.output)
            }),
        ],
        Operation::LeakyReluInPlace => vec![
            Way::serial(SERIAL, |s| {
                leaky(slope_in_place()).forward_in_place(s.output)
            }),
            Way::rayon(PARALLEL, |s| {
                leaky(slope_in_place()).par().forward_in_place(s.output)
            }),
        ],
        Operation::ReluBackward => vec![
            Way::serial(SERIAL, |s| Relu.backward(s.input, s.grad, s.output)),
            Way::rayon(PARALLEL, |s| Relu.par().backward(s.input, s.grad, s.output)),
        ],
    }
}

fn leaky(slope: f32) -> LeakyRelu {
    LeakyRelu::new(slope.into())
}

const SEPARATE: &str = "rectify, a pass each";

/// e^x, which is a function of `Vector` and no activation.
#[derive(Clone, Copy)]
struct Exp;

impl Formula for Exp {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        x.exp()
    }
}

pub fn smooth(function: Function) -> Vec<Way> {
    macro_rules! in_place {
        ($activation:expr) => {
            Way::serial(SERIAL, |s| $activation.forward_in_place(s.output))
        };
    }
    macro_rules! fused {
        ($activation:expr, $method:ident, $separate:expr) => {
            return vec![
                Way::serial(SERIAL, |s| $activation.$method(s.grad, s.output)),
                Way::serial(SEPARATE, $separate),
            ]
        };
        ($activation:expr, bias) => {
            return vec![
                Way::serial(SERIAL, |s| {
                    $activation
                        .forward_bias_in_place(Channels::last(&s.grad[..CHANNELS]), s.output);
                }),
                Way::serial(SEPARATE, |s| {
                    add_bias(s);
                    $activation.forward_in_place(s.output);
                }),
            ]
        };
        ($activation:expr, residual) => {
            fused!($activation, forward_residual_in_place, |s| {
                add(s);
                $activation.forward_in_place(s.output);
            })
        };
        ($activation:expr, gated) => {
            fused!($activation, forward_gated_in_place, |s| {
                $activation.forward_in_place(s.output);
                multiply(s);
            })
        };
    }
    let way = match function {
        Function::Exp => in_place!(Exp),
        Function::Sigmoid => in_place!(Sigmoid),
        Function::Tanh => in_place!(Tanh),
        Function::Silu => in_place!(Silu),
        Function::Gelu => in_place!(Gelu),
        Function::GeluTanh => in_place!(GeluTanh),
        Function::Elu => in_place!(Elu::default()),
        Function::Selu => in_place!(Selu),
        Function::Softplus => in_place!(Softplus::default()),
        Function::Mish => in_place!(Mish),
        Function::LogSigmoid => in_place!(LogSigmoid),
        Function::Softsign => in_place!(Softsign),
        Function::TanhShrink => in_place!(TanhShrink),
        Function::Softmax(128) => in_place!(Softmax::rows(128)),
        Function::Softmax(1_000) => in_place!(Softmax::rows(1_000)),
        Function::Softmax(_) => in_place!(Softmax::rows(4_096)),
        Function::LogSoftmax(128) => in_place!(LogSoftmax::rows(128)),
        Function::LogSoftmax(1_000) => in_place!(LogSoftmax::rows(1_000)),
        Function::LogSoftmax(_) => in_place!(LogSoftmax::rows(4_096)),
        Function::ReluBias => fused!(Relu, bias),
        Function::ReluResidual => fused!(Relu, residual),
        Function::ReluGated => fused!(Relu, gated),
        Function::SiluBias => fused!(Silu, bias),
        Function::SiluResidual => fused!(Silu, residual),
        Function::SiluGated => fused!(Silu, gated),
    };
    vec![way]
}
