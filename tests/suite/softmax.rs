//! Softmax and its logarithm: near the truth, and the same bits on every tier, in place and not, at any alignment and number
//! of threads.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rectify::{LogSoftmax, Softmax};

use crate::common::{At, Pages, TestElement, assert_same_bits_but, in_time, tiers};

/// Every width up to a few lines, and long ones.
fn widths() -> impl Iterator<Item = usize> {
    (1..=70).chain([100, 128, 255, 1_000, 1_001, 4_096, 5_003, 100_000])
}

/// Rows of numbers of that size, with some -inf among them.
fn rows(width: usize, rows: usize, size: f32, seed: u64) -> Vec<f32> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..width * rows)
        .map(|i| match rng.random_range(0..20) {
            0 if i % width > 0 => f32::NEG_INFINITY,
            _ => rng.random_range(-size..=size),
        })
        .collect()
}

/// The distance to the truth, in units of the last place.
fn ulps(actual: f32, truth: f64) -> f64 {
    if f64::from(actual) == truth {
        return 0.0;
    }
    let exponent = truth.abs().log2().floor().max(-126.0) as i32;
    (f64::from(actual) - truth).abs() / 2_f64.powi(exponent - 23)
}

/// A row's greatest element, and the sum of the exponentials less its own 1.
fn reference(row: &[f32]) -> (f64, f64) {
    let at = (0..row.len())
        .max_by(|&a, &b| row[a].total_cmp(&row[b]))
        .expect("a row");
    let max = f64::from(row[at]);
    let others = row.iter().enumerate().filter(|&(i, _)| i != at);
    (max, others.map(|(_, &x)| (f64::from(x) - max).exp()).sum())
}

/// Sizes of numbers, and what they are added to: the last ones are about where the greatest element is too great for an exponent
/// to make up for it.
const SIZES: [(f32, f32); 13] = [
    (0.5, 0.0),
    (5.0, 0.0),
    (40.0, 0.0),
    (3_000.0, 0.0),
    (1e30, 0.0),
    (5.0, 215.0),
    (5.0, 220.0),
    (60.0, 250.0),
    (5.0, -220.0),
    (60.0, -190.0),
    (5.0, 1e5),
    (5.0, -1e5),
    (5.0, 1e30),
];

/// The reference of `f64` has errors of its own: this is to see that none is much greater.
#[test]
fn f64_is_near_the_truth() {
    for width in (1..=40).chain([1_000]) {
        for (size, middle) in SIZES.into_iter().chain([(20.0, 1_490.0), (20.0, -1_490.0)]) {
            let x = rows(width, 5, size, width as u64);
            let x: Vec<f64> = x.iter().map(|&x| f64::from(x + middle)).collect();
            let y = Softmax::rows(width).forward_to_vec(&x);
            let log = LogSoftmax::rows(width).forward_to_vec(&x);
            for (x, (y, log)) in x.chunks(width).zip(y.chunks(width).zip(log.chunks(width))) {
                let max = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = x.iter().map(|&x| (x - max).exp()).sum();
                for (&x, (&y, &log)) in x.iter().zip(y.iter().zip(log)) {
                    let (truth, truth_log) = ((x - max).exp() / sum, x - max - sum.ln());
                    let near = |a: f64, b: f64| a == b || (a - b).abs() <= 1e-14 * b.abs() + 1e-300;
                    let what = format!("{width}, {size}, {middle}: {x}");
                    assert!(near(y, truth), "{what}: {y} is not {truth}");
                    // The sum of the reference has rounded what is small beside 1.
                    let is_near = near(log, truth_log) || (log - truth_log).abs() < 1e-15;
                    assert!(is_near, "{what}: {log} is not {truth_log}");
                }
            }
        }
    }
}

