//! Formulas that somebody else might write, and each operation that they are written in: on every tier the bits of a
//! plain loop on one lane. Where arithmetic makes NaN or passes it on, Rust does not say which NaN.

use std::array;
use std::fmt::Debug;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use rectify::*;

use crate::common::{
    At, GuardedBuffers, Is, OutputMemory, Pages, TestElement, assert_large, assert_same_bits,
    assert_same_bits_but, in_time, rerun_streamed_and_split, tiers, values,
};

/// Every operation of [`Vector`], of up to three numbers.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Add,
    Sub,
    Mul,
    Div,
    MulAdd,
    Sqrt,
    Neg,
    Abs,
    Max,
    Min,
    SelectLt,
    SelectLe,
    Constant(f64),
}

use Operation::*;

impl Operation {
    fn all() -> Vec<Self> {
        let mut all = vec![
            Add, Sub, Mul, Div, MulAdd, Sqrt, Neg, Abs, Max, Min, SelectLt, SelectLe,
        ];
        // Of which some round to `f32`, up, down, to a subnormal, to 0 and to infinity.
        let some = [0.1, 1.0 + f64::EPSILON, 1e-40, 1e-50, 16_777_217.0, 1e39];
        all.extend(f64::specials().into_iter().chain(some).map(Constant));
        all
    }

    /// Whether it computes, so that a NaN may be any. The others copy bits.
    fn computes(self) -> bool {
        match self {
            Add | Sub | Mul | Div | MulAdd | Sqrt => true,
            Neg | Abs | Max | Min | SelectLt | SelectLe => false,
            Constant(value) => value.is_nan(),
        }
    }
}

impl Map<3> for Operation {
    #[inline(always)]
    fn apply<V: Vector>(self, [a, b, c]: [V; 3]) -> V {
        match self {
            Add => a + b,
            Sub => a - b,
            Mul => a * b,
            Div => a / b,
            MulAdd => a.mul_add(b, c),
            Sqrt => a.sqrt(),
            Neg => -a,
            Abs => a.abs(),
            Max => a.max(b),
            Min => a.min(b),
            SelectLt => a.select_lt(b, c, a),
            SelectLe => a.select_le(b, c, a),
            Constant(value) => V::constant(value),
        }
    }
}

/// Each special value with each other one, and random ones. The third is now and then what a product rounds to, with
/// the other sign: of these, a multiply-add leaves what the rounding took.
fn operands<T: TestElement>() -> [Vec<T>; 3] {
    let (specials, random) = (T::specials(), 3_000);
    let n = specials.len();
    let pairs = (0..n * n).map(|i| (specials[i / n], specials[i % n]));
    let (a, b): (Vec<_>, Vec<_>) = pairs.unzip();
    let [a, b] = [(a, 1), (b, 2)].map(|(x, seed)| [x, values(random, seed)].concat());
    let mut c = values(a.len(), 3);
    for i in (0..c.len()).step_by(3) {
        c[i] = -(a[i] * b[i]);
    }
    [a, b, c]
}

fn every_operation<T: TestElement>() {
    let operands = operands::<T>();
    let len = operands[0].len();
    for operation in Operation::all() {
        let one_lane = |i: usize| operation.apply([0, 1, 2].map(|operand| operands[operand][i]));
        let expected: Vec<_> = (0..len).map(one_lane).collect();
        for tier in tiers() {
            let check = |range: Range<usize>| {
                let inputs = [0, 1, 2].map(|operand| &operands[operand][range.clone()]);
                let actual = operation.on(tier).map_to_vec(inputs);
                let what = || format!("{operation:?} on {tier}, {range:?}");
                let is_open = |_| operation.computes();
                assert_same_bits_but(is_open, &actual, &expected[range.clone()], what);
            };
            check(0..len);
            // In the registers that short slices take, too.
            for len_here in 1..=140 {
                let start = len_here * 97 % (len - 140);
                check(start..start + len_here);
            }
        }
    }
}

#[test]
fn every_operation_is_that_of_one_lane() {
    every_operation::<f32>();
    every_operation::<f64>();
}

