//! What users call: [`Activation`]. The mathematics stands in one file an activation, beside this one.

use std::mem::MaybeUninit;

use crate::arch::Tier;
use crate::element::Element;
use crate::engine::Plan;
use crate::engine::buffers::{self, Buffers, Written};
use crate::formula::{Formula, Gradient, Run, RunGradient, Slope, Value};
use crate::lengths::same_length;
use crate::planned::Planned;

/// Hands the list of activations to the macro `$with`. A new activation is its file and its line here.
macro_rules! activations {
    ($with:ident) => {
        $with! {
            relu::Relu,
            leaky_relu::LeakyRelu,
            clip::Clip,
            relu6::Relu6,
            hard_tanh::HardTanh,
            thresholded_relu::ThresholdedRelu,
            squared_relu::SquaredRelu,
            hard_sigmoid::HardSigmoid,
            hard_swish::HardSwish,
            hard_shrink::HardShrink,
            soft_shrink::SoftShrink,
            sigmoid::Sigmoid,
            silu::Silu,
            swish::Swish,
            tanh::Tanh,
            elu::Elu,
            selu::Selu,
            celu::Celu,
            gelu::Gelu,
            gelu_tanh::GeluTanh,
            softplus::Softplus,
            mish::Mish,
            log_sigmoid::LogSigmoid,
            softsign::Softsign,
            tanh_shrink::TanhShrink,
        }
    };
}
pub(crate) use activations;

macro_rules! declare {
    ($($file:ident::$activation:ident,)*) => {
        $(mod $file;)*

        /// The activations, for the root to re-export.
        pub(crate) mod all {
            $(pub use super::$file::$activation;)*
            pub use super::prelu::PRelu;
        }
    };
}
activations!(declare);
mod prelu;

/// Keeps [`Activation`] to formulas and their adaptor.
pub trait Sealed {}

impl<F: Formula> Sealed for F {}
impl<F: Formula> Sealed for Planned<F> {}

/// An activation function, applied element by element to slices of `f32` or `f64`. Every
/// [`Formula`] has it, those of this crate and yours. Sealed: nobody can implement or override it by hand.
///
/// With `f` for the function and `f'` for its derivative, *forward* writes `y[i] = f(x[i])` and
/// *backward* `dx[i] = dy[i] * f'(x[i])`. Where the formula has a branch of gradient 0 or 1, that is a selection:
/// it gives `+0` or `dy[i]` itself, even where `dy[i]` is infinite or NaN. A factor that happens to be 0 (a slope
/// of 0, or that of `HardSwish` at -1.5) multiplies.
///
/// Every method gives the same bits for every element, whatever the tier, the length, the alignment, the
/// element's position and the number of threads; they are those of [`eval`](Activation::eval) and
/// [`eval_backward`](Activation::eval_backward). In this crate's activations a NaN input stays NaN. Where it is selected, it keeps its
/// payload and sign, and its gradient passes. `SquaredRelu`, `HardSigmoid` and `HardSwish` compute with it and
/// make it quiet; its gradient there is NaN, but `alpha * dy` for `HardSigmoid`. The NaN of an operation without
/// one (a slope of 0 times infinity), and of one with two (a NaN input times a NaN gradient), has the sign and
/// payload that the compiler and the CPU give it: Rust promises no more. Slices may have any length, 0 too, and
/// any alignment.
///
/// Everything runs on the caller's thread, unless `par` asks for more, and allocates nothing, but for a fresh vector where
/// one is returned.
///
/// # Floating-point mode
/// The default mode of the CPU is assumed, as Rust assumes it: rounding to nearest, and subnormal numbers kept. On a
/// thread that has another mode set, for whatever reason, kernels compute in that mode. They then may differ
/// from the scalar definition, which the compiler may have evaluated beforehand: with subnormal numbers
/// flushed to zero, so do `LeakyRelu::new(0.01)` on subnormal results and `HardShrink::new(0.0)` on subnormal inputs.
/// `par` gives the results of the caller's mode, whatever the mode of the pool's threads (on x86 and AArch64; on others it is
/// not looked at).
///
/// # Panics
/// Methods that take several slices panic if their lengths differ, before they write anything. At first
/// use, see also [`Tier::best`], and for calls whose slices have 256 KiB or more together
/// [`Thresholds::current`](crate::Thresholds::current).
pub trait Activation: Sealed + Copy + Send + Sync {
    /// What is computed: the activation itself, without where it runs. Methods of gradients ask it for
    /// [`Gradient`].
    type Formula: Formula;

