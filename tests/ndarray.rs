//! Calls on arrays: the bits of the definition for every element, wherever it lies, and nothing written beside it.

use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Mutex;
use std::thread;

use ndarray::{
    Array, Array1, Array2, Array3, Array4, ArrayD, ArrayViewD, ArrayViewMutD, Axis, Dimension,
    IxDyn, Slice, Zip, arr0, s,
};
use proptest::prelude::*;
use rectify::{
    Activation, ActivationArrays, Channels, Element, Gradient, GradientFromOutput, LeakyRelu,
    LogSoftmax, Relu, Softmax, Tier,
};

/// How an array lies in memory: its axes from the outermost on, and the step along each. 0 is a broadcast.
#[derive(Clone, Debug)]
struct Layout {
    order: Vec<usize>,
    steps: Vec<isize>,
}

impl Layout {
    fn new(order: &[usize], steps: &[isize]) -> Self {
        let (order, steps) = (order.to_vec(), steps.to_vec());
        Self { order, steps }
    }
}

/// An array of some shape, in memory with gaps, which is looked at whole.
#[derive(Clone, Debug)]
struct Lying<T> {
    memory: ArrayD<T>,
    layout: Layout,
}

impl<T: Element> Lying<T> {
    fn new(shape: &[usize], layout: &Layout, seed: usize) -> Self {
        let extent = layout.order.iter().map(|&axis| match layout.steps[axis] {
            0 => 1,
            step => shape[axis] * step.unsigned_abs(),
        });
        let extent: Vec<_> = extent.collect();
        let mut next = seed * 7919;
        let memory = ArrayD::from_shape_simple_fn(extent, || {
            next += 1;
            value(next)
        });
        let layout = layout.clone();
        Self { memory, layout }
    }

    fn places(&self) -> Vec<usize> {
        let mut places = self.layout.order.clone();
        for (place, &axis) in self.layout.order.iter().enumerate() {
            places[axis] = place;
        }
        places
    }

    fn slice(&self, Axis(axis): Axis) -> Slice {
        match self.layout.steps[axis] {
            0 => Slice::from(..),
            step => Slice::new(0, None, step),
        }
    }

    /// With a length of 1 where it is to be broadcast.
    fn view(&self) -> ArrayViewD<'_, T> {
        let mut view = self.memory.view().permuted_axes(self.places());
        view.slice_each_axis_inplace(|axis| self.slice(axis.axis));
        view
    }

    fn view_mut(&mut self) -> ArrayViewMutD<'_, T> {
        let (places, slices) = (self.places(), self.clone());
        let mut view = self.memory.view_mut().permuted_axes(places);
        view.slice_each_axis_inplace(|axis| slices.slice(axis.axis));
        view
    }
}

/// Numbers of all kinds but NaN.
fn value<T: Element>(index: usize) -> T {
    T::from_f64(match index % 11 {
        0 => -0.0,
        1 if index.is_multiple_of(3) => f64::INFINITY,
        2 if index.is_multiple_of(5) => f64::NEG_INFINITY,
        3 => 1e-40,
        _ => (index.wrapping_mul(2_654_435_761) % 10_007) as f64 / 1_000.0 - 5.0,
    })
}

/// Equal for two NaN, whose sign and payload nobody promises.
fn bits<T: Element>(x: T) -> u64 {
    let x: f64 = x.into();
    if x.is_nan() {
        f64::NAN.to_bits()
    } else {
        x.to_bits()
    }
}

fn assert_same<T: Element, D: Dimension>(
    of: &str,
    actual: &Array<T, D>,
    expected: &Array<T, D>,
    case: &dyn std::fmt::Debug,
) {
    assert_eq!(actual.shape(), expected.shape(), "{of}: {case:?}");
    for (at, (a, b)) in actual.iter().zip(expected).enumerate() {
        assert_eq!(bits(*a), bits(*b), "{of}: {a} is not {b} at {at}: {case:?}");
    }
}

/// The arrays of a call, of one shape.
#[derive(Clone, Debug)]
struct Case<T> {
    shape: Vec<usize>,
    inputs: [Lying<T>; 3],
    outputs: [Lying<T>; 2],
    /// Which of the ways to run it.
    plan: usize,
}

