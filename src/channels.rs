//! A value for each channel: which elements share one, and how the values are laid beside the elements.

pub(crate) mod sums;

use std::ops::Range;

use crate::element::Element;
use crate::engine::buffers::{LINE, LINE_BYTES, Lines};
use crate::engine::{Buffers, Piece, Plan};
use crate::formula::Map;
use crate::lengths::same_length;
use crate::vector::Vector;

/// Which elements of a buffer share a value: that of their channel.
///
/// It is said, never guessed: element `i` belongs to channel `(i / inner) % values.len()`, where `inner` is the
/// number of consecutive elements of one channel. That is 1 where channels are the last axis (NHWC, the units of a
/// dense layer), and H x W for NCHW. A buffer's length must be a multiple of `inner * values.len()`.
///
/// ```
/// use rectify::Channels;
///
/// let values = [0.5_f32, 0.1, 2.0];
/// assert_eq!(Channels::last(&values).channel(4), 1);
/// // Planes of four elements each.
/// assert_eq!(Channels::new(&values, 4).channel(4), 1);
/// assert_eq!(Channels::new(&values, 4).channel(3), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Channels<'a, T> {
    values: &'a [T],
    inner: usize,
}

/// Elements of a pattern: few enough to stay in the first-level cache beside what they are applied to, many
/// enough to make a call for each negligible (`docs/measurements.md`, *Channels*; `cargo bench -- prelu`).
const PATTERN: usize = 2048;

/// From this many last channels on the values are taken row by row from where they are: a pattern would be as fast and has to be written
/// first (`docs/measurements.md`, *Channels*).
const ROW: usize = 512;

/// From how many last channels on [`Channels::cut`] takes rows though a pattern could be written: `ROW`, or never where the stores go past
/// the cache. There a run for each row costs an eighth of the speed, and a pattern's time is little beside that of such a buffer.
#[inline]
pub(crate) fn long_row(place: Piece) -> usize {
    if place.streams() { usize::MAX } else { ROW }
}

/// From this many elements on a plane gets a call of its own, with one value: below it, values laid out as a
/// pattern are faster (`cargo bench -- prelu`).
const PLANE: usize = 256;

/// The same where no pattern fits, and the values would have to be laid out anew again and again.
const SMALL_PLANE: usize = 32;

impl<'a, T> Channels<'a, T> {
    /// With a value for each channel, of which each has `inner` elements in a row.
    ///
    /// # Panics
    /// If there is no value, or `inner` is 0.
    #[inline]
    #[must_use]
    #[track_caller]
    pub const fn new(values: &'a [T], inner: usize) -> Self {
        assert!(
            !values.is_empty(),
            "there are no values: a buffer has one channel at least"
        );
        assert!(
            inner > 0,
            "`inner` is 0: a channel has one element in a row at least"
        );
        Self { values, inner }
    }

    /// With a value for each channel, where channels are the last axis: an `inner` of 1.
    ///
    /// # Panics
    /// If there is no value.
    #[inline]
    #[must_use]
    #[track_caller]
    pub const fn last(values: &'a [T]) -> Self {
        Self::new(values, 1)
    }

    /// The values, one a channel.
    #[inline]
    #[must_use]
    pub const fn values(&self) -> &'a [T] {
        self.values
    }

    /// How many elements of a channel stand in a row.
    #[inline]
    #[must_use]
    pub const fn inner(&self) -> usize {
        self.inner
    }

    /// The channel of the element at `index`.
    #[inline]
    #[must_use]
    pub const fn channel(&self, index: usize) -> usize {
        index / self.inner % self.values.len()
    }

    /// The channel of the element at `index`, and how many elements of that run of it precede it. Of the first element without divisions,
    /// which take as long as a short call.
    fn place(&self, index: usize) -> (usize, usize) {
        match index {
            0 => (0, 0),
            _ => (self.channel(index), index % self.inner),
        }
    }

    /// Elements from a channel to its next occurrence.
    fn period(&self) -> usize {
        // Only an empty buffer is a multiple of a period that does not fit into memory.
        self.inner.saturating_mul(self.values.len())
    }

    /// # Panics
    /// If a buffer of `len` elements does not hold whole channels.
    #[inline]
    #[track_caller]
    pub(crate) fn divide(&self, name: &str, len: usize) {
        assert!(
            len.is_multiple_of(self.period()),
            "`{name}` has {len} elements: not a multiple of {} channels of {} elements each",
            self.values.len(),
            self.inner
        );
    }

    fn layout(&self) -> Layout {
        let (channels, period) = (self.values.len(), self.period());
        if channels == 1 || self.inner >= PLANE || (self.inner >= SMALL_PLANE && period > PATTERN) {
            Layout::Planes
        } else if period > PATTERN {
            Layout::Rows
        } else {
            // Whole cache lines too, where they fit.
            let lines = period * (LINE / gcd(period, LINE));
            let unit = if lines <= PATTERN { lines } else { period };
            Layout::Pattern(PATTERN / unit * unit)
        }
    }

    /// The channels of the elements from the first on, without a division for each.
    fn of_elements(&self) -> impl Iterator<Item = usize> {
        let channels = (0..self.values.len()).cycle();
        channels.flat_map(|channel| std::iter::repeat_n(channel, self.inner))
    }
}