/// One lane itself, as the documentation has it.
fn one_lane<T: TestElement>() {
    let number = T::from_f64;
    let (one, two, zero) = (T::ONE, number(2.0), T::ZERO);
    let specials = T::specials();
    let same = |a: T, b: T| assert_same_bits(&[a], &[b], String::new);
    for &x in &specials {
        same(T::splat(x), x);
        same(Vector::abs(-x), Vector::abs(x));
        same(-(-x), x);
        assert!((-x).bits() != x.bits());
        for nan in specials.iter().copied().filter(|nan| nan.is_nan()) {
            // What stands behind, where there is no greater or lesser one.
            same(Vector::max(nan, x), x);
            same(Vector::max(x, nan), nan);
            same(Vector::min(nan, x), x);
            same(Vector::min(x, nan), nan);
            same(nan.select_lt(x, one, two), two);
            same(x.select_le(nan, one, two), two);
            assert!((nan + x).is_nan() && (x * nan).is_nan() && Vector::sqrt(nan).is_nan());
        }
    }
    for (a, b) in [(zero, -zero), (-zero, zero)] {
        same(Vector::max(a, b), b);
        same(Vector::min(a, b), b);
        same(a.select_lt(b, one, two), two);
        same(a.select_le(b, one, two), one);
        same(Vector::sqrt(a), a);
    }
    same(Vector::max(one, two), two);
    same(Vector::min(two, one), one);
    same(one.select_lt(two, one, two), one);
    same(two.select_le(one, one, two), two);
    assert!(Vector::sqrt(-one).is_nan());
    same(Vector::sqrt(two + two), two);
    // Rounded once: the square of one plus a little is more than one plus twice that.
    let little = number(2_f64.powi(if size_of::<T>() == 4 { -20 } else { -40 }));
    let x = one + little;
    same(x * x - (one + two * little), zero);
    same(
        Vector::mul_add(x, x, -(one + two * little)),
        little * little,
    );
    same(T::constant(0.1), number(0.1));
}

#[test]
fn one_lane_is_as_documented() {
    one_lane::<f32>();
    one_lane::<f64>();
    assert_eq!(<f32 as Vector>::constant(0.1), 0.1);
    assert_eq!(<f32 as Vector>::constant(1e39), f32::INFINITY);
    assert_eq!(<f64 as Vector>::constant(1e39), 1e39);
}

/// Between -1 and 1, without a choice anywhere.
#[derive(Clone, Copy, Debug)]
struct Softsign;

impl Formula for Softsign {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        x / (V::constant(1.0) + x.abs())
    }
}

impl Gradient for Softsign {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        let root = V::constant(1.0) + x.abs();
        grad_output / (root * root)
    }
}

/// A polynomial of the third degree, within bounds.
#[derive(Clone, Copy, Debug)]
struct Cubic {
    factors: [f64; 4],
    bound: f64,
}

impl Formula for Cubic {
    const MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        let [d, c, b, a] = self.factors;
        let value = V::constant(a).mul_add(x, V::constant(b));
        let value = value.mul_add(x, V::constant(c));
        let value = value.mul_add(x, V::constant(d));
        value
            .min(V::constant(self.bound))
            .max(-V::constant(self.bound))
    }
}

impl Gradient for Cubic {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        let [_, c, b, a] = self.factors;
        let slope = V::constant(3.0 * a).mul_add(x, V::constant(2.0 * b));
        let slope = slope.mul_add(x, V::constant(c));
        let inside = self.value(x).abs();
        inside.select_lt(
            V::constant(self.bound),
            slope * grad_output,
            V::constant(0.0),
        )
    }
}

/// Any of several, as an application has its own.
#[derive(Clone, Copy, Debug)]
enum Mine {
    Softsign(Softsign),
    Cubic(Cubic),
    Ready(LeakyRelu),
}

impl Formula for Mine {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        match self {
            Self::Softsign(formula) => formula.value(x),
            Self::Cubic(formula) => formula.value(x),
            Self::Ready(formula) => formula.value(x),
        }
    }

    fn choose<R: Run>(self, run: R) -> R::Done {
        match self {
            Self::Softsign(formula) => formula.choose(run),
            Self::Cubic(formula) => formula.choose(run),
            Self::Ready(formula) => formula.choose(run),
        }
    }
}

impl Gradient for Mine {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        match self {
            Self::Softsign(formula) => formula.gradient(x, grad_output),
            Self::Cubic(formula) => formula.gradient(x, grad_output),
            Self::Ready(formula) => formula.gradient(x, grad_output),
        }
    }

    fn choose_gradient<R: RunGradient>(self, run: R) -> R::Done {
        match self {
            Self::Softsign(formula) => formula.choose_gradient(run),
            Self::Cubic(formula) => formula.choose_gradient(run),
            Self::Ready(formula) => formula.choose_gradient(run),
        }
    }
}

const CUBIC: Cubic = Cubic {
    factors: [0.1, -0.75, 0.25, 1.5],
    bound: 1e6,
};

/// The root of the absolute value.
#[derive(Clone, Copy, Debug)]
struct Root;

