//! rectify itself.

use rectify::{Activation, LeakyRelu, Relu};

use crate::operation::{Operation, slope, slope_in_place};
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