/// How values lie beside elements.
enum Layout {
    /// Long enough runs of one value, or only one.
    Planes,
    /// Short runs of one value, and more of them than a pattern has.
    Rows,
    /// So many elements that the values of the next ones are the same again.
    Pattern(usize),
}

/// What an element adds to its sum.
#[derive(Clone, Copy)]
struct Itself;

impl Map<1> for Itself {
    const MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn apply<V: Vector>(self, [x]: [V; 1]) -> V {
        x
    }
}

/// The values of the elements of a part.
pub(crate) enum Values<'v, T> {
    One(T),
    Each(&'v [T]),
    /// Those of each row of one or several, which are whole and have [`ROW`] elements at least.
    EachOfRows(&'v [T]),
}

/// The greatest common divisor of `n` and `power`, a power of two.
fn gcd(n: usize, power: usize) -> usize {
    power.min(1 << n.trailing_zeros())
}

impl<T: Element> Channels<'_, T> {
    /// Writes to `totals` the sum of `elements` over each channel: the gradient of a bias, where `elements` is the
    /// gradient of what it was added to. A channel without elements has the sum 0. The values are not looked at.
    ///
    /// ```
    /// use rectify::{Activation, Channels, Relu};
    ///
    /// // Two rows of three channels.
    /// let (x, bias) = ([-2.0_f32, 1.0, 3.0, 0.5, -4.0, 1.0], [1.0, 1.0, 1.0]);
    /// let bias = Channels::last(&bias);
    /// let dx = Relu.backward_bias_to_vec(&x, bias, &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0]);
    /// let mut grad_bias = [0.0; 3];
    /// bias.sum(&dx, &mut grad_bias);
    /// assert_eq!(grad_bias, [8.0, 2.0, 36.0]);
    /// ```
    ///
    /// The sum is the same to the bit on every tier and at any number of threads: at most 64 elements are added in `T`, and
    /// these sums in `f64`. With `u` the unit roundoff of `T` (2^-24, 2^-53) and `n` the elements of a channel, it is off by
    /// at most `(65 + n * 2^-53 / u) * u` times the sum of the absolute values, as long as nothing overflows. It allocates
    /// as [`PRelu::backward_slopes`](crate::PRelu::backward_slopes) does.
    ///
    /// # Panics
    /// If the length of `elements` is no multiple of `inner * channels`, or `totals` does not have an element for each
    /// channel.
    #[track_caller]
    pub fn sum(&self, elements: &[T], totals: &mut [T]) {
        self.sum_by(Plan::default(), elements, totals);
    }

    /// As [`sum`](Channels::sum), over the current Rayon pool: see [`Activation::par`](crate::Activation::par).
    ///
    /// # Panics
    /// As [`sum`](Channels::sum).
    #[cfg(feature = "parallel")]
    #[track_caller]
    pub fn par_sum(&self, elements: &[T], totals: &mut [T]) {
        self.sum_by(Plan::default().par(), elements, totals);
    }

    #[track_caller]
    fn sum_by(&self, plan: Plan, elements: &[T], totals: &mut [T]) {
        same_length([("values", self.values.len()), ("totals", totals.len())]);
        self.divide("elements", elements.len());
        sums::sum(*self, plan, Itself, [elements], totals);
    }

    /// Cuts `buffers`, which begin with element `start` of the whole, into parts whose values are one number,
    /// stand in a row, or are the same for each of some rows. From `long_row` last channels on these are their own rows rather than a
    /// pattern. `run` makes a part by [`Buffers::window`].
    pub(crate) fn cut<const N: usize>(
        &self,
        long_row: usize,
        start: usize,
        buffers: &mut Buffers<'_, T, N>,
        run: impl FnMut(Values<'_, T>, &mut Buffers<'_, T, N>, Range<usize>),
    ) {
        let channels = self.values.len();
        // A pattern of few rows would cost more than it saves, and one of long rows saves nothing. Before the layout, whose divisions
        // take as long as such a row.
        let by_rows = self.inner == 1
            && channels > 1
            && (channels > PATTERN || channels >= long_row || buffers.len() <= 2 * channels);
        if by_rows {
            return self.cut_rows(start, buffers, run);
        }
        match self.layout() {
            Layout::Planes => self.cut_planes(start, buffers, run),
            Layout::Rows => self.cut_short_runs(start, buffers, run),
            // What is short should not pay for the memory of a long pattern.
            Layout::Pattern(len) if len.min(buffers.len()) <= 64 => {
                self.cut_pattern::<{ 64 + LINE }, N>(len, start, buffers, run);
            }
            Layout::Pattern(len) => {
                self.cut_pattern::<{ PATTERN + LINE }, N>(len, start, buffers, run);
            }
        }
    }

    #[inline(always)]
    fn cut_planes<const N: usize>(
        &self,
        start: usize,
        buffers: &mut Buffers<'_, T, N>,
        mut run: impl FnMut(Values<'_, T>, &mut Buffers<'_, T, N>, Range<usize>),
    ) {
        let (mut channel, before) = self.place(start);
        let mut plane = match self.values.len() {
            1 => buffers.len(),
            _ => self.inner - before,
        };
        let mut done = 0;
        while done < buffers.len() {
            let len = plane.min(buffers.len() - done);
            run(Values::One(self.values[channel]), buffers, done..done + len);
            done += len;
            plane = self.inner;
            channel = if channel + 1 < self.values.len() {
                channel + 1
            } else {
                0
            };
        }
    }

    #[inline(always)]
    fn cut_rows<const N: usize>(
        &self,
        start: usize,
        buffers: &mut Buffers<'_, T, N>,
        mut run: impl FnMut(Values<'_, T>, &mut Buffers<'_, T, N>, Range<usize>),
    ) {
        let (channel, _) = self.place(start);
        let mut row = &self.values[channel..];
        let mut done = 0;
        while done < buffers.len() {
            let rest = buffers.len() - done;
            let (values, len) =
                if row.len() >= ROW && row.len() == self.values.len() && rest >= row.len() {
                    (Values::EachOfRows(row), rest - rest % row.len())
                } else {
                    let len = row.len().min(rest);
                    (Values::Each(&row[..len]), len)
                };
            run(values, buffers, done..done + len);
            done += len;
            row = self.values;
        }
    }

    #[inline(never)]
    fn cut_short_runs<const N: usize>(
        &self,
        start: usize,
        buffers: &mut Buffers<'_, T, N>,
        mut run: impl FnMut(Values<'_, T>, &mut Buffers<'_, T, N>, Range<usize>),
    ) {
        let mut memory = [T::ZERO; PATTERN];
        let mut done = 0;
        while done < buffers.len() {
            let len = PATTERN.min(buffers.len() - done);
            let values = &mut memory[..len];
            self.lay_out(start + done, values);
            run(Values::Each(values), buffers, done..done + len);
            done += len;
        }
    }

    #[inline(never)]
    fn cut_pattern<const ROOM: usize, const N: usize>(
        &self,
        len: usize,
        start: usize,
        buffers: &mut Buffers<'_, T, N>,
        mut run: impl FnMut(Values<'_, T>, &mut Buffers<'_, T, N>, Range<usize>),
    ) {
        // Beside the output, so that where one is on a cache line the other is, too.
        let line = LINE_BYTES / size_of::<T>();
        let offset = (line - buffers.misaligned_by(LINE_BYTES)) % line;
        // Room for up to `ROOM - LINE` elements, as they begin anywhere in a line.
        let mut memory = Lines([T::ZERO; ROOM]);
        let pattern = &mut memory.0[offset..][..len.min(buffers.len())];
        let period = self.period().min(pattern.len());
        self.lay_out(start, &mut pattern[..period]);
        let mut written = period;
        while written < pattern.len() {
            let more = written.min(pattern.len() - written);
            pattern.copy_within(..more, written);
            written += more;
        }
        let mut done = 0;
        while done < buffers.len() {
            let len = len.min(buffers.len() - done);
            run(Values::Each(&pattern[..len]), buffers, done..done + len);
            done += len;
        }
    }

    /// Writes the values of the elements from `start` on to `values`.
    fn lay_out(&self, start: usize, values: &mut [T]) {
        let (mut channel, before) = self.place(start);
        let mut rest = values;
        if self.inner == 1 {
            // By rows: a value at a time takes longer than what is done with them.
            while !rest.is_empty() {
                let row = &self.values[channel..];
                let (these, others) = rest.split_at_mut(row.len().min(rest.len()));
                these.copy_from_slice(&row[..these.len()]);
                (rest, channel) = (others, 0);
            }
            return;
        }
        let mut run = self.inner - before;
        while !rest.is_empty() {
            let (these, others) = rest.split_at_mut(run.min(rest.len()));
            these.fill(self.values[channel]);
            channel += 1;
            if channel == self.values.len() {
                channel = 0;
            }
            (rest, run) = (others, self.inner);
        }
    }
}
