//! Softmax and its logarithm, row by row.
//!
//! A row is gone over three times: its maximum; the sum of the exponentials, which the softmax keeps; and these times the inverse
//! of the sum, or for the logarithm the numbers less the maximum and that of the sum. From memory it comes once, as long as a cache holds it.
//! For the logarithm the greatest numbers are counted, and the exponentials of the others summed: beside 1 a small sum would be lost.
//!
//! Nothing depends on the tier: a row is cut into lines of 64 bytes, whatever the registers, and each lane of a line has a
//! sum of its own. The last line of a row that is no whole number of them overlaps the one in front, and what stands in both
//! counts once; a row of less than a line is padded.

use std::ops::Range;

use crate::arch::{Register, Tier, Work, align_stack};
use crate::element::Element;
use crate::engine::Plan;
use crate::engine::buffers::{Buffers, LINE, LINE_BYTES, as_output};
use crate::engine::plan::rows_of_a_chunk;
use crate::lengths::same_length;
use crate::math::{ln_1p_of_sum as ln_1p, two_sum};
use crate::vector::{Functions, Shift, Vector};

/// Registers of a line: AVX-512 has one, the others two.
const MOST_PARTS: usize = 2;

/// Rows of up to so many bytes are done in turns: five of them, one as input and output, fit in the nearest cache.
const BYTES_IN_TURNS: usize = 4096;

/// Lines that are done together: the same on every tier, as that decides which are added to each other. Even, so that a line alone, in the
/// last place, is the second of two; and a multiple of what a tier interleaves, which is four lines at most.
const LINES: usize = 4;

/// After so many lines a sum takes in what it has rounded off: added for a million elements, the errors of that would count.
const SETTLE_LINES: usize = 256;

/// A line as registers, of which AVX-512 uses the first alone.
type Line<V> = [V; MOST_PARTS];

const fn parts<V: Register>() -> usize {
    LINE_BYTES / size_of::<V::Array>()
}

/// Whether `T` is `f64`, beside which there is no type of more bits.
const fn is_f64<T>() -> bool {
    size_of::<T>() == size_of::<f64>()
}

const fn lanes<T>() -> usize {
    LINE_BYTES / size_of::<T>()
}

#[inline(always)]
fn load_line<V: Register<Element: Element>, const N: usize>(
    token: V::Token,
    buffers: &Buffers<'_, V::Element, N>,
    input: usize,
    at: usize,
) -> Line<V> {
    const { assert!(parts::<V>() <= MOST_PARTS) };
    let mut line = [buffers.read(token, input, at); MOST_PARTS];
    let mut part = 1;
    while part < parts::<V>() {
        line[part] = buffers.read(token, input, at + part * V::LANES);
        part += 1;
    }
    line
}

#[inline(always)]
fn store_line<V: Register<Element: Element>, const N: usize>(
    line: Line<V>,
    buffers: &Buffers<'_, V::Element, N>,
    at: usize,
) {
    let mut part = 0;
    while part < parts::<V>() {
        buffers.write(line[part], at + part * V::LANES);
        part += 1;
    }
}

/// The lanes of a line, as numbers.
#[inline(always)]
fn lanes_of<V: Register<Element: Element>>(line: Line<V>) -> [V::Element; LINE] {
    let mut lanes = [V::Element::ZERO; LINE];
    store_line::<V, 1>(line, &Buffers::in_place([], &mut lanes), 0);
    lanes
}

/// The sum of numbers in each lane, beside what was rounded off it.
#[derive(Clone, Copy)]
struct Sum<V> {
    high: Line<V>,
    low: Line<V>,
}

impl<V: Register<Element: Element>> Sum<V> {
    /// Of nothing, with `high` instead of 0.
    #[inline(always)]
    fn starting_at(high: f64) -> Self {
        Self {
            high: [V::constant(high); MOST_PARTS],
            low: [V::constant(0.0); MOST_PARTS],
        }
    }

    /// Adds numbers that are not negative, where three operations tell what the sum rounds off (Dekker's fast two-sum): all of it if the
    /// sum's exponent is as great as that of what is added, as it is where it began so. Else up to half an ulp of the new sum is lost;
    /// that is twice the old one at least, so that all such losses of a lane together are about an ulp of it at most.
    #[inline(always)]
    fn add_small(&mut self, numbers: V, part: usize) {
        let sum = self.high[part] + numbers;
        let rounded_off = numbers - (sum - self.high[part]);
        self.low[part] = self.low[part] + rounded_off;
        self.high[part] = sum;
    }

    /// Adds any numbers.
    #[inline(always)]
    fn add(&mut self, numbers: V, part: usize) {
        let (sum, rounded_off) = two_sum(self.high[part], numbers);
        self.low[part] = self.low[part] + rounded_off;
        self.high[part] = sum;
    }

    /// Moves what was rounded off to the sum, as far as it has room: what is small is rounded less.
    #[inline(always)]
    fn settle(&mut self) {
        let mut part = 0;
        while part < parts::<V>() {
            (self.high[part], self.low[part]) = two_sum(self.high[part], self.low[part]);
            part += 1;
        }
    }

    /// All lanes together, each less `less`, as a number and one beside it.
    #[inline(always)]
    fn total(self, token: V::Token, less: f64) -> (f64, f64) {
        let [high, low] = joined::<TwoSum, V, 2>(token, [self.high, self.low]);
        let less = less * lanes::<V::Element>() as f64;
        if is_f64::<V::Element>() {
            let (sum, rounded_off) = two_sum(high.into(), -less);
            (sum, rounded_off + low.into())
        } else {
            (high.into() - less, low.into())
        }
    }
}

