//! `burn-flex`, burn's CPU backend, called below burn's dispatch and autodiff. Elementwise work is on one
//! thread. It is in place where nobody else holds the tensor, and a new tensor otherwise.

use burn_backend::TensorData;
use burn_backend::ops::{ActivationOps, FloatTensorOps};
use burn_flex::{Flex, FlexTensor};

use crate::operation::{Operation, slope, slope_in_place};
use crate::smooth::Function;
use crate::way::{Fresh, InPlace, Threads, Way};

const FRESH: &str = "burn-flex (allocates)";
const IN_PLACE: &str = "burn-flex";

pub fn ways(operation: Operation) -> Vec<Way> {
    let way = match operation {
        Operation::Relu => Way::tensors(FRESH, Threads::One, |s| {
            let x = tensor(s.input);
            Box::new(Fresh {
                work: move || Flex::relu(x.clone()),
                read: |y| read(&y),
            })
        }),
        Operation::ReluInPlace => Way::tensors(IN_PLACE, Threads::One, |s| {
            Box::new(InPlace {
                tensor: Some(tensor(s.output)),
                work: |x: &mut Option<_>| *x = x.take().map(Flex::relu),
                read: |x| x.as_ref().map(read).unwrap_or_default(),
            })
        }),
        Operation::LeakyRelu => Way::tensors(FRESH, Threads::One, |s| {
            let x = tensor(s.input);
            Box::new(Fresh {
                work: move || Flex::leaky_relu(x.clone(), slope().into()),
                read: |y| read(&y),
            })
        }),
        Operation::LeakyReluInPlace => Way::tensors(IN_PLACE, Threads::One, |s| {
            Box::new(InPlace {
                tensor: Some(tensor(s.output)),
                work: |x: &mut Option<_>| {
                    *x = x
                        .take()
                        .map(|x| Flex::leaky_relu(x, slope_in_place().into()));
                },
                read: |x| x.as_ref().map(read).unwrap_or_default(),
            })
        }),
        Operation::ReluBackward => Way::tensors(FRESH, Threads::One, |s| {
            // It asks for what the forward pass returned.
            let (y, dy) = (Flex::relu(tensor(s.input)), tensor(s.grad));
            Box::new(Fresh {
                work: move || Flex::relu_backward(y.clone(), dy.clone()),
                read: |dx| read(&dx),
            })
        }),
    };
    vec![way]
}

fn tensor(numbers: &[f32]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(numbers.to_vec(), [numbers.len()]))
}

fn read(tensor: &FlexTensor) -> Vec<f32> {
    tensor.as_slice().expect("f32 in one piece").to_vec()
}

/// Each result is a new tensor.
pub fn smooth(function: Function) -> Vec<Way> {
    macro_rules! fresh {
        ($function:expr, $shape:expr) => {
            vec![Way::tensors("burn-flex", Threads::One, |s| {
                let x = shaped(s.input, $shape);
                Box::new(Fresh {
                    work: move || $function(x.clone()),
                    read: |y| read(&y),
                })
            })]
        };
        ($function:expr) => {
            fresh!($function, usize::MAX)
        };
    }
    match function {
        Function::Exp => fresh!(Flex::float_exp),
        Function::Sigmoid => fresh!(Flex::sigmoid),
        Function::Tanh => fresh!(Flex::float_tanh),
        Function::Gelu => fresh!(Flex::gelu),
        Function::LogSigmoid => fresh!(Flex::log_sigmoid),
        Function::Softmax(128) => fresh!(|x| Flex::softmax(x, 1), 128),
        Function::Softmax(1_000) => fresh!(|x| Flex::softmax(x, 1), 1_000),
        Function::Softmax(_) => fresh!(|x| Flex::softmax(x, 1), 4_096),
        Function::LogSoftmax(128) => fresh!(|x| Flex::log_softmax(x, 1), 128),
        Function::LogSoftmax(1_000) => fresh!(|x| Flex::log_softmax(x, 1), 1_000),
        Function::LogSoftmax(_) => fresh!(|x| Flex::log_softmax(x, 1), 4_096),
        _ => vec![],
    }
}

/// In rows of so many numbers, or one of all.
fn shaped(numbers: &[f32], row: usize) -> FlexTensor {
    let row = row.min(numbers.len());
    FlexTensor::from_data(TensorData::new(
        numbers.to_vec(),
        [numbers.len() / row, row],
    ))
}