impl<T: Element> Case<T> {
    fn new(shape: &[usize], inputs: [&Layout; 3], outputs: [&Layout; 2], plan: usize) -> Self {
        let mut seed = 0;
        let mut lying = |layout: &Layout| {
            seed += 1;
            Lying::new(shape, layout, seed)
        };
        let (inputs, outputs) = (inputs.map(&mut lying), outputs.map(&mut lying));
        let shape = shape.to_vec();
        Self {
            shape,
            inputs,
            outputs,
            plan,
        }
    }

    /// Checks a call that writes to the first `OUT` outputs what `expected` says of the elements.
    fn check<const OUT: usize>(
        &self,
        of: &str,
        call: impl Fn([&ArrayViewD<'_, T>; 3], [&mut ArrayViewMutD<'_, T>; OUT]),
        expected: impl Fn([T; 3], T) -> [T; OUT],
    ) {
        let views = self.inputs.each_ref().map(Lying::view);
        let shape = IxDyn(&self.shape);
        let views = views
            .each_ref()
            .map(|x| x.broadcast(shape.clone()).expect("it is of this shape"));
        let [a, b] = self.outputs.clone();
        let mut after: [_; OUT] = std::array::from_fn(|i| [&a, &b][i].clone());
        let before = after.clone();
        {
            let mut outputs = after.each_mut().map(Lying::view_mut);
            call(views.each_ref(), outputs.each_mut());
        }
        for i in 0..OUT {
            let (old, mut right) = (a.view(), before[i].clone());
            Zip::from(right.view_mut())
                .and(&views[0])
                .and(&views[1])
                .and(&views[2])
                .and(&old)
                .for_each(|right, &x0, &x1, &x2, &old| *right = expected([x0, x1, x2], old)[i]);
            assert_same(of, &after[i].memory, &right.memory, self);
        }
    }
}

/// One of the ways to run it, all of which have to give the same: those of `A` with `on` and `par`.
macro_rules! one_way {
    ($activation:expr, $plan:expr) => {{
        let tiers: Vec<_> = Tier::available().collect();
        match ($plan % (tiers.len() + 2)).checked_sub(2) {
            None if $plan % 2 == 0 => $activation,
            #[cfg(feature = "parallel")]
            None => $activation.par(),
            #[cfg(not(feature = "parallel"))]
            None => $activation,
            Some(tier) => $activation.on(tiers[tier]),
        }
    }};
}

/// Every method, and whether those that return an array return the same.
fn check_forward<T: Element>(activation: impl Activation, case: &Case<T>) {
    let f = one_way!(activation.planned(), case.plan);
    let value = |x| activation.eval(x);
    case.check(
        "forward",
        |[x, ..], [y]| f.forward_array(x, y),
        |[x, ..], _| [value(x)],
    );
    case.check(
        "in place",
        |_, [y]| f.forward_array_in_place(y),
        |_, y| [value(y)],
    );
    case.check(
        "to array",
        |[x, ..], [y]| y.assign(&f.forward_to_array(x)),
        |[x, ..], _| [value(x)],
    );
}

fn check_backward<T: Element, A: Activation<Formula: Gradient>>(activation: A, case: &Case<T>) {
    let slope = |x, dy| activation.eval_backward(x, dy);
    let f = one_way!(activation.planned(), case.plan);
    let expected = |[x, dy, _]: [T; 3], _| [slope(x, dy)];
    case.check(
        "backward",
        |[x, dy, _], [dx]| f.backward_array(x, dy, dx),
        expected,
    );
    case.check(
        "backward in place",
        |[x, ..], [g]| f.backward_array_in_place(x, g),
        |[x, ..], g| [slope(x, g)],
    );
    case.check(
        "backward to array",
        |[x, dy, _], [dx]| dx.assign(&f.backward_to_array(x, dy)),
        expected,
    );
}

fn check_from_output<T: Element, A: Activation<Formula: GradientFromOutput>>(
    activation: A,
    case: &Case<T>,
) {
    let slope = |y, dy| {
        let mut dx = [dy];
        activation.backward_from_output_in_place(&[y], &mut dx);
        dx
    };
    let f = one_way!(activation.planned(), case.plan);
    case.check(
        "from output",
        |[y, dy, _], [dx]| f.backward_from_output_array(y, dy, dx),
        |[y, dy, _], _| slope(y, dy),
    );
    case.check(
        "from output in place",
        |[y, ..], [g]| f.backward_from_output_array_in_place(y, g),
        |[y, ..], g| slope(y, g),
    );
}