/// A sum of numbers, two lines of a turn added to each other before: half an ulp for half of the work.
struct SumOfPairs<V> {
    sum: Sum<V>,
    /// The first line of two, or 0.
    held: Line<V>,
}

impl<V: Register<Element: Element>> SumOfPairs<V> {
    #[inline(always)]
    fn add_small(&mut self, numbers: V, Place { line, part }: Place) {
        if line % 2 == 0 {
            self.held[part] = numbers;
        } else {
            self.sum.add_small(self.held[part] + numbers, part);
            self.held[part] = V::constant(0.0);
        }
    }
}

/// How two lanes become one, of each of which there are `N` numbers.
trait Join<const N: usize> {
    fn join<V: Vector>(a: [V; N], b: [V; N]) -> [V; N];
}

struct Greater;

impl Join<1> for Greater {
    #[inline(always)]
    fn join<V: Vector>([a]: [V; 1], [b]: [V; 1]) -> [V; 1] {
        [a.max(b)]
    }
}

struct Plus;

impl Join<1> for Plus {
    #[inline(always)]
    fn join<V: Vector>([a]: [V; 1], [b]: [V; 1]) -> [V; 1] {
        [a + b]
    }
}

/// The sum of a number and a small one beside it.
struct TwoSum;

impl Join<2> for TwoSum {
    #[inline(always)]
    fn join<V: Vector>([high, low]: [V; 2], [other_high, other_low]: [V; 2]) -> [V; 2] {
        let (sum, rounded_off) = two_sum(high, other_high);
        [sum, (low + other_low) + rounded_off]
    }
}

/// All lanes as one: the first half of them with the second, and so on, whatever the registers.
#[inline(always)]
fn joined<J: Join<N>, V: Register<Element: Element>, const N: usize>(
    token: V::Token,
    lines: [Line<V>; N],
) -> [V::Element; N] {
    let mut numbers = part_of(lines, 0);
    if parts::<V>() > 1 {
        numbers = J::join(numbers, part_of(lines, 1));
    }
    joined_lanes::<J, V, N>(token, numbers)
}

/// The lanes of a register as one, by registers of half the size down to single numbers. The half of four lanes may be one number, which
/// makes four pieces.
#[inline(always)]
fn joined_lanes<J: Join<N>, V: Register<Element: Element>, const N: usize>(
    token: V::Token,
    numbers: [V; N],
) -> [V::Element; N] {
    let mut lanes = [[V::Element::ZERO; LINE]; N];
    let mut i = 0;
    while i < N {
        Buffers::<_, 1>::in_place([], &mut lanes[i]).write(numbers[i], 0);
        i += 1;
    }
    const MOST_PIECES: usize = 4;
    const { assert!(V::LANES / V::Half::LANES <= MOST_PIECES) };
    let half = V::Half::LANES;
    let mut all = V::LANES / half;
    let mut halves = [read_each::<V::Half, N>(token.into(), &mut lanes, 0); MOST_PIECES];
    i = 1;
    while i < all {
        halves[i] = read_each(token.into(), &mut lanes, i * half);
        i += 1;
    }
    while all > 1 {
        all /= 2;
        i = 0;
        while i < all {
            halves[i] = J::join(halves[i], halves[i + all]);
            i += 1;
        }
    }
    if const { V::Half::LANES > 1 } {
        return joined_lanes::<J, V::Half, N>(token.into(), halves[0]);
    }
    let mut one = [V::Element::ZERO; N];
    i = 0;
    while i < N {
        Buffers::<_, 1>::in_place([], &mut one[i..=i]).write(halves[0][i], 0);
        i += 1;
    }
    one
}

#[inline(always)]
fn read_each<V: Register<Element: Element>, const N: usize>(
    token: V::Token,
    lanes: &mut [[V::Element; LINE]; N],
    at: usize,
) -> [V; N] {
    let mut registers = [Buffers::<_, 1>::in_place([], &mut lanes[0]).read(token, 0, at); N];
    let mut i = 1;
    while i < N {
        registers[i] = Buffers::<_, 1>::in_place([], &mut lanes[i]).read(token, 0, at);
        i += 1;
    }
    registers
}

/// What is done with each register of a row of `N` inputs: a [`map`](Pass::map), and what a [`fold`](Pass::fold) keeps of it.
///
/// Where lines overlap, what stands in both is done twice: what is stored depends on an element and on nothing beside it, and sums leave
/// out what does not [count](Counts).
trait Pass<V: Register<Element: Element>, const N: usize> {
    /// Whether the row becomes what [`map`](Pass::map) returns.
    const STORES: bool;

    /// What each element becomes by itself, in registers of any kind: several at a time, where there are enough. Nobody looks at what it
    /// is by default, where nothing is stored.
    #[inline(always)]
    fn map<W: Register<Element = V::Element>>(&self, inputs: [W; N]) -> W {
        inputs[N - 1]
    }

    /// Takes in what counts of the inputs, and of what [`map`](Pass::map) made of them.
    #[inline(always)]
    fn fold(&mut self, _inputs: [V; N], _result: V, _counts: Counts<V>, _place: Place) {}

    /// Called now and then in long rows.
    #[inline(always)]
    fn settle(&mut self) {}

    /// One register.
    #[inline(always)]
    fn register(&mut self, inputs: [V; N], counts: Counts<V>, place: Place) -> V {
        let result = self.map(inputs);
        self.fold(inputs, result, counts, place);
        result
    }
}

/// Which line of a turn of [`LINES`], and which register of the line.
///
/// A line without enough others for a turn is as the last one of a turn.
#[derive(Clone, Copy)]
struct Place {
    line: usize,
    part: usize,
}

