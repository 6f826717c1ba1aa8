//! `fearless_simd` has no activations: these are the loops of its documentation, compiled for several
//! instruction sets, one of which `dispatch!` chooses.

use fearless_simd::{Level, dispatch, prelude::*};

use crate::operation::{self, Operation, slope, slope_in_place};
use crate::way::Way;

const NAME: &str = "fearless_simd loop";

pub fn ways(operation: Operation) -> Vec<Way> {
    match operation {
        Operation::Relu => vec![Way::serial(NAME, |s| {
            dispatch!(Level::new(), simd => relu(simd, s.input, s.output));
        })],
        Operation::ReluInPlace => vec![Way::serial(NAME, |s| {
            dispatch!(Level::new(), simd => relu_in_place(simd, s.output));
        })],
        Operation::LeakyRelu => vec![Way::serial(NAME, |s| {
            let slope = slope();
            dispatch!(Level::new(), simd => leaky_relu(simd, s.input, s.output, slope));
        })],
        Operation::LeakyReluInPlace => vec![Way::serial(NAME, |s| {
            let slope = slope_in_place();
            dispatch!(Level::new(), simd => leaky_relu_in_place(simd, s.output, slope));
        })],
        Operation::ReluBackward => vec![Way::serial(NAME, |s| {
            dispatch!(Level::new(), simd => relu_backward(simd, s.input, s.grad, s.output));
        })],
    }
}

#[inline(always)]
fn relu<S: Simd>(simd: S, x: &[f32], y: &mut [f32]) {
    let zero = S::f32s::splat(simd, 0.0);
    let (mut xs, mut ys) = (
        x.chunks_exact(S::f32s::LEN),
        y.chunks_exact_mut(S::f32s::LEN),
    );
    for (x, y) in xs.by_ref().zip(ys.by_ref()) {
        let x = S::f32s::from_slice(simd, x);
        x.simd_lt(zero).select(zero, x).store_slice(y);
    }
    for (x, y) in xs.remainder().iter().zip(ys.into_remainder()) {
        *y = operation::relu(*x);
    }
}

#[inline(always)]
fn relu_in_place<S: Simd>(simd: S, x: &mut [f32]) {
    let zero = S::f32s::splat(simd, 0.0);
    let mut xs = x.chunks_exact_mut(S::f32s::LEN);
    for chunk in &mut xs {
        let x = S::f32s::from_slice(simd, chunk);
        x.simd_lt(zero).select(zero, x).store_slice(chunk);
    }
    for x in xs.into_remainder() {
        *x = operation::relu(*x);
    }
}

#[inline(always)]
fn leaky_relu<S: Simd>(simd: S, x: &[f32], y: &mut [f32], slope: f32) {
    let zero = S::f32s::splat(simd, 0.0);
    let (mut xs, mut ys) = (
        x.chunks_exact(S::f32s::LEN),
        y.chunks_exact_mut(S::f32s::LEN),
    );
    for (x, y) in xs.by_ref().zip(ys.by_ref()) {
        let x = S::f32s::from_slice(simd, x);
        x.simd_lt(zero).select(x * slope, x).store_slice(y);
    }
    for (x, y) in xs.remainder().iter().zip(ys.into_remainder()) {
        *y = operation::leaky_relu(*x, slope);
    }
}

#[inline(always)]
fn leaky_relu_in_place<S: Simd>(simd: S, x: &mut [f32], slope: f32) {
    let zero = S::f32s::splat(simd, 0.0);
    let mut xs = x.chunks_exact_mut(S::f32s::LEN);
    for chunk in &mut xs {
        let x = S::f32s::from_slice(simd, chunk);
        x.simd_lt(zero).select(x * slope, x).store_slice(chunk);
    }
    for x in xs.into_remainder() {
        *x = operation::leaky_relu(*x, slope);
    }
}

#[inline(always)]
fn relu_backward<S: Simd>(simd: S, x: &[f32], dy: &[f32], dx: &mut [f32]) {
    let n = S::f32s::LEN;
    let zero = S::f32s::splat(simd, 0.0);
    let (mut xs, mut dys) = (x.chunks_exact(n), dy.chunks_exact(n));
    let mut dxs = dx.chunks_exact_mut(n);
    for ((x, dy), dx) in xs.by_ref().zip(dys.by_ref()).zip(dxs.by_ref()) {
        let (x, dy) = (S::f32s::from_slice(simd, x), S::f32s::from_slice(simd, dy));
        x.simd_le(zero).select(zero, dy).store_slice(dx);
    }
    let rest = xs.remainder().iter().zip(dys.remainder());
    for ((x, dy), dx) in rest.zip(dxs.into_remainder()) {
        *dx = operation::relu_backward(*x, *dy);
    }
}
