#![doc = include_str!("../README.md")]

mod op;
mod prelu;
mod softmax;
mod tensors;

pub use op::Op;
pub use prelu::PRelu;
pub use softmax::{LogSoftmaxLastDim, SoftmaxLastDim};