#[test]
fn near_the_truth() {
    let (mut worst, mut worst_log) = (0.0_f64, 0.0_f64);
    for width in widths() {
        for (size, middle) in SIZES {
            let mut x = rows(width, if width > 5_000 { 1 } else { 5 }, size, width as u64);
            x.iter_mut().for_each(|x| *x += middle);
            let (y, log) = (
                Softmax::rows(width).forward_to_vec(&x),
                LogSoftmax::rows(width).forward_to_vec(&x),
            );
            for (x, (y, log)) in x.chunks(width).zip(y.chunks(width).zip(log.chunks(width))) {
                let (max, rest) = reference(x);
                for (&x, (&y, &log)) in x.iter().zip(y.iter().zip(log)) {
                    let x = f64::from(x);
                    worst = worst.max(ulps(y, (x - max).exp() / (1.0 + rest)));
                    if x > f64::NEG_INFINITY {
                        worst_log = worst_log.max(ulps(log, x - max - rest.ln_1p()));
                    } else {
                        assert_eq!((y, log), (0.0, f32::NEG_INFINITY));
                    }
                }
            }
        }
    }
    println!("at most {worst:.3} and {worst_log:.3} ulp off");
    assert!(worst < 3.0 && worst_log < 2.0, "{worst} {worst_log}");
}

/// What is left of a logarithm beside the greatest number is a sum of its own: of many that are each nothing beside 1.
#[test]
fn a_small_rest_is_near_the_truth() {
    let at_most = |width: usize, others: f32| {
        let mut x = vec![others; width];
        x[width / 3] = 0.0;
        let log = LogSoftmax::rows(width).forward_to_vec(&x);
        let truth = -((width - 1) as f64 * f64::from(others).exp()).ln_1p();
        ulps(log[width / 3], truth)
    };
    let mut worst = 0.0_f64;
    for width in [17, 1_000, 1_024, 4_096, 1_000_000] {
        for others in [
            -5.0,
            -16.7,
            -17.5,
            -28.417_2,
            -28.419_028,
            -60.0,
            -90.0,
            -115.0,
        ] {
            worst = worst.max(at_most(width, others));
        }
    }
    println!("at most {worst:.3} ulp off");
    assert!(worst < 2.0, "{worst}");

    // The same of `f64`: first where the sum is 2.7e-17, then where each exponential is less than the least number.
    let mut x = vec![-51.986_038_541_989_35_f64; 1_000_000];
    x[7] = 0.0;
    let log = LogSoftmax::rows(x.len()).forward_to_vec(&x);
    let truth: f64 = -(999_999.0 * x[0].exp()).ln_1p();
    assert!((log[7] / truth - 1.0).abs() < 1e-15, "{} {truth}", log[7]);
    x.fill(-747.0);
    x[7] = 0.0;
    let log = LogSoftmax::rows(x.len()).forward_to_vec(&x);
    let truth = -(999_999.0_f64.ln() - 747.0).exp();
    assert!(
        (log[7] / truth - 1.0).abs() < 1e-11,
        "{:e} {truth:e}",
        log[7]
    );
}

/// What a logarithm's sum loses where it is the lesser one of what is added, in each lane of a row.
#[test]
fn a_sum_that_is_outgrown_is_near_the_truth() {
    let mut x = [f32::NEG_INFINITY; 32];
    x[..13].fill(-20.849_783);
    x[15] = 0.0;
    x[16..29].fill(-17.891_382);
    let log = LogSoftmax::rows(32).forward_to_vec(&x);
    let off = ulps(log[15], -reference(&x).1.ln_1p());
    println!("{off:.3} ulp off");
    assert!(off < 3.0, "{off}");
}

/// A sum that begins with pairs greater than what it began with loses none of their bits.
#[test]
fn pairs_of_exponentials_are_added_in_full() {
    let mut x = vec![0.34_f32; 64];
    x[..32].fill(-16.635_5);
    let y = Softmax::rows(64).forward_to_vec(&x);
    assert_eq!(y[63], 0.031_249_998);
}

