use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::leaky_relu::LeakyRelu;
use super::{Formula, same_length};
use crate::parallel::Plan;
use crate::slice::{self, Buffers, Map};
use crate::vector::Vector;
use crate::{Element, Tier};

/// The parametric rectified linear unit: leaky ReLU with a slope of its own for each channel,
/// `f(x) = slopes[c] * x` for `x < 0`, else `x`.
///
/// Which elements are channel `c` is said, never guessed: element `i` of a buffer belongs to channel
/// `(i / inner) % channels`, where `channels` is the number of slopes. So `inner` is the number of elements
/// from one channel to the next: 1 where channels are the last axis (NHWC), H x W for NCHW. A buffer's
/// length must be a multiple of `inner * channels`.
///
/// The gradient of the input is `slopes[c] * dy` for `x <= 0`, else `dy`. That of a slope is the sum of
/// `x * dy` over the elements of its channel where `x <= 0`. NaN and zeros are as in [`LeakyRelu`]; an element
/// whose `x` is NaN adds nothing to its slope's gradient.
///
/// It has the kernels of [`Activation`](crate::Activation), which it is not: what becomes of an element depends
/// on where it stands. Every one gives the same bits on every tier, at any alignment and number of threads,
/// with the exceptions for NaN that are stated there.
///
/// Source: He, Zhang, Ren and Sun, *Delving Deep into Rectifiers*, 2015.
///
/// ```
/// use rectify::PRelu;
///
/// // Two pixels of three channels, channels last.
/// let slopes = [0.5_f32, 0.1, 2.0];
/// let mut y = [-1.0, -1.0, -1.0, 4.0, -20.0, 4.0];
/// PRelu::channels_last(&slopes).forward_in_place(&mut y);
/// assert_eq!(y, [-0.5, -0.1, -2.0, 4.0, -2.0, 4.0]);
///
/// // The same numbers as three planes of two pixels.
/// let mut y = [-1.0, 4.0, -1.0, -20.0, -1.0, 4.0];
/// PRelu::new(&slopes, 2).forward_in_place(&mut y);
/// assert_eq!(y, [-0.5, 4.0, -0.1, -2.0, -2.0, 4.0]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PRelu<'a, T> {
    slopes: &'a [T],
    inner: usize,
    plan: Plan,
}

/// Elements of a pattern: few enough to stay in the first-level cache beside what they are applied to, many
/// enough to make a call for each negligible. 512 took three channels from 14 to 6 Gelem/s in L2.
const PATTERN: usize = 2048;

/// Memory for a pattern that begins anywhere in a cache line.
#[repr(align(64))]
struct PatternMemory<T>([T; PATTERN + 16]);

/// From this many elements on a plane gets a call of its own, with one slope: below it, slopes laid out as a
/// pattern are faster (`cargo bench -- prelu`).
const PLANE: usize = 256;

/// The same where no pattern fits, and the slopes would have to be laid out anew again and again.
const SMALL_PLANE: usize = 32;

impl<'a, T: Element> PRelu<'a, T> {
    /// With a slope for each channel, of which each has `inner` elements in a row.
    ///
    /// # Panics
    /// If there is no slope, a slope is NaN, or `inner` is 0.
    #[must_use]
    #[track_caller]
    pub fn new(slopes: &'a [T], inner: usize) -> Self {
        assert!(!slopes.is_empty(), "`slopes` is empty");
        assert!(inner > 0, "`inner` is 0");
        if let Some(channel) = slopes.iter().position(|s| s.partial_cmp(s).is_none()) {
            panic!("`slopes[{channel}]` is NaN");
        }
        Self {
            slopes,
            inner,
            plan: Plan::default(),
        }
    }

    /// With a slope for each channel, where channels are the last axis: an `inner` of 1.
    ///
    /// # Panics
    /// If there is no slope, or one is NaN.
    #[must_use]
    #[track_caller]
    pub fn channels_last(slopes: &'a [T]) -> Self {
        Self::new(slopes, 1)
    }

