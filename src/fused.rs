//! A formula with what stands around it in a network: a sum before it, a product behind it. One pass over memory instead of
//! two or three.
//!
//! What is fused is a [`Map`] made of the formula that [`Formula::choose`] names, so the choice stays outside of the
//! loops. A result has the bits of the parts done one after the other: each sum and each product is rounded before it goes
//! on.

use crate::channels::{Channels, Values};
use crate::element::Element;
use crate::engine::Plan;
use crate::engine::buffers::{Buffers, Written, as_output};
use crate::engine::plan::rows_of_a_chunk;
use crate::formula::{
    Formula, Gradient, GradientFromOutput, Kernel, Map, Run, RunGradient, Slope, Value,
};
use crate::planned::Planned;
use crate::vector::Vector;

/// Which map of `N` inputs becomes of a formula.
pub(crate) trait Fusion<const N: usize> {
    type Map<F: Formula>: Map<N>;

    fn of<F: Formula>(formula: F) -> Self::Map<F>;
}

/// Which map of `N` inputs becomes of a formula with a gradient.
pub(crate) trait GradientFusion<const N: usize> {
    type Map<F: Gradient>: Map<N>;

    fn of<F: Gradient>(formula: F) -> Self::Map<F>;
}

macro_rules! fusion {
    ($(#[$doc:meta])* $name:ident is $trait:ident<$inputs:literal> by $map:ident of $bound:ident) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl $trait<$inputs> for $name {
            type Map<F: $bound> = $map<F>;

            #[inline]
            fn of<F: $bound>(formula: F) -> $map<F> {
                $map(formula)
            }
        }
    };
}

fusion! {
    /// Nothing around: `f(x)`.
    Alone is Fusion<1> by Value of Formula
}
fusion! {
    /// `f(x + r)`, of `x` and `r`.
    Residual is Fusion<2> by OfSum of Formula
}
fusion! {
    /// `f(g) * u`, of `g` and `u`.
    Gate is Fusion<2> by Gated of Formula
}
fusion! {
    /// The gradient at `x` for `dy`, of both.
    AloneBackward is GradientFusion<2> by Slope of Gradient
}
fusion! {
    /// The gradient at `x + r` for `dy`, of the three.
    ResidualBackward is GradientFusion<3> by SlopeAtSum of Gradient
}

/// Writes the map that `W` makes of the formula that `planned` chooses, and says that it did.
#[inline]
pub(crate) fn run<W: Fusion<N>, T: Element, F: Formula, const N: usize>(
    planned: Planned<F>,
    buffers: &mut Buffers<'_, T, N>,
) -> Written<T> {
    struct Chosen<'b, 'a, W, T, const N: usize>(
        Plan,
        &'b mut Buffers<'a, T, N>,
        std::marker::PhantomData<W>,
    );

    impl<W: Fusion<N>, T: Element, const N: usize> Run for Chosen<'_, '_, W, T, N> {
        type Done = Written<T>;

        #[inline]
        fn run<F: Formula>(self, formula: F) -> Written<T> {
            self.0.run(W::of(formula), self.1)
        }
    }

    let chosen = Chosen::<W, T, N>(planned.plan, buffers, std::marker::PhantomData);
    planned.formula.choose(chosen)
}

/// As [`run`], for a gradient.
#[inline]
pub(crate) fn run_gradient<W: GradientFusion<N>, T: Element, F: Gradient, const N: usize>(
    planned: Planned<F>,
    buffers: &mut Buffers<'_, T, N>,
) -> Written<T> {
    struct Chosen<'b, 'a, W, T, const N: usize>(
        Plan,
        &'b mut Buffers<'a, T, N>,
        std::marker::PhantomData<W>,
    );

    impl<W: GradientFusion<N>, T: Element, const N: usize> RunGradient for Chosen<'_, '_, W, T, N> {
        type Done = Written<T>;

        #[inline]
        fn run<F: Gradient>(self, formula: F) -> Written<T> {
            self.0.run(W::of(formula), self.1)
        }
    }

    let chosen = Chosen::<W, T, N>(planned.plan, buffers, std::marker::PhantomData);
    planned.formula.choose_gradient(chosen)
}

