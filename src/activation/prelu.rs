use std::mem::MaybeUninit;

use super::leaky_relu::LeakyRelu;
use crate::arch::Tier;
use crate::channels::{Channels, Values, long_row, sums};
use crate::element::Element;
use crate::engine::buffers::{self, Buffers, Written};
use crate::engine::{Piece, Plan};
use crate::formula::{Formula, Gradient, Map, Run, RunGradient, Slope, Value};
use crate::lengths::same_length;
use crate::vector::Vector;

/// The parametric rectified linear unit: leaky ReLU with a slope of its own for each channel,
/// `f(x) = slopes[c] * x` for `x < 0`, else `x`.
///
/// Which elements are channel `c`, [`Channels`] says: `PRelu::new(Channels::last(&slopes))` where channels are the
/// last axis, `PRelu::new(Channels::new(&slopes, inner))` with an `inner` of H x W for NCHW. A buffer's
/// length must be a multiple of `inner * slopes.len()`. It borrows the slopes: keep them in your layer, and make a
/// `PRelu` for each call, which costs nothing.
///
/// The gradient of the input is `slopes[c] * dy` for `x <= 0`, else `dy`. That of a slope is the sum of
/// `x * dy` over the elements of its channel where `x <= 0`. NaN and zeros are as in [`LeakyRelu`]; an element
/// whose `x` is NaN adds nothing to its slope's gradient. Slopes are learned, so they are not looked at: a slope that
/// is NaN makes NaN of every negative element of its channel.
///
/// It has the methods of [`Activation`](crate::Activation), which it is not: what becomes of an element depends
/// on where it stands. Every one gives the same bits on every tier, at any alignment and number of threads,
/// with the exceptions for NaN that are stated there.
///
/// Source: He, Zhang, Ren and Sun, *Delving Deep into Rectifiers*, 2015.
///
/// ```
/// use rectify::{Channels, PRelu};
///
/// // Two pixels of three channels, channels last.
/// let slopes = [0.5_f32, 0.1, 2.0];
/// let mut y = [-1.0, -1.0, -1.0, 4.0, -20.0, 4.0];
/// PRelu::new(Channels::last(&slopes)).forward_in_place(&mut y);
/// assert_eq!(y, [-0.5, -0.1, -2.0, 4.0, -2.0, 4.0]);
///
/// // The same numbers as three planes of two pixels.
/// let mut y = [-1.0, 4.0, -1.0, -20.0, -1.0, 4.0];
/// PRelu::new(Channels::new(&slopes, 2)).forward_in_place(&mut y);
/// assert_eq!(y, [-0.5, 4.0, -0.1, -2.0, -2.0, 4.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PRelu<'a, T> {
    slopes: Channels<'a, T>,
    plan: Plan,
}

impl<'a, T: Element> PRelu<'a, T> {
    /// With a slope for each channel.
    #[inline]
    #[must_use]
    pub fn new(slopes: Channels<'a, T>) -> Self {
        let plan = Plan::default();
        Self { slopes, plan }
    }