/// Which elements of a register count: the last line of a row begins before the end of the one in front, unless all are whole.
#[derive(Clone, Copy)]
enum Counts<V> {
    All,
    /// Those that are not less than 0 here.
    Last(V),
}

impl<V: Vector> Counts<V> {
    /// `numbers`, with 0 where they do not count.
    #[inline(always)]
    fn of(self, numbers: V) -> V {
        self.select(numbers, V::constant(0.0))
    }

    #[inline(always)]
    fn select(self, where_it_counts: V, elsewhere: V) -> V {
        match self {
            Self::All => where_it_counts,
            Self::Last(from) => from.select_lt(V::constant(0.0), elsewhere, where_it_counts),
        }
    }
}

/// The places of a line's elements, less that of the first one of the last `count`.
#[inline(always)]
fn places_from<V: Register<Element: Element>>(token: V::Token, count: usize) -> Line<V> {
    let lanes = lanes::<V::Element>();
    let mut from = [V::Element::ZERO; LINE];
    let mut i = 0;
    while i < lanes {
        from[i] = V::Element::from_f64(i as f64);
        i += 1;
    }
    let mut line = load_line::<V, 1>(token, &Buffers::in_place([], &mut from), 0, 0);
    let first = V::splat(V::Element::from_f64((lanes - count) as f64));
    let mut part = 0;
    while part < parts::<V>() {
        line[part] = line[part] - first;
        part += 1;
    }
    line
}

/// What passes go over, again and again: a row of `N` inputs, of which the last one becomes what a pass stores.
trait Row<V: Register<Element: Element>, const N: usize> {
    fn pass<P: Pass<V, N>>(&mut self, token: V::Token, pass: &mut P);
}

/// A row of a line at least, which is `output` itself where there is no input.
struct OneInput<'r, T> {
    input: Option<&'r [T]>,
    output: &'r mut [T],
}

impl<V: Register<Element: Element>> Row<V, 1> for OneInput<'_, V::Element> {
    #[inline(always)]
    fn pass<P: Pass<V, 1>>(&mut self, token: V::Token, pass: &mut P) {
        match self.input {
            Some(input) => lines(
                token,
                pass,
                &mut Buffers::new([input], as_output(self.output)),
            ),
            None => lines(token, pass, &mut Buffers::in_place([], self.output)),
        }
        if P::STORES {
            self.input = None;
        }
    }
}

/// A row of a line at least, of two inputs, of which the second is `output` itself where there is none.
struct TwoInputs<'r, T> {
    first: &'r [T],
    second: Option<&'r [T]>,
    output: &'r mut [T],
}

impl<V: Register<Element: Element>> Row<V, 2> for TwoInputs<'_, V::Element> {
    #[inline(always)]
    fn pass<P: Pass<V, 2>>(&mut self, token: V::Token, pass: &mut P) {
        match self.second {
            Some(second) => {
                let mut buffers = Buffers::new([self.first, second], as_output(self.output));
                lines(token, pass, &mut buffers);
            }
            None => lines(
                token,
                pass,
                &mut Buffers::in_place([self.first], self.output),
            ),
        }
        if P::STORES {
            self.second = None;
        }
    }
}

/// A row of less than a line, with padding behind its end.
struct Short<V, const N: usize>([Line<V>; N]);

impl<V: Register<Element: Element>, const N: usize> Short<V, N> {
    #[inline(always)]
    fn new(token: V::Token, rows: [&[V::Element]; N], padding: f64) -> Self {
        let mut lines = [[V::constant(padding); MOST_PARTS]; N];
        let mut i = 0;
        while i < N {
            let mut padded = [V::Element::from_f64(padding); LINE];
            padded[..rows[i].len()].copy_from_slice(rows[i]);
            lines[i] = load_line::<V, 1>(token, &Buffers::in_place([], &mut padded), 0, 0);
            i += 1;
        }
        Self(lines)
    }

    #[inline(always)]
    fn store(self, output: &mut [V::Element]) {
        output.copy_from_slice(&lanes_of(self.0[N - 1])[..output.len()]);
    }
}

impl<V: Register<Element: Element>, const N: usize> Row<V, N> for Short<V, N> {
    #[inline(always)]
    fn pass<P: Pass<V, N>>(&mut self, _: V::Token, pass: &mut P) {
        let line = LINES - 1;
        let mut part = 0;
        while part < parts::<V>() {
            let place = Place { line, part };
            let result = pass.register(part_of(self.0, part), Counts::All, place);
            if P::STORES {
                self.0[N - 1][part] = result;
            }
            part += 1;
        }
    }
}

/// Hands every register of a row of one line at least to the pass.
#[inline(always)]
fn lines<V: Register<Element: Element>, P: Pass<V, N>, const N: usize>(
    token: V::Token,
    pass: &mut P,
    row: &mut Buffers<'_, V::Element, N>,
) {
    let lanes = lanes::<V::Element>();
    let rest = row.len() % lanes;
    let (whole, last) = (row.len() - rest, row.len() - lanes);
    // Before a row in place becomes something else.
    let inputs_of_last = load_lines(token, row, last);
    let (turn, mut at) = (LINES * lanes, 0);
    loop {
        let end = whole.min(at + SETTLE_LINES * lanes);
        while at + turn <= end {
            turn_of_lines(token, pass, &row.window(at..at + turn));
            at += turn;
        }
        while at < end {
            let window = row.window(at..at + lanes);
            single_line(pass, load_lines(token, &window, 0), None, &window);
            at += lanes;
        }
        if at == whole {
            break;
        }
        pass.settle();
    }
    if rest > 0 {
        let from = places_from::<V>(token, rest);
        let row = row.window(last..last + lanes);
        single_line(pass, inputs_of_last, Some(from), &row);
    }
}

