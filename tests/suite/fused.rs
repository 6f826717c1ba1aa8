//! What is fused has the bits of its parts done one after the other: on every tier, at every length and alignment, serial
//! and parallel.
#![allow(unsafe_code)]

use std::fmt::Debug;
use std::mem::MaybeUninit;

use rectify::{
    Activation, AnyActivation, Channels, Element, Elu, Gelu, Gradient, GradientFromOutput, Halves,
    HardSwish, LeakyRelu, Relu, Silu, Tanh,
};

use crate::common::{
    At, GuardedBuffers, Kernel, LEAST_LARGE_BYTES, TestElement, assert_large, assert_same_bits_but,
    in_time, places, rerun_streamed_and_split, tiers, values,
};

/// Past several bodies of four registers of 16 lanes.
const SHORT: usize = 4 * 64 + 40;

/// What is fused with the activation. `beside` has what is needed of a second input.
#[derive(Clone, Copy, Debug)]
enum With {
    /// A bias for so many channels, of so many elements in a row.
    Bias {
        channels: usize,
        inner: usize,
    },
    Residual,
    /// The input is the gate.
    Gate,
    /// The input is the value.
    GateOf,
}

/// A fused form of `activation`, and its parts, which are proved elsewhere.
struct Fused<'b, A, T> {
    activation: A,
    with: With,
    beside: &'b [T],
}

impl<A: Debug, T> Debug for Fused<'_, A, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} with {:?}", self.activation, self.with)
    }
}

impl<T: TestElement, A> Fused<'_, A, T> {
    fn bias(&self, channels: usize, inner: usize) -> Channels<'_, T> {
        Channels::new(&self.beside[..channels], inner)
    }

    /// The input of the activation.
    fn sum(&self, x: &[T]) -> Vec<T> {
        let beside = |i: usize| match self.with {
            With::Bias { channels, inner } => self.beside[self.bias(channels, inner).channel(i)],
            With::Residual => self.beside[i],
            With::Gate | With::GateOf => unreachable!("nothing is added"),
        };
        x.iter().enumerate().map(|(i, &x)| x + beside(i)).collect()
    }
}

fn product<T: Element>(a: &[T], b: &[T]) -> Vec<T> {
    a.iter().zip(b).map(|(&a, &b)| a * b).collect()
}