/// `f(x + b[c])` for each element. The lengths were looked at.
pub(crate) fn forward_bias<T: Element, F: Formula>(
    planned: Planned<F>,
    bias: Channels<'_, T>,
    buffers: Buffers<'_, T, 1>,
) -> Written<T> {
    struct Chosen<'a, T>(Plan, Channels<'a, T>, Buffers<'a, T, 1>);

    impl<T: Element> Run for Chosen<'_, T> {
        type Done = Written<T>;

        fn run<F: Formula>(self, formula: F) -> Written<T> {
            let Self(plan, bias, buffers) = self;
            plan.run_in_pieces(F::MEMORY_BOUND, buffers, |place, start, piece| {
                bias.cut(start, piece, |bias, part| match bias {
                    Values::One(bias) => place.run(Shifted(formula, bias.into()), &part),
                    Values::Each(bias) => place.run(OfSum(formula), &part.with_input(bias)),
                });
            })
        }
    }

    planned.formula.choose(Chosen(planned.plan, bias, buffers))
}

/// The gradient at `x + b[c]` for each element. The lengths were looked at.
pub(crate) fn backward_bias<T: Element, F: Gradient>(
    planned: Planned<F>,
    bias: Channels<'_, T>,
    buffers: Buffers<'_, T, 2>,
) -> Written<T> {
    struct Chosen<'a, T>(Plan, Channels<'a, T>, Buffers<'a, T, 2>);

    impl<T: Element> RunGradient for Chosen<'_, T> {
        type Done = Written<T>;

        fn run<F: Gradient>(self, formula: F) -> Written<T> {
            let Self(plan, bias, buffers) = self;
            plan.run_in_pieces(F::GRADIENT_MEMORY_BOUND, buffers, |place, start, piece| {
                bias.cut(start, piece, |bias, part| match bias {
                    Values::One(bias) => place.run(SlopeShifted(formula, bias.into()), &part),
                    Values::Each(bias) => place.run(SlopeAtSum(formula), &part.with_input(bias)),
                });
            })
        }
    }

    planned
        .formula
        .choose_gradient(Chosen(planned.plan, bias, buffers))
}

/// Both gradients of a gate in one pass: of the gate, and of the value.
pub(crate) fn backward_gated<T: Element, F: Gradient>(
    planned: Planned<F>,
    buffers: Buffers<'_, T, 3, 2>,
) {
    struct Chosen<'a, T>(Plan, Buffers<'a, T, 3, 2>);

    impl<T: Element> RunGradient for Chosen<'_, T> {
        type Done = ();

        fn run<F: Gradient>(mut self, formula: F) {
            let _ = self.0.run(SlopesOfGate(formula), &mut self.1);
        }
    }

    planned
        .formula
        .choose_gradient(Chosen(planned.plan, buffers));
}

/// The gradient of the input from the output. The lengths were looked at.
pub(crate) fn backward_from_output<T: Element, F: GradientFromOutput>(
    planned: Planned<F>,
    buffers: &mut Buffers<'_, T, 2>,
) -> Written<T> {
    planned.plan.run(SlopeFromOutput(planned.formula), buffers)
}

/// Where gate and value stand in a row that holds both, one after the other, and how wide each is.
///
/// Projections that make both at once leave them so. The two orders in use:
///
/// | | row | `y` |
/// |---|---|---|
/// | [`gate_first`](Halves::gate_first): the fused gate-and-up projection of Llama (SwiGLU) | `g, u` | `f(g) * u` |
/// | [`value_first`](Halves::value_first): PyTorch's `glu`, with [`Sigmoid`](crate::Sigmoid) | `u, g` | `u * f(g)` |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halves {
    width: usize,
    gate_first: bool,
}