    /// The slopes, one a channel.
    #[must_use]
    pub fn slopes(&self) -> &'a [T] {
        self.slopes
    }

    /// How many elements of a channel stand in a row.
    #[must_use]
    pub fn inner(&self) -> usize {
        self.inner
    }

    /// The channel of the element at `index`.
    #[inline]
    #[must_use]
    pub fn channel(&self, index: usize) -> usize {
        index / self.inner % self.slopes.len()
    }

    /// The activation of channel `channel`: the scalar definition is that of [`LeakyRelu`].
    ///
    /// # Panics
    /// If there is no such channel.
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn of_channel(&self, channel: usize) -> LeakyRelu {
        LeakyRelu::new(self.slopes[channel].into())
    }

    /// Writes `f(input[i])` to `output[i]`.
    ///
    /// # Panics
    /// If the lengths differ, or are no multiple of `inner * channels`.
    #[track_caller]
    pub fn forward(&self, input: &[T], output: &mut [T]) {
        self.forward_uninit(input, slice::as_output(output));
    }

    /// Replaces each element of `buffer` by its `f`.
    ///
    /// # Panics
    /// If its length is no multiple of `inner * channels`.
    #[track_caller]
    pub fn forward_in_place(&self, buffer: &mut [T]) {
        self.whole_channels("buffer", buffer.len());
        self.run_forward(Buffers::forward_in_place(buffer));
    }

    /// Writes `f(input[i])` to `output[i]`, which need not be initialised, and returns it as what it then
    /// is.
    ///
    /// # Panics
    /// As [`forward`](PRelu::forward).
    #[allow(unsafe_code)]
    #[track_caller]
    pub fn forward_uninit<'o>(&self, input: &[T], output: &'o mut [MaybeUninit<T>]) -> &'o mut [T] {
        same_length([("input", input.len()), ("output", output.len())]);
        self.whole_channels("input", input.len());
        self.run_forward(Buffers::new([input], output));
        // SAFETY: the kernels wrote every element: the pieces are all there is.
        unsafe { slice::assume_written(output) }
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
        self.whole_channels("input", input.len());
        let output = slice::as_output(grad_input);
        self.run_backward(Buffers::new([input, grad_output], output));
    }

    /// As [`backward`](PRelu::backward), with `grad` holding the gradient of the output before and that of
    /// the input after.
    ///
    /// # Panics
    /// As [`forward`](PRelu::forward).
    #[track_caller]
    pub fn backward_in_place(&self, input: &[T], grad: &mut [T]) {
        same_length([("input", input.len()), ("grad", grad.len())]);
        self.whole_channels("input", input.len());
        self.run_backward(Buffers::backward_in_place(input, grad));
    }

    /// Writes the gradient of each slope to `grad_slopes`: the sum of `x * dy` over the elements of the channel
    /// where `x <= 0`. A channel without elements has the gradient 0.
    ///
    /// The sum is the same to the bit on every tier and at any number of threads. Products are rounded to
    /// `T`; at most 64 of them are added in `T`, and these sums in `f64`. With `u` the unit roundoff of `T`
    /// (2^-24, 2^-53) and `n` the elements of a channel, the result is off by at most
    /// `(66 + n * 2^-53 / u) * u` times the sum of `|x * dy|`, as long as nothing overflows or becomes
    /// subnormal. Allocates an `f64` for each plane, or one for each channel and every 64 of its
    /// elements.
    ///
    /// # Panics
    /// As [`forward`](PRelu::forward), and if `grad_slopes` does not have an element for each channel.
    #[track_caller]
    pub fn backward_slopes(&self, input: &[T], grad_output: &[T], grad_slopes: &mut [T]) {
        same_length([("input", input.len()), ("grad_output", grad_output.len())]);
        same_length([
            ("slopes", self.slopes.len()),
            ("grad_slopes", grad_slopes.len()),
        ]);
        self.whole_channels("input", input.len());
        let sums = Sums::new(self, input.len());
        let mut partial = vec![0.0; sums.pieces() * sums.width];
        let next = Mutex::new(partial.chunks_mut(sums.width).enumerate());
        let work = || {
            let mut memory = vec![T::ZERO; sums.positions];
            loop {
                let taken = next.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((piece, partial)) = taken else { break };
                let range = sums.range(piece);
                let (x, dy) = (&input[range.clone()], &grad_output[range]);
                sums.add(x, dy, &mut memory, partial);
            }
        };
        sums.share(&work);
        sums.total(&partial, grad_slopes);
    }

    /// On `tier` instead of [`Tier::best`].
    #[must_use]
    pub fn on(self, tier: Tier) -> Self {
        let plan = Plan {
            tier: Some(tier),
            ..self.plan
        };
        Self { plan, ..self }
    }

    /// Over the current Rayon pool, as [`Activation::par`](crate::Activation::par).
    #[cfg(feature = "parallel")]
    #[must_use]
    pub fn par(self) -> Self {
        let plan = Plan {
            parallel: true,
            ..self.plan
        };
        Self { plan, ..self }
    }

    /// Elements from a channel to its next occurrence.
    fn period(&self) -> usize {
        // A period that does not fit into memory is that of an empty buffer alone.
        self.inner.saturating_mul(self.slopes.len())
    }

    #[track_caller]
    pub(crate) fn whole_channels(&self, name: &str, len: usize) {
        assert!(
            len.is_multiple_of(self.period()),
            "`{name}` has {len} elements: not a multiple of {} channels of {} elements each",
            self.slopes.len(),
            self.inner
        );
    }

    fn run_forward(&self, buffers: Buffers<'_, T, 1>) {
        self.plan.in_pieces(buffers, |plan, start, piece| {
            self.by_slopes(start, piece, |slopes, part| match slopes {
                Slopes::One(leaky) => leaky.run_forward(plan, part),
                Slopes::Each(slopes) => plan.run(ForwardEach, part.with_input(slopes)),
            });
        });
    }

    fn run_backward(&self, buffers: Buffers<'_, T, 2>) {
        self.plan.in_pieces(buffers, |plan, start, piece| {
            self.by_slopes(start, piece, |slopes, part| match slopes {
                Slopes::One(leaky) => leaky.run_backward(plan, part),
                Slopes::Each(slopes) => plan.run(BackwardEach, part.with_input(slopes)),
            });
        });
    }

    /// Cuts `buffers`, which begin with element `start` of the whole, into parts whose slopes are one number or
    /// stand in a row.
    fn by_slopes<const N: usize>(
        &self,
        start: usize,
        mut buffers: Buffers<'_, T, N>,
        mut run: impl for<'s> FnMut(Slopes<'s, T>, Buffers<'s, T, N>),
    ) {
        let (mut at, channels) = (start, self.slopes.len());
        match self.layout() {
            Layout::Planes => {
                while buffers.len() > 0 {
                    let slope = self.of_channel(self.channel(at));
                    let rest_of_plane = match channels {
                        1 => buffers.len(),
                        _ => self.inner - at % self.inner,
                    };
                    at += rest_of_plane;
                    run(Slopes::One(slope), buffers.split_off_front(rest_of_plane));
                }
            }
            Layout::Rows if self.inner > 1 => {
                let mut memory = [T::ZERO; PATTERN];
                while buffers.len() > 0 {
                    let part = buffers.split_off_front(PATTERN);
                    let slopes = &mut memory[..part.len()];
                    self.lay_out(at, slopes);
                    at += part.len();
                    run(Slopes::Each(slopes), part);
                }
            }
            Layout::Rows => {
                while buffers.len() > 0 {
                    let rest_of_row = &self.slopes[at % channels..];
                    let part = buffers.split_off_front(rest_of_row.len());
                    at += part.len();
                    run(Slopes::Each(&rest_of_row[..part.len()]), part);
                }
            }
            Layout::Pattern(len) => {
                // Beside the output, so that where one is on a cache line the other is, too.
                const LINE_BYTES: usize = 64;
                let line = LINE_BYTES / size_of::<T>();
                let offset = (line - buffers.misaligned_by(LINE_BYTES)) % line;
                let mut memory = PatternMemory([T::ZERO; PATTERN + 16]);
                let pattern = &mut memory.0[offset..][..len.min(buffers.len())];
                let period = self.period().min(pattern.len());
                self.lay_out(start, &mut pattern[..period]);
                let mut written = period;
                while written < pattern.len() {
                    let more = written.min(pattern.len() - written);
                    pattern.copy_within(..more, written);
                    written += more;
                }
                while buffers.len() > 0 {
                    let part = buffers.split_off_front(len);
                    run(Slopes::Each(&pattern[..part.len()]), part);
                }
            }
        }
    }

    fn layout(&self) -> Layout {
        let (channels, period) = (self.slopes.len(), self.period());
        if channels == 1 || self.inner >= PLANE || (self.inner >= SMALL_PLANE && period > PATTERN) {
            Layout::Planes
        } else if period > PATTERN {
            Layout::Rows
        } else {
            // Whole cache lines too, where they fit.
            let lines = period * (16 / gcd(period, 16));
            let unit = if lines <= PATTERN { lines } else { period };
            Layout::Pattern(PATTERN / unit * unit)
        }
    }

    /// Writes the slopes of the elements from `start` on to `slopes`.
    fn lay_out(&self, start: usize, slopes: &mut [T]) {
        let mut channel = self.channel(start);
        let mut rest = slopes;
        let mut run = self.inner - start % self.inner;
        while !rest.is_empty() {
            let (these, others) = rest.split_at_mut(run.min(rest.len()));
            these.fill(self.slopes[channel]);
            channel = (channel + 1) % self.slopes.len();
            (rest, run) = (others, self.inner);
        }
    }

    /// The channels of the elements from `start` on, without a division for each.
    fn channels_from(&self, start: usize) -> impl Iterator<Item = usize> {
        let mut channel = self.channel(start);
        let mut left = self.inner - start % self.inner;
        std::iter::repeat_with(move || {
            if left == 0 {
                left = self.inner;
                channel = (channel + 1) % self.slopes.len();
            }
            left -= 1;
            channel
        })
    }
}