/// [`LINES`] whole lines, as many registers at a time as are interleaved, which may be one.
#[inline(always)]
fn turn_of_lines<V: Register<Element: Element>, P: Pass<V, N>, const N: usize>(
    token: V::Token,
    pass: &mut P,
    lines: &Buffers<'_, V::Element, N>,
) {
    let several = const {
        let several = <V::Interleaved as Register>::LANES;
        assert!(LINES.is_multiple_of(2) && (LINES * lanes::<V::Element>()).is_multiple_of(several));
        several
    };
    let mut at = 0;
    while at < LINES * lanes::<V::Element>() {
        let mut inputs: [V::Interleaved; N] = [lines.read(token, 0, at); N];
        let mut i = 1;
        while i < N {
            inputs[i] = lines.read(token, i, at);
            i += 1;
        }
        let results = pass.map(inputs);
        let mut i = 0;
        while i < several / V::LANES {
            let register = at / V::LANES + i;
            let (line, part) = (register / parts::<V>(), register % parts::<V>());
            let mut of_register = [V::one_of(inputs[0], i); N];
            let mut input = 1;
            while input < N {
                of_register[input] = V::one_of(inputs[input], i);
                input += 1;
            }
            let result = V::one_of(results, i);
            pass.fold(of_register, result, Counts::All, Place { line, part });
            i += 1;
        }
        if P::STORES {
            lines.write(results, at);
        }
        at += several;
    }
}

/// A line without others: of all elements, or those that are not less than 0 in `from`.
#[inline(always)]
fn single_line<V: Register<Element: Element>, P: Pass<V, N>, const N: usize>(
    pass: &mut P,
    inputs: [Line<V>; N],
    from: Option<Line<V>>,
    output: &Buffers<'_, V::Element, N>,
) {
    let line = LINES - 1;
    let mut part = 0;
    while part < parts::<V>() {
        let counts = match from {
            Some(from) => Counts::Last(from[part]),
            None => Counts::All,
        };
        let result = pass.register(part_of(inputs, part), counts, Place { line, part });
        if P::STORES {
            output.write(result, part * V::LANES);
        }
        part += 1;
    }
}

/// A line of each input.
#[inline(always)]
fn load_lines<V: Register<Element: Element>, const N: usize>(
    token: V::Token,
    row: &Buffers<'_, V::Element, N>,
    at: usize,
) -> [Line<V>; N] {
    let mut inputs = [load_line(token, row, 0, at); N];
    let mut i = 1;
    while i < N {
        inputs[i] = load_line(token, row, i, at);
        i += 1;
    }
    inputs
}

/// A register of each line.
#[inline(always)]
fn part_of<V: Copy, const N: usize>(lines: [Line<V>; N], part: usize) -> [V; N] {
    let mut registers = [lines[0][part]; N];
    let mut i = 1;
    while i < N {
        registers[i] = lines[i][part];
        i += 1;
    }
    registers
}

/// The greatest element of each lane, NaN left out: the sum finds it.
///
/// Of each line of a turn, as each waits for the one before. An element that is seen twice makes no difference.
struct Greatest<V>([Line<V>; LINES]);

impl<V: Register<Element: Element>> Pass<V, 1> for Greatest<V> {
    const STORES: bool = false;

    #[inline(always)]
    fn fold(&mut self, [x]: [V; 1], _: V, _: Counts<V>, Place { line, part }: Place) {
        self.0[line][part] = x.max(self.0[line][part]);
    }
}

/// Of each lane the greater one; that of `b` where `a` is NaN.
#[inline(always)]
fn greater<V: Register>(a: Line<V>, b: Line<V>) -> Line<V> {
    let mut line = b;
    let mut part = 0;
    while part < parts::<V>() {
        line[part] = a[part].max(b[part]);
        part += 1;
    }
    line
}

#[inline(always)]
fn greatest<V: Register<Element: Element>, R: Row<V, 1>>(
    token: V::Token,
    row: &mut R,
) -> V::Element {
    let mut pass = Greatest([[V::constant(f64::NEG_INFINITY); MOST_PARTS]; LINES]);
    row.pass(token, &mut pass);
    let [a, b, c, d] = pass.0;
    joined::<Greater, V, 1>(token, [greater(greater(a, b), greater(c, d))])[0]
}

/// `SHIFTED_ONE e^x`, divided by what `shift` says, and its sum.
struct Exponentials<V: Vector> {
    shift: Shift<V::Element>,
    sum: SumOfPairs<V>,
}

impl<V: Register<Element: Element>> Pass<V, 1> for Exponentials<V> {
    const STORES: bool = true;

    #[inline(always)]
    fn map<W: Register<Element = V::Element>>(&self, [x]: [W; 1]) -> W {
        V::Element::shifted_exp(x, &self.shift)
    }

    #[inline(always)]
    fn fold(&mut self, _: [V; 1], power: V, counts: Counts<V>, place: Place) {
        self.sum.add_small(counts.of(power), place);
    }

    #[inline(always)]
    fn settle(&mut self) {
        self.sum.sum.settle();
    }
}

/// The sum of the exponentials of what is less than the greatest number, and how many are not. Not by pairs of lines: nothing is stored
/// between them, and AVX2 has too few registers for both.
struct SumOfExponentials<V: Vector> {
    max: V,
    shift: Shift<V::Element>,
    sums: LogSums<V>,
}