impl Halves {
    /// Rows of `width` elements of the gate and then `width` of the value.
    ///
    /// # Panics
    /// If `width` is 0.
    #[must_use]
    #[track_caller]
    pub const fn gate_first(width: usize) -> Self {
        Self::new(width, true)
    }

    /// Rows of `width` elements of the value and then `width` of the gate.
    ///
    /// # Panics
    /// If `width` is 0.
    #[must_use]
    #[track_caller]
    pub const fn value_first(width: usize) -> Self {
        Self::new(width, false)
    }

    #[track_caller]
    const fn new(width: usize, gate_first: bool) -> Self {
        assert!(width > 0, "`width` is 0: a half has one element at least");
        Self { width, gate_first }
    }

    /// Elements of a half, and so of a row of the result.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// # Panics
    /// Unless `both`, the name and the length of what holds both halves, are whole rows, and `one` has a half of each.
    #[track_caller]
    pub(crate) fn check(&self, both: (&str, usize), ones: &[(&str, usize)]) {
        let (name, len) = both;
        let width = self.width;
        assert!(
            len.is_multiple_of(width) && (len / width).is_multiple_of(2),
            "`{name}` has {len} elements: not a multiple of two halves of {width} each"
        );
        for (one, one_len) in ones {
            assert!(
                *one_len == len / 2,
                "`{one}` has {one_len} elements: `{name}` has {len}, which are {} of gate and value each",
                len / 2
            );
        }
    }

    /// The gate and the value of a row.
    fn split<'r, T>(&self, row: &'r [T]) -> (&'r [T], &'r [T]) {
        let (first, second) = row.split_at(self.width);
        if self.gate_first {
            (first, second)
        } else {
            (second, first)
        }
    }

    /// The same, to write to.
    fn split_mut<'r, T>(&self, row: &'r mut [T]) -> (&'r mut [T], &'r mut [T]) {
        let (first, second) = row.split_at_mut(self.width);
        if self.gate_first {
            (first, second)
        } else {
            (second, first)
        }
    }
}

/// `f(g) * u` for each element of each row. The lengths were looked at.
pub(crate) fn forward_halves<T: Element, F: Formula>(
    planned: Planned<F>,
    halves: Halves,
    input: &[T],
    output: &mut [T],
) {
    struct Chosen<'a, T>(Plan, Halves, &'a [T], &'a mut [T]);

    impl<T: Element> Run for Chosen<'_, T> {
        type Done = ();

        fn run<F: Formula>(self, formula: F) {
            let Self(plan, halves, input, output) = self;
            let width = halves.width;
            let rows = rows_of_a_chunk(2 * width * size_of::<T>());
            let bytes = size_of_val(input) + size_of_val(output);
            let chunks = input
                .chunks(rows * 2 * width)
                .zip(output.chunks_mut(rows * width));
            plan.run_chunks::<T, _>(
                F::MEMORY_BOUND,
                (bytes, false),
                chunks,
                |place, (input, output)| {
                    let rows = input.chunks_exact(2 * width);
                    for (row, output) in rows.zip(output.chunks_exact_mut(width)) {
                        let (gate, value) = halves.split(row);
                        place.run(
                            Gated(formula),
                            &Buffers::new([gate, value], as_output(output)),
                        );
                    }
                },
            );
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

    impl<T: Element> RunGradient for Chosen<'_, T> {
        type Done = ();

        fn run<F: Gradient>(self, formula: F) {
            let Self(plan, halves, input, grad_output, grad_input) = self;
            let width = halves.width;
            let rows = rows_of_a_chunk(2 * width * size_of::<T>());
            let bytes = 2 * size_of_val(input) + size_of_val(grad_output);
            let inputs = input
                .chunks(rows * 2 * width)
                .zip(grad_output.chunks(rows * width));
            let chunks = inputs.zip(grad_input.chunks_mut(rows * 2 * width));
            let memory_bound = F::GRADIENT_MEMORY_BOUND;
            plan.run_chunks::<T, _>(
                memory_bound,
                (bytes, false),
                chunks,
                |place, ((input, dy), dx)| {
                    let inputs = input.chunks_exact(2 * width).zip(dy.chunks_exact(width));
                    for ((row, dy), dx) in inputs.zip(dx.chunks_exact_mut(2 * width)) {
                        let ((gate, value), (d_gate, d_value)) =
                            (halves.split(row), halves.split_mut(dx));
                        let outputs = [d_gate, d_value];
                        let buffers = Buffers::with_two_outputs([gate, value, dy], outputs);
                        place.run(SlopesOfGate(formula), &buffers);
                    }
                },
            );
        }
    }

    let chosen = Chosen(planned.plan, halves, input, grad_output, grad_input);
    planned.formula.choose_gradient(chosen);
}