impl<T: TestElement, A: Activation<Formula: Gradient> + Debug> Kernel<T> for Fused<'_, A, T> {
    fn expected_forward(&self, x: &[T], y: &mut [T]) {
        let beside = &self.beside[..x.len()];
        match self.with {
            With::Bias { .. } | With::Residual => self.activation.forward(&self.sum(x), y),
            With::Gate => y.copy_from_slice(&product(&self.activation.forward_to_vec(x), beside)),
            With::GateOf => y.copy_from_slice(&product(&self.activation.forward_to_vec(beside), x)),
        }
    }

    fn expected_backward(&self, x: &[T], dy: &[T], dx: &mut [T]) {
        let beside = &self.beside[..x.len()];
        match self.with {
            With::Bias { .. } | With::Residual => self.activation.backward(&self.sum(x), dy, dx),
            With::Gate => self.activation.backward(x, &product(dy, beside), dx),
            With::GateOf => {
                dx.copy_from_slice(&product(dy, &self.activation.forward_to_vec(beside)))
            }
        }
    }

    fn forward(&self, x: &[T], y: &mut [T]) {
        let (a, beside) = (&self.activation, &self.beside[..x.len()]);
        match self.with {
            With::Bias { channels, inner } => a.forward_bias(x, self.bias(channels, inner), y),
            With::Residual => a.forward_residual(x, beside, y),
            With::Gate => a.forward_gated(x, beside, y),
            With::GateOf => a.forward_gated(beside, x, y),
        }
    }

    fn forward_in_place(&self, y: &mut [T]) {
        let (a, beside) = (&self.activation, &self.beside[..y.len()]);
        match self.with {
            With::Bias { channels, inner } => {
                a.forward_bias_in_place(self.bias(channels, inner), y)
            }
            With::Residual => a.forward_residual_in_place(beside, y),
            // The value becomes the output, never the gate.
            With::Gate => y.copy_from_slice(&a.forward_gated_to_vec(y, beside)),
            With::GateOf => a.forward_gated_in_place(beside, y),
        }
    }

    fn forward_uninit<'a>(&self, x: &[T], y: &'a mut [MaybeUninit<T>]) -> &'a mut [T] {
        // SAFETY: tests poison what they hand over.
        let y = unsafe { &mut *(std::ptr::from_mut(y) as *mut [T]) };
        // As one row of both halves.
        let row = |first: &[T], second: &[T], y: &mut [T], halves: Halves| {
            let row = [first, second].concat();
            self.activation.forward_gated_halves(&row, halves, y);
        };
        let beside = &self.beside[..x.len()];
        let width = x.len().max(1);
        match self.with {
            With::Gate => row(x, beside, y, Halves::gate_first(width)),
            With::GateOf => row(x, beside, y, Halves::value_first(width)),
            _ => self.forward(x, y),
        }
        y
    }

    fn backward(&self, x: &[T], dy: &[T], dx: &mut [T]) {
        let (a, beside) = (&self.activation, &self.beside[..x.len()]);
        let mut other = vec![T::ZERO; x.len()];
        match self.with {
            With::Bias { channels, inner } => {
                a.backward_bias(x, self.bias(channels, inner), dy, dx)
            }
            With::Residual => a.backward_residual(x, beside, dy, dx),
            With::Gate => {
                a.backward_gated(x, beside, dy, dx, &mut other);
                let expected = product(dy, &a.forward_to_vec(x));
                assert_same_bits_but(|_| true, &other, &expected, || format!("{self:?}, value"));
            }
            With::GateOf => {
                a.backward_gated(beside, x, dy, &mut other, dx);
                let expected = a.backward_to_vec(beside, &product(dy, x));
                assert_same_bits_but(|_| true, &other, &expected, || format!("{self:?}, gate"));
            }
        }
    }

    fn backward_in_place(&self, x: &[T], dx: &mut [T]) {
        let (a, beside) = (&self.activation, &self.beside[..x.len()]);
        match self.with {
            With::Bias { channels, inner } => {
                a.backward_bias_in_place(x, self.bias(channels, inner), dx)
            }
            With::Residual => a.backward_residual_in_place(x, beside, dx),
            With::Gate | With::GateOf => {
                let dy = dx.to_vec();
                self.backward(x, &dy, dx);
            }
        }
    }

    fn forward_to_vec(&self, x: &[T]) -> Vec<T> {
        let (a, beside) = (&self.activation, &self.beside[..x.len()]);
        match self.with {
            With::Bias { channels, inner } => a.forward_bias_to_vec(x, self.bias(channels, inner)),
            With::Residual => a.forward_residual_to_vec(x, beside),
            With::Gate => a.forward_gated_to_vec(x, beside),
            With::GateOf => a.forward_gated_to_vec(beside, x),
        }
    }

    fn backward_to_vec(&self, x: &[T], dy: &[T]) -> Vec<T> {
        let (a, beside) = (&self.activation, &self.beside[..x.len()]);
        match self.with {
            With::Bias { channels, inner } => {
                a.backward_bias_to_vec(x, self.bias(channels, inner), dy)
            }
            With::Residual => a.backward_residual_to_vec(x, beside, dy),
            With::Gate | With::GateOf => {
                let mut dx = vec![T::ZERO; x.len()];
                self.backward(x, dy, &mut dx);
                dx
            }
        }
    }

    /// The sum or the product of two NaNs is one of them, and Rust does not say which.
    fn is_open(&self, _: usize, _: T) -> bool {
        true
    }
}

/// All that can be fused with `len` elements.
fn all(len: usize) -> Vec<With> {
    let mut all = vec![With::Residual, With::Gate, With::GateOf];
    for channels in [1, 2, 3, 5, 8, 32, 49, len] {
        if channels > 0 && len.is_multiple_of(channels) {
            let inner = len / channels;
            all.push(With::Bias { channels, inner: 1 });
            all.push(With::Bias {
                channels,
                inner: inner.max(1),
            });
            if inner > 0 && inner.is_multiple_of(3) {
                all.push(With::Bias {
                    channels,
                    inner: inner / 3,
                });
            }
        }
    }
    all
}

fn every_length<T: TestElement>(activation: impl Activation<Formula: Gradient + Debug>) {
    let beside = values::<T>(SHORT, 3);
    let mut buffers = GuardedBuffers::<T>::new(SHORT);
    for tier in tiers() {
        in_time(|| {
            for len in places(0..=SHORT, 0) {
                for with in all(len) {
                    let activation = activation.on(tier);
                    let kernel = Fused {
                        activation,
                        with,
                        beside: &beside,
                    };
                    let offset = At::Offset(len * 5 % 16);
                    buffers.check_kernel(&kernel, len, At::side(len), offset);
                    buffers.check_kernel(&kernel, len, offset, At::side(len / 2));
                }
            }
        });
    }
}

#[test]
fn every_length_f32() {
    every_length::<f32>(Relu);
    every_length::<f32>(LeakyRelu::new(0.01));
    every_length::<f32>(HardSwish);
    every_length::<f32>(Silu);
    // Done in steps.
    every_length::<f32>(AnyActivation::from(HardSwish));
    every_length::<f32>(AnyActivation::from(Gelu));
}

#[test]
fn every_length_f64() {
    every_length::<f64>(LeakyRelu::new(-0.5));
    every_length::<f64>(HardSwish);
    every_length::<f64>(AnyActivation::from(Tanh));
}