    /// The slopes, one a channel.
    #[inline]
    #[must_use]
    pub fn slopes(&self) -> Channels<'a, T> {
        self.slopes
    }

    /// The activation of channel `channel`: the scalar definition is that of [`LeakyRelu`]. Of a slope that is NaN it has a
    /// slope that is NaN, which [`LeakyRelu::new`] refuses, and so does its text form.
    ///
    /// # Panics
    /// If there is no such channel.
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn of_channel(&self, channel: usize) -> LeakyRelu {
        LeakyRelu::with_learned(self.slopes.values()[channel].into())
    }

    /// Writes `f(input[i])` to `output[i]`.
    ///
    /// # Panics
    /// If the lengths differ, or are no multiple of `inner * channels`.
    #[track_caller]
    pub fn forward(&self, input: &[T], output: &mut [T]) {
        self.forward_uninit(input, buffers::as_output(output));
    }

    /// Replaces each element of `buffer` by its `f`.
    ///
    /// # Panics
    /// If its length is no multiple of `inner * channels`.
    #[track_caller]
    pub fn forward_in_place(&self, buffer: &mut [T]) {
        self.slopes.divide("buffer", buffer.len());
        let _ = self.run_forward(&mut Buffers::in_place([], buffer));
    }

    /// Writes `f(input[i])` to `output[i]`, which need not be initialised, and returns it as what it then
    /// is.
    ///
    /// # Panics
    /// As [`forward`](PRelu::forward).
    #[track_caller]
    pub fn forward_uninit<'o>(&self, input: &[T], output: &'o mut [MaybeUninit<T>]) -> &'o mut [T] {
        same_length([("input", input.len()), ("output", output.len())]);
        self.slopes.divide("input", input.len());
        buffers::fill(output, |output| {
            self.run_forward(&mut Buffers::new([input], output))
        })
    }

    /// `f(input[i])` for each element, in a fresh vector.
    ///
    /// # Panics
    /// If its length is no multiple of `inner * channels`.
    #[must_use]
    #[track_caller]
    pub fn forward_to_vec(&self, input: &[T]) -> Vec<T> {
        self.slopes.divide("input", input.len());
        buffers::new_vec(input.len(), |output| {
            self.run_forward(&mut Buffers::new([input], output))
        })
    }

    /// Writes the gradient of the input to `grad_input`.
    ///
    /// # Panics
    /// As [`forward`](PRelu::forward).
    #[track_caller]
    pub fn backward(&self, input: &[T], grad_output: &[T], grad_input: &mut [T]) {
        same_length([
            ("input", input.len()),
            ("grad_output", grad_output.len()),
            ("grad_input", grad_input.len()),
        ]);
        self.slopes.divide("input", input.len());
        let output = buffers::as_output(grad_input);
        let _ = self.run_backward(&mut Buffers::new([input, grad_output], output));
    }

    /// As [`backward`](PRelu::backward), with `grad` holding the gradient of the output before and that of
    /// the input after.
    ///
    /// # Panics
    /// As [`forward`](PRelu::forward).
    #[track_caller]
    pub fn backward_in_place(&self, input: &[T], grad: &mut [T]) {
        same_length([("input", input.len()), ("grad", grad.len())]);
        self.slopes.divide("input", input.len());
        let _ = self.run_backward(&mut Buffers::in_place([input], grad));
    }

    /// As [`backward`](PRelu::backward), to a fresh vector.
    ///
    /// # Panics
    /// As [`forward`](PRelu::forward).
    #[must_use]
    #[track_caller]
    pub fn backward_to_vec(&self, input: &[T], grad_output: &[T]) -> Vec<T> {
        same_length([("input", input.len()), ("grad_output", grad_output.len())]);
        self.slopes.divide("input", input.len());
        buffers::new_vec(input.len(), |output| {
            self.run_backward(&mut Buffers::new([input, grad_output], output))
        })
    }

    /// Writes the gradient of each slope to `grad_slopes`: the sum of `x * dy` over the elements of the channel
    /// where `x <= 0`. A channel without elements has the gradient 0.
    ///
    /// The sum is the same to the bit on every tier and at any number of threads. Products are rounded to
    /// `T`; at most 64 of them are added in `T`, and these sums in `f64`. With `u` the unit roundoff of `T`
    /// (2^-24, 2^-53) and `n` the elements of a channel, the result is off by at most
    /// `(66 + n * 2^-53 / u) * u` times the sum of `|x * dy|`, as long as nothing overflows or becomes
    /// subnormal. Allocates an `f64` for each plane, or one for each channel and every 64 of its
    /// elements; one for each channel; and up to 2,048 elements, or one a channel, for each thread.
    ///
    /// # Panics
    /// As [`forward`](PRelu::forward), and if `grad_slopes` does not have an element for each channel.
    #[track_caller]
    pub fn backward_slopes(&self, input: &[T], grad_output: &[T], grad_slopes: &mut [T]) {
        same_length([("input", input.len()), ("grad_output", grad_output.len())]);
        same_length([
            ("slopes", self.slopes.values().len()),
            ("grad_slopes", grad_slopes.len()),
        ]);
        self.slopes.divide("input", input.len());
        let inputs = [input, grad_output];
        sums::sum(self.slopes, self.plan, SlopeTerm, inputs, grad_slopes);
    }

    /// On `tier` instead of [`Tier::best`].
    #[must_use]
    pub fn on(self, tier: Tier) -> Self {
        let plan = self.plan.on(tier);
        Self { plan, ..self }
    }

    /// Over the current Rayon pool, as [`Activation::par`](crate::Activation::par).
    #[cfg(feature = "parallel")]
    #[must_use]
    pub fn par(self) -> Self {
        let plan = self.plan.par();
        Self { plan, ..self }
    }

    fn run_forward(&self, buffers: &mut Buffers<'_, T, 1>) -> Written<T> {
        self.plan.run_in_pieces(
            <ForwardEach as Map<2>>::MEMORY_BOUND,
            buffers,
            |place, start, piece| {
                let (slopes, long_row) = (self.slopes, long_row(place));
                slopes.cut(long_row, start, piece, |slopes, whole, part| match slopes {
                    Values::One(slope) => {
                        of_slope(slope).choose(OnPiece(place, &whole.window(part)))
                    }
                    Values::Each(slopes) => {
                        place.run(ForwardEach, &whole.window(part).with_input(slopes))
                    }
                    Values::EachOfRows(slopes) => {
                        place.run_rows(ForwardEach, slopes, &mut whole.window(part))
                    }
                });
            },
        )
    }

    fn run_backward(&self, buffers: &mut Buffers<'_, T, 2>) -> Written<T> {
        self.plan.run_in_pieces(
            <BackwardEach as Map<3>>::MEMORY_BOUND,
            buffers,
            |place, start, piece| {
                let (slopes, long_row) = (self.slopes, long_row(place));
                slopes.cut(long_row, start, piece, |slopes, whole, part| match slopes {
                    Values::One(slope) => {
                        of_slope(slope).choose_gradient(OnPiece(place, &whole.window(part)))
                    }
                    Values::Each(slopes) => {
                        place.run(BackwardEach, &whole.window(part).with_input(slopes))
                    }
                    Values::EachOfRows(slopes) => {
                        place.run_rows(BackwardEach, slopes, &mut whole.window(part))
                    }
                });
            },
        )
    }
}