/// What rounding takes off a sum of a million equal numbers goes one way.
#[test]
fn sums_of_long_rows_are_near_the_truth() {
    for x in [0.342_31_f32, 0.0, 17.3] {
        let width = 999_840;
        let y = Softmax::rows(width).forward_to_vec(&vec![x; width]);
        let off = ulps(y[0], 1.0 / width as f64);
        assert!(off < 2.0, "{x}: {off} ulp");
        let log = LogSoftmax::rows(width).forward_to_vec(&vec![x; width]);
        let off = ulps(log[0], -(width as f64).ln());
        assert!(off < 2.0, "{x}: {off} ulp of the logarithm");
        // Beside one that is greater, which is not in the sum.
        let mut row = vec![x; width];
        row[5] += 1.0;
        let log = LogSoftmax::rows(width).forward_to_vec(&row);
        let distance = f64::from(row[5]) - f64::from(x);
        let off = ulps(log[5], -((width - 1) as f64 * (-distance).exp()).ln_1p());
        assert!(off < 2.0, "{x}: {off} ulp of the logarithm of the greatest");
        // Of `f64`: an ulp is 2.2e-16 of a number at most.
        let row = vec![f64::from(x); width];
        let y = Softmax::rows(width).forward_to_vec(&row);
        assert!((y[0] * width as f64 - 1.0).abs() < 5e-16, "{x}: {}", y[0]);
        let log = LogSoftmax::rows(width).forward_to_vec(&row);
        assert!(
            (log[0] / (width as f64).ln() + 1.0).abs() < 5e-16,
            "{x}: {}",
            log[0]
        );
    }
}

/// What is hardly a number, and what is none.
#[test]
fn small_results_of_f64_are_near_the_truth() {
    for width in [2, 8, 17] {
        for tenths in 6_900..=7_460 {
            let below = f64::from(tenths) / 10.0;
            let mut x = vec![-below; width];
            x[0] = 0.0;
            let y = Softmax::rows(width).forward_to_vec(&x);
            // Of numbers below the normal ones, the least is the unit.
            let truth = (-below).exp();
            let unit = (truth * f64::EPSILON).max(f64::from_bits(1));
            assert!(
                (y[width - 1] - truth).abs() <= 3.0 * unit,
                "{below}: {:e} {truth:e}",
                y[width - 1]
            );
            let log = LogSoftmax::rows(width).forward_to_vec(&x);
            assert_eq!(log[width - 1], -below);
        }
    }
}

/// Where the greatest element is too great for an exponent to make up for it.
#[test]
fn the_same_bits_of_great_numbers() {
    fn check<T: TestElement>() {
        for width in [5, 16, 100, 1_001] {
            for middle in [215.0, 250.0, -250.0, 1_490.0, 1_500.0, -1e5] {
                let x: Vec<T> = rows(width, 5, 30.0, 1)
                    .iter()
                    .map(|&x| T::from_f64(f64::from(x + middle)))
                    .collect();
                let (softmax, log_softmax) = (Softmax::rows(width), LogSoftmax::rows(width));
                let first = tiers().next().expect("portable");
                let expected = softmax.on(first).forward_to_vec(&x);
                let expected_log = log_softmax.on(first).forward_to_vec(&x);
                for tier in tiers() {
                    let what = || format!("{width}, {middle}, {tier}");
                    let mut y = x.clone();
                    softmax.on(tier).forward_in_place(&mut y);
                    assert_same_bits_but(|_| false, &y, &expected, what);
                    y.copy_from_slice(&x);
                    log_softmax.on(tier).forward_in_place(&mut y);
                    assert_same_bits_but(|_| false, &y, &expected_log, what);
                }
            }
        }
    }
    check::<f32>();
    check::<f64>();
}

