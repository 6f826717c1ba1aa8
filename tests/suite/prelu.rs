//! PRelu: every layout of channels against its definition, and the gradient of its slopes.

use accurate::dot::Dot3;
use accurate::traits::*;
use rectify::{Activation, Channels, PRelu, scalar};

#[cfg(feature = "parallel")]
use crate::common::case::{POOLS, in_pool};
use crate::common::{
    At, GuardedBuffers, Pages, TestElement, assert_large, assert_same_bits, in_time,
    rerun_streamed_and_split, tiers, values,
};

/// `inner` and the number of channels: each way to lay out slopes, and the neighbours of where one gives way to
/// another.
const LAYOUTS: [(usize, usize); 26] = [
    (1, 1),
    (1, 2),
    (1, 3),
    (1, 16),
    (1, 17),
    (1, 512),
    (1, 1_000),
    (1, 2_047),
    (1, 2_048),
    (1, 2_049),
    (1, 3_000),
    (2, 3),
    (2, 1_024),
    (2, 1_025),
    (3, 683),
    (7, 5),
    (8, 512),
    (31, 100),
    (32, 100),
    (49, 41),
    (49, 42),
    (255, 2),
    (256, 2),
    (257, 9),
    (1_000, 2),
    (20_000, 1),
];

/// Slopes of each kind: infinities, zeros, those above 1 and, where there are more than a few, NaN among them.
fn slopes<T: TestElement>(channels: usize) -> Vec<T> {
    values(channels, 3)
}

fn every_layout<T: TestElement>() {
    let longest = 60_000;
    let mut buffers = GuardedBuffers::<T>::new(longest);
    for (inner, channels) in LAYOUTS {
        let guarded = Pages::read_only(&slopes::<T>(channels));
        let period = inner * channels;
        // The last one may be streamed.
        let most = longest / period;
        assert_large(2 * most * period * size_of::<T>());
        let mut check = |tier, number: usize, periods: usize| {
            for offset in [number, 3 * number + 1] {
                let slopes = At::side(number).of(channels, &guarded);
                let prelu = PRelu::new(Channels::new(slopes, inner)).on(tier);
                let (len, output) = (periods * period, At::Offset(offset % 16));
                buffers.check_kernel(&prelu, len, output, At::side(number + offset));
                let inputs = At::Offset(number % 16);
                buffers.check_kernel(&prelu, len, At::side(offset), inputs);
            }
        };
        for tier in tiers() {
            let periods = (0..20).chain([40, 100]).filter(|&periods| periods < most);
            in_time(|| {
                for (number, periods) in periods.chain([most]).enumerate() {
                    check(tier, number, periods);
                }
            });
        }
    }
}

#[test]
fn every_layout_f32() {
    every_layout::<f32>();
}

#[test]
fn every_layout_f64() {
    every_layout::<f64>();
}

#[test]
fn every_layout_streamed() {
    rerun_streamed_and_split("prelu::every_layout_f32");
    rerun_streamed_and_split("prelu::every_layout_f64");
}