fn check_residual_and_gate<T: Element, A: Activation<Formula: Gradient>>(
    activation: A,
    case: &Case<T>,
) {
    let (value, slope) = (
        |x| activation.eval(x),
        |x, dy| activation.eval_backward(x, dy),
    );
    let f = one_way!(activation.planned(), case.plan);
    let sum = |[x, r, _]: [T; 3], _| [value(x + r)];
    case.check(
        "residual",
        |[x, r, _], [y]| f.forward_residual_array(x, r, y),
        sum,
    );
    case.check(
        "residual to array",
        |[x, r, _], [y]| y.assign(&f.forward_residual_to_array(x, r)),
        sum,
    );
    case.check(
        "residual in place",
        |[_, r, _], [y]| f.forward_residual_array_in_place(r, y),
        |[_, r, _], y| [value(y + r)],
    );
    let slopes = |[x, r, dy]: [T; 3], _| [slope(x + r, dy)];
    case.check(
        "residual backward",
        |[x, r, dy], [dx]| f.backward_residual_array(x, r, dy, dx),
        slopes,
    );
    case.check(
        "residual backward in place",
        |[x, r, _], [g]| f.backward_residual_array_in_place(x, r, g),
        |[x, r, _], g| [slope(x + r, g)],
    );
    case.check(
        "residual backward to array",
        |[x, r, dy], [dx]| dx.assign(&f.backward_residual_to_array(x, r, dy)),
        slopes,
    );
    let product = |[g, u, _]: [T; 3], _| [value(g) * u];
    case.check(
        "gate",
        |[g, u, _], [y]| f.forward_gated_array(g, u, y),
        product,
    );
    case.check(
        "gate to array",
        |[g, u, _], [y]| y.assign(&f.forward_gated_to_array(g, u)),
        product,
    );
    case.check(
        "gate in place",
        |[g, ..], [y]| f.forward_gated_array_in_place(g, y),
        |[g, ..], u| [value(g) * u],
    );
    case.check(
        "gate backward",
        |[g, u, dy], [dg, du]| f.backward_gated_array(g, u, dy, dg, du),
        |[g, u, dy], _| [slope(g, dy * u), dy * value(g)],
    );
}

/// With a bias for every axis, which has the step of the last input along it.
fn check_bias<T: Element, A: Activation<Formula: Gradient>>(activation: A, case: &Case<T>) {
    for axis in (0..case.shape.len()).map(Axis) {
        let len = case.shape[axis.index()];
        let biases: Array1<T> = (0..2 * len).map(|i| value(i + 5)).collect();
        for bias in [biases.slice(s![..len]), biases.slice(s![..; -2])] {
            // The same case with the bias spread over the last input.
            let mut case = case.clone();
            let order = case.inputs[2].layout.order.clone();
            case.inputs[2] = Lying::new(
                &case.shape,
                &Layout {
                    steps: vec![1; order.len()],
                    order,
                },
                1,
            );
            for (at, mut lane) in case.inputs[2].view_mut().axis_iter_mut(axis).enumerate() {
                lane.fill(bias[at]);
            }
            let (value, slope) = (
                |x| activation.eval(x),
                |x, dy| activation.eval_backward(x, dy),
            );
            let f = one_way!(activation.planned(), case.plan);
            let sum = |[x, _, b]: [T; 3], _| [value(x + b)];
            case.check(
                "bias",
                |[x, ..], [y]| f.forward_bias_array(x, &bias, axis, y),
                sum,
            );
            case.check(
                "bias to array",
                |[x, ..], [y]| y.assign(&f.forward_bias_to_array(x, &bias, axis)),
                sum,
            );
            case.check(
                "bias in place",
                |_, [y]| f.forward_bias_array_in_place(&bias, axis, y),
                |[.., b], y| [value(y + b)],
            );
            let slopes = |[x, dy, b]: [T; 3], _| [slope(x + b, dy)];
            case.check(
                "bias backward",
                |[x, dy, _], [dx]| f.backward_bias_array(x, &bias, axis, dy, dx),
                slopes,
            );
            case.check(
                "bias backward in place",
                |[x, ..], [g]| f.backward_bias_array_in_place(x, &bias, axis, g),
                |[x, _, b], g| [slope(x + b, g)],
            );
            case.check(
                "bias backward to array",
                |[x, dy, _], [dx]| dx.assign(&f.backward_bias_to_array(x, &bias, axis, dy)),
                slopes,
            );
        }
    }
}