    /// This activation with where it runs.
    fn planned(self) -> Planned<Self::Formula>;

    /// `f(x)`: the scalar definition, [`Formula::scalar`]. Every kernel of this crate's activations equals it bit by bit.
    #[inline]
    fn eval<T: Element>(&self, x: T) -> T {
        self.planned().formula.scalar(x)
    }

    /// The gradient of the input for one element, from the gradient of the output: the scalar definition
    /// of [`backward`](Activation::backward), [`Gradient::scalar_gradient`].
    #[inline]
    fn eval_backward<T: Element>(&self, x: T, grad_output: T) -> T
    where
        Self::Formula: Gradient,
    {
        self.planned().formula.scalar_gradient(x, grad_output)
    }

    /// `f'(x)`. At a kink it is the value that [`backward`](Activation::backward) takes there, a
    /// subgradient; each activation says which.
    #[inline]
    fn derivative<T: Element>(&self, x: T) -> T
    where
        Self::Formula: Gradient,
    {
        self.eval_backward(x, T::ONE)
    }

    /// Writes `f(input[i])` to `output[i]`.
    ///
    /// Outputs so large that the last-level cache cannot hold them together with the input are stored
    /// past it.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[track_caller]
    fn forward<T: Element>(&self, input: &[T], output: &mut [T]) {
        same_length([("input", input.len()), ("output", output.len())]);
        let output = buffers::as_output(output);
        let _ = run(self.planned(), &mut Buffers::new([input], output));
    }

    /// Replaces each element of `buffer` by its `f`.
    #[inline]
    fn forward_in_place<T: Element>(&self, buffer: &mut [T]) {
        let _ = run(self.planned(), &mut Buffers::in_place([], buffer));
    }