#[derive(Clone, Copy)]
struct LogSums<V> {
    lesser: Sum<V>,
    /// How many. What is counted is small, until it settles.
    greatest: Sum<V>,
}

impl<V: Register<Element: Element>> Pass<V, 1> for SumOfExponentials<V> {
    const STORES: bool = false;

    #[inline(always)]
    fn map<W: Register<Element = V::Element>>(&self, [x]: [W; 1]) -> W {
        V::Element::shifted_exp(x, &self.shift)
    }

    #[inline(always)]
    fn fold(&mut self, [x]: [V; 1], power: V, counts: Counts<V>, Place { part, .. }: Place) {
        // NaN is not the greatest, and so it is in the sum.
        let lesser = self.max.select_le(x, V::constant(0.0), power);
        self.sums.lesser.add_small(counts.of(lesser), part);
        let count = self.sums.greatest.low[part];
        let with_x = self.max.select_le(x, count + V::constant(1.0), count);
        self.sums.greatest.low[part] = counts.select(with_x, count);
    }

    #[inline(always)]
    fn settle(&mut self) {
        self.sums.lesser.settle();
        self.sums.greatest.settle();
    }
}

/// A number and a small one beside it as the nearest of `T`, and the rest.
#[inline(always)]
fn split<T: Element>((number, beside): (f64, f64)) -> (T, T) {
    let high = T::from_f64(number + beside);
    let rest: f64 = number - high.into() + beside;
    (high, T::from_f64(rest))
}

/// Times a number of twice the bits.
struct Times<T> {
    high: T,
    low: T,
}

impl<V: Register<Element: Element>> Pass<V, 1> for Times<V::Element> {
    const STORES: bool = true;

    #[inline(always)]
    fn map<W: Register<Element = V::Element>>(&self, [x]: [W; 1]) -> W {
        x.mul_add(W::splat(self.high), x * W::splat(self.low))
    }
}

/// Less a number of twice the bits.
struct Less<T> {
    high: T,
    low: T,
}

impl<V: Register<Element: Element>> Pass<V, 1> for Less<V::Element> {
    const STORES: bool = true;

    #[inline(always)]
    fn map<W: Register<Element = V::Element>>(&self, [x]: [W; 1]) -> W {
        // Exact where they are within a factor of two; else it is one rounding more.
        (x - W::splat(self.high)) - W::splat(self.low)
    }
}

/// The sum of `y dy`; with `LOG` that of `dy`.
struct Dot<V, const LOG: bool>(Sum<V>);

impl<V: Register<Element: Element>, const LOG: bool> Pass<V, 2> for Dot<V, LOG> {
    const STORES: bool = false;

    #[inline(always)]
    fn fold(&mut self, [y, dy]: [V; 2], _: V, counts: Counts<V>, Place { part, .. }: Place) {
        let (mut product, mut rounded_off) = (dy, V::constant(0.0));
        if !LOG {
            product = y * dy;
            rounded_off = y.mul_add(dy, -product);
        }
        self.0.add(counts.of(product), part);
        self.0.low[part] = self.0.low[part] + counts.of(rounded_off);
    }

    #[inline(always)]
    fn settle(&mut self) {
        self.0.settle();
    }
}

/// `y (dy - dot)`; with `LOG`, `dy - e^y sum`.
struct LessDot<T, const LOG: bool>(T, T);

impl<V: Register<Element: Element>, const LOG: bool> Pass<V, 2> for LessDot<V::Element, LOG> {
    const STORES: bool = true;

    #[inline(always)]
    fn map<W: Register<Element = V::Element>>(&self, [y, dy]: [W; 2]) -> W {
        if LOG {
            (-y.exp()).mul_add(W::splat(self.0), dy)
        } else {
            y * ((dy - W::splat(self.0)) - W::splat(self.1))
        }
    }
}

/// Rows of a buffer, or of an input and an output: all forward; with `LOG` the logarithm.
struct Forward<'r, T, const LOG: bool> {
    width: usize,
    input: Option<&'r [T]>,
    output: &'r mut [T],
}

impl<T: Element, const LOG: bool> Work<T> for Forward<'_, T, LOG> {
    type Home = Self;

    #[inline(always)]
    fn run<V: Register<Element = T>>(mut self, token: V::Token) {
        align_stack::<V>();
        if self.width < lanes::<T>() {
            self.short_rows::<V>(token);
        } else if self.width * size_of::<T>() > BYTES_IN_TURNS {
            self.rows_in_order::<V>(token);
        } else {
            self.rows_in_turns::<V>(token);
        }
    }
}