/// `f(a + b)`.
#[derive(Clone, Copy)]
pub(crate) struct OfSum<F>(F);

impl<F: Formula> Map<2> for OfSum<F> {
    const MEMORY_BOUND: bool = F::MEMORY_BOUND;

    #[inline(always)]
    fn apply<V: Vector>(self, [a, b]: [V; 2]) -> V {
        self.0.value(a + b)
    }
}

/// `f(x + b)` with one `b`, which every element type holds as an `f64`.
#[derive(Clone, Copy)]
struct Shifted<F>(F, f64);

impl<F: Formula> Map<1> for Shifted<F> {
    const MEMORY_BOUND: bool = F::MEMORY_BOUND;

    #[inline(always)]
    fn apply<V: Vector>(self, [x]: [V; 1]) -> V {
        self.0.value(x + V::constant(self.1))
    }
}

/// `f(g) * u`.
#[derive(Clone, Copy)]
pub(crate) struct Gated<F>(F);

impl<F: Formula> Map<2> for Gated<F> {
    const MEMORY_BOUND: bool = F::MEMORY_BOUND;

    #[inline(always)]
    fn apply<V: Vector>(self, [gate, value]: [V; 2]) -> V {
        self.0.value(gate) * value
    }
}

/// The gradient at `a + b`.
#[derive(Clone, Copy)]
pub(crate) struct SlopeAtSum<F>(F);

impl<F: Gradient> Map<3> for SlopeAtSum<F> {
    const MEMORY_BOUND: bool = F::GRADIENT_MEMORY_BOUND;

    #[inline(always)]
    fn apply<V: Vector>(self, [a, b, grad_output]: [V; 3]) -> V {
        self.0.gradient(a + b, grad_output)
    }
}

/// The gradient at `x + b` with one `b`.
#[derive(Clone, Copy)]
struct SlopeShifted<F>(F, f64);

impl<F: Gradient> Map<2> for SlopeShifted<F> {
    const MEMORY_BOUND: bool = F::GRADIENT_MEMORY_BOUND;

    #[inline(always)]
    fn apply<V: Vector>(self, [x, grad_output]: [V; 2]) -> V {
        self.0.gradient(x + V::constant(self.1), grad_output)
    }
}

/// The gradients of the gate and of the value. What the formula and its gradient share, the compiler computes once.
#[derive(Clone, Copy)]
struct SlopesOfGate<F>(F);

impl<F: Gradient> Kernel<3, 2> for SlopesOfGate<F> {
    const MEMORY_BOUND: bool = F::GRADIENT_MEMORY_BOUND && F::MEMORY_BOUND;

    #[inline(always)]
    fn outputs<V: Vector>(self, [gate, value, grad_output]: [V; 3]) -> [V; 2] {
        [
            self.0.gradient(gate, grad_output * value),
            grad_output * self.0.value(gate),
        ]
    }
}

/// The gradient, from what the formula made of the input.
#[derive(Clone, Copy)]
struct SlopeFromOutput<F>(F);

impl<F: GradientFromOutput> Map<2> for SlopeFromOutput<F> {
    const MEMORY_BOUND: bool = F::GRADIENT_MEMORY_BOUND;

    #[inline(always)]
    fn apply<V: Vector>(self, [output, grad_output]: [V; 2]) -> V {
        self.0.gradient_from_output(output, grad_output)
    }
}