    /// Writes `f(input[i])` to `output[i]`, which need not be initialised, and returns it as what it then
    /// is. [`forward_to_vec`](Activation::forward_to_vec) is simpler where the output is a fresh vector.
    ///
    /// ```
    /// use std::mem::MaybeUninit;
    ///
    /// use rectify::{Activation, Relu};
    ///
    /// let mut memory = [MaybeUninit::uninit(); 3];
    /// let y: &mut [f32] = Relu.forward_uninit(&[-1.0, 2.0, -3.0], &mut memory);
    /// assert_eq!(y, [0.0, 2.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[track_caller]
    fn forward_uninit<'a, T: Element>(
        &self,
        input: &[T],
        output: &'a mut [MaybeUninit<T>],
    ) -> &'a mut [T] {
        same_length([("input", input.len()), ("output", output.len())]);
        buffers::fill(output, |output| {
            run(self.planned(), &mut Buffers::new([input], output))
        })
    }

    /// `f(input[i])` for each element, in a fresh vector, which is written once and never cleared.
    ///
    /// ```
    /// use rectify::{Activation, Relu};
    ///
    /// assert_eq!(Relu.forward_to_vec(&[-1.0_f32, 2.0]), [0.0, 2.0]);
    /// ```
    #[inline]
    #[must_use]
    fn forward_to_vec<T: Element>(&self, input: &[T]) -> Vec<T> {
        buffers::new_vec(input.len(), |output| {
            run(self.planned(), &mut Buffers::new([input], output))
        })
    }

    /// Writes the gradient of the input to `grad_input`: `grad_output[i] * f'(input[i])`, by selection
    /// where `f'` is 0 or 1. `input` is what [`forward`](Activation::forward) was given, not its result.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[track_caller]
    fn backward<T: Element>(&self, input: &[T], grad_output: &[T], grad_input: &mut [T])
    where
        Self::Formula: Gradient,
    {
        same_length([
            ("input", input.len()),
            ("grad_output", grad_output.len()),
            ("grad_input", grad_input.len()),
        ]);
        let output = buffers::as_output(grad_input);
        let _ = run_gradient(
            self.planned(),
            &mut Buffers::new([input, grad_output], output),
        );
    }

    /// As [`backward`](Activation::backward), with `grad` holding the gradient of the output before and
    /// that of the input after.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[track_caller]
    fn backward_in_place<T: Element>(&self, input: &[T], grad: &mut [T])
    where
        Self::Formula: Gradient,
    {
        same_length([("input", input.len()), ("grad", grad.len())]);
        let _ = run_gradient(self.planned(), &mut Buffers::in_place([input], grad));
    }

    /// As [`backward`](Activation::backward), to a fresh vector.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[must_use]
    #[track_caller]
    fn backward_to_vec<T: Element>(&self, input: &[T], grad_output: &[T]) -> Vec<T>
    where
        Self::Formula: Gradient,
    {
        same_length([("input", input.len()), ("grad_output", grad_output.len())]);
        buffers::new_vec(input.len(), |output| {
            run_gradient(
                self.planned(),
                &mut Buffers::new([input, grad_output], output),
            )
        })
    }

    /// This activation on `tier` instead of [`Tier::best`].
    #[inline]
    #[must_use]
    fn on(self, tier: Tier) -> Planned<Self::Formula> {
        self.planned().on(tier)
    }

    /// This activation over the current Rayon pool: the one that a surrounding
    /// [`ThreadPool::install`](rayon::ThreadPool::install) names, else the global one. The caller's
    /// thread works too. Buffers too small to gain from it are done on the caller's thread alone.
    ///
    /// The caller does everything itself, too, where nobody can help: where all threads of the pool are busy,
    /// where the global pool could not start any, in a process that was forked from one that used `par` before, and
    /// where the pool's threads have another floating-point mode (rounding, or subnormal numbers flushed to zero)
    /// than the caller, which would give other results.
    #[cfg(feature = "parallel")]
    #[inline]
    #[must_use]
    fn par(self) -> Planned<Self::Formula> {
        self.planned().par()
    }
}

impl<F: Formula> Activation for F {
    type Formula = Self;

    #[inline]
    fn planned(self) -> Planned<Self> {
        Planned::new(self)
    }
}

impl<F: Formula> Activation for Planned<F> {
    type Formula = F;

    #[inline]
    fn planned(self) -> Self {
        self
    }
}

/// Runs the formula that `planned` chooses, and says that it did.
#[inline]
fn run<T: Element, F: Formula>(planned: Planned<F>, buffers: &mut Buffers<'_, T, 1>) -> Written<T> {
    struct Forward<'b, 'a, T>(Plan, &'b mut Buffers<'a, T, 1>);

    impl<T: Element> Run for Forward<'_, '_, T> {
        type Done = Written<T>;

        #[inline]
        fn run<F: Formula>(self, formula: F) -> Written<T> {
            self.0.run(Value(formula), self.1)
        }
    }

    planned.formula.choose(Forward(planned.plan, buffers))
}

/// Runs the gradient that `planned` chooses, and says that it did.
#[inline]
fn run_gradient<T: Element, F: Gradient>(
    planned: Planned<F>,
    buffers: &mut Buffers<'_, T, 2>,
) -> Written<T> {
    struct Backward<'b, 'a, T>(Plan, &'b mut Buffers<'a, T, 2>);

    impl<T: Element> RunGradient for Backward<'_, '_, T> {
        type Done = Written<T>;

        #[inline]
        fn run<F: Gradient>(self, formula: F) -> Written<T> {
            self.0.run(Slope(formula), self.1)
        }
    }

    planned
        .formula
        .choose_gradient(Backward(planned.plan, buffers))
}
