//! All `f32`, or every so many.

use indicatif::ProgressBar;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use rectify::{AnyActivation, Tier};

use crate::every_f32::{block, blocks};
use crate::hashes::{hash as hash_of_block, hash_of_all, results};
use crate::reference::{Direction, Function};
use crate::worst::{F32, Worst};

/// How many inputs of each kind the reference itself is tested at.
const DOUBTED: usize = 50_000;

/// What the reference may be off: far less than the last digit of an error that is printed, which is of 2^-24.
const LEAST_RIGHT: f64 = 1.0 / (1_u64 << 40) as f64;

/// Of one activation, value or gradient.
pub struct Swept {
    pub tiers: Vec<OfTier>,
    /// The largest error of the reference, as a part of the truth, or of what an ulp is taken of.
    pub doubt: f64,
}

pub struct OfTier {
    pub tier: Tier,
    pub worst: Worst,
    pub hash: String,
}

/// The hash alone.
pub fn hash(activation: AnyActivation, direction: Direction, tier: Tier, every: u64) -> String {
    let gradient = direction == Direction::Gradient;
    let hashes: Vec<u64> = (0..blocks(every))
        .into_par_iter()
        .map(|index| hash_of_block(&results(activation, gradient, tier, &block(every, index))))
        .collect();
    hash_of_all(&hashes)
}

/// Compares all tiers with the reference, and the reference with MPFR: where errors are largest, and at random inputs.
pub fn sweep(
    activation: AnyActivation,
    direction: Direction,
    tiers: &[Tier],
    every: u64,
    bar: &ProgressBar,
) -> Result<Swept, String> {
    let function = Function::of(activation, |value| f64::from(value as f32))?;
    let gradient = direction == Direction::Gradient;
    let of_block = |index| {
        let x = block(every, index);
        let truth: Vec<f64> = x
            .iter()
            .map(|&x| function.fast(direction, x.into()))
            .collect();
        let mut earlier: Vec<(Vec<f32>, u64, Worst)> = vec![];
        for &tier in tiers {
            let results = results(activation, gradient, tier, &x);
            let same = earlier.iter().find(|(earlier, ..)| {
                bytemuck::cast_slice::<_, u32>(earlier) == bytemuck::cast_slice::<_, u32>(&results)
            });
            let (hash, worst) = match same {
                Some(&(_, hash, worst)) => (hash, worst),
                None => (
                    hash_of_block(&results),
                    worst(function, direction, &x, &results, &truth),
                ),
            };
            earlier.push((results, hash, worst));
        }
        bar.inc(1);
        earlier
            .into_iter()
            .map(|(_, hash, worst)| (hash, worst))
            .collect()
    };
    let of_blocks: Vec<Vec<(u64, Worst)>> =
        (0..blocks(every)).into_par_iter().map(of_block).collect();

    let of_tier = |(i, &tier): (usize, &Tier)| {
        let hashes: Vec<u64> = of_blocks.iter().map(|block| block[i].0).collect();
        let worst = of_blocks
            .iter()
            .map(|block| block[i].1)
            .fold(Worst::default(), Worst::or);
        OfTier {
            tier,
            worst,
            hash: hash_of_all(&hashes),
        }
    };
    let found = tiers.iter().enumerate().map(of_tier).collect();

    let mut farthest: Vec<Worst> = of_blocks
        .iter()
        .flatten()
        .map(|of_tier| of_tier.1)
        .collect();
    farthest.sort_by(|a, b| b.error.total_cmp(&a.error));
    farthest.truncate(DOUBTED);
    let mut doubted: Vec<f64> = farthest.iter().map(|worst| worst.at).collect();
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..DOUBTED {
        doubted.push(f32::from_bits(random.random()).into());
        doubted.push(random.random_range(-20.0_f32..20.0).into());
    }
    let doubt = doubted
        .into_par_iter()
        .filter(|x| !x.is_nan())
        .map(|x| Worst {
            error: doubt(function, direction, x),
            at: x,
        })
        .reduce(Worst::default, Worst::or);
    if doubt.error > LEAST_RIGHT {
        return Err(format!(
            "{activation}, {direction:?}: the reference is off by 2^{:.1} at {:?}",
            doubt.error.log2(),
            doubt.at,
        ));
    }
    Ok(Swept {
        tiers: found,
        doubt: doubt.error,
    })
}

/// The largest error of a block.
fn worst(
    function: Function,
    direction: Direction,
    x: &[f32],
    results: &[f32],
    truth: &[f64],
) -> Worst {
    let crossing = match direction {
        Direction::Value => None,
        Direction::Gradient => function.crossing(),
    };
    let [from, to] = crossing.unwrap_or([f64::NAN; 2]);
    let mut worst = Worst::default();
    for ((&x, &result), &truth) in x.iter().zip(results).zip(truth) {
        let x = f64::from(x);
        if x.is_nan() {
            // NaN in, NaN out; but a gradient by its last branch, where the definition has branches.
            let right = result == truth as f32 || result.is_nan() && truth.is_nan();
            worst.meet(if right { 0.0 } else { f64::INFINITY }, x);
            continue;
        }
        worst.meet(F32.error(result.into(), truth, from <= x && x <= to), x);
    }
    worst
}

/// The error of the reference, as a part of what an ulp is taken of.
fn doubt(function: Function, direction: Direction, x: f64) -> f64 {
    let truth = function.slow(direction, x);
    let crossing = direction == Direction::Gradient
        && function
            .crossing()
            .is_some_and(|[from, to]| from <= x && x <= to);
    // An ulp is 2^-23 of it.
    F32.error_of(function.fast(direction, x), &truth, crossing) / (1 << 23) as f64
}