impl<T: Element, const LOG: bool> Forward<'_, T, LOG> {
    #[inline(always)]
    fn short_rows<V: Register<Element = T>>(&mut self, token: V::Token) {
        let rows = self.rows();
        let mut row = 0;
        while row < rows {
            let OneInput { input, output } = self.row(row);
            let given = input.unwrap_or(output);
            let mut short = Short::<V, 1>::new(token, [given], f64::NEG_INFINITY);
            all_passes::<V, _, LOG>(token, &mut short);
            short.store(output);
            row += 1;
        }
    }

    #[inline(always)]
    fn rows_in_order<V: Register<Element = T>>(&mut self, token: V::Token) {
        let rows = self.rows();
        let mut row = 0;
        while row < rows {
            all_passes::<V, _, LOG>(token, &mut self.row(row));
            row += 1;
        }
    }

    /// Each pass over a row between those over its neighbours: the maximum of row `step`, the sums of the first before it, their totals of
    /// the second, the scale of the third, and the last pass of the fourth. A CPU looks ahead by little more than a row, so what a
    /// pass needs is at hand when it begins; and long chains, each of which ends in one number, belong to different rows.
    #[inline(always)]
    fn rows_in_turns<V: Register<Element = T>>(&mut self, token: V::Token) {
        let rows = self.rows();
        let mut max = T::ZERO;
        let mut summed = (max, Sums::<V>::All(Sum::starting_at(0.0)));
        let mut totalled = (max, Totals::default());
        let mut scaled = (T::ZERO, T::ZERO);
        let mut step = 0;
        while step < rows + 4 {
            let mut next = max;
            if step < rows {
                next = greatest::<V, _>(token, &mut self.row(step));
            }
            let (of_third, of_fourth) = (totalled, scaled);
            let has_third = step >= 3 && step < rows + 3;
            // The chain of a logarithm is the longest, and hides behind the exponentials; that of an inverse is better apart from the others.
            if LOG && has_third {
                scaled = scale::<V, LOG>(of_third);
            }
            if step >= 2 && step < rows + 2 {
                let (max, sums) = summed;
                totalled = (max, totals(token, sums));
            }
            if step >= 1 && step < rows + 1 {
                let mut row = self.row(step - 1);
                summed = (max, exponentials::<V, _, LOG>(token, &mut row, max));
            }
            if !LOG && has_third {
                scaled = scale::<V, LOG>(of_third);
            }
            if step >= 4 {
                self.finish::<V>(token, step - 4, of_fourth);
            }
            max = next;
            step += 1;
        }
    }

    #[inline(always)]
    fn finish<V: Register<Element = T>>(&mut self, token: V::Token, row: usize, scale: (T, T)) {
        let mut row = self.row(row);
        if !LOG {
            // The exponentials are in the output.
            row.input = None;
        }
        last_pass::<V, _, LOG>(token, &mut row, scale);
    }

    #[inline(always)]
    fn rows(&self) -> usize {
        self.output.len() / self.width
    }

    #[inline(always)]
    fn row(&mut self, row: usize) -> OneInput<'_, T> {
        let range = row * self.width..(row + 1) * self.width;
        let (input, output) = (part(self.input, range.clone()), &mut self.output[range]);
        OneInput { input, output }
    }
}

#[inline(always)]
fn all_passes<V: Register<Element: Element>, R: Row<V, 1>, const LOG: bool>(
    token: V::Token,
    row: &mut R,
) {
    let max = greatest::<V, _>(token, row);
    let sums = exponentials::<V, _, LOG>(token, row, max);
    let scale = scale::<V, LOG>((max, totals(token, sums)));
    last_pass::<V, _, LOG>(token, row, scale);
}

/// What the second pass comes to.
#[derive(Clone, Copy)]
enum Sums<V> {
    All(Sum<V>),
    Log(LogSums<V>),
}

/// The exponent of this is as great as that of two exponentials.
const fn start_of_pairs<T: Functions>() -> f64 {
    2.0 * T::SHIFTED_ONE
}

/// The second pass.
#[inline(always)]
fn exponentials<V: Register<Element: Element>, R: Row<V, 1>, const LOG: bool>(
    token: V::Token,
    row: &mut R,
    max: V::Element,
) -> Sums<V> {
    if LOG {
        let (lesser, greatest) = (Sum::starting_at(0.0), Sum::starting_at(0.0));
        let sums = LogSums { lesser, greatest };
        let (max, shift) = (V::splat(max), V::Element::exact_shift(max));
        let mut pass = SumOfExponentials { max, shift, sums };
        row.pass(token, &mut pass);
        Sums::Log(pass.sums)
    } else {
        let sum = SumOfPairs {
            sum: Sum::starting_at(start_of_pairs::<V::Element>()),
            held: [V::constant(0.0); MOST_PARTS],
        };
        let shift = V::Element::shift(max);
        let mut pass = Exponentials { shift, sum };
        row.pass(token, &mut pass);
        Sums::All(pass.sum.sum)
    }
}

/// What the sums of all lanes come to: a number and one beside it; for the logarithm, how many are the greatest.
#[derive(Clone, Copy, Default)]
struct Totals {
    sum: (f64, f64),
    greatest: f64,
}

#[inline(always)]
fn totals<V: Register<Element: Element>>(token: V::Token, sums: Sums<V>) -> Totals {
    let sums = match sums {
        Sums::All(sum) => {
            return Totals {
                sum: sum.total(token, start_of_pairs::<V::Element>()),
                greatest: 0.0,
            };
        }
        Sums::Log(sums) => sums,
    };
    let mut counts = sums.greatest.high;
    let mut part = 0;
    while part < parts::<V>() {
        counts[part] = counts[part] + sums.greatest.low[part];
        part += 1;
    }
    let [count] = joined::<Plus, V, 1>(token, [counts]);
    Totals {
        sum: sums.lesser.total(token, 0.0),
        greatest: count.into(),
    }
}

/// What the last pass needs of the totals, as a number and one beside it: the factor, or what is taken off.
#[inline(always)]
fn scale<V: Register<Element: Element>, const LOG: bool>(
    (max, totals): (V::Element, Totals),
) -> (V::Element, V::Element) {
    if !LOG {
        return split(inverse::<V::Element>(totals.sum));
    }
    let (less, beside) = totals.sum;
    let one = V::Element::SHIFTED_ONE;
    // Without one of the greatest, beside which a small rest would be lost. Of an infinite one the table is none and the logarithm
    // anything, but infinity taken off infinity, here and in `split`, makes NaN of the row.
    let (max, others) = (max.into(), totals.greatest - 1.0);
    if !is_f64::<V::Element>() {
        return split((max, ln_1p(others + (less + beside) / one)));
    }
    let (rest, rounded_off) = two_sum(others, less / one);
    let (log, beside) = (ln_1p(rest), rounded_off + beside / one);
    let (sum, rounded_off) = two_sum(max, log);
    split((sum, rounded_off + beside / (1.0 + rest)))
}

