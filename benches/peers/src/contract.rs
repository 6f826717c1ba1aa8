//! Who departs from the numeric contract of rectify, found by running everybody on special values: a NaN
//! keeps its bits, -0.0 passes wherever `x` passes, and a gradient of 0 selects +0 whatever it meets.

use std::collections::BTreeSet;

use crate::common::Slices;
use crate::operation::Operation;
use crate::peers;
use crate::way::Way;

/// A tail alone, bodies and a tail, and enough for those who then use threads.
const LENGTHS: [usize; 3] = [1, 64 + 3, 65_536 + 3];

/// Nothing special: who is wrong about these does not do the operation.
const NUMBER: f32 = 1.5;
const GRAD: f32 = 2.0;

/// Quiet NaNs with a payload, of either sign.
const NAN: f32 = f32::from_bits(0x7fc1_2345);
const NEGATIVE_NAN: f32 = f32::from_bits(0xffc1_2345);

pub fn print() {
    println!("\nWho departs from the numeric contract, at lengths {LENGTHS:?}\n");
    println!(
        "{:<20} {:<28} {:>13} {:>13} {:>13}  is",
        "operation", "who", "x", "dy", "should be"
    );
    let mut faithful = vec![];
    for operation in Operation::ALL {
        for way in peers::ways(operation) {
            let departures = departures(operation, &way);
            if departures.is_empty() {
                faithful.push((operation, way.name));
            }
            for row in departures {
                println!("{:<20} {:<28} {row}", operation.name(), way.name);
            }
        }
    }
    println!("\nWho keeps it");
    for operation in Operation::ALL {
        let who = faithful.iter().filter(|who| who.0 == operation);
        let who: Vec<_> = who.map(|who| who.1).collect();
        println!("{:<20} {}", operation.name(), who.join(", "));
    }
}

/// Pairs of `x` and the gradient of the output.
fn values(operation: Operation) -> Vec<(f32, f32)> {
    const X: [f32; 7] = [
        NUMBER,
        -NUMBER,
        -0.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
        NAN,
        NEGATIVE_NAN,
    ];
    if operation == Operation::ReluBackward {
        let against = |x| [GRAD, -0.0, f32::INFINITY, NAN].map(|grad| (x, grad));
        [NUMBER, -NUMBER, -0.0, NAN].map(against).concat()
    } else {
        X.map(|x| (x, GRAD)).to_vec()
    }
}

/// The ends of rows: the values, what the contract says, and what comes out.
fn departures(operation: Operation, way: &Way) -> Vec<String> {
    let mut rows = vec![];
    for (x, grad) in values(operation) {
        let expected = operation.expected(x, grad);
        let results = LENGTHS.map(|len| run(way, operation, x, grad, len));
        let differs = |result: &&f32| result.to_bits() != expected.to_bits();
        let different: BTreeSet<_> = results
            .iter()
            .flatten()
            .filter(differs)
            .map(|&y| show(y))
            .collect();
        if different.is_empty() {
            continue;
        }
        assert!(
            x.abs() != NUMBER || grad != GRAD,
            "{} does not do {}",
            way.name,
            operation.name()
        );
        let mut is = different.into_iter().collect::<Vec<_>>().join(" or ");
        if !results.iter().flatten().all(|y| differs(&y)) {
            is += ", in places";
        }
        let grad = match operation {
            Operation::ReluBackward => show(grad),
            _ => String::new(),
        };
        rows.push(format!(
            "{:>13} {grad:>13} {:>13}  {is}",
            show(x),
            show(expected)
        ));
    }
    rows
}

/// What comes out of `len` times the same values.
fn run(way: &Way, operation: Operation, x: f32, grad: f32, len: usize) -> Vec<f32> {
    const UNTOUCHED: f32 = 77.0;
    let in_place = matches!(
        operation,
        Operation::ReluInPlace | Operation::LeakyReluInPlace
    );
    let (input, grad) = (vec![x; len], vec![grad; len]);
    let mut output = vec![if in_place { x } else { UNTOUCHED }; len];
    let mut slices = Slices {
        input: &input,
        grad: &grad,
        output: &mut output,
    };
    let result = way.result(&mut slices);
    assert_eq!(result.len(), len, "{}", way.name);
    result
}

fn show(x: f32) -> String {
    if x.is_nan() {
        format!("NaN {:08x}", x.to_bits())
    } else {
        format!("{x:?}")
    }
}