impl Map<1> for Root {
    #[inline(always)]
    fn apply<V: Vector>(self, [x]: [V; 1]) -> V {
        x.abs().sqrt()
    }
}

/// The difference of two numbers, relative to the greater one.
#[derive(Clone, Copy, Debug)]
struct Difference;

impl Map<2> for Difference {
    const MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn apply<V: Vector>(self, [a, b]: [V; 2]) -> V {
        (a - b) / a.abs().max(b.abs())
    }
}

/// From the first number to the second, as far as the third says, and no further.
#[derive(Clone, Copy, Debug)]
struct Between {
    most: f64,
}

impl Map<3> for Between {
    #[inline(always)]
    fn apply<V: Vector>(self, [from, to, part]: [V; 3]) -> V {
        let zero = V::constant(0.0);
        let part = part.select_le(zero, zero, part.min(V::constant(self.most)));
        (to - from).mul_add(part, from)
    }
}

/// Past eight registers of sixteen lanes, from where on loops are other ones, and several turns.
const SHORT: usize = 300;

/// Several chunks, which are split and may be streamed.
const LARGE: usize = 300_007;

fn check_formula<T: TestElement, F: Gradient + Debug + 'static>(formula: F) {
    let mut buffers = GuardedBuffers::<T>::new(LARGE);
    let mut check = |kernel: &Planned<F>, len: usize| {
        let offset = At::Offset(len * 5 % 16);
        let kernel = Is::but_for_nans(&formula, kernel);
        buffers.check_kernel(&kernel, len, offset, At::side(len));
        buffers.check_kernel(&kernel, len, At::side(len), offset);
    };
    for tier in tiers() {
        let serial = formula.on(tier);
        in_time(|| {
            (0..=SHORT)
                .chain([LARGE])
                .for_each(|len| check(&serial, len))
        });
        #[cfg(feature = "parallel")]
        over_threads(|| [1, 100, LARGE].map(|len| check(&serial.par(), len)));
    }
}

/// Inputs of up to three, all read-only, and an output, between pages that cannot be touched.
struct MapBuffers<T> {
    inputs: [Pages<T>; 3],
    output: Pages<T>,
}

impl<T: TestElement> MapBuffers<T> {
    fn new() -> Self {
        Self {
            inputs: [1, 2, 3].map(|seed| Pages::read_only(&values(LARGE, seed))),
            output: Pages::new(LARGE + 100),
        }
    }

    /// Every method, of `kernel` against `map` on one lane. In place there is one input less, by a type that Rust cannot
    /// name yet.
    fn check<M: Map<N> + Debug, const N: usize, const LESS: usize>(
        &mut self,
        map: M,
        kernel: impl MapSlices<N>,
        len: usize,
    ) {
        let inputs: [&[T]; N] = array::from_fn(|i| At::side(len + i).of(len, &self.inputs[i]));
        let others: [&[T]; LESS] = array::from_fn(|i| inputs[i]);
        let one_lane = |i: usize| map.apply(inputs.map(|input| input[i]));
        let mut expected: Vec<_> = (0..len).map(one_lane).collect();
        let what = |method: &str| format!("{map:?}.{method}, {len} elements");

        // Memory that nobody has written, where tools which know that see what is left out.
        let mut output = Box::new_uninit_slice(len);
        let written = kernel.map_uninit(inputs, &mut output);
        assert_same_bits_but(|_| true, written, &expected, || what("map_uninit"));
        let fresh = kernel.map_to_vec(inputs);
        assert_same_bits_but(|_| true, &fresh, &expected, || what("map_to_vec"));

        for at in [At::side(len), At::Offset(len * 5 % 16)] {
            let mut output = OutputMemory {
                start: at.start(len, &self.output),
                memory: &mut self.output,
                expected: &mut expected,
            };
            let is_open = |_| true;
            output.check(is_open, None, |y| kernel.map(inputs, y), || what("map"));
            let in_place = |y: &mut [T]| kernel.map_in_place(others, y);
            let before = Some(inputs[N - 1]);
            output.check(is_open, before, in_place, || what("map_in_place"));
        }
    }
}

fn check_map<T: TestElement, M: Map<N> + Debug, const N: usize, const LESS: usize>(map: M) {
    let mut buffers = MapBuffers::<T>::new();
    let mut check = |kernel: &Planned<M>, len| buffers.check::<M, N, LESS>(map, *kernel, len);
    for tier in tiers() {
        let serial = MapSlices::<N>::on(map, tier);
        in_time(|| {
            (0..=SHORT)
                .chain([LARGE])
                .for_each(|len| check(&serial, len))
        });
        #[cfg(feature = "parallel")]
        over_threads(|| {
            let parallel = MapSlices::<N>::par(serial);
            [1, 100, LARGE].map(|len| check(&parallel, len))
        });
    }
}

