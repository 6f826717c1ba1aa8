//! What a user would write without this crate: a loop over a function of one number. Two ways: as the compiler
//! vectorises it for the target features of the build, and one element at a time.
#![allow(unsafe_code)]

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