#[inline(always)]
fn last_pass<V: Register<Element: Element>, R: Row<V, 1>, const LOG: bool>(
    token: V::Token,
    row: &mut R,
    (high, low): (V::Element, V::Element),
) {
    if LOG {
        row.pass(token, &mut Less { high, low });
    } else {
        row.pass(token, &mut Times { high, low });
    }
}

/// `1 / x`, and the rest, where that counts.
#[inline(always)]
fn inverse<T>((x, beside): (f64, f64)) -> (f64, f64) {
    if !is_f64::<T>() {
        return (1.0 / (x + beside), 0.0);
    }
    let (x, rounded_off) = two_sum(x, beside);
    let inverse = 1.0 / x;
    let missing = f64::mul_add(-inverse, x, 1.0) - inverse * rounded_off;
    (inverse, inverse * missing)
}

/// Rows of results and of gradients of the output, which become those of the input.
struct Backward<'r, T, const LOG: bool> {
    width: usize,
    results: &'r [T],
    grad_output: Option<&'r [T]>,
    grad: &'r mut [T],
}

impl<T: Element, const LOG: bool> Work<T> for Backward<'_, T, LOG> {
    type Home = Self;

    #[inline(always)]
    fn run<V: Register<Element = T>>(self, token: V::Token) {
        align_stack::<V>();
        let rows = self.grad.len() / self.width;
        let mut row = 0;
        while row < rows {
            let range = row * self.width..(row + 1) * self.width;
            let y = &self.results[range.clone()];
            let dy = part(self.grad_output, range.clone());
            let dx = &mut self.grad[range];
            if self.width < lanes::<T>() {
                let mut short = Short::<V, 2>::new(token, [y, dy.unwrap_or(dx)], 0.0);
                backward_row::<V, _, LOG>(token, &mut short);
                short.store(dx);
            } else {
                let (first, second, output) = (y, dy, dx);
                let mut row = TwoInputs {
                    first,
                    second,
                    output,
                };
                backward_row::<V, _, LOG>(token, &mut row);
            }
            row += 1;
        }
    }
}

#[inline(always)]
fn backward_row<V: Register<Element: Element>, R: Row<V, 2>, const LOG: bool>(
    token: V::Token,
    row: &mut R,
) {
    let mut dot = Dot::<V, LOG>(Sum::starting_at(0.0));
    row.pass(token, &mut dot);
    let (high, low) = split::<V::Element>(dot.0.total(token, 0.0));
    row.pass(token, &mut LessDot::<V::Element, LOG>(high, low));
}

/// Elements of a chunk of whole rows.
fn chunk<T>(width: usize) -> usize {
    rows_of_a_chunk(width * size_of::<T>()) * width
}

/// The elements `range` of an input, where there is one. Not by a closure, which would lose the tier's instructions.
#[inline(always)]
fn part<T>(input: Option<&[T]>, range: Range<usize>) -> Option<&[T]> {
    match input {
        Some(input) => Some(&input[range]),
        None => None,
    }
}