/// The greatest common divisor of `n` and `power`, a power of two.
fn gcd(n: usize, power: usize) -> usize {
    power.min(1 << n.trailing_zeros())
}

/// How slopes lie beside elements.
enum Layout {
    /// Long enough runs of one slope, or only one.
    Planes,
    /// Short runs of one slope, and more of them than a pattern has.
    Rows,
    /// So many elements that the slopes of the next ones are the same again.
    Pattern(usize),
}

/// The slopes of the elements of a part.
enum Slopes<'s, T> {
    One(LeakyRelu),
    Each(&'s [T]),
}

/// `f` with a slope for each element.
#[derive(Clone, Copy)]
struct ForwardEach;

impl Map<2> for ForwardEach {
    #[inline(always)]
    fn apply<V: Vector>(self, [slope, x]: [V; 2]) -> V {
        x.select_lt(x.splat(V::Element::ZERO), slope * x, x)
    }
}

/// The gradient of the input with a slope for each element.
#[derive(Clone, Copy)]
struct BackwardEach;

impl Map<3> for BackwardEach {
    #[inline(always)]
    fn apply<V: Vector>(self, [slope, x, grad_output]: [V; 3]) -> V {
        x.select_le(x.splat(V::Element::ZERO), slope * grad_output, grad_output)
    }
}

