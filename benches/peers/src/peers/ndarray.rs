//! `ndarray`, on views of the slices: `Zip` and the maps in place, and both over Rayon.
//!
//! Closures take the slope by value. Behind a reference it costs vectorisation: over Rayon that was up to
//! thirty times slower.

use ndarray::{ArrayView1, ArrayViewMut1, Zip};

use crate::common::plain;
use crate::operation::{Operation, leaky_relu, relu, relu_backward, slope, slope_in_place};
use crate::smooth::Function;
use crate::way::Way;

pub fn ways(operation: Operation) -> Vec<Way> {
    match operation {
        Operation::Relu => vec![
            Way::serial("ndarray Zip", |s| {
                Zip::from(array_mut(s.output))
                    .and(array(s.input))
                    .for_each(|y, &x| *y = relu(x));
            }),
            Way::rayon("ndarray Zip par_for_each", |s| {
                Zip::from(array_mut(s.output))
                    .and(array(s.input))
                    .par_for_each(|y, &x| *y = relu(x));
            }),
        ],
        Operation::ReluInPlace => vec![
            Way::serial("ndarray mapv_inplace", |s| {
                array_mut(s.output).mapv_inplace(relu)
            }),
            Way::rayon("ndarray par_map_inplace", |s| {
                array_mut(s.output).par_map_inplace(|x| *x = relu(*x));
            }),
        ],
        Operation::LeakyRelu => vec![
            Way::serial("ndarray Zip", |s| {
                let slope = slope();
                Zip::from(array_mut(s.output))
                    .and(array(s.input))
                    .for_each(move |y, &x| *y = leaky_relu(x, slope));
            }),
            Way::rayon("ndarray Zip par_for_each", |s| {
                let slope = slope();
                Zip::from(array_mut(s.output))
                    .and(array(s.input))
                    .par_for_each(move |y, &x| *y = leaky_relu(x, slope));
            }),
        ],
        Operation::LeakyReluInPlace => vec![
            Way::serial("ndarray mapv_inplace", |s| {
                let slope = slope_in_place();
                array_mut(s.output).mapv_inplace(move |x| leaky_relu(x, slope));
            }),
            Way::rayon("ndarray par_map_inplace", |s| {
                let slope = slope_in_place();
                array_mut(s.output).par_map_inplace(move |x| *x = leaky_relu(*x, slope));
            }),
        ],
        Operation::ReluBackward => vec![
            Way::serial("ndarray Zip", |s| {
                Zip::from(array_mut(s.output))
                    .and(array(s.input))
                    .and(array(s.grad))
                    .for_each(|dx, &x, &dy| *dx = relu_backward(x, dy));
            }),
            Way::rayon("ndarray Zip par_for_each", |s| {
                Zip::from(array_mut(s.output))
                    .and(array(s.input))
                    .and(array(s.grad))
                    .par_for_each(|dx, &x, &dy| *dx = relu_backward(x, dy));
            }),
        ],
    }
}

fn array(slice: &[f32]) -> ArrayView1<'_, f32> {
    ArrayView1::from(slice)
}

fn array_mut(slice: &mut [f32]) -> ArrayViewMut1<'_, f32> {
    ArrayViewMut1::from(slice)
}

/// ndarray has a few functions as methods, and maps what the standard library has. Both make loops over numbers.
pub fn smooth(function: Function) -> Vec<Way> {
    macro_rules! map {
        ($function:expr) => {
            vec![Way::serial("ndarray", |s| {
                array_mut(s.output).mapv_inplace($function)
            })]
        };
    }
    match function {
        Function::Exp => map!(f32::exp),
        Function::Sigmoid => map!(plain::sigmoid),
        Function::Tanh => map!(f32::tanh),
        Function::Silu => map!(plain::silu),
        Function::Gelu => map!(plain::gelu),
        Function::GeluTanh => map!(plain::gelu_tanh),
        Function::Elu => map!(plain::elu),
        Function::Softplus => map!(plain::softplus),
        Function::Mish => map!(plain::mish),
        _ => vec![],
    }
}
