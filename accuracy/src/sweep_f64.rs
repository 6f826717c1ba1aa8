//! `f64`: a sample of many kinds of inputs, and then those about the worst of it, against MPFR.

use indicatif::ProgressBar;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use rectify::{AnyActivation, Tier};

use crate::drawn_f64::{BLOCK, HASHED, block};
use crate::hashes::{hash as hash_of_block, hash_of_all, results};
use crate::reference::{Direction, Function};
use crate::worst::{F64, Worst};

/// So many of the worst inputs are looked about.
const SEEDS: u64 = 100;

/// How far on either side, as a part of the input: errors of one input have little to do with those of the next, but how large they may
/// be changes slowly. Once more from what was found.
const ABOUT: [f64; 3] = [0.02, 0.004, 0.004];

/// How many inputs [`sweep`] looks at beside the special ones, where so many are drawn.
pub fn steps(inputs: u64) -> u64 {
    inputs + ABOUT.len() as u64 * SEEDS * about_each(inputs)
}

/// Once as many as are drawn.
fn about_each(inputs: u64) -> u64 {
    inputs / (ABOUT.len() as u64 * SEEDS)
}

/// The hash of the results that the tests look at.
pub fn hash(activation: AnyActivation, direction: Direction, tier: Tier) -> String {
    let gradient = direction == Direction::Gradient;
    let hashes: Vec<u64> = (0..HASHED)
        .map(|index| hash_of_block(&results(activation, gradient, tier, &block(index))))
        .collect();
    hash_of_all(&hashes)
}

/// The largest error over the special inputs, this many drawn ones, and as many about the worst of these. It is the same on all tiers, as
/// their results are.
pub fn sweep(
    activation: AnyActivation,
    direction: Direction,
    tiers: &[Tier],
    inputs: u64,
    bar: &ProgressBar,
) -> Result<Worst, String> {
    let function = Function::of(activation, |value| value)?;
    let worst_of = |x: &[f64]| {
        let result = worst(function, activation, direction, tiers, x);
        bar.inc(x.len() as u64);
        result
    };
    let drawn = (0..=inputs.div_ceil(BLOCK)).into_par_iter().map(|index| {
        let mut x = block(index);
        if index > 0 {
            x.truncate((inputs - (index - 1) * BLOCK) as usize);
        }
        worst_of(&x)
    });
    let mut found = joined(drawn)?;
    for about in ABOUT {
        let nearby = found.par_iter().map(|seed| {
            let mut random = StdRng::seed_from_u64(seed.at.to_bits());
            let x: Vec<f64> = (0..about_each(inputs))
                .map(|_| seed.at * random.random_range(1.0 - about..1.0 + about))
                .collect();
            worst_of(&x)
        });
        let mut all = joined(nearby)?;
        all.append(&mut found);
        found = first(all);
    }
    Ok(found[0])
}

/// The worst of all.
fn joined(
    parts: impl ParallelIterator<Item = Result<Vec<Worst>, String>>,
) -> Result<Vec<Worst>, String> {
    parts.try_reduce(Vec::new, |mut all, mut more| {
        all.append(&mut more);
        Ok(first(all))
    })
}

/// The `SEEDS` worst, the farthest first; in an order that hangs on nothing but them.
fn first(mut all: Vec<Worst>) -> Vec<Worst> {
    all.sort_by(|a, b| b.error.total_cmp(&a.error).then(a.at.total_cmp(&b.at)));
    all.truncate(SEEDS as usize);
    all
}

/// The worst of these inputs, the farthest first.
fn worst(
    function: Function,
    activation: AnyActivation,
    direction: Direction,
    tiers: &[Tier],
    x: &[f64],
) -> Result<Vec<Worst>, String> {
    let gradient = direction == Direction::Gradient;
    let on_tiers: Vec<Vec<f64>> = tiers
        .iter()
        .map(|&tier| results(activation, gradient, tier, x))
        .collect();
    let at_nan = function.fast(direction, f64::NAN);
    let mut errors = vec![];
    for (i, (&x, &result)) in x.iter().zip(&on_tiers[0]).enumerate() {
        if on_tiers
            .iter()
            .any(|tier| tier[i].to_bits() != result.to_bits())
        {
            let all: Vec<f64> = on_tiers.iter().map(|tier| tier[i]).collect();
            return Err(format!(
                "{activation}, {direction:?}: the tiers differ at {x:?}: {all:?}"
            ));
        }
        let error = if !x.is_nan() {
            let crossing = gradient
                && function
                    .crossing()
                    .is_some_and(|[from, to]| from <= x && x <= to);
            F64.error_of(result, &function.slow(direction, x), crossing)
        } else if result == at_nan || result.is_nan() && at_nan.is_nan() {
            // NaN in, NaN out; but a gradient by its last branch, where the definition has branches.
            0.0
        } else {
            f64::INFINITY
        };
        errors.push(Worst { error, at: x });
    }
    Ok(first(errors))
}