/// A sum of gradients of slopes, and one more.
#[derive(Clone, Copy)]
struct AddGradient;

impl Map<3> for AddGradient {
    #[inline(always)]
    fn apply<V: Vector>(self, [x, grad_output, sum]: [V; 3]) -> V {
        let zero = x.splat(V::Element::ZERO);
        sum + x.select_le(zero, x * grad_output, zero)
    }
}

/// How the slopes' gradients are summed up: an order that depends on nothing but the lengths.
///
/// A buffer is cut into pieces. In a piece of alternating channels, the element that is `positions` behind
/// another is of the same channel and added to the same sum, in `T`: adding is a kernel like any other. A
/// plane is cut into parts of [`PART`] elements, each summed up in [`LANES`] lanes. Then the sums of each
/// channel are added in `f64`, in the order of their elements.
struct Sums<'p, T> {
    prelu: PRelu<'p, T>,
    plan: Plan,
    len: usize,
    /// Elements of a piece, but for the last one.
    piece: usize,
    /// Of a piece of alternating channels; 0 for planes.
    positions: usize,
    /// Elements of a plane, or 0.
    plane: usize,
    /// Numbers that a piece is summed up to: one for each of its planes, or for each channel.
    width: usize,
}

/// At most so many numbers are added in `T`.
const ADDITIONS: usize = 64;
const LANES: usize = 16;
const PART: usize = ADDITIONS * LANES;

