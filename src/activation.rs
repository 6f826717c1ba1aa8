//! What a user calls: [`Activation`], and the adaptors that its `on` and `par`
//! return. The mathematics stands in one file an activation, beside this one.

use std::mem::MaybeUninit;

use crate::parallel::Plan;
use crate::slice::{self, Buffers, Map};
use crate::vector::Vector;
use crate::{Element, Tier};

/// Declares each activation's file and type. A new activation is one file and its line here.
macro_rules! activations {
    ($($file:ident::$activation:ident,)*) => {
        $(mod $file;)*

        /// The activations, for the root to re-export.
        pub(crate) mod all {
            $(pub use super::$file::$activation;)*
        }
    };
}

activations! {
    clip::Clip,
    hard_shrink::HardShrink,
    hard_sigmoid::HardSigmoid,
    hard_swish::HardSwish,
    hard_tanh::HardTanh,
    leaky_relu::LeakyRelu,
    prelu::PRelu,
    relu::Relu,
    relu6::Relu6,
    soft_shrink::SoftShrink,
    squared_relu::SquaredRelu,
    thresholded_relu::ThresholdedRelu,
}

/// The vector form of an activation. Out of the crate's reach, so it seals [`Activation`].
///
/// On every register these give, lane by lane, the bits of [`Activation::eval`] and
/// [`Activation::eval_backward`].
pub trait Formula: Copy + Send + Sync {
    /// [`Activation::eval`] of a register.
    fn vector_forward<V: Vector>(self, x: V) -> V;

    /// [`Activation::eval_backward`] of two registers.
    fn vector_backward<V: Vector>(self, x: V, grad_output: V) -> V;

    /// Runs the forward kernel. Replaced where parameters choose between formulas.
    #[inline]
    fn run_forward<T: Element>(self, plan: Plan, buffers: Buffers<'_, T, 1>) {
        plan.run(Forward(self), buffers);
    }

    /// Runs the backward kernel.
    #[inline]
    fn run_backward<T: Element>(self, plan: Plan, buffers: Buffers<'_, T, 2>) {
        plan.run(Backward(self), buffers);
    }

    /// Where it runs.
    #[inline(always)]
    fn plan(self) -> Plan {
        Plan::default()
    }
}

#[derive(Clone, Copy)]
struct Forward<A>(A);

impl<A: Formula> Map<1> for Forward<A> {
    #[inline(always)]
    fn apply<V: Vector>(self, [x]: [V; 1]) -> V {
        self.0.vector_forward(x)
    }
}

#[derive(Clone, Copy)]
struct Backward<A>(A);

impl<A: Formula> Map<2> for Backward<A> {
    #[inline(always)]
    fn apply<V: Vector>(self, [x, grad_output]: [V; 2]) -> V {
        self.0.vector_backward(x, grad_output)
    }
}

/// An activation function, applied element by element to slices of `f32` or `f64`. Sealed: its
/// implementors are the activations of this crate and their adaptors.
///
/// With `f` for the function and `f'` for its derivative, *forward* writes `y[i] = f(x[i])` and
/// *backward* `dx[i] = dy[i] * f'(x[i])`. Where the formula has a branch of gradient 0 or 1, that is a selection:
/// it gives `+0` or `dy[i]` itself, even where `dy[i]` is infinite or NaN. A factor that happens to be 0 (a slope
/// of 0, or that of `HardSwish` at -1.5) multiplies.
///
/// Every method gives the same bits for every element, whatever the tier, the length, the alignment, the
/// element's position and the number of threads; they are those of [`eval`](Activation::eval) and
/// [`eval_backward`](Activation::eval_backward). A NaN input stays NaN. Where it is selected, it keeps its
/// payload and sign, and its gradient passes. `SquaredRelu`, `HardSigmoid` and `HardSwish` compute with it and
/// make it quiet; its gradient there is NaN, but `alpha * dy` for `HardSigmoid`. The NaN of an operation without
/// one (a slope of 0 times infinity), and of one with two (a NaN input times a NaN gradient), has the sign and
/// payload that the compiler and the CPU give it: Rust promises no more. Slices may have any length, 0 too, and
/// any alignment.
///
/// Everything runs on the caller's thread and without allocations, unless `par` asks for more.
///
/// # Panics
/// Methods that take several slices panic if their lengths differ, before they write anything. At first
/// use, see also [`Tier::best`], and for calls whose slices have 256 KiB or more together
/// [`Thresholds::current`](crate::Thresholds::current).
pub trait Activation: Formula {
    /// `f(x)`: the scalar definition, which every kernel equals bit by bit.
    fn eval<T: Element>(&self, x: T) -> T;

    /// The gradient of the input for one element, from the gradient of the output: the scalar definition
    /// of [`backward`](Activation::backward).
    fn eval_backward<T: Element>(&self, x: T, grad_output: T) -> T;

    /// `f'(x)`. At a kink it is the value that [`backward`](Activation::backward) takes there, a
    /// subgradient; each activation says which.
    #[inline]
    fn derivative<T: Element>(&self, x: T) -> T {
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
        self.forward_uninit(input, slice::as_output(output));
    }

    /// Replaces each element of `buffer` by its `f`.
    #[inline]
    fn forward_in_place<T: Element>(&self, buffer: &mut [T]) {
        self.run_forward(self.plan(), Buffers::forward_in_place(buffer));
    }

