//! `candle-core` has ReLU, and `candle-nn` puts leaky ReLU together from a maximum, a minimum, a product and
//! a sum. Both return new tensors. The gradient is part of its autograd, in four steps, and is left out.

use candle_core::{Device, Tensor};
use candle_nn::ops;

use crate::operation::{Operation, slope};
use crate::smooth::{CHANNELS, Function};
use crate::way::{Fresh, Threads, Way};

const NAME: &str = "candle (allocates; own threads from 2^16)";

/// Its pool, the size of which is set for the whole process, takes part from `PAR_ELEMWISE_MIN` on.
const THREADS: Threads = Threads::OwnFrom(64 * 1024);

pub fn ways(operation: Operation) -> Vec<Way> {
    match operation {
        Operation::Relu => vec![Way::tensors(NAME, THREADS, |s| {
            let x = tensor(s.input);
            Box::new(Fresh {
                work: move || x.relu().expect("f32"),
                read,
            })
        })],
        Operation::LeakyRelu => vec![Way::tensors(NAME, THREADS, |s| {
            let x = tensor(s.input);
            let work = move || ops::leaky_relu(&x, slope().into()).expect("f32");
            Box::new(Fresh { work, read })
        })],
        Operation::ReluInPlace | Operation::LeakyReluInPlace | Operation::ReluBackward => vec![],
    }
}

fn tensor(numbers: &[f32]) -> Tensor {
    Tensor::from_slice(numbers, numbers.len(), &Device::Cpu).expect("one dimension")
}

fn read(tensor: Tensor) -> Vec<f32> {
    tensor.to_vec1().expect("one dimension")
}

/// Each result is a new tensor, and so is each step of what is put together.
pub fn smooth(function: Function) -> Vec<Way> {
    macro_rules! fresh {
        ($function:expr, $row:expr) => {
            vec![Way::tensors("candle", Threads::One, |s| {
                let x = rows(s.input, $row);
                let work = move || $function(&x).expect("f32");
                Box::new(Fresh { work, read: flat })
            })]
        };
        ($function:expr) => {
            fresh!($function, usize::MAX)
        };
    }
    macro_rules! fused {
        (bias $function:expr) => {
            vec![Way::tensors("candle", Threads::One, |s| {
                let (x, bias) = (rows(s.input, CHANNELS), tensor(&s.grad[..CHANNELS]));
                let work = move || x.broadcast_add(&bias).and_then($function).expect("f32");
                Box::new(Fresh { work, read: flat })
            })]
        };
        ($function:expr) => {
            vec![Way::tensors("candle", Threads::One, |s| {
                let (x, other) = (tensor(s.input), tensor(s.grad));
                let work = move || $function(&x, &other).expect("f32");
                Box::new(Fresh { work, read })
            })]
        };
    }
    match function {
        Function::Exp => fresh!(Tensor::exp),
        Function::Sigmoid => fresh!(ops::sigmoid),
        Function::Tanh => fresh!(Tensor::tanh),
        Function::Silu => fresh!(ops::silu),
        Function::Gelu => fresh!(Tensor::gelu_erf),
        Function::GeluTanh => fresh!(Tensor::gelu),
        Function::Elu => fresh!(|x: &Tensor| x.elu(1.0)),
        Function::Selu => fresh!(|x| ops::selu(x, 1.673_263_2, 1.050_701)),
        Function::Mish => fresh!(ops::mish),
        Function::Softmax(128) => fresh!(ops::softmax_last_dim, 128),
        Function::Softmax(1_000) => fresh!(ops::softmax_last_dim, 1_000),
        Function::Softmax(_) => fresh!(ops::softmax_last_dim, 4_096),
        Function::LogSoftmax(128) => fresh!(|x| ops::log_softmax(x, 1), 128),
        Function::LogSoftmax(1_000) => fresh!(|x| ops::log_softmax(x, 1), 1_000),
        Function::LogSoftmax(_) => fresh!(|x| ops::log_softmax(x, 1), 4_096),
        Function::ReluBias => fused!(bias | x | x.relu()),
        Function::ReluResidual => fused!(|x: &Tensor, r: &Tensor| (x + r)?.relu()),
        Function::ReluGated => fused!(|x: &Tensor, u: &Tensor| x.relu()? * u),
        Function::SiluBias => fused!(bias | x | x.silu()),
        Function::SiluResidual => fused!(|x: &Tensor, r: &Tensor| (x + r)?.silu()),
        Function::SiluGated => fused!(|x: &Tensor, u: &Tensor| x.silu()? * u),
        _ => vec![],
    }
}

/// In rows of so many numbers, or one of all.
fn rows(numbers: &[f32], row: usize) -> Tensor {
    let row = row.min(numbers.len());
    Tensor::from_slice(numbers, (numbers.len() / row, row), &Device::Cpu).expect("whole rows")
}

fn flat(tensor: Tensor) -> Vec<f32> {
    read(tensor.flatten_all().expect("f32"))
}