/// Runs `work` in a pool, and outside of one.
#[cfg(feature = "parallel")]
fn over_threads<R: Send>(mut work: impl FnMut() -> R + Send) {
    in_time(|| {
        crate::common::case::in_pool(3, &mut work);
        work();
    });
}

fn somebody_elses<T: TestElement>() {
    // In place there is one buffer.
    assert_large(LARGE * size_of::<T>());
    check_formula::<T, _>(Softsign);
    check_formula::<T, _>(CUBIC);
    for mine in [
        Mine::Softsign(Softsign),
        Mine::Cubic(CUBIC),
        Mine::Ready(LeakyRelu::default()),
    ] {
        check_formula::<T, _>(mine);
    }
    check_map::<T, _, 1, 0>(Root);
    check_map::<T, _, 2, 1>(Difference);
    check_map::<T, _, 3, 2>(Between { most: 0.75 });
}

#[test]
fn somebody_elses_f32() {
    somebody_elses::<f32>();
}

#[test]
fn somebody_elses_f64() {
    somebody_elses::<f64>();
}

#[test]
fn somebody_elses_streamed_and_split() {
    rerun_streamed_and_split("formulas::somebody_elses_f32");
    rerun_streamed_and_split("formulas::somebody_elses_f64");
}

/// Counts how often it is asked what to run. What it names is what runs: it has nothing else to run itself.
#[derive(Clone, Copy)]
struct Choosy<'a>(&'a AtomicUsize);

impl Formula for Choosy<'_> {
    #[inline(always)]
    fn value<V: Vector>(self, _: V) -> V {
        unreachable!("another one was chosen");
    }

    fn scalar<T: Element>(self, x: T) -> T {
        Relu.scalar(x)
    }

    fn choose<R: Run>(self, run: R) -> R::Done {
        self.0.fetch_add(1, Ordering::Relaxed);
        run.run(Relu)
    }
}

impl Gradient for Choosy<'_> {
    #[inline(always)]
    fn gradient<V: Vector>(self, _: V, _: V) -> V {
        unreachable!("another one was chosen");
    }

    fn choose_gradient<R: RunGradient>(self, run: R) -> R::Done {
        self.0.fetch_add(100, Ordering::Relaxed);
        run.run(Relu)
    }
}

#[test]
fn the_choice_is_made_once_a_call() {
    let chosen = AtomicUsize::new(0);
    for tier in tiers() {
        let choosy = Choosy(&chosen).on(tier);
        #[cfg(feature = "parallel")]
        let choosy = choosy.par();
        in_time(|| {
            for len in [0, 1, 100, 2_000_000] {
                let (x, dy): (Vec<f32>, _) = (values(len, 1), values(len, 2));
                let expected = (Relu.forward_to_vec(&x), Relu.backward_to_vec(&x, &dy));
                chosen.store(0, Ordering::Relaxed);
                let actual = (choosy.forward_to_vec(&x), choosy.backward_to_vec(&x, &dy));
                assert_eq!(chosen.load(Ordering::Relaxed), 101);
                assert_same_bits(&actual.0, &expected.0, || "forward".to_owned());
                assert_same_bits(&actual.1, &expected.1, || "backward".to_owned());
            }
        });
    }
    assert_eq!(Choosy(&chosen).eval(-1.0), 0.0);
}

/// What holds an activation of any kind, with and without where it runs.
struct Layer<A> {
    activation: A,
}

impl<A: Activation<Formula: Gradient>> Layer<A> {
    fn forward_and_backward(&self, x: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let y = self.activation.forward_to_vec(x);
        let dx = self.activation.backward_to_vec(x, &y);
        (y, dx)
    }
}

#[test]
fn generic_code_takes_formulas_and_planned_ones() {
    let x = values::<f64>(1_000, 4);
    let expected = Layer { activation: Relu }.forward_and_backward(&x);
    let same = |(y, dx): (Vec<f64>, Vec<f64>)| {
        assert_same_bits(&y, &expected.0, || "forward".to_owned());
        assert_same_bits(&dx, &expected.1, || "backward".to_owned());
    };
    for tier in tiers() {
        let planned: Planned<Relu> = Relu.on(tier);
        same(
            Layer {
                activation: planned,
            }
            .forward_and_backward(&x),
        );
        let activation: Planned<AnyActivation> = AnyActivation::from(Relu).on(tier);
        same(Layer { activation }.forward_and_backward(&x));
    }
}
