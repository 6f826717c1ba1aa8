//! Formulas of your own: one of a single input, with its gradient, and one of two inputs. Each is written once and
//! runs on every tier, with and without Rayon:
//!
//! ```sh
//! cargo run --release --example own_formula
//! ```
//!
//! First every method is compared, bit by bit, with the plain loop over the same formula. Then both are timed, in
//! turns: a row for each tier, in billions of elements a second and in times as fast as the loop.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::time::Instant;

use rectify::{Activation, Formula, Gradient, Map, MapSlices, Planned, Tier, Vector};

/// Softsign, a soft clip to between -1 and 1: `x / (1 + |x|)`.
#[derive(Clone, Copy)]
struct Softsign;

impl Formula for Softsign {
    // What is not inlined loses the tier's instructions.
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        x / (V::constant(1.0) + x.abs())
    }
}

impl Gradient for Softsign {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        let divisor = V::constant(1.0) + x.abs();
        grad_output / (divisor * divisor)
    }
}

/// The ReLU of a sum, with which a residual block ends: `max(a + b, 0)`, in one pass over memory instead of two.
#[derive(Clone, Copy)]
struct AddRelu;

impl Map<2> for AddRelu {
    // Additions and maxima are faster than memory, which this tells the choice of the tier.
    const MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn apply<V: Vector>(self, [a, b]: [V; 2]) -> V {
        // In this order a NaN stays one.
        V::constant(0.0).max(a + b)
    }
}

/// Odd, so that no register fits, and enough for `par()` to use several threads.
const NUMBERS: usize = 1_500_001;

fn main() {
    let (a, b) = (numbers(NUMBERS, 1), numbers(NUMBERS, 2));
    for tier in Tier::available() {
        // Short and long calls run in different ways.
        for len in [3, 100, NUMBERS] {
            let (a, b) = (&a[..len], &b[..len]);
            check_softsign(Softsign.on(tier), a, b);
            check_add_relu(AddRelu.on(tier), a, b);
            // A default feature.
            #[cfg(feature = "parallel")]
            {
                check_softsign(Softsign.on(tier).par(), a, b);
                check_add_relu(AddRelu.on(tier).par(), a, b);
            }
        }
    }
    println!("Every method gives the bits of the plain loop, on every tier.");

    for len in [4_096, 1_048_576] {
        let (a, b) = (&a[..len], &b[..len]);
        compare("softsign", len, |way, y| match way {
            Way::Loop => softsign_loop(a, y),
            Way::On(tier) => Softsign.on(tier).forward(a, y),
        });
        compare("add and relu", len, |way, y| match way {
            Way::Loop => add_relu_loop(a, b, y),
            Way::On(tier) => AddRelu.on(tier).map([a, b], y),
        });
    }
}

// The plain loops. A number is a register of one lane, so a formula can be called on it.

fn softsign_loop(x: &[f32], y: &mut [f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = Softsign.value(x);
    }
}

fn softsign_backward_loop(x: &[f32], dy: &[f32], dx: &mut [f32]) {
    for ((dx, &x), &dy) in dx.iter_mut().zip(x).zip(dy) {
        *dx = Softsign.gradient(x, dy);
    }
}

fn add_relu_loop(a: &[f32], b: &[f32], y: &mut [f32]) {
    for ((y, &a), &b) in y.iter_mut().zip(a).zip(b) {
        *y = AddRelu.apply([a, b]);
    }
}

/// Whoever implements `Formula` has the methods of `Activation`.
fn check_softsign(softsign: Planned<Softsign>, x: &[f32], dy: &[f32]) {
    let (mut y, mut dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    softsign_loop(x, &mut y);
    softsign_backward_loop(x, dy, &mut dx);

    let mut output = vec![0.0; x.len()];
    softsign.forward(x, &mut output);
    assert_same_bits(&output, &y);
    output.copy_from_slice(x);
    softsign.forward_in_place(&mut output);
    assert_same_bits(&output, &y);
    assert_same_bits(&softsign.forward_to_vec(x), &y);

    softsign.backward(x, dy, &mut output);
    assert_same_bits(&output, &dx);
    output.copy_from_slice(dy);
    softsign.backward_in_place(x, &mut output);
    assert_same_bits(&output, &dx);
    assert_same_bits(&softsign.backward_to_vec(x, dy), &dx);
}

/// Whoever implements `Map` has those of `MapSlices`.
fn check_add_relu(add_relu: Planned<AddRelu>, a: &[f32], b: &[f32]) {
    let mut y = vec![0.0; a.len()];
    add_relu_loop(a, b, &mut y);

    let mut output = vec![0.0; a.len()];
    add_relu.map([a, b], &mut output);
    assert_same_bits(&output, &y);
    output.copy_from_slice(b);
    add_relu.map_in_place([a], &mut output);
    assert_same_bits(&output, &y);
    assert_same_bits(&add_relu.map_to_vec([a, b]), &y);
}

/// Equal as numbers is not enough: -0.0 equals 0.0.
fn assert_same_bits(left: &[f32], right: &[f32]) {
    assert!(
        left.iter()
            .map(|x| x.to_bits())
            .eq(right.iter().map(|x| x.to_bits()))
    );
}

/// Between -4 and 4, in no order that a branch predictor could learn: the upper bits of a linear congruential
/// generator.
fn numbers(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let numbers = (0..len).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 40) as f32 / (1 << 21) as f32 - 4.0
    });
    numbers.collect()
}

#[derive(Clone, Copy)]
enum Way {
    Loop,
    On(Tier),
}

/// Times `run` each way and prints a table. The ways take turns, so that what else the machine does meets all of
/// them, and the median of each counts.
fn compare(title: &str, len: usize, run: impl Fn(Way, &mut [f32])) {
    const ROUNDS: usize = 31;
    /// Of a turn: about a millisecond.
    const ELEMENTS: usize = 1 << 22;

    let ways: Vec<_> = [Way::Loop]
        .into_iter()
        .chain(Tier::available().map(Way::On))
        .collect();
    let mut turns = vec![vec![]; ways.len()];
    let mut output = vec![0.0; len];
    for _ in 0..ROUNDS {
        for (&way, turns) in ways.iter().zip(&mut turns) {
            let start = Instant::now();
            for _ in 0..ELEMENTS / len {
                run(way, black_box(&mut output));
            }
            turns.push(start.elapsed().as_secs_f64());
        }
    }
    let medians: Vec<_> = turns.into_iter().map(median).collect();

    println!(
        "\n{:<22}  Gelem/s  times the loop",
        format!("{title}, {len}")
    );
    for (way, seconds) in ways.iter().zip(&medians) {
        let name = match way {
            Way::Loop => "plain loop".to_owned(),
            Way::On(tier) => tier.to_string(),
        };
        let gelems = ELEMENTS as f64 / seconds / 1e9;
        let times = medians[0] / seconds;
        println!("{name:<22}  {gelems:>7.2}  {times:>14.2}");
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