macro_rules! rows_without_a_softmax {
    ($test:ident, $float:ident) => {
        #[test]
        fn $test() {
            let (nan, inf) = ($float::NAN, $float::INFINITY);
            for width in [1, 2, 3, 16, 17, 100] {
                for (bad, rest) in [
                    (nan, 1.0),
                    (inf, 1.0),
                    (inf, -inf),
                    (nan, -inf),
                    (-inf, -inf),
                ] {
                    for at in [0, width / 2, width - 1] {
                        let mut x = vec![rest; 3 * width];
                        x[..width].fill(2.0);
                        x[2 * width..].fill(2.0);
                        x[width + at] = bad;
                        for tier in tiers() {
                            let (softmax, log_softmax) = (
                                Softmax::rows(width).on(tier),
                                LogSoftmax::rows(width).on(tier),
                            );
                            let (y, log) =
                                (softmax.forward_to_vec(&x), log_softmax.forward_to_vec(&x));
                            for (i, y) in y.iter().chain(&log).enumerate() {
                                let row = i % x.len() / width;
                                let what =
                                    format!("{tier}, {width}, {bad} at {at}, element {i}: {y}");
                                assert_eq!(y.is_nan(), row == 1, "{what}");
                            }
                        }
                    }
                }
            }
            // Nor has a row a gradient, where that of its output is none.
            for bad in [nan, inf, -inf] {
                let (y, mut dy) = (vec![0.25; 3 * 17], vec![1.0; 3 * 17]);
                dy[20] = bad;
                for tier in tiers() {
                    let (mut dx, mut dx_log) = (dy.clone(), dy.clone());
                    Softmax::rows(17)
                        .on(tier)
                        .backward_from_output_in_place(&y, &mut dx);
                    LogSoftmax::rows(17)
                        .on(tier)
                        .backward_from_output_in_place(&y, &mut dx_log);
                    for (i, dx) in dx.iter().chain(&dx_log).enumerate() {
                        assert_eq!(
                            dx.is_nan(),
                            i % y.len() / 17 == 1,
                            "{tier}, {bad}, element {i}: {dx}"
                        );
                    }
                }
            }
        }
    };
}

rows_without_a_softmax!(rows_of_f32_without_a_softmax_are_nan, f32);
rows_without_a_softmax!(rows_of_f64_without_a_softmax_are_nan, f64);

macro_rules! same_bits {
    ($softmax:ident, $float:ident) => {
        for width in widths() {
            let count = if width > 5_000 { 2 } else { 6 };
            let (room, len) = (count * width + 200, count * width);
            let numbers: Vec<$float> = rows(room, 1, 30.0, 1).iter().map(|&x| x.into()).collect();
            let gradients: Vec<$float> = rows(room, 1, 2.0, 2)
                .iter()
                .map(|&x| x.max(-9.0).into())
                .collect();
            let (x_pages, dy_pages) = (Pages::read_only(&numbers), Pages::read_only(&gradients));
            let mut output = Pages::<$float>::new(room);
            let softmax = $softmax::rows(width);
            let first = tiers().next().expect("portable");
            for (start, at) in [
                (0, At::Front),
                (room - len, At::Back),
                (33, At::Offset(1)),
                (37, At::Offset(5)),
            ] {
                let (x, dy) = (at.of(len, &x_pages), at.of(len, &dy_pages));
                let expected = softmax.on(first).forward_to_vec(x);
                let mut expected_dx = vec![0.0; len];
                softmax.on(first).backward(x, dy, &mut expected_dx);
                for tier in tiers() {
                    let mut check = |softmax: $softmax, what: &str| {
                        let what = || format!("{softmax:?}, {what}");
                        let y = &mut output[start..][..len];
                        softmax.forward(x, y);
                        assert_same_bits_but(|_| false, y, &expected, what);
                        y.copy_from_slice(x);
                        softmax.forward_in_place(y);
                        assert_same_bits_but(|_| false, y, &expected, what);
                        softmax.backward_from_output(&expected, dy, y);
                        assert_same_bits_but(|_| false, y, &expected_dx, what);
                        y.copy_from_slice(dy);
                        softmax.backward_from_output_in_place(&expected, y);
                        assert_same_bits_but(|_| false, y, &expected_dx, what);
                        assert!(output[..start].iter().all(|&x| x == 0.0), "{}", what());
                        assert!(
                            output[start + len..].iter().all(|&x| x == 0.0),
                            "{}",
                            what()
                        );
                        output.fill(0.0);
                    };
                    check(softmax.on(tier), "serial");
                    #[cfg(feature = "parallel")]
                    check(softmax.on(tier).par(), "parallel");
                }
            }
        }
    };
}

