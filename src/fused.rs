//! A formula with what stands around it in a network: a sum before it, a product behind it. One pass over memory instead of
//! two or three.
//!
//! What is fused is a kernel made of the formula that [`Formula::choose`] names, so the choice stays outside of the
//! loops. A result has the bits of the parts done one after the other: each sum and each product is rounded before it goes
//! on. Where a formula is one of many, they are done one after the other indeed, a block in the cache at a time
//! ([`InSteps`]): a loop for each formula with each thing around it would be more code than it is worth.

mod halves;
mod kernels;
mod steps;

pub use halves::Halves;

use crate::channels::{Channels, Values};
use crate::element::Element;
use crate::engine::Plan;
use crate::engine::buffers::{Buffers, Written, as_output};
use crate::engine::plan::rows_of_a_chunk;
use crate::formula::{Formula, Gradient, GradientFromOutput, Run, RunGradient, Slope, Value};
use crate::planned::Planned;
use kernels::{Gated, OfSum, Shifted, SlopeAtSum, SlopeFromOutput, SlopeShifted, SlopesOfGate};
use steps::{InSteps, OneLoop, Way};

macro_rules! fused {
    (
        $(#[$doc:meta])*
        $name:ident($inputs:literal to $outputs:literal): $kernel:ident of $bound:ident
        by $choose:ident of $run:ident $(, $in_steps:ident)?
    ) => {
        $(#[$doc])*
        #[inline]
        pub(crate) fn $name<T: Element, F: $bound>(
            planned: Planned<F>,
            buffers: &mut Buffers<'_, T, $inputs, $outputs>,
        ) -> Written<T> {
            struct Chosen<'b, 'a, T>(Plan, &'b mut Buffers<'a, T, $inputs, $outputs>);

            impl<T: Element> $run for Chosen<'_, '_, T> {
                type Done = Written<T>;

                #[inline]
                fn run<F: $bound>(self, formula: F) -> Written<T> {
                    self.0.run($kernel(formula), self.1)
                }

                $(
                    fn $in_steps<F: $bound>(self, formula: F) -> Written<T> {
                        InSteps::run_whole(self.0, $kernel(formula), self.1)
                    }
                )?
            }

            planned.formula.$choose(Chosen(planned.plan, buffers))
        }
    };
}

fused! {
    /// Nothing around: `f(x)`.
    forward(1 to 1): Value of Formula by choose of Run
}
fused! {
    /// `f(x + r)`, of `x` and `r`.
    forward_residual(2 to 1): OfSum of Formula by choose of Run, run_in_steps
}
fused! {
    /// `f(g) * u`, of `g` and `u`.
    forward_gated(2 to 1): Gated of Formula by choose of Run, run_in_steps
}
fused! {
    /// The gradient at `x` for `dy`, of both.
    backward(2 to 1): Slope of Gradient by choose_gradient of RunGradient
}
fused! {
    /// The gradient at `x + r` for `dy`, of the three.
    backward_residual(3 to 1): SlopeAtSum of Gradient by choose_gradient of RunGradient, run_in_steps
}
fused! {
    /// Both gradients of a gate in one pass: of the gate, and of the value.
    backward_gated(3 to 2): SlopesOfGate of Gradient by choose_gradient of RunGradient, run_in_steps
}

/// The gradient of the input from the output. The lengths were looked at.
pub(crate) fn backward_from_output<T: Element, F: GradientFromOutput>(
    planned: Planned<F>,
    buffers: &mut Buffers<'_, T, 2>,
) -> Written<T> {
    planned.plan.run(SlopeFromOutput(planned.formula), buffers)
}

/// `f(x + b[c])` for each element. The lengths were looked at.
pub(crate) fn forward_bias<T: Element, F: Formula>(
    planned: Planned<F>,
    bias: &Channels<'_, T>,
    buffers: &mut Buffers<'_, T, 1>,
) -> Written<T> {
    struct Chosen<'b, 'c, 'a, T>(Plan, &'b Channels<'c, T>, &'b mut Buffers<'a, T, 1>);

    impl<T: Element> Chosen<'_, '_, '_, T> {
        fn run_by<W: Way, F: Formula>(self, formula: F) -> Written<T> {
            let Self(plan, bias, buffers) = self;
            plan.run_in_pieces(F::MEMORY_BOUND, buffers, |place, start, piece| {
                let long_row = W::long_row(place);
                bias.cut(long_row, start, piece, |bias, whole, part| match bias {
                    Values::One(bias) => {
                        let kernel = Shifted(formula, bias.into());
                        W::run(place, kernel, &mut whole.window(part));
                    }
                    Values::Each(bias) => {
                        let part = &mut whole.window(part).with_input(bias);
                        W::run(place, OfSum(formula), part);
                    }
                    Values::EachOfRows(bias) => {
                        W::run_rows(place, OfSum(formula), bias, &mut whole.window(part));
                    }
                });
            })
        }
    }

    impl<T: Element> Run for Chosen<'_, '_, '_, T> {
        type Done = Written<T>;

        fn run<F: Formula>(self, formula: F) -> Written<T> {
            self.run_by::<OneLoop, F>(formula)
        }

        fn run_in_steps<F: Formula>(self, formula: F) -> Written<T> {
            self.run_by::<InSteps, F>(formula)
        }
    }

    planned.formula.choose(Chosen(planned.plan, bias, buffers))
}

