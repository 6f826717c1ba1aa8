//! What is compared, and its definition for one element, which those peers use that map a function of ours.

use std::hint::black_box;

use rectify::{Activation, LeakyRelu, Relu};

use crate::common::copy::Traffic;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Relu,
    ReluInPlace,
    LeakyRelu,
    LeakyReluInPlace,
    ReluBackward,
}

impl Operation {
    pub const ALL: [Self; 5] = [
        Self::Relu,
        Self::ReluInPlace,
        Self::LeakyRelu,
        Self::LeakyReluInPlace,
        Self::ReluBackward,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::ReluInPlace => "relu in place",
            Self::LeakyRelu => "leaky relu",
            Self::LeakyReluInPlace => "leaky relu in place",
            Self::ReluBackward => "relu backward",
        }
    }

    pub fn traffic(self) -> Traffic {
        match self {
            Self::Relu | Self::LeakyRelu => Traffic::Copy,
            Self::ReluInPlace | Self::LeakyReluInPlace => Traffic::Update,
            Self::ReluBackward => Traffic::Merge,
        }
    }

    /// What the contract says of one element. `grad` counts only in backward.
    pub fn expected(self, x: f32, grad: f32) -> f32 {
        match self {
            Self::Relu | Self::ReluInPlace => Relu.eval(x),
            Self::LeakyRelu => LeakyRelu::new(slope().into()).eval(x),
            Self::LeakyReluInPlace => LeakyRelu::new(slope_in_place().into()).eval(x),
            Self::ReluBackward => Relu.eval_backward(x, grad),
        }
    }
}

/// Not a constant to the compiler, which could compute with it.
#[inline(always)]
pub fn slope() -> f32 {
    black_box(0.01)
}

/// In place the same buffer is done over and over. A smaller slope would shrink it to subnormal numbers,
/// which are slow to multiply; this is the same work on numbers that stay.
#[inline(always)]
pub fn slope_in_place() -> f32 {
    black_box(1.0)
}

#[inline(always)]
pub fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

#[inline(always)]
pub fn leaky_relu(x: f32, slope: f32) -> f32 {
    if x < 0.0 { slope * x } else { x }
}

#[inline(always)]
pub fn relu_backward(x: f32, grad: f32) -> f32 {
    if x <= 0.0 { 0.0 } else { grad }
}