impl<'p, T: Element> Sums<'p, T> {
    fn new(prelu: &PRelu<'p, T>, len: usize) -> Self {
        /// Enough to make taking a piece free, few enough to share them out.
        const PIECE: usize = 16 * PART;
        let channels = prelu.slopes.len();
        let alternating = |positions: usize| {
            let piece = positions.saturating_mul(ADDITIONS);
            (piece, positions, 0, channels)
        };
        let planes = |plane: usize| {
            let width = (PIECE / plane).max(1);
            (width * plane, 0, plane, width)
        };
        let (piece, positions, plane, width) = match prelu.layout() {
            // One channel is as many planes as one likes.
            Layout::Planes if channels == 1 => planes(PIECE),
            Layout::Pattern(positions) => alternating(positions),
            Layout::Rows if prelu.inner == 1 => alternating(channels),
            Layout::Planes | Layout::Rows => planes(prelu.inner),
        };
        Self {
            prelu: *prelu,
            plan: prelu.plan.of_piece(),
            len,
            piece,
            positions,
            plane,
            width,
        }
    }

    fn pieces(&self) -> usize {
        self.len.div_ceil(self.piece)
    }

    fn range(&self, piece: usize) -> Range<usize> {
        let start = piece * self.piece;
        start..self.len.min(start + self.piece)
    }

    /// Writes what a piece is summed up to.
    fn add(&self, x: &[T], dy: &[T], memory: &mut [T], sums: &mut [f64]) {
        if self.plane > 0 {
            let planes = x.chunks(self.plane).zip(dy.chunks(self.plane));
            for (sum, (x, dy)) in sums.iter_mut().zip(planes) {
                let parts = x.chunks(PART).zip(dy.chunks(PART));
                *sum = parts.map(|(x, dy)| Self::of_part(x, dy)).sum();
            }
            return;
        }
        let memory = &mut memory[..self.positions.min(x.len())];
        memory.fill(T::ZERO);
        for (x, dy) in x.chunks(self.positions).zip(dy.chunks(self.positions)) {
            let sum = &mut memory[..x.len()];
            let buffers = Buffers::backward_in_place(dy, sum).with_input(x);
            self.plan.run(AddGradient, buffers);
        }
        // Every piece begins with the first channel.
        for (&value, channel) in memory.iter().zip(self.prelu.channels_from(0)) {
            sums[channel] += value.into();
        }
    }

    /// The lanes are registers, which a kernel would store and load again; memory sets the pace, so what the
    /// compiler makes of a plain loop will do.
    fn of_part(x: &[T], dy: &[T]) -> f64 {
        let gradient = |x: T, dy: T| if x <= T::ZERO { x * dy } else { T::ZERO };
        let mut sums = [T::ZERO; LANES];
        let ((x, x_rest), (dy, dy_rest)) = (x.as_chunks::<LANES>(), dy.as_chunks::<LANES>());
        for (x, dy) in x.iter().zip(dy) {
            for i in 0..LANES {
                sums[i] = sums[i] + gradient(x[i], dy[i]);
            }
        }
        for ((sum, &x), &dy) in sums.iter_mut().zip(x_rest).zip(dy_rest) {
            *sum = *sum + gradient(x, dy);
        }
        sums.into_iter().map(Into::into).sum()
    }

    fn total(&self, partial: &[f64], totals: &mut [T]) {
        let mut sums = vec![0.0; totals.len()];
        // Planes follow each other as channels do, and pieces begin with the first channel.
        for (i, partial) in partial.iter().enumerate() {
            sums[i % totals.len()] += partial;
        }
        for (total, sum) in totals.iter_mut().zip(sums) {
            *total = T::from_f64(sum);
        }
    }

    /// Runs `work` here, and on more threads if it is worth them.
    fn share(&self, work: &(dyn Fn() + Sync)) {
        #[cfg(feature = "parallel")]
        if self.prelu.plan.splits(2 * self.len * size_of::<T>()) {
            let helpers = rayon::current_num_threads() - 1;
            return crate::crew::share(helpers.min(self.pieces()), work);
        }
        work();
    }
}