/// The gradient at `x + b[c]` for each element. The lengths were looked at.
pub(crate) fn backward_bias<T: Element, F: Gradient>(
    planned: Planned<F>,
    bias: &Channels<'_, T>,
    buffers: &mut Buffers<'_, T, 2>,
) -> Written<T> {
    struct Chosen<'b, 'c, 'a, T>(Plan, &'b Channels<'c, T>, &'b mut Buffers<'a, T, 2>);

    impl<T: Element> Chosen<'_, '_, '_, T> {
        fn run_by<W: Way, F: Gradient>(self, formula: F) -> Written<T> {
            let Self(plan, bias, buffers) = self;
            plan.run_in_pieces(F::GRADIENT_MEMORY_BOUND, buffers, |place, start, piece| {
                let long_row = W::long_row(place);
                bias.cut(long_row, start, piece, |bias, whole, part| match bias {
                    Values::One(bias) => {
                        let kernel = SlopeShifted(formula, bias.into());
                        W::run(place, kernel, &mut whole.window(part));
                    }
                    Values::Each(bias) => {
                        let part = &mut whole.window(part).with_input(bias);
                        W::run(place, SlopeAtSum(formula), part);
                    }
                    Values::EachOfRows(bias) => {
                        W::run_rows(place, SlopeAtSum(formula), bias, &mut whole.window(part));
                    }
                });
            })
        }
    }

    impl<T: Element> RunGradient for Chosen<'_, '_, '_, T> {
        type Done = Written<T>;

        fn run<F: Gradient>(self, formula: F) -> Written<T> {
            self.run_by::<OneLoop, F>(formula)
        }

        fn run_in_steps<F: Gradient>(self, formula: F) -> Written<T> {
            self.run_by::<InSteps, F>(formula)
        }
    }

    planned
        .formula
        .choose_gradient(Chosen(planned.plan, bias, buffers))
}

/// `f(g) * u` for each element of each row. The lengths were looked at.
pub(crate) fn forward_halves<T: Element, F: Formula>(
    planned: Planned<F>,
    halves: Halves,
    input: &[T],
    output: &mut [T],
) {
    struct Chosen<'a, T>(Plan, Halves, &'a [T], &'a mut [T]);

    impl<T: Element> Chosen<'_, T> {
        fn run_by<W: Way, F: Formula>(self, formula: F) {
            let Self(plan, halves, input, output) = self;
            let width = halves.width();
            let rows = rows_of_a_chunk(2 * width * size_of::<T>());
            let bytes = size_of_val(input) + size_of_val(output);
            let chunks = input
                .chunks(rows * 2 * width)
                .zip(output.chunks_mut(rows * width));
            let (memory_bound, size) = (F::MEMORY_BOUND, (bytes, false));
            plan.run_chunks::<T, _>(memory_bound, size, chunks, &|place, (input, output)| {
                let rows = input.chunks_exact(2 * width);
                for (row, output) in rows.zip(output.chunks_exact_mut(width)) {
                    let (gate, value) = halves.split(row);
                    let buffers = &mut Buffers::new([gate, value], as_output(output));
                    W::run(place, Gated(formula), buffers);
                }
            });
        }
    }

    impl<T: Element> Run for Chosen<'_, T> {
        type Done = ();

        fn run<F: Formula>(self, formula: F) {
            self.run_by::<OneLoop, F>(formula);
        }

        fn run_in_steps<F: Formula>(self, formula: F) {
            self.run_by::<InSteps, F>(formula);
        }
    }

    planned
        .formula
        .choose(Chosen(planned.plan, halves, input, output));
}

/// Both gradients of each row. The lengths were looked at.
pub(crate) fn backward_halves<T: Element, F: Gradient>(
    planned: Planned<F>,
    halves: Halves,
    (input, grad_output): (&[T], &[T]),
    grad_input: &mut [T],
) {
    struct Chosen<'a, T>(Plan, Halves, &'a [T], &'a [T], &'a mut [T]);

    impl<T: Element> Chosen<'_, T> {
        fn run_by<W: Way, F: Gradient>(self, formula: F) {
            let Self(plan, halves, input, grad_output, grad_input) = self;
            let width = halves.width();
            let rows = rows_of_a_chunk(2 * width * size_of::<T>());
            let bytes = 2 * size_of_val(input) + size_of_val(grad_output);
            let inputs = input
                .chunks(rows * 2 * width)
                .zip(grad_output.chunks(rows * width));
            let chunks = inputs.zip(grad_input.chunks_mut(rows * 2 * width));
            let (memory_bound, size) = (F::GRADIENT_MEMORY_BOUND, (bytes, false));
            plan.run_chunks::<T, _>(memory_bound, size, chunks, &|place, ((input, dy), dx)| {
                let inputs = input.chunks_exact(2 * width).zip(dy.chunks_exact(width));
                for ((row, dy), dx) in inputs.zip(dx.chunks_exact_mut(2 * width)) {
                    let (gate, value) = halves.split(row);
                    let (d_gate, d_value) = halves.split_mut(dx);
                    let outputs = [d_gate, d_value];
                    let buffers = &mut Buffers::with_two_outputs([gate, value, dy], outputs);
                    W::run(place, SlopesOfGate(formula), buffers);
                }
            });
        }
    }

    impl<T: Element> RunGradient for Chosen<'_, T> {
        type Done = ();

        fn run<F: Gradient>(self, formula: F) {
            self.run_by::<OneLoop, F>(formula);
        }

        fn run_in_steps<F: Gradient>(self, formula: F) {
            self.run_by::<InSteps, F>(formula);
        }
    }

    let chosen = Chosen(planned.plan, halves, input, grad_output, grad_input);
    planned.formula.choose_gradient(chosen);
}
