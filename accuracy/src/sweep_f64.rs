//! `f64`: a sample of many kinds of inputs, against MPFR.

use indicatif::ProgressBar;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use rectify::{Activation, AnyActivation, Tier};

use crate::reference::{Direction, Function};
use crate::worst::{F64, Worst};

/// Inputs a block.
const BLOCK: u64 = 4096;

/// The largest error on each tier, over this many inputs and the special ones.
pub fn sweep(
    activation: AnyActivation,
    direction: Direction,
    tiers: &[Tier],
    inputs: u64,
    bar: &ProgressBar,
) -> Result<Vec<Worst>, String> {
    let function = Function::of(activation, |value| value)?;
    let of_block = |index| {
        let x = if index == 0 {
            special()
        } else {
            drawn(index, BLOCK.min(inputs - (index - 1) * BLOCK))
        };
        let on_tiers: Vec<Vec<f64>> = tiers
            .iter()
            .map(|&tier| results(activation, direction, tier, &x))
            .collect();
        let mut worst = vec![Worst::default(); tiers.len()];
        let at_nan = function.fast(direction, f64::NAN);
        for (i, &x) in x.iter().enumerate() {
            let truth = (!x.is_nan()).then(|| function.slow(direction, x));
            let crossing = direction == Direction::Gradient
                && function
                    .crossing()
                    .is_some_and(|[from, to]| from <= x && x <= to);
            for (results, worst) in on_tiers.iter().zip(&mut worst) {
                let result = results[i];
                let error = match &truth {
                    Some(truth) => F64.error_of(result, truth, crossing),
                    // NaN in, NaN out; but a gradient by its last branch, where the definition has branches.
                    None if result == at_nan || result.is_nan() && at_nan.is_nan() => 0.0,
                    None => f64::INFINITY,
                };
                worst.meet(error, x);
            }
        }
        bar.inc(x.len() as u64);
        let same = |i: usize| {
            on_tiers
                .iter()
                .find(|tier| key(tier[i]) != key(on_tiers[0][i]))
        };
        match (0..x.len()).find(|&i| same(i).is_some()) {
            Some(i) => Err(format!(
                "{activation}, {direction:?}: the tiers differ at {:?}: {:?}",
                x[i],
                on_tiers.iter().map(|tier| tier[i]).collect::<Vec<_>>(),
            )),
            None => Ok(worst),
        }
    };
    let none = || vec![Worst::default(); tiers.len()];
    (0..=inputs.div_ceil(BLOCK))
        .into_par_iter()
        .map(of_block)
        .try_reduce(none, |a, b| {
            Ok(a.into_iter().zip(b).map(|(a, b)| a.or(b)).collect())
        })
}

fn results(activation: AnyActivation, direction: Direction, tier: Tier, x: &[f64]) -> Vec<f64> {
    let mut results = vec![1.0; x.len()];
    match direction {
        Direction::Value => activation.on(tier).forward(x, &mut results),
        Direction::Gradient => activation.on(tier).backward_in_place(x, &mut results),
    }
    results
}

/// Its bits, one for every NaN.
fn key(x: f64) -> Option<u64> {
    (!x.is_nan()).then_some(x.to_bits())
}

/// A third over all exponents, a third where activations bend, and a third over what is between that and zero.
fn drawn(seed: u64, count: u64) -> Vec<f64> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut draw = |i: u64| match i % 3 {
        0 => f64::from_bits(random.random()),
        1 => random.random_range(-50.0..50.0),
        _ => {
            let size = random.random_range(-70.0_f64..11.0).exp2();
            if random.random() { size } else { -size }
        }
    };
    (0..count).map(&mut draw).collect()
}

/// Zeros, infinities, NaN, the ends of the normal numbers; and about every whole number up to 800, and its 16th part,
/// where tables have their seams and results underflow.
fn special() -> Vec<f64> {
    let mut special = vec![
        0.0,
        f64::INFINITY,
        f64::NAN,
        f64::MAX,
        f64::MIN_POSITIVE,
        f64::MIN_POSITIVE.next_down(),
        f64::from_bits(1),
        f64::EPSILON,
    ];
    for i in 1..800 {
        for whole in [f64::from(i), f64::from(i) / 16.0] {
            special.extend([whole.next_down(), whole, whole.next_up()]);
        }
    }
    let negative: Vec<f64> = special.iter().map(|x| -x).collect();
    special.extend(negative);
    special
}