/// Last channels whose rows are too long for a pattern, or long enough to be done without one; `at_least` elements of them.
fn long_rows(at_least: usize) -> impl Iterator<Item = (usize, With)> {
    [512, 515, 1_000, 2_048, 2_049]
        .into_iter()
        .map(move |channels| {
            let len = at_least.next_multiple_of(channels);
            (len, With::Bias { channels, inner: 1 })
        })
}

/// One row, and several of them.
fn every_long_row<T: TestElement>(activation: impl Activation<Formula: Gradient + Debug>) {
    let most = 3 * 2_049;
    let beside = values::<T>(most, 3);
    let mut buffers = GuardedBuffers::<T>::new(most);
    for tier in tiers() {
        in_time(|| {
            for at_least in [1, 1_000, 4_096] {
                for (at, (len, with)) in long_rows(at_least).enumerate() {
                    let activation = activation.on(tier);
                    let kernel = Fused {
                        activation,
                        with,
                        beside: &beside,
                    };
                    buffers.check_kernel(&kernel, len, At::side(at), At::Offset(3 * at));
                    buffers.check_kernel(&kernel, len, At::Offset(at), At::side(at));
                }
            }
        });
    }
}

#[test]
fn every_long_row_of_last_channels() {
    every_long_row::<f32>(Relu);
    every_long_row::<f32>(Silu);
    every_long_row::<f32>(AnyActivation::from(HardSwish));
    every_long_row::<f64>(HardSwish);
}

/// From where calls may stream and be split.
fn large<T: TestElement>(activation: impl Activation<Formula: Gradient + Debug>) {
    let least = LEAST_LARGE_BYTES / size_of::<T>();
    assert_large(least * size_of::<T>());
    let most = least + 3_000 + 2_049;
    let beside = values::<T>(most, 3);
    let mut buffers = GuardedBuffers::<T>::new(most);
    for tier in tiers() {
        in_time(|| {
            for (at, len) in [least, least + 7 * 49, least + 2_995]
                .into_iter()
                .enumerate()
            {
                let short_rows = all(len).into_iter().map(|with| (len, with));
                for (len, with) in short_rows.chain(long_rows(len)) {
                    let activation = activation.on(tier);
                    let kernel = Fused {
                        activation,
                        with,
                        beside: &beside,
                    };
                    buffers.check_kernel(&kernel, len, At::side(at), At::Offset(3));
                    #[cfg(feature = "parallel")]
                    {
                        let activation = activation.par();
                        let kernel = Fused {
                            activation,
                            with,
                            beside: &beside,
                        };
                        buffers.check_kernel(&kernel, len, At::Offset(at), At::side(at));
                    }
                }
            }
        });
    }
}

#[test]
fn large_f32() {
    large::<f32>(LeakyRelu::new(0.01));
    large::<f32>(AnyActivation::from(HardSwish));
}

#[test]
fn large_f64() {
    large::<f64>(LeakyRelu::new(0.01));
    large::<f64>(AnyActivation::from(HardSwish));
}

#[test]
fn large_streamed_and_split() {
    rerun_streamed_and_split("fused::large_f32");
    rerun_streamed_and_split("fused::large_f64");
}

/// Rows of both halves: each row for itself, in either order, forward and backward.
#[test]
fn halves_of_rows() {
    for (width, rows) in [(1, 5), (3, 4), (16, 7), (100, 3), (4_096, 9), (3, 30_000)] {
        let (x, dy) = (
            values::<f32>(2 * width * rows, 5),
            values::<f32>(width * rows, 6),
        );
        for gate_first in [true, false] {
            let (mut gate, mut value) = (vec![], vec![]);
            for row in x.chunks(2 * width) {
                let (first, second) = row.split_at(width);
                let (g, u) = if gate_first {
                    (first, second)
                } else {
                    (second, first)
                };
                gate.extend_from_slice(g);
                value.extend_from_slice(u);
            }
            let halves = match gate_first {
                true => Halves::gate_first(width),
                false => Halves::value_first(width),
            };
            assert_eq!(halves.width(), width);
            let what = || format!("{halves:?}, {rows} rows");
            let leaky = LeakyRelu::default();
            let expected = leaky.forward_gated_to_vec(&gate, &value);
            let mut y = vec![0.0; width * rows];
            let (mut d_gate, mut d_value) = (y.clone(), y.clone());
            leaky.backward_gated(&gate, &value, &dy, &mut d_gate, &mut d_value);
            let (gates, values) = (d_gate.chunks(width), d_value.chunks(width));
            let expected_dx: Vec<_> = gates
                .zip(values)
                .flat_map(|(g, u)| if gate_first { [g, u] } else { [u, g] }.concat())
                .collect();
            for tier in tiers() {
                let mut check = |activation: rectify::Planned<LeakyRelu>| {
                    activation.forward_gated_halves(&x, halves, &mut y);
                    assert_same_bits_but(|_| true, &y, &expected, what);
                    let y = activation.forward_gated_halves_to_vec(&x, halves);
                    assert_same_bits_but(|_| true, &y, &expected, what);
                    let mut dx = vec![0.0; x.len()];
                    activation.backward_gated_halves(&x, halves, &dy, &mut dx);
                    assert_same_bits_but(|_| true, &dx, &expected_dx, what);
                };
                check(leaky.on(tier));
                #[cfg(feature = "parallel")]
                check(leaky.on(tier).par());
            }
        }
    }
}