macro_rules! rows {
    ($(#[$doc:meta])* $name:ident, log: $log:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name {
            width: usize,
            plan: Plan,
        }

        impl $name {
            /// Of rows of `width` elements, one behind the other.
            ///
            /// # Panics
            /// If `width` is 0.
            #[must_use]
            #[track_caller]
            pub fn rows(width: usize) -> Self {
                assert!(width > 0, "`width` is 0: a row has one element at least");
                let plan = Plan::default();
                Self { width, plan }
            }

            /// Elements of a row.
            #[must_use]
            pub const fn width(self) -> usize {
                self.width
            }

            /// Writes the result of each row of `input` to `output`.
            ///
            /// # Panics
            /// If the lengths differ, or are no multiple of the width.
            #[track_caller]
            pub fn forward<T: Element>(&self, input: &[T], output: &mut [T]) {
                same_length([("input", input.len()), ("output", output.len())]);
                self.check("input", input.len());
                let (width, chunk) = (self.width, chunk::<T>(self.width));
                let bytes = 2 * size_of_val(input);
                let chunks = input.chunks(chunk).zip(output.chunks_mut(chunk));
                self.plan.run_chunks::<T, _>(false, (bytes, true), chunks, &|place, (input, output)| {
                    let input = Some(input);
                    place.dispatch(Forward::<T, $log> { width, input, output });
                });
            }

            /// Replaces each row of `buffer` by its result.
            ///
            /// # Panics
            /// If its length is no multiple of the width.
            #[track_caller]
            pub fn forward_in_place<T: Element>(&self, buffer: &mut [T]) {
                self.check("buffer", buffer.len());
                let (width, chunk) = (self.width, chunk::<T>(self.width));
                let bytes = size_of_val(buffer);
                let chunks = buffer.chunks_mut(chunk);
                self.plan.run_chunks::<T, _>(false, (bytes, true), chunks, &|place, output| {
                    place.dispatch(Forward::<T, $log> { width, input: None, output });
                });
            }

            /// As `forward`, to a fresh vector.
            ///
            /// # Panics
            /// If the length of `input` is no multiple of the width.
            #[must_use]
            #[track_caller]
            pub fn forward_to_vec<T: Element>(&self, input: &[T]) -> Vec<T> {
                self.check("input", input.len());
                let mut output = vec![T::ZERO; input.len()];
                self.forward(input, &mut output);
                output
            }

            /// Writes the gradient of the input to `grad_input`, from what `forward` was given: it computes the results anew, in
            /// memory that it allocates. Where they are at hand, `backward_from_output` is faster, and allocates nothing.
            ///
            /// # Panics
            /// If the lengths differ, or are no multiple of the width.
            #[track_caller]
            pub fn backward<T: Element>(&self, input: &[T], grad_output: &[T], grad_input: &mut [T]) {
                same_length([
                    ("input", input.len()),
                    ("grad_output", grad_output.len()),
                    ("grad_input", grad_input.len()),
                ]);
                let results = self.forward_to_vec(input);
                self.backward_from_output(&results, grad_output, grad_input);
            }

            /// Writes the gradient of the input to `grad_input`, from what `forward` returned.
            ///
            /// # Panics
            /// If the lengths differ, or are no multiple of the width.
            #[track_caller]
            pub fn backward_from_output<T: Element>(
                &self,
                output: &[T],
                grad_output: &[T],
                grad_input: &mut [T],
            ) {
                same_length([
                    ("output", output.len()),
                    ("grad_output", grad_output.len()),
                    ("grad_input", grad_input.len()),
                ]);
                self.check("output", output.len());
                let (width, chunk) = (self.width, chunk::<T>(self.width));
                let bytes = 3 * size_of_val(output);
                let inputs = output.chunks(chunk).zip(grad_output.chunks(chunk));
                let chunks = inputs.zip(grad_input.chunks_mut(chunk));
                let size = (bytes, true);
                self.plan.run_chunks::<T, _>(false, size, chunks, &|place, ((results, dy), grad)| {
                    let grad_output = Some(dy);
                    place.dispatch(Backward::<T, $log> { width, results, grad_output, grad });
                });
            }

            /// As `backward_from_output`, with `grad` holding the gradient of the output before and that of the input after.
            ///
            /// # Panics
            /// If the lengths differ, or are no multiple of the width.
            #[track_caller]
            pub fn backward_from_output_in_place<T: Element>(&self, output: &[T], grad: &mut [T]) {
                same_length([("output", output.len()), ("grad", grad.len())]);
                self.check("output", output.len());
                let (width, chunk) = (self.width, chunk::<T>(self.width));
                let bytes = 2 * size_of_val(output);
                let chunks = output.chunks(chunk).zip(grad.chunks_mut(chunk));
                let size = (bytes, true);
                self.plan.run_chunks::<T, _>(false, size, chunks, &|place, (results, grad)| {
                    place.dispatch(Backward::<T, $log> { width, results, grad_output: None, grad });
                });
            }

            /// On `tier` instead of [`Tier::best`].
            #[must_use]
            pub fn on(self, tier: Tier) -> Self {
                let plan = self.plan.on(tier);
                Self { plan, ..self }
            }

            /// Rows shared out over the current Rayon pool: see [`Activation::par`](crate::Activation::par).
            #[cfg(feature = "parallel")]
            #[must_use]
            pub fn par(self) -> Self {
                let plan = self.plan.par();
                Self { plan, ..self }
            }

            #[track_caller]
            fn check(&self, name: &str, len: usize) {
                let width = self.width;
                assert!(
                    len.is_multiple_of(width),
                    "`{name}` has {len} elements: not a multiple of rows of {width}"
                );
            }
        }
    };
}

rows! {
    /// The softmax of each row: `y[i] = e^x[i] / Σ e^x[j]`, numbers from 0 to 1 whose sum is 1.
    ///
    /// The greatest element of a row is taken off first, so nothing overflows. -inf becomes 0. A row with a NaN or
    /// +inf, or of -inf alone, becomes NaN, as in PyTorch. For rows up to a million elements, results are less than 6 ulp from the
    /// truth by the errors of their parts, and less than 3 in all tests of `f32`; those that are less than the least normal number are subnormal ones.
    ///
    /// The gradient of the input is `y[i] (dy[i] - Σ y[j] dy[j])`. A row with an infinite or NaN gradient becomes NaN, and so does one
    /// whose sums overflow, those of a part of it, too.
    ///
    /// Each row has the same bits on every tier, at any alignment and number of threads: its sum has one order and twice the
    /// bits.
    ///
    /// ```
    /// use rectify::Softmax;
    ///
    /// let mut logits = [1.0_f32, 1.0, 0.0, f32::NEG_INFINITY];
    /// Softmax::rows(2).forward_in_place(&mut logits);
    /// assert_eq!(logits, [0.5, 0.5, 1.0, 0.0]);
    /// ```
    Softmax, log: false
}

rows! {
    /// The logarithm of the softmax of each row: `y[i] = x[i] - ln Σ e^x[j]`, of full accuracy where the softmax is almost 0 or 1.
    ///
    /// -inf stays -inf. A row with a NaN or +inf, or of -inf alone, becomes NaN, as in PyTorch. For rows up to a million elements, results are at
    /// most 4 ulp from the truth, and less than 3 in all tests of `f32`.
    ///
    /// The gradient of the input is `dy[i] - e^y[i] Σ dy[j]`. A row with an infinite or NaN gradient becomes NaN, and so does one
    /// whose sums overflow, those of a part of it, too.
    ///
    /// Each row has the same bits on every tier, at any alignment and number of threads.
    ///
    /// ```
    /// use rectify::LogSoftmax;
    ///
    /// let y = LogSoftmax::rows(2).forward_to_vec(&[0.0_f64, 0.0]);
    /// assert_eq!(y, [-std::f64::consts::LN_2; 2]);
    /// ```
    LogSoftmax, log: true
}