/// What rows make of each lane, by elements.
fn by_lanes<T: Element>(
    [a, b]: [ArrayViewD<'_, T>; 2],
    axis: Axis,
    rows: impl Fn(&[T], &[T]) -> Vec<T>,
) -> ArrayD<T> {
    let mut result = a.to_owned();
    let lanes = a.lanes(axis).into_iter().zip(b.lanes(axis));
    for (mut lane, (a, b)) in result.lanes_mut(axis).into_iter().zip(lanes) {
        lane.assign(&Array1::from(rows(&a.to_vec(), &b.to_vec())));
    }
    result
}

macro_rules! check_softmax {
    ($softmax:ident, $case:expr) => {
        let case = $case;
        for axis in (0..case.shape.len()).map(Axis) {
            let width = case.shape[axis.index()];
            if case.shape.contains(&0) {
                $softmax::along(axis).forward_in_place(&mut case.outputs[0].clone().view_mut());
                continue;
            }
            let of = concat!("softmax ", stringify!($softmax));
            let rows = $softmax::rows(width);
            let views = case.inputs.each_ref().map(Lying::view);
            let [x, dy, _] = views
                .each_ref()
                .map(|x| x.broadcast(IxDyn(&case.shape)).expect("of this shape"));
            let mut output = case.outputs[0].clone();
            let old = output.view().to_owned();
            let forward = |x: &[_], _: &[_]| rows.forward_to_vec(x);
            let backward = |y: &[_], dy: &[_]| {
                let mut dx = dy.to_vec();
                rows.backward_from_output_in_place(y, &mut dx);
                dx
            };
            let f = one_way!($softmax::along(axis), case.plan);
            let mut check = |call: &dyn Fn(&mut ArrayViewMutD<'_, _>), expected: &ArrayD<_>| {
                output = case.outputs[0].clone();
                let mut right = output.clone();
                right.view_mut().assign(expected);
                call(&mut output.view_mut());
                assert_same(of, &output.memory, &right.memory, &(axis, &case));
            };
            let y = by_lanes([x.clone(), x.clone()], axis, forward);
            check(&|y| f.forward(&x, y), &y);
            check(&|y| y.assign(&f.forward_to_array(&x)), &y);
            let in_place = by_lanes([old.view(), old.view()], axis, forward);
            check(&|y| f.forward_in_place(y), &in_place);
            check(
                &|dx| f.backward(&x, &dy, dx),
                &by_lanes([y.view(), dy.clone()], axis, backward),
            );
            let dx = by_lanes([x.clone(), dy.clone()], axis, backward);
            check(&|dx| f.backward_from_output(&x, &dy, dx), &dx);
            let dx = by_lanes([x.clone(), old.view()], axis, backward);
            check(&|dx| f.backward_from_output_in_place(&x, dx), &dx);
        }
    };
}

fn check_all<T: Element>(
    shape: &[usize],
    inputs: [&Layout; 3],
    outputs: [&Layout; 2],
    plan: usize,
) {
    let case = Case::<T>::new(shape, inputs, outputs, plan);
    // One activation, since each is compiled for every form: what differs from one to the other is not in question here.
    let activation = LeakyRelu::new(0.3);
    check_forward(activation, &case);
    check_backward(activation, &case);
    check_from_output(activation, &case);
    check_residual_and_gate(activation, &case);
    check_bias(activation, &case);
    check_softmax!(Softmax, &case);
    check_softmax!(LogSoftmax, &case);
}

/// Every layout beside every other one.
fn check_layouts(shape: &[usize], layouts: &[Layout]) {
    let mut plan = 0;
    for output in layouts.iter().filter(|layout| !layout.steps.contains(&0)) {
        for input in layouts {
            check_all::<f32>(shape, [input, output, input], [output; 2], plan);
            check_all::<f64>(
                shape,
                [output, input, output],
                [output, &layouts[0]],
                plan + 1,
            );
            plan += 1;
        }
    }
}

#[test]
fn vectors() {
    let layouts = [1, -1, 2, -3, 0].map(|step| Layout::new(&[0], &[step]));
    for len in [0, 1, 5, 40, 1024, 1025] {
        check_layouts(&[len], &layouts);
    }
}

#[test]
fn matrices() {
    let layouts = [
        Layout::new(&[0, 1], &[1, 1]),
        Layout::new(&[1, 0], &[1, 1]),
        Layout::new(&[0, 1], &[2, 1]),
        Layout::new(&[1, 0], &[-1, 2]),
        Layout::new(&[0, 1], &[1, -1]),
        Layout::new(&[1, 0], &[0, 1]),
    ];
    for shape in [[0, 3], [1, 1], [1, 50], [7, 3], [40, 50], [3, 1100]] {
        check_layouts(&shape, &layouts);
    }
}

#[test]
fn four_axes() {
    let layouts = [
        Layout::new(&[0, 1, 2, 3], &[1, 1, 1, 1]),
        Layout::new(&[0, 2, 3, 1], &[1, 1, 1, 1]),
        Layout::new(&[0, 1, 2, 3], &[1, 2, 1, 1]),
        Layout::new(&[3, 0, 2, 1], &[-1, -1, -1, -1]),
        Layout::new(&[0, 1, 2, 3], &[1, 1, -1, 3]),
        Layout::new(&[0, 1, 2, 3], &[0, 1, 1, 0]),
    ];
    for shape in [[2, 3, 4, 5], [2, 0, 1, 4], [1, 2, 9, 40]] {
        check_layouts(&shape, &layouts);
    }
}

/// Lanes that a block does not hold.
#[test]
fn long_lanes() {
    for len in [4_096, 4_097, 5_003] {
        let layouts = [Layout::new(&[0, 1], &[1, 1]), Layout::new(&[1, 0], &[1, 1])];
        let case = Case::<f32>::new(&[3, len], [&layouts[1]; 3], [&layouts[0], &layouts[1]], len);
        check_softmax!(Softmax, &case);
        let case = Case::<f64>::new(&[len, 2], [&layouts[0]; 3], [&layouts[0]; 2], len);
        check_softmax!(LogSoftmax, &case);
    }
}

#[test]
fn any_dimension_that_is_known_at_compile_time() {
    let x = Array4::from_shape_fn((2, 3, 4, 5), |(a, b, c, d)| {
        value::<f32>(a * 61 + b * 23 + c * 7 + d)
    });
    let relu = x.mapv(|x| Relu.eval(x));
    let order = [2, 0, 3, 1];
    let mut y = Array4::zeros((4, 2, 5, 3));
    Relu.forward_array(&x.view().permuted_axes(order), &mut y);
    assert_eq!(y, relu.view().permuted_axes(order));
    assert_eq!(
        Relu.forward_to_array(&x.slice(s![1, .., ..;2, ..])),
        relu.slice(s![1, .., ..;2, ..])
    );
    assert_eq!(
        Relu.forward_to_array(&x.slice(s![1, 2, .., 1])),
        relu.slice(s![1, 2, .., 1])
    );
    let mut y = Array3::zeros((3, 4, 5));
    Relu.forward_array(&x.index_axis(Axis(0), 1), &mut y);
    assert_eq!(y, relu.index_axis(Axis(0), 1));

    let mut one = arr0(-2.0_f32);
    Relu.forward_array_in_place(&mut one);
    assert_eq!(
        (one, Relu.forward_to_array(&arr0(3.0_f64))),
        (arr0(0.0), arr0(3.0))
    );
    let nothing = Array2::<f32>::zeros((0, 4));
    assert_eq!(Relu.forward_to_array(&nothing.t()).shape(), [4, 0]);
}

/// As that of an array which is copied: its order of axes and their directions.
#[test]
fn a_new_array_lies_as_its_input() {
    let x = Array3::from_shape_fn((2, 3, 4), |(a, b, c)| value::<f32>(a * 31 + b * 7 + c));
    let mut view = x.view().permuted_axes([2, 0, 1]);
    view.invert_axis(Axis(1));
    let y = Relu.forward_to_array(&view);
    assert_eq!(
        (y.strides(), &y),
        (view.strides(), &view.mapv(|x| Relu.eval(x)))
    );
    // Without the gaps.
    let y = Relu.forward_to_array(&x.slice(s![.., ..;2, ..]));
    assert_eq!(y.strides(), [8, 4, 1]);
}

#[test]
fn the_layout_of_channels_is_that_of_an_axis() {
    let x = Array4::from_shape_fn((2, 3, 4, 5), |(n, c, h, w)| {
        value::<f32>(n * 61 + c * 23 + h * 7 + w)
    });
    let bias = Array1::from(vec![0.5_f32, -1.0, 2.0]);
    let y = Relu.forward_bias_to_array(&x, &bias, Axis(1));
    let channels = Channels::new(bias.as_slice().expect("a vector"), 4 * 5);
    let elements = x.as_slice().expect("row-major");
    assert_eq!(
        y.as_slice(),
        Some(&Relu.forward_bias_to_vec(elements, channels)[..])
    );
    let y = Relu.forward_bias_to_array(&x.view().permuted_axes([0, 2, 3, 1]), &bias, Axis(3));
    assert_eq!(
        y.as_slice_memory_order(),
        Some(&Relu.forward_bias_to_vec(elements, channels)[..])
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_shape_in_any_layout(
        (shape, inputs, outputs, plan) in prop::collection::vec(prop_oneof![8 => 1..6_usize, 1 => Just(0), 2 => 30..70_usize], 1..5)
            .prop_filter("it is small", |shape| shape.iter().product::<usize>() < 4_000)
            .prop_flat_map(|shape| {
                let layout = |steps: &'static [isize]| {
                    let order: Vec<_> = (0..shape.len()).collect();
                    let steps = prop::collection::vec(prop::sample::select(steps), shape.len());
                    (Just(order).prop_shuffle(), steps).prop_map(|(order, steps)| Layout { order, steps })
                };
                let input = || layout(&[1, 1, 1, -1, 2, 0]);
                let output = || layout(&[1, 1, 1, -1, 2]);
                (Just(shape.clone()), [input(), input(), input()], [output(), output()], 0..8_usize)
            })
    ) {
        let (inputs, outputs) = (inputs.each_ref(), outputs.each_ref());
        check_all::<f32>(&shape, inputs, outputs, plan);
        check_all::<f64>(&shape, inputs, outputs, plan + 1);
    }
}

#[test]
#[cfg(feature = "parallel")]
fn only_par_shares_rows_and_blocks_out() {
    use std::collections::HashSet;
    use std::thread::ThreadId;
    use std::time::{Duration, Instant};

    use rectify::{Formula, Vector};

    /// The identity, which says where it ran, and waits until it has run on so many threads: a busy machine may wake a helper late.
    #[derive(Clone, Copy)]
    struct Seen<'s>(&'s Mutex<HashSet<ThreadId>>, usize, Instant);

    impl Formula for Seen<'_> {
        fn value<V: Vector>(self, x: V) -> V {
            let Self(seen, wanted, start) = self;
            seen.lock()
                .expect("no panic")
                .insert(thread::current().id());
            while seen.lock().expect("no panic").len() < wanted {
                if start.elapsed() > Duration::from_secs(20) {
                    break;
                }
                thread::yield_now();
            }
            x
        }
    }

    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(3)
        .build()
        .expect("threads");
    let x = Array2::from_shape_fn((1500, 1500), |(row, column)| value::<f32>(row * 7 + column));
    for view in [
        x.t(),
        x.slice(s![.., ..1400]),
        x.slice(s![.., ..;2]),
        x.slice(s![..1, ..]),
    ] {
        let large = view.len() > 10_000;
        for par in [false, true] {
            let seen = Mutex::new(HashSet::new());
            let formula = Seen(&seen, if par && large { 2 } else { 1 }, Instant::now());
            let mut y = Array2::zeros(view.raw_dim());
            pool.install(|| match par {
                true => formula.par().forward_array(&view, &mut y),
                false => formula.forward_array(&view, &mut y),
            });
            assert_eq!(y, view);
            let threads = seen.lock().expect("no panic").len();
            assert_eq!(
                threads > 1,
                par && large,
                "{threads} threads, {:?}",
                view.strides()
            );
        }
        let mut y = Array2::zeros(view.raw_dim());
        pool.install(|| Softmax::along(Axis(0)).par().forward(&view, &mut y));
        assert_eq!(
            y.mapv(bits),
            Softmax::along(Axis(0)).forward_to_array(&view).mapv(bits)
        );
    }
}