/// They are done in turns, so that a row's numbers might get to another.
#[test]
fn rows_beside_others_are_as_alone() {
    macro_rules! as_alone {
        ($softmax:ident, $x:ident, $width:ident) => {{
            let softmax = $softmax::rows($width);
            let alone: Vec<_> = $x
                .chunks($width)
                .flat_map(|row| softmax.forward_to_vec(row))
                .collect();
            let (together, mut in_place) = (softmax.forward_to_vec($x), $x.to_vec());
            softmax.forward_in_place(&mut in_place);
            for y in [together, in_place] {
                let same = y
                    .iter()
                    .zip(&alone)
                    .all(|(y, z)| y.to_bits() == z.to_bits());
                assert!(same, "{} rows of {}", $x.len() / $width, $width);
            }
        }};
    }
    for width in [5, 16, 30, 100, 1_000] {
        let all = rows(width, 7, 20.0, 3);
        let all_f64: Vec<_> = all.iter().map(|&x| f64::from(x)).collect();
        for rows in 1..=7 {
            let (x, x_f64) = (&all[..rows * width], &all_f64[..rows * width]);
            as_alone!(Softmax, x, width);
            as_alone!(LogSoftmax, x, width);
            as_alone!(Softmax, x_f64, width);
            as_alone!(LogSoftmax, x_f64, width);
        }
    }
}

#[test]
fn the_same_bits_everywhere() {
    in_time(|| {
        same_bits!(Softmax, f32);
        same_bits!(Softmax, f64);
    });
    in_time(|| {
        same_bits!(LogSoftmax, f32);
        same_bits!(LogSoftmax, f64);
    });
}

/// Many rows over several threads.
#[test]
#[cfg(feature = "parallel")]
fn shared_out_over_threads() {
    let (width, count) = (1_000, 3_000);
    let x = rows(width, count, 10.0, 3);
    let expected = Softmax::rows(width).forward_to_vec(&x);
    for threads in [1, 2, 8] {
        let y =
            crate::common::case::in_pool(threads, || Softmax::rows(width).par().forward_to_vec(&x));
        assert_same_bits_but(|_| false, &y, &expected, || format!("{threads} threads"));
    }
}

/// Against sums in `f64`.
#[test]
fn gradients() {
    for width in [1, 2, 7, 16, 100, 1_000] {
        let (x, dy) = (rows(width, 4, 5.0, 4), rows(width, 4, 3.0, 5));
        let dy: Vec<_> = dy.iter().map(|&dy| dy.max(-3.0)).collect();
        let (mut dx, mut dx_log) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        Softmax::rows(width).backward(&x, &dy, &mut dx);
        LogSoftmax::rows(width).backward(&x, &dy, &mut dx_log);
        for row in 0..4 {
            let range = row * width..(row + 1) * width;
            let (x, dy) = (&x[range.clone()], &dy[range.clone()]);
            let (max, rest) = reference(x);
            let y: Vec<_> = x
                .iter()
                .map(|&x| (f64::from(x) - max).exp() / (1.0 + rest))
                .collect();
            let dot: f64 = y.iter().zip(dy).map(|(&y, &dy)| y * f64::from(dy)).sum();
            let sum: f64 = dy.iter().map(|&dy| f64::from(dy)).sum();
            for (i, at) in range.enumerate() {
                let dy = f64::from(dy[i]);
                let (expected, expected_log) = (y[i] * (dy - dot), dy - y[i] * sum);
                let bound = 1e-6 * y[i] * (dy.abs() + 3.0) + 1e-40;
                assert!(
                    (f64::from(dx[at]) - expected).abs() <= bound,
                    "{width}: {} {expected}",
                    dx[at]
                );
                let bound = 1e-6 * (dy.abs() + y[i] * sum.abs()) + 1e-40;
                assert!(
                    (f64::from(dx_log[at]) - expected_log).abs() <= bound,
                    "{width}: {} {expected_log}",
                    dx_log[at]
                );
            }
        }
    }
}
