//! The kernels that are made of a formula, and the steps that each is.

use super::steps::{Block, Steps};
use crate::element::Element;
use crate::engine::buffers::{Source, Target};
use crate::formula::{Formula, Gradient, GradientFromOutput, Kernel, Map, Slope, Value};
use crate::vector::Vector;

/// `a + b`.
#[derive(Clone, Copy)]
struct Sum;

impl Map<2> for Sum {
    const MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn apply<V: Vector>(self, [a, b]: [V; 2]) -> V {
        a + b
    }
}

/// `x + b` with one `b`, which every element type holds as an `f64`.
#[derive(Clone, Copy)]
struct Shift(f64);

impl Map<1> for Shift {
    const MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn apply<V: Vector>(self, [x]: [V; 1]) -> V {
        x + V::constant(self.0)
    }
}

/// `a * b`.
#[derive(Clone, Copy)]
struct Product;

impl Map<2> for Product {
    const MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn apply<V: Vector>(self, [a, b]: [V; 2]) -> V {
        a * b
    }
}

/// `f(a + b)`.
#[derive(Clone, Copy)]
pub(super) struct OfSum<F>(pub(super) F);

impl<F: Formula> Kernel<2, 1> for OfSum<F> {
    const MEMORY_BOUND: bool = F::MEMORY_BOUND;
    type Home = F;

    #[inline(always)]
    fn outputs<V: Vector>(self, [a, b]: [V; 2]) -> [V; 1] {
        [self.0.value(a + b)]
    }
}

impl<F: Formula> Steps<2> for OfSum<F> {
    fn steps<T: Element>(self, block: &mut Block<'_, '_, T, 2, 1>) {
        block.step(Sum, [Source::Input(0), Source::Input(1)], Target::Memory);
        block.step(Value(self.0), [Source::Memory], Target::Output(0));
    }
}

/// `f(x + b)` with one `b`, which every element type holds as an `f64`.
#[derive(Clone, Copy)]
pub(super) struct Shifted<F>(pub(super) F, pub(super) f64);

impl<F: Formula> Kernel<1, 1> for Shifted<F> {
    const MEMORY_BOUND: bool = F::MEMORY_BOUND;
    type Home = F;

    #[inline(always)]
    fn outputs<V: Vector>(self, [x]: [V; 1]) -> [V; 1] {
        [self.0.value(x + V::constant(self.1))]
    }
}

impl<F: Formula> Steps<1> for Shifted<F> {
    fn steps<T: Element>(self, block: &mut Block<'_, '_, T, 1, 1>) {
        block.step(Shift(self.1), [Source::Input(0)], Target::Memory);
        block.step(Value(self.0), [Source::Memory], Target::Output(0));
    }
}

/// `f(g) * u`.
#[derive(Clone, Copy)]
pub(super) struct Gated<F>(pub(super) F);

impl<F: Formula> Kernel<2, 1> for Gated<F> {
    const MEMORY_BOUND: bool = F::MEMORY_BOUND;
    type Home = F;

    #[inline(always)]
    fn outputs<V: Vector>(self, [gate, value]: [V; 2]) -> [V; 1] {
        [self.0.value(gate) * value]
    }
}

impl<F: Formula> Steps<2> for Gated<F> {
    fn steps<T: Element>(self, block: &mut Block<'_, '_, T, 2, 1>) {
        block.step(Value(self.0), [Source::Input(0)], Target::Memory);
        block.step(
            Product,
            [Source::Memory, Source::Input(1)],
            Target::Output(0),
        );
    }
}

/// The gradient at `a + b`.
#[derive(Clone, Copy)]
pub(super) struct SlopeAtSum<F>(pub(super) F);

impl<F: Gradient> Kernel<3, 1> for SlopeAtSum<F> {
    const MEMORY_BOUND: bool = F::GRADIENT_MEMORY_BOUND;
    type Home = F;

    #[inline(always)]
    fn outputs<V: Vector>(self, [a, b, grad_output]: [V; 3]) -> [V; 1] {
        [self.0.gradient(a + b, grad_output)]
    }
}

impl<F: Gradient> Steps<3> for SlopeAtSum<F> {
    fn steps<T: Element>(self, block: &mut Block<'_, '_, T, 3, 1>) {
        block.step(Sum, [Source::Input(0), Source::Input(1)], Target::Memory);
        block.step(
            Slope(self.0),
            [Source::Memory, Source::Input(2)],
            Target::Output(0),
        );
    }
}

/// The gradient at `x + b` with one `b`.
#[derive(Clone, Copy)]
pub(super) struct SlopeShifted<F>(pub(super) F, pub(super) f64);

impl<F: Gradient> Kernel<2, 1> for SlopeShifted<F> {
    const MEMORY_BOUND: bool = F::GRADIENT_MEMORY_BOUND;
    type Home = F;

    #[inline(always)]
    fn outputs<V: Vector>(self, [x, grad_output]: [V; 2]) -> [V; 1] {
        [self.0.gradient(x + V::constant(self.1), grad_output)]
    }
}

impl<F: Gradient> Steps<2> for SlopeShifted<F> {
    fn steps<T: Element>(self, block: &mut Block<'_, '_, T, 2, 1>) {
        block.step(Shift(self.1), [Source::Input(0)], Target::Memory);
        block.step(
            Slope(self.0),
            [Source::Memory, Source::Input(1)],
            Target::Output(0),
        );
    }
}

/// The gradients of the gate and of the value. What the formula and its gradient share, the compiler computes once.
#[derive(Clone, Copy)]
pub(super) struct SlopesOfGate<F>(pub(super) F);

impl<F: Gradient> Kernel<3, 2> for SlopesOfGate<F> {
    const MEMORY_BOUND: bool = F::GRADIENT_MEMORY_BOUND && F::MEMORY_BOUND;
    type Home = F;

    #[inline(always)]
    fn outputs<V: Vector>(self, [gate, value, grad_output]: [V; 3]) -> [V; 2] {
        [
            self.0.gradient(gate, grad_output * value),
            grad_output * self.0.value(gate),
        ]
    }
}

impl<F: Gradient> Steps<3, 2> for SlopesOfGate<F> {
    fn steps<T: Element>(self, block: &mut Block<'_, '_, T, 3, 2>) {
        block.step(
            Product,
            [Source::Input(2), Source::Input(1)],
            Target::Memory,
        );
        block.step(
            Slope(self.0),
            [Source::Input(0), Source::Memory],
            Target::Output(0),
        );
        block.step(Value(self.0), [Source::Input(0)], Target::Memory);
        block.step(
            Product,
            [Source::Input(2), Source::Memory],
            Target::Output(1),
        );
    }
}

/// The gradient, from what the formula made of the input.
#[derive(Clone, Copy)]
pub(super) struct SlopeFromOutput<F>(pub(super) F);

impl<F: GradientFromOutput> Kernel<2, 1> for SlopeFromOutput<F> {
    const MEMORY_BOUND: bool = F::GRADIENT_MEMORY_BOUND;
    type Home = F;

    #[inline(always)]
    fn outputs<V: Vector>(self, [output, grad_output]: [V; 2]) -> [V; 1] {
        [self.0.gradient_from_output(output, grad_output)]
    }
}