#[test]
fn an_element_is_that_of_its_channel() {
    let slopes = [0.01_f32, -0.5, 2.5, 0.2, 1.0, -3.0, 1e-30];
    let prelu = PRelu::new(Channels::new(&slopes, 3));
    let x = values::<f32>(7 * 3 * 5, 9);
    let (mut y, mut dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    prelu.forward(&x, &mut y);
    prelu.backward(&x, &vec![1.0; x.len()], &mut dx);
    for i in 0..x.len() {
        let channel = (i / 3) % 7;
        assert_eq!(prelu.slopes().channel(i), channel);
        let leaky = prelu.of_channel(channel);
        assert_eq!(y[i].to_bits(), leaky.eval(x[i]).to_bits());
        assert_eq!(dx[i].to_bits(), leaky.derivative(x[i]).to_bits());
    }
}

/// Large enough to be split and, in its last lengths, streamed.
#[cfg(feature = "parallel")]
#[test]
fn at_any_number_of_threads() {
    let longest = 5 << 20;
    let mut buffers = GuardedBuffers::<f32>::new(longest);
    for (inner, channels) in [(1, 3), (1, 5_000), (8, 700), (100, 7), (5_000, 4), (49, 64)] {
        let slopes = slopes::<f32>(channels);
        let prelu = PRelu::new(Channels::new(&slopes, inner)).par();
        for threads in POOLS {
            in_time(|| {
                in_pool(threads, || {
                    for len in [1_000_000, longest] {
                        let len = len / (inner * channels) * inner * channels;
                        buffers.check_kernel(&prelu, len, At::Offset(threads % 16), At::Back);
                    }
                });
            });
        }
    }
}

/// Numbers of mixed signs and sizes, as gradients are; the sums of channels cancel for the most part.
fn numbers<T: TestElement>(len: usize, seed: u64) -> Vec<T> {
    use rand::{RngExt, SeedableRng, rngs::StdRng};
    let mut rng = StdRng::seed_from_u64(seed);
    let number =
        || T::from_f64(rng.random_range(-1.0..1.0) * 2_f64.powi(rng.random_range(-12..12)));
    std::iter::repeat_with(number).take(len).collect()
}

fn slope_gradients<T: TestElement>(unit_roundoff: f64) {
    for (inner, channels) in LAYOUTS.into_iter().chain([(70_000, 2), (1, 40_000)]) {
        let slopes = slopes::<T>(channels);
        let prelu = PRelu::new(Channels::new(&slopes, inner));
        let period = inner * channels;
        for periods in [0, 1, 2, 3, 63, 64, 65, 200, 1_000] {
            let len = period * periods;
            if len > 200_000 {
                continue;
            }
            let (x, dy) = (numbers::<T>(len, 1), numbers::<T>(len, 2));
            let (guarded_x, guarded_dy) = (Pages::read_only(&x), Pages::read_only(&dy));
            let mut guarded_grad = Pages::new(channels);
            let mut gradient = |prelu: PRelu<'_, T>| {
                guarded_grad.fill(T::from_f64(f64::NAN));
                let rest = guarded_grad.len() - channels;
                let (rest, grad) = guarded_grad.split_at_mut(rest);
                let [x, dy] =
                    [&guarded_x, &guarded_dy].map(|pages| At::side(periods).of(len, pages));
                prelu.backward_slopes(x, dy, grad);
                assert!(
                    rest.iter().all(|x| x.is_nan()),
                    "wrote in front of its output"
                );
                grad.to_vec()
            };
            let grad = gradient(prelu);

            // Near to the sum in three times the precision of `f64` ...
            let mut exact = vec![Dot3::zero(); channels];
            let mut sizes = vec![0.0; channels];
            for (i, (&x, &dy)) in x.iter().zip(&dy).enumerate() {
                if x <= T::ZERO {
                    let (x, dy): (f64, f64) = (x.into(), dy.into());
                    let channel = prelu.slopes().channel(i);
                    exact[channel] = exact[channel] + (x, dy);
                    sizes[channel] += (x * dy).abs();
                }
            }
            let n = (periods * inner) as f64;
            let factor = (66.0 + n * 2_f64.powi(-53) / unit_roundoff) * unit_roundoff;
            let mut reference = vec![T::ZERO; channels];
            scalar::prelu_backward_slopes(&prelu, &x, &dy, &mut reference);
            for ((&grad, &reference), (exact, size)) in grad
                .iter()
                .zip(&reference)
                .zip(exact.into_iter().zip(sizes))
            {
                let (grad, reference, exact): (f64, f64, f64) =
                    (grad.into(), reference.into(), exact.dot());
                let error = (grad - exact).abs();
                let bound = factor * size;
                assert!(
                    error <= bound,
                    "{channels} channels of {inner}, {periods} times: {grad} is {error:e} off {exact}, \
                     and the bound is {bound:e}"
                );
                assert!(
                    (reference - exact).abs() <= bound,
                    "the reference: {reference}"
                );
            }

            // ... and the same wherever it is computed.
            let what = |where_: &str| format!("{channels} channels of {inner}, {where_}");
            for tier in tiers() {
                assert_same_bits(&gradient(prelu.on(tier)), &grad, || what(&tier.to_string()));
            }
        }
    }
}

#[test]
fn slope_gradients_f32() {
    slope_gradients::<f32>(2_f64.powi(-24));
}

#[test]
fn slope_gradients_f64() {
    slope_gradients::<f64>(2_f64.powi(-53));
}

