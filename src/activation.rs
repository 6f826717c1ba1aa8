//! What users call: [`Activation`]. The mathematics stands in one file an activation, beside this one.

use std::mem::MaybeUninit;

use crate::arch::Tier;
use crate::channels::Channels;
use crate::element::Element;
use crate::engine::buffers::{self, Buffers};
use crate::formula::{Formula, Gradient, GradientFromOutput};
use crate::fused::{self, Halves};
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
/// payload and sign, and its gradient passes. `SquaredRelu`, `HardSigmoid`, `HardSwish` and the smooth activations compute with it and
/// make it quiet; its gradient there is NaN, but `alpha * dy` for `HardSigmoid`, `dy` for `Elu` and `Celu`, and `dy` times the
/// scale for `Selu`. The NaN of an operation without
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
/// [What each mode changes](crate::guide::tuning#the-floating-point-mode), and what it does not, is tested.
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
        let _ = fused::forward(self.planned(), &mut Buffers::new([input], output));
    }

    /// Replaces each element of `buffer` by its `f`.
    #[inline]
    fn forward_in_place<T: Element>(&self, buffer: &mut [T]) {
        let _ = fused::forward(self.planned(), &mut Buffers::in_place([], buffer));
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
            fused::forward(self.planned(), &mut Buffers::new([input], output))
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
            fused::forward(self.planned(), &mut Buffers::new([input], output))
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
        let _ = fused::backward(
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
        let _ = fused::backward(self.planned(), &mut Buffers::in_place([input], grad));
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
            fused::backward(
                self.planned(),
                &mut Buffers::new([input, grad_output], output),
            )
        })
    }

    /// As [`backward`](Activation::backward), from what [`forward`](Activation::forward) returned instead of what it was
    /// given: `grad_output[i]` times the derivative, as a function of `output[i]`. So whoever works in place can train.
    /// Formulas that have it are [`GradientFromOutput`]; with another it does not compile:
    ///
    /// ```compile_fail,E0271
    /// # use rectify::{Activation, HardSwish};
    /// // Two inputs have the same output.
    /// HardSwish.backward_from_output(&[0.0_f32], &[1.0], &mut [0.0]);
    /// ```
    ///
    /// ```
    /// use rectify::{Activation, Relu};
    ///
    /// let mut x = [-1.0_f32, 2.0];
    /// Relu.forward_in_place(&mut x);
    /// let mut dx = [0.0; 2];
    /// Relu.backward_from_output(&x, &[5.0, 5.0], &mut dx);
    /// assert_eq!(dx, [0.0, 5.0]);
    /// ```
    ///
    /// # Panics
    /// If the lengths differ, or where parameters have no such gradient, as a slope of [`LeakyRelu`](crate::LeakyRelu)
    /// that is not above 0.
    #[inline]
    #[track_caller]
    fn backward_from_output<T: Element>(
        &self,
        output: &[T],
        grad_output: &[T],
        grad_input: &mut [T],
    ) where
        Self::Formula: GradientFromOutput,
    {
        self.planned().formula.check_parameters();
        same_length([
            ("output", output.len()),
            ("grad_output", grad_output.len()),
            ("grad_input", grad_input.len()),
        ]);
        let to = buffers::as_output(grad_input);
        let _ = fused::backward_from_output(
            self.planned(),
            &mut Buffers::new([output, grad_output], to),
        );
    }

    /// As [`backward_from_output`](Activation::backward_from_output), with `grad` holding the gradient of the output before
    /// and that of the input after.
    ///
    /// # Panics
    /// As [`backward_from_output`](Activation::backward_from_output).
    #[inline]
    #[track_caller]
    fn backward_from_output_in_place<T: Element>(&self, output: &[T], grad: &mut [T])
    where
        Self::Formula: GradientFromOutput,
    {
        self.planned().formula.check_parameters();
        same_length([("output", output.len()), ("grad", grad.len())]);
        let _ = fused::backward_from_output(self.planned(), &mut Buffers::in_place([output], grad));
    }

    /// Writes `f(input[i] + b)` to `output[i]`, where `b` is the value of the element's channel in `bias`. The sum is
    /// rounded before `f`, so the bits are those of a pass that adds and one that applies `f`.
    ///
    /// ```
    /// use rectify::{Activation, Channels, Relu};
    ///
    /// // Two rows of three channels.
    /// let (x, bias) = ([-2.0_f32, 1.0, 3.0, 0.5, -4.0, 1.0], [1.0, 2.0, -5.0]);
    /// let mut y = [0.0; 6];
    /// Relu.forward_bias(&x, Channels::last(&bias), &mut y);
    /// assert_eq!(y, [0.0, 3.0, 0.0, 1.5, 0.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If the lengths differ, or are no multiple of `inner * channels`.
    #[track_caller]
    fn forward_bias<T: Element>(&self, input: &[T], bias: Channels<'_, T>, output: &mut [T]) {
        same_length([("input", input.len()), ("output", output.len())]);
        bias.divide("input", input.len());
        let output = buffers::as_output(output);
        let _ = fused::forward_bias(self.planned(), &bias, &mut Buffers::new([input], output));
    }

    /// Replaces each element `x` of `buffer` by `f(x + b)`: see [`forward_bias`](Activation::forward_bias).
    ///
    /// # Panics
    /// If its length is no multiple of `inner * channels`.
    #[track_caller]
    fn forward_bias_in_place<T: Element>(&self, bias: Channels<'_, T>, buffer: &mut [T]) {
        bias.divide("buffer", buffer.len());
        let _ = fused::forward_bias(self.planned(), &bias, &mut Buffers::in_place([], buffer));
    }

    /// As [`forward_bias`](Activation::forward_bias), to a fresh vector.
    ///
    /// # Panics
    /// If the length is no multiple of `inner * channels`.
    #[must_use]
    #[track_caller]
    fn forward_bias_to_vec<T: Element>(&self, input: &[T], bias: Channels<'_, T>) -> Vec<T> {
        bias.divide("input", input.len());
        buffers::new_vec(input.len(), |output| {
            fused::forward_bias(self.planned(), &bias, &mut Buffers::new([input], output))
        })
    }

    /// Writes the gradient of the input of [`forward_bias`](Activation::forward_bias) to `grad_input`: `grad_output[i]` times
    /// the derivative at `input[i] + b`. That of the bias is its sum by channels: [`Channels::sum`].
    ///
    /// # Panics
    /// As [`forward_bias`](Activation::forward_bias).
    #[track_caller]
    fn backward_bias<T: Element>(
        &self,
        input: &[T],
        bias: Channels<'_, T>,
        grad_output: &[T],
        grad_input: &mut [T],
    ) where
        Self::Formula: Gradient,
    {
        same_length([
            ("input", input.len()),
            ("grad_output", grad_output.len()),
            ("grad_input", grad_input.len()),
        ]);
        bias.divide("input", input.len());
        let output = buffers::as_output(grad_input);
        let buffers = &mut Buffers::new([input, grad_output], output);
        let _ = fused::backward_bias(self.planned(), &bias, buffers);
    }

    /// As [`backward_bias`](Activation::backward_bias), with `grad` holding the gradient of the output before and that of
    /// the input after.
    ///
    /// # Panics
    /// As [`forward_bias`](Activation::forward_bias).
    #[track_caller]
    fn backward_bias_in_place<T: Element>(&self, input: &[T], bias: Channels<'_, T>, grad: &mut [T])
    where
        Self::Formula: Gradient,
    {
        same_length([("input", input.len()), ("grad", grad.len())]);
        bias.divide("input", input.len());
        let _ = fused::backward_bias(self.planned(), &bias, &mut Buffers::in_place([input], grad));
    }

    /// As [`backward_bias`](Activation::backward_bias), to a fresh vector.
    ///
    /// # Panics
    /// As [`forward_bias`](Activation::forward_bias).
    #[must_use]
    #[track_caller]
    fn backward_bias_to_vec<T: Element>(
        &self,
        input: &[T],
        bias: Channels<'_, T>,
        grad_output: &[T],
    ) -> Vec<T>
    where
        Self::Formula: Gradient,
    {
        same_length([("input", input.len()), ("grad_output", grad_output.len())]);
        bias.divide("input", input.len());
        buffers::new_vec(input.len(), |output| {
            let buffers = &mut Buffers::new([input, grad_output], output);
            fused::backward_bias(self.planned(), &bias, buffers)
        })
    }

    /// Writes `f(input[i] + residual[i])` to `output[i]`. The sum is rounded before `f`.
    ///
    /// ```
    /// use rectify::{Activation, Relu};
    ///
    /// let mut y = [0.0_f32; 2];
    /// Relu.forward_residual(&[1.0, -4.0], &[2.0, 3.0], &mut y);
    /// assert_eq!(y, [3.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[track_caller]
    fn forward_residual<T: Element>(&self, input: &[T], residual: &[T], output: &mut [T]) {
        same_length([
            ("input", input.len()),
            ("residual", residual.len()),
            ("output", output.len()),
        ]);
        let output = buffers::as_output(output);
        let mut buffers = Buffers::new([input, residual], output);
        let _ = fused::forward_residual(self.planned(), &mut buffers);
    }

    /// Replaces each element `x` of `buffer` by `f(x + residual[i])`.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[track_caller]
    fn forward_residual_in_place<T: Element>(&self, residual: &[T], buffer: &mut [T]) {
        same_length([("residual", residual.len()), ("buffer", buffer.len())]);
        let mut buffers = Buffers::in_place([residual], buffer);
        let _ = fused::forward_residual(self.planned(), &mut buffers);
    }

    /// As [`forward_residual`](Activation::forward_residual), to a fresh vector.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[must_use]
    #[track_caller]
    fn forward_residual_to_vec<T: Element>(&self, input: &[T], residual: &[T]) -> Vec<T> {
        same_length([("input", input.len()), ("residual", residual.len())]);
        buffers::new_vec(input.len(), |output| {
            let mut buffers = Buffers::new([input, residual], output);
            fused::forward_residual(self.planned(), &mut buffers)
        })
    }

    /// Writes the gradient of the input of [`forward_residual`](Activation::forward_residual), which is that of the residual,
    /// too, to `grad_input`: `grad_output[i]` times the derivative at `input[i] + residual[i]`.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[track_caller]
    fn backward_residual<T: Element>(
        &self,
        input: &[T],
        residual: &[T],
        grad_output: &[T],
        grad_input: &mut [T],
    ) where
        Self::Formula: Gradient,
    {
        same_length([
            ("input", input.len()),
            ("residual", residual.len()),
            ("grad_output", grad_output.len()),
            ("grad_input", grad_input.len()),
        ]);
        let output = buffers::as_output(grad_input);
        let mut buffers = Buffers::new([input, residual, grad_output], output);
        let _ = fused::backward_residual(self.planned(), &mut buffers);
    }

    /// As [`backward_residual`](Activation::backward_residual), with `grad` holding the gradient of the output before and
    /// that of the input after.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[track_caller]
    fn backward_residual_in_place<T: Element>(&self, input: &[T], residual: &[T], grad: &mut [T])
    where
        Self::Formula: Gradient,
    {
        same_length([
            ("input", input.len()),
            ("residual", residual.len()),
            ("grad", grad.len()),
        ]);
        let mut buffers = Buffers::in_place([input, residual], grad);
        let _ = fused::backward_residual(self.planned(), &mut buffers);
    }

    /// As [`backward_residual`](Activation::backward_residual), to a fresh vector.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[must_use]
    #[track_caller]
    fn backward_residual_to_vec<T: Element>(
        &self,
        input: &[T],
        residual: &[T],
        grad_output: &[T],
    ) -> Vec<T>
    where
        Self::Formula: Gradient,
    {
        same_length([
            ("input", input.len()),
            ("residual", residual.len()),
            ("grad_output", grad_output.len()),
        ]);
        buffers::new_vec(input.len(), |output| {
            let mut buffers = Buffers::new([input, residual, grad_output], output);
            fused::backward_residual(self.planned(), &mut buffers)
        })
    }

    /// Writes `f(gate[i]) * value[i]` to `output[i]`: with [`Silu`](crate::Silu) SwiGLU, with [`Gelu`](crate::Gelu) GEGLU,
    /// with [`Sigmoid`](crate::Sigmoid) GLU. `f` is rounded, and then the product.
    ///
    /// Source: Shazeer, *GLU Variants Improve Transformer*, 2020.
    ///
    /// ```
    /// use rectify::{Activation, Relu};
    ///
    /// let mut y = [0.0_f32; 2];
    /// Relu.forward_gated(&[2.0, -1.0], &[5.0, 7.0], &mut y);
    /// assert_eq!(y, [10.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[track_caller]
    fn forward_gated<T: Element>(&self, gate: &[T], value: &[T], output: &mut [T]) {
        same_length([
            ("gate", gate.len()),
            ("value", value.len()),
            ("output", output.len()),
        ]);
        let output = buffers::as_output(output);
        let mut buffers = Buffers::new([gate, value], output);
        let _ = fused::forward_gated(self.planned(), &mut buffers);
    }

    /// Replaces each element `u` of `buffer`, the value, by `f(gate[i]) * u`.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[track_caller]
    fn forward_gated_in_place<T: Element>(&self, gate: &[T], buffer: &mut [T]) {
        same_length([("gate", gate.len()), ("buffer", buffer.len())]);
        let mut buffers = Buffers::in_place([gate], buffer);
        let _ = fused::forward_gated(self.planned(), &mut buffers);
    }

    /// As [`forward_gated`](Activation::forward_gated), to a fresh vector.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[must_use]
    #[track_caller]
    fn forward_gated_to_vec<T: Element>(&self, gate: &[T], value: &[T]) -> Vec<T> {
        same_length([("gate", gate.len()), ("value", value.len())]);
        buffers::new_vec(gate.len(), |output| {
            let mut buffers = Buffers::new([gate, value], output);
            fused::forward_gated(self.planned(), &mut buffers)
        })
    }

    /// Writes the gradients of [`forward_gated`](Activation::forward_gated), in one pass: to `grad_gate` that of the gate,
    /// `grad_output[i] * value[i]` times the derivative at `gate[i]`, and to `grad_value` that of the value,
    /// `grad_output[i] * f(gate[i])`.
    ///
    /// # Panics
    /// If the lengths differ.
    #[track_caller]
    fn backward_gated<T: Element>(
        &self,
        gate: &[T],
        value: &[T],
        grad_output: &[T],
        grad_gate: &mut [T],
        grad_value: &mut [T],
    ) where
        Self::Formula: Gradient,
    {
        same_length([
            ("gate", gate.len()),
            ("value", value.len()),
            ("grad_output", grad_output.len()),
            ("grad_gate", grad_gate.len()),
            ("grad_value", grad_value.len()),
        ]);
        let outputs = [grad_gate, grad_value];
        let mut buffers = Buffers::with_two_outputs([gate, value, grad_output], outputs);
        let _ = fused::backward_gated(self.planned(), &mut buffers);
    }

    /// As [`forward_gated`](Activation::forward_gated), where gate and value are the halves of each row of `input`.
    ///
    /// ```
    /// use rectify::{Activation, Halves, Relu};
    ///
    /// // Two rows, of which the first half is the gate.
    /// let rows = [2.0_f32, -1.0, 5.0, 7.0, 1.0, 3.0, 2.0, 0.5];
    /// let mut y = [0.0; 4];
    /// Relu.forward_gated_halves(&rows, Halves::gate_first(2), &mut y);
    /// assert_eq!(y, [10.0, 0.0, 2.0, 1.5]);
    /// ```
    ///
    /// # Panics
    /// If the length of `input` is no multiple of two halves, or that of `output` is not half of it.
    #[track_caller]
    fn forward_gated_halves<T: Element>(&self, input: &[T], halves: Halves, output: &mut [T]) {
        halves.check(("input", input.len()), &[("output", output.len())]);
        fused::forward_halves(self.planned(), halves, input, output);
    }

    /// As [`forward_gated_halves`](Activation::forward_gated_halves), to a fresh vector.
    ///
    /// # Panics
    /// If the length of `input` is no multiple of two halves.
    #[must_use]
    #[track_caller]
    fn forward_gated_halves_to_vec<T: Element>(&self, input: &[T], halves: Halves) -> Vec<T> {
        halves.check(("input", input.len()), &[]);
        let mut output = vec![T::ZERO; input.len() / 2];
        fused::forward_halves(self.planned(), halves, input, &mut output);
        output
    }

    /// Writes the gradients of [`forward_gated_halves`](Activation::forward_gated_halves) to the halves of each row of
    /// `grad_input`, where gate and value stand in `input`: see [`backward_gated`](Activation::backward_gated).
    ///
    /// # Panics
    /// As [`forward_gated_halves`](Activation::forward_gated_halves), and if `grad_input` is not as long as `input`.
    #[track_caller]
    fn backward_gated_halves<T: Element>(
        &self,
        input: &[T],
        halves: Halves,
        grad_output: &[T],
        grad_input: &mut [T],
    ) where
        Self::Formula: Gradient,
    {
        same_length([("input", input.len()), ("grad_input", grad_input.len())]);
        halves.check(
            ("input", input.len()),
            &[("grad_output", grad_output.len())],
        );
        fused::backward_halves(self.planned(), halves, (input, grad_output), grad_input);
    }

    /// This activation on `tier` instead of [`Tier::best`].
    #[inline]
    #[must_use]
    fn on(self, tier: Tier) -> Planned<Self::Formula> {
        self.planned().on(tier)
    }

    /// This activation over the current Rayon pool: the one that a surrounding [`ThreadPool::install`] names, else the
    /// global one. The caller's thread works too. Buffers too small to gain from it are done on the caller's thread alone.
    ///
    /// The caller does everything itself, too, where nobody can help: where all threads of the pool are busy,
    /// where the global pool could not start any, in a process that was forked from one that used `par` before, and
    /// where the pool's threads have another floating-point mode (rounding, or subnormal numbers flushed to zero)
    /// than the caller, which would give other results.
    ///
    /// [`ThreadPool::install`]: https://docs.rs/rayon/latest/rayon/struct.ThreadPool.html#method.install
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