    /// Writes `f(input[i])` to `output[i]`, which need not be initialised, and returns it as what it then
    /// is. Saves clearing a fresh buffer.
    ///
    /// ```
    /// use rectify::{Activation, Relu};
    ///
    /// let x = [-1.0_f32, 2.0, -3.0];
    /// let mut y = Vec::with_capacity(x.len());
    /// Relu.forward_uninit(&x, &mut y.spare_capacity_mut()[..x.len()]);
    /// // SAFETY: `forward_uninit` has written the first `x.len()` elements.
    /// unsafe { y.set_len(x.len()) };
    /// assert_eq!(y, [0.0, 2.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If the lengths differ.
    #[allow(unsafe_code)]
    #[inline]
    #[track_caller]
    fn forward_uninit<'a, T: Element>(
        &self,
        input: &[T],
        output: &'a mut [MaybeUninit<T>],
    ) -> &'a mut [T] {
        same_length([("input", input.len()), ("output", output.len())]);
        self.run_forward(self.plan(), Buffers::new([input], output));
        // SAFETY: the kernel wrote every element.
        unsafe { slice::assume_written(output) }
    }

    /// Writes the gradient of the input to `grad_input`: `grad_output[i] * f'(input[i])`, by selection
    /// where `f'` is 0 or 1. `input` is what [`forward`](Activation::forward) was given, not its result.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[track_caller]
    fn backward<T: Element>(&self, input: &[T], grad_output: &[T], grad_input: &mut [T]) {
        same_length([
            ("input", input.len()),
            ("grad_output", grad_output.len()),
            ("grad_input", grad_input.len()),
        ]);
        self.run_backward(
            self.plan(),
            Buffers::new([input, grad_output], slice::as_output(grad_input)),
        );
    }

    /// As [`backward`](Activation::backward), with `grad` holding the gradient of the output before and
    /// that of the input after.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[track_caller]
    fn backward_in_place<T: Element>(&self, input: &[T], grad: &mut [T]) {
        same_length([("input", input.len()), ("grad", grad.len())]);
        self.run_backward(self.plan(), Buffers::backward_in_place(input, grad));
    }

    /// This activation on `tier` instead of [`Tier::best`].
    #[inline]
    #[must_use]
    fn on(self, tier: Tier) -> On<Self> {
        On {
            activation: self,
            tier,
        }
    }

    /// This activation over the current Rayon pool: the one that a surrounding
    /// [`ThreadPool::install`](rayon::ThreadPool::install) names, else the global one. The caller's
    /// thread works too. Buffers too small to gain from it are done on the caller's thread alone.
    #[cfg(feature = "parallel")]
    #[inline]
    #[must_use]
    fn par(self) -> Par<Self> {
        Par { activation: self }
    }
}

/// An activation on a tier of the caller's choice: what [`Activation::on`] returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct On<A> {
    activation: A,
    tier: Tier,
}

/// An activation over the current Rayon pool: what [`Activation::par`] returns.
#[cfg(feature = "parallel")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Par<A> {
    activation: A,
}

/// An adaptor is the activation that it holds, run as `$plan` says.
macro_rules! adaptor {
    ($adaptor:ident, |$self:ident| $plan:expr) => {
        impl<A: Activation> Formula for $adaptor<A> {
            #[inline(always)]
            fn vector_forward<V: Vector>(self, x: V) -> V {
                self.activation.vector_forward(x)
            }

            #[inline(always)]
            fn vector_backward<V: Vector>(self, x: V, grad_output: V) -> V {
                self.activation.vector_backward(x, grad_output)
            }

            #[inline]
            fn run_forward<T: Element>(self, plan: Plan, buffers: Buffers<'_, T, 1>) {
                self.activation.run_forward(plan, buffers);
            }

            #[inline]
            fn run_backward<T: Element>(self, plan: Plan, buffers: Buffers<'_, T, 2>) {
                self.activation.run_backward(plan, buffers);
            }

            #[inline(always)]
            fn plan($self) -> Plan {
                $plan
            }
        }

        impl<A: Activation> Activation for $adaptor<A> {
            #[inline]
            fn eval<T: Element>(&self, x: T) -> T {
                self.activation.eval(x)
            }

            #[inline]
            fn eval_backward<T: Element>(&self, x: T, grad_output: T) -> T {
                self.activation.eval_backward(x, grad_output)
            }
        }
    };
}

adaptor!(On, |self| Plan {
    tier: Some(self.tier),
    ..self.activation.plan()
});

#[cfg(feature = "parallel")]
adaptor!(Par, |self| Plan {
    parallel: true,
    ..self.activation.plan()
});

/// Panics at the caller's line unless all lengths are equal.
#[inline]
#[track_caller]
pub(crate) fn same_length<const N: usize>(slices: [(&str, usize); N]) {
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn fail<const N: usize>(slices: [(&str, usize); N]) -> ! {
        // By value, so that the names are put together only on the way here.
        let lengths = slices.map(|(name, len)| format!("`{name}` has {len} elements"));
        panic!("slices of different lengths: {}", lengths.join(", "));
    }
    if slices.iter().any(|slice| slice.1 != slices[0].1) {
        fail(slices);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Relu;

    /// Every tier gives the same bits, so nothing else would notice an adaptor that did nothing.
    #[test]
    fn adaptors_ask_for_what_they_say() {
        assert_eq!(Relu.plan().tier, None);
        assert!(!Relu.plan().parallel);
        for tier in Tier::available() {
            assert_eq!(Relu.on(tier).plan().tier, Some(tier));
            assert!(!Relu.on(tier).plan().parallel);
            #[cfg(feature = "parallel")]
            for plan in [Relu.on(tier).par().plan(), Relu.par().on(tier).plan()] {
                assert_eq!(plan.tier, Some(tier));
                assert!(plan.parallel);
            }
        }
        // The last one said holds.
        let tiers = || Tier::available();
        let (first, last) = (tiers().next(), tiers().next_back());
        let (first, last) = (first.expect("portable"), last.expect("portable"));
        assert_eq!(Relu.on(first).on(last).plan().tier, Some(last));
    }
}
