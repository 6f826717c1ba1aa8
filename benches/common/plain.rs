//! What a user would write without this crate: a loop over a function of one number. Two ways: as the compiler
//! vectorises it for the target features of the build, and one element at a time.
#![allow(unsafe_code)]

use std::f32::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};
use std::ptr;

use rectify::{Activation, Element, Gradient};

use super::Slices;

/// A function of one number and its gradient.
pub trait Plain<T>: Copy {
    fn value(self, x: T) -> T;
    fn gradient(self, x: T, grad_output: T) -> T;
}

/// The scalar definition of an activation. Of a rectifier it is what anybody would write.
#[derive(Clone, Copy)]
pub struct Definition<A>(pub A);

impl<T: Element, A: Activation<Formula: Gradient>> Plain<T> for Definition<A> {
    #[inline(always)]
    fn value(self, x: T) -> T {
        self.0.eval(x)
    }

    #[inline(always)]
    fn gradient(self, x: T, grad_output: T) -> T {
        self.0.eval_backward(x, grad_output)
    }
}

/// A smooth activation as a user would write it, with the functions of the standard library: its value and its derivative.
#[derive(Clone, Copy)]
pub struct Written<F, D>(pub F, pub D);

impl<F: Fn(f32) -> f32 + Copy, D: Fn(f32) -> f32 + Copy> Plain<f32> for Written<F, D> {
    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        (self.0)(x)
    }

    #[inline(always)]
    fn gradient(self, x: f32, grad_output: f32) -> f32 {
        grad_output * (self.1)(x)
    }
}

pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

pub fn sigmoid_derivative(x: f32) -> f32 {
    let s = sigmoid(x);
    s * (1.0 - s)
}

pub fn silu(x: f32) -> f32 {
    x * sigmoid(x)
}

pub fn silu_derivative(x: f32) -> f32 {
    let s = sigmoid(x);
    s * (1.0 + x * (1.0 - s))
}

pub fn tanh(x: f32) -> f32 {
    x.tanh()
}

pub fn tanh_derivative(x: f32) -> f32 {
    let t = x.tanh();
    1.0 - t * t
}

/// The standard library has no `erf`.
pub fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + libm::erff(x * FRAC_1_SQRT_2))
}

pub fn gelu_derivative(x: f32) -> f32 {
    let density = (-0.5 * x * x).exp() * (FRAC_2_SQRT_PI * FRAC_1_SQRT_2 * 0.5);
    0.5 * (1.0 + libm::erff(x * FRAC_1_SQRT_2)) + x * density
}

/// Of the argument of `tanh`, and its derivative.
fn inner(x: f32) -> (f32, f32) {
    let scale = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
    (
        scale * (x + 0.044715 * x * x * x),
        scale * (1.0 + 3.0 * 0.044715 * x * x),
    )
}

pub fn gelu_tanh(x: f32) -> f32 {
    0.5 * x * (1.0 + inner(x).0.tanh())
}

pub fn gelu_tanh_derivative(x: f32) -> f32 {
    let (u, du) = inner(x);
    let t = u.tanh();
    0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * du
}

pub fn elu(x: f32) -> f32 {
    if x < 0.0 { x.exp_m1() } else { x }
}

pub fn elu_derivative(x: f32) -> f32 {
    if x <= 0.0 { x.exp() } else { 1.0 }
}

pub fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

pub fn mish(x: f32) -> f32 {
    x * softplus(x).tanh()
}

pub fn mish_derivative(x: f32) -> f32 {
    let t = softplus(x).tanh();
    t + x * (1.0 - t * t) * sigmoid(x)
}

/// A loop that is done one element at a time, or as the compiler likes.
///
/// A volatile read has to be made by itself, so no loop with one is vectorised. `.ci/codegen` looks at what the compiler
/// made of it.
#[derive(Clone, Copy)]
pub struct Loop<P, const ONE_BY_ONE: bool>(pub P);

impl<P, const ONE_BY_ONE: bool> Loop<P, ONE_BY_ONE> {
    #[inline(always)]
    fn read<T: Copy>(from: &T) -> T {
        if ONE_BY_ONE {
            // SAFETY: a reference can be read.
            unsafe { ptr::from_ref(from).read_volatile() }
        } else {
            *from
        }
    }

    #[inline(never)]
    pub fn forward<T: Copy>(self, slices: &mut Slices<'_, T>)
    where
        P: Plain<T>,
    {
        for (y, x) in slices.output.iter_mut().zip(slices.input) {
            *y = self.0.value(Self::read(x));
        }
    }

    #[inline(never)]
    pub fn forward_in_place<T: Copy>(self, slices: &mut Slices<'_, T>)
    where
        P: Plain<T>,
    {
        for x in slices.output.iter_mut() {
            *x = self.0.value(Self::read(x));
        }
    }

    #[inline(never)]
    pub fn backward<T: Copy>(self, slices: &mut Slices<'_, T>)
    where
        P: Plain<T>,
    {
        for ((dx, x), dy) in slices.output.iter_mut().zip(slices.input).zip(slices.grad) {
            *dx = self.0.gradient(Self::read(x), *dy);
        }
    }

    #[inline(never)]
    pub fn backward_in_place<T: Copy>(self, slices: &mut Slices<'_, T>)
    where
        P: Plain<T>,
    {
        for (dx, x) in slices.output.iter_mut().zip(slices.input) {
            *dx = self.0.gradient(Self::read(x), *dx);
        }
    }
}