/// The message of a panic.
fn message(call: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(call)).expect_err("it has to panic");
    *panic
        .downcast::<String>()
        .expect("a text that was put together")
}

#[test]
fn different_shapes_panic_before_anything_is_written() {
    let (x, other) = (Array2::<f32>::ones((2, 3)), Array2::<f32>::ones((3, 2)));
    let bias = Array1::ones(3);
    let mut y = Array2::from_elem((2, 3), 7.0);
    let mut z = other.clone();
    let panics = "arrays of different shapes: ";
    type Call<'c> = &'c dyn Fn(&mut Array2<f32>, &mut Array2<f32>);
    let calls: [(Call<'_>, &str); 10] = [
        (
            &|_, z| Relu.forward_array(&x, z),
            "`input` has [2, 3], `output` has [3, 2]",
        ),
        (
            &|y, _| Relu.backward_array(&x, &other, y),
            "`input` has [2, 3], `grad_output` has [3, 2], `grad_input` has [2, 3]",
        ),
        (
            &|y, _| Relu.backward_array_in_place(&other, y),
            "`input` has [3, 2], `grad` has [2, 3]",
        ),
        (
            &|y, _| Relu.backward_from_output_array(&x, &other, y),
            "`output` has [2, 3], `grad_output` has [3, 2], `grad_input` has [2, 3]",
        ),
        (
            &|_, z| Relu.forward_bias_array(&x, &bias, Axis(1), z),
            "`input` has [2, 3], `output` has [3, 2]",
        ),
        (
            &|y, _| Relu.forward_residual_array(&x, &other, y),
            "`input` has [2, 3], `residual` has [3, 2], `output` has [2, 3]",
        ),
        (
            &|y, _| Relu.forward_gated_array_in_place(&other, y),
            "`gate` has [3, 2], `array` has [2, 3]",
        ),
        (
            &|y, z| Relu.backward_gated_array(&x, &x, &x, y, z),
            "`gate` has [2, 3], `value` has [2, 3], `grad_output` has [2, 3], `grad_gate` has [2, 3], `grad_value` has [3, 2]",
        ),
        (
            &|_, z| Softmax::along(Axis(0)).forward(&x, z),
            "`input` has [2, 3], `output` has [3, 2]",
        ),
        (
            &|_, _| drop(Relu.backward_to_array(&x, &other)),
            "`input` has [2, 3], `grad_output` has [3, 2]",
        ),
    ];
    for (call, shapes) in calls {
        assert_eq!(
            message(|| call(&mut y, &mut z)),
            format!("{panics}{shapes}")
        );
    }
    let dynamic = message(|| {
        Relu.forward_array(&ArrayD::<f32>::ones(vec![6]), &mut ArrayD::ones(vec![2, 3]))
    });
    assert_eq!(
        dynamic,
        format!("{panics}`input` has [6], `output` has [2, 3]")
    );

    assert_eq!(
        message(|| Relu.forward_bias_array(&x, &bias, Axis(0), &mut y)),
        "`bias` has the shape [3]: not a value for each index of axis 0 of `input`, which has the shape [2, 3]"
    );
    assert_eq!(
        message(|| Relu.forward_bias_array_in_place(&bias, Axis(2), &mut y)),
        "there is no axis 2: `array` has the shape [2, 3]"
    );
    assert_eq!(
        message(|| LogSoftmax::along(Axis(7)).forward_in_place(&mut y)),
        "there is no axis 7: `array` has the shape [2, 3]"
    );
    assert!(y.iter().all(|&y| y == 7.0) && z == other);
}

#[test]
fn a_panic_names_the_callers_line() {
    let line = std::sync::Arc::new(Mutex::new(None));
    let (seen, hook) = (line.clone(), std::panic::take_hook());
    let here = thread::current().id();
    std::panic::set_hook(Box::new(move |panic| {
        if thread::current().id() == here {
            *seen.lock().expect("no panic") = panic.location().map(Location::line);
        } else {
            hook(panic);
        }
    }));
    let (x, mut y) = (Array1::<f32>::ones(2), Array1::ones(3));
    // On one line, whose number is that of the call in it.
    macro_rules! assert_line {
        ($call:expr) => {
            assert!(catch_unwind(AssertUnwindSafe(|| $call)).is_err());
            assert_eq!(*line.lock().expect("no panic"), Some(line!()));
        };
    }
    let (bias, softmax) = (Axis(0), Softmax::along(Axis(0)));
    assert_line!(Relu.forward_array(&x, &mut y));
    assert_line!(drop(Relu.backward_to_array(&x, &y)));
    assert_line!(Relu.forward_residual_array_in_place(&x, &mut y));
    assert_line!(Relu.forward_bias_array_in_place(&x, bias, &mut y));
    assert_line!(softmax.forward(&x, &mut y));
    assert_line!(drop(Softmax::along(Axis(1)).forward_to_array(&y)));
    drop(std::panic::take_hook());
}