/// Numbers made to break the bound, if several hundred of them were added in `f32`: all alike, and a little more than
/// 1. From 256 on their sums have no place for the little, which is lost with each one.
#[test]
fn sums_of_like_numbers_stay_within_their_bound() {
    let number = 1.0 + 2_f32.powi(-16) - 2_f32.powi(-23);
    let unit_roundoff = 2_f64.powi(-24);
    let bound = |n: usize| {
        let n = n as f64;
        (66.0 + n * 2_f64.powi(-53) / unit_roundoff) * unit_roundoff * n * f64::from(number)
    };
    // What is alternating is added up in about 2,048 positions, and what is in planes in 16 lanes: here each has a
    // thousand numbers, or almost.
    for (inner, channels, len) in [
        (1, 1, 100_000),
        (70_000, 2, 140_000),
        (1, 3, 2_100_000),
        (7, 5, 2_100_000),
        (1, 3_000, 2_100_000),
    ] {
        let slopes = vec![0.5; channels];
        let prelu = PRelu::new(Channels::new(&slopes, inner));
        let (x, dy) = (vec![-1.0; len], vec![-number; len]);
        let mut grad = vec![f32::NAN; channels];
        prelu.backward_slopes(&x, &dy, &mut grad);
        let n = len / channels;
        for sum in grad {
            let error = (f64::from(sum) - n as f64 * f64::from(number)).abs();
            assert!(
                error <= bound(n),
                "{channels} channels of {inner}: {sum} is {error:e} off, and the bound is {:e}",
                bound(n)
            );
        }
    }
    // They are what they are meant to be: a thousand of them added up in `f32` are too far off.
    let n = 1_024;
    let sum: f32 = std::iter::repeat_n(number, n).sum();
    let error = (f64::from(sum) - n as f64 * f64::from(number)).abs();
    assert!(error > 2.0 * bound(n), "{error:e}, {:e}", bound(n));
}

#[cfg(feature = "parallel")]
#[test]
fn slope_gradients_at_any_number_of_threads() {
    for (inner, channels) in [
        (1, 1),
        (1, 3),
        (1, 700),
        (49, 64),
        (100_000, 2),
        (1_000, 30),
    ] {
        let slopes = slopes::<f32>(channels);
        let len = 3_000_000 / (inner * channels) * inner * channels;
        let (x, dy) = (numbers::<f32>(len, 1), numbers::<f32>(len, 2));
        let mut serial = vec![0.0; channels];
        PRelu::new(Channels::new(&slopes, inner)).backward_slopes(&x, &dy, &mut serial);
        for threads in POOLS {
            in_time(|| {
                in_pool(threads, || {
                    let mut grad = vec![0.0; channels];
                    let prelu = PRelu::new(Channels::new(&slopes, inner)).par();
                    prelu.backward_slopes(&x, &dy, &mut grad);
                    assert_same_bits(&grad, &serial, || format!("{threads} threads"));
                });
            });
        }
    }
}

/// Slopes are learned: one that has become NaN is to be seen, and not to end the program.
#[test]
fn a_nan_slope_makes_nan_of_what_it_multiplies() {
    let slopes = [0.5, f32::NAN];
    // A slope for each lane, and one for each call.
    for inner in [1, 300] {
        let x: Vec<f32> = [-1.0, 2.0, -0.0, 0.0, -8.0].repeat(2 * inner);
        for tier in tiers() {
            let prelu = PRelu::new(Channels::new(&slopes, inner)).on(tier);
            let y = prelu.forward_to_vec(&x);
            let dx = prelu.backward_to_vec(&x, &vec![1.0; x.len()]);
            for (i, &x) in x.iter().enumerate() {
                let is_nan = slopes[prelu.slopes().channel(i)].is_nan();
                assert_eq!(y[i].is_nan(), is_nan && x < 0.0, "{x} on {tier}");
                assert_eq!(dx[i].is_nan(), is_nan && x <= 0.0, "{x} on {tier}");
            }
        }
    }
}

#[test]
fn a_nan_adds_nothing_to_its_slope() {
    let slopes = [0.5_f32, 0.25];
    let prelu = PRelu::new(Channels::last(&slopes));
    let x = [f32::NAN, -2.0, -1.0, -0.0, f32::INFINITY, f32::NAN];
    let dy = [7.0, 3.0, 10.0, 5.0, 1.0, f32::NAN];
    let mut grad = [f32::NAN; 2];
    prelu.backward_slopes(&x, &dy, &mut grad);
    assert_eq!(grad, [-10.0, -6.0]);
    // Nothing adds up to +0.
    prelu.backward_slopes(&[], &[], &mut grad);
    assert_eq!(grad.map(f32::to_bits), [0, 0]);
}
