//! `candle-core` has ReLU, and `candle-nn` puts leaky ReLU together from a maximum, a minimum, a product and
//! a sum. Both return new tensors. The gradient is part of its autograd, in four steps, and is left out.

use candle_core::{Device, Tensor};

use crate::operation::{Operation, slope};
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
            let work = move || candle_nn::ops::leaky_relu(&x, slope().into()).expect("f32");
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