fn of_slope<T: Element>(slope: T) -> LeakyRelu {
    LeakyRelu::with_learned(slope.into())
}

/// Runs what is chosen for a part with one slope.
struct OnPiece<'b, 'a, T, const N: usize>(Piece, &'b Buffers<'a, T, N>);

impl<T: Element> Run for OnPiece<'_, '_, T, 1> {
    type Done = ();

    fn run<F: Formula>(self, formula: F) {
        self.0.run(Value(formula), self.1);
    }
}

impl<T: Element> RunGradient for OnPiece<'_, '_, T, 2> {
    type Done = ();

    fn run<F: Gradient>(self, formula: F) {
        self.0.run(Slope(formula), self.1);
    }
}

/// `f` with a slope for each element.
#[derive(Clone, Copy)]
struct ForwardEach;

impl Map<2> for ForwardEach {
    const MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn apply<V: Vector>(self, [slope, x]: [V; 2]) -> V {
        x.select_lt(V::constant(0.0), slope * x, x)
    }
}

/// The gradient of the input with a slope for each element.
#[derive(Clone, Copy)]
struct BackwardEach;

impl Map<3> for BackwardEach {
    const MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn apply<V: Vector>(self, [slope, x, grad_output]: [V; 3]) -> V {
        x.select_le(V::constant(0.0), slope * grad_output, grad_output)
    }
}

/// What an element adds to the gradient of its slope.
#[derive(Clone, Copy)]
struct SlopeTerm;

impl Map<2> for SlopeTerm {
    const MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn apply<V: Vector>(self, [x, grad_output]: [V; 2]) -> V {
        let zero = V::constant(0.0);
        x.select_le(zero, x * grad_output, zero)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every bit is the same either way, so nothing else would notice.
    #[test]
    fn an_adaptor_asks_for_what_it_says() {
        let slopes = [0.5_f32];
        let prelu = PRelu::new(Channels::last(&slopes));
        for tier in Tier::available() {
            assert_eq!(prelu.on(tier).plan, Plan::default().on(tier));
            #[cfg(feature = "parallel")]
            assert_eq!(prelu.par().on(tier).plan, Plan::default().on(tier).par());
        }
        assert_eq!(prelu.plan, Plan::default());
    }
}