/// Of a rectifier the gradient from the output is that from the input, to the bit.
fn from_output<T: TestElement>(activation: impl Activation<Formula: GradientFromOutput + Debug>) {
    let (x, dy) = (values::<T>(3_000, 8), values::<T>(3_000, 9));
    for tier in tiers() {
        for len in (0..130).chain([1_000, 3_000]) {
            let activation = activation.on(tier);
            let (x, dy) = (&x[..len], &dy[..len]);
            let y = activation.forward_to_vec(x);
            let expected = activation.backward_to_vec(x, dy);
            let (mut dx, mut in_place) = (vec![T::ZERO; len], dy.to_vec());
            activation.backward_from_output(&y, dy, &mut dx);
            activation.backward_from_output_in_place(&y, &mut in_place);
            for dx in [dx, in_place] {
                let two_nans = |i: usize| x[i].is_nan() && dy[i].is_nan();
                assert_same_bits_but(two_nans, &dx, &expected, || format!("{activation:?}"));
            }
        }
    }
}

#[test]
fn gradients_from_the_output() {
    from_output::<f32>(Relu);
    from_output::<f64>(Relu);
    from_output::<f32>(LeakyRelu::new(0.25));
    from_output::<f64>(LeakyRelu::new(f64::INFINITY));
}

/// Sums by channels: each channel's elements, in any layout, at any number of threads.
#[test]
fn sums_by_channel() {
    for (channels, inner, repeats) in [
        (1, 1, 1_000),
        (3, 1, 77),
        (64, 1, 300),
        (5, 49, 11),
        (7, 300, 9),
        (3_000, 1, 5),
        (2, 70_000, 3),
    ] {
        let zeros = vec![0.0_f32; channels];
        let layout = Channels::new(&zeros, inner);
        // Whole numbers, so that no sum is rounded.
        let elements: Vec<f32> = (0..channels * inner * repeats)
            .map(|i| (i % 17) as f32 - 8.0)
            .collect();
        let mut expected = vec![0.0_f64; channels];
        for (i, &x) in elements.iter().enumerate() {
            expected[layout.channel(i)] += f64::from(x);
        }
        let expected: Vec<_> = expected.iter().map(|&sum| sum as f32).collect();
        let mut totals = vec![f32::NAN; channels];
        layout.sum(&elements, &mut totals);
        assert_eq!(totals, expected, "{channels} channels of {inner}");
        #[cfg(feature = "parallel")]
        for threads in [1, 2, 8] {
            totals.fill(f32::NAN);
            crate::common::case::in_pool(threads, || layout.par_sum(&elements, &mut totals));
            assert_eq!(
                totals, expected,
                "{channels} channels of {inner}, {threads} threads"
            );
        }
    }
}

/// Of smooth ones it is a function of the output, near that of the input where the output tells enough of it.
#[test]
fn gradients_of_smooth_activations_from_the_output() {
    use rectify::Sigmoid;
    fn check(activation: impl Activation<Formula: GradientFromOutput + Debug>) {
        let x: Vec<f64> = (-400..=400).map(|i| f64::from(i) / 100.0).collect();
        let dy: Vec<f64> = x.iter().map(|x| 1.5 + x.sin()).collect();
        for tier in tiers() {
            let activation = activation.on(tier);
            let expected = activation.backward_to_vec(&x, &dy);
            let mut dx = vec![0.0; x.len()];
            activation.backward_from_output(&activation.forward_to_vec(&x), &dy, &mut dx);
            for (i, (dx, expected)) in dx.iter().zip(&expected).enumerate() {
                let is_near = (dx - expected).abs() <= 1e-12 * expected.abs() + 1e-15;
                assert!(is_near, "{activation:?} at {}: {dx}, {expected}", x[i]);
            }
        }
    }
    check(Sigmoid);
    check(Tanh);
    check(Elu::default());
    check(Elu::new(0.25));
}

#[test]
#[should_panic(expected = "`alpha`")]
fn a_gradient_from_the_output_of_a_negative_alpha_panics() {
    Elu::new(-1.0).backward_from_output(&[0.0_f32], &[1.0], &mut [0.0]);
}
