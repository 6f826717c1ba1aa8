//! The results of the smooth activations are those that the crate `accuracy` has measured: the same hash of all 2^32 `f32` on
//! every tier, and that of a sample.

use std::sync::atomic::{AtomicU64, Ordering};

use rectify::{Activation, AnyActivation, Tier};

use crate::common::{SMOOTH, on_all_cores, tiers};
use crate::every_f32::{SAMPLE, block, blocks, hash, hash_of_all, one_nan};

const TABLE: &str = include_str!("../accuracy.csv");

/// On all cores: the hash of every `every`th `f32`'s result, value or gradient.
fn hash_on(tier: Tier, activation: AnyActivation, gradient: bool, every: u64) -> String {
    let next = AtomicU64::new(0);
    let work = || {
        let mut hashes = vec![];
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= blocks(every) {
                return hashes;
            }
            let x = block(every, index);
            let mut y = vec![1.0; x.len()];
            if gradient {
                activation.on(tier).backward_in_place(&x, &mut y);
            } else {
                activation.on(tier).forward(&x, &mut y);
            }
            one_nan(&mut y);
            hashes.push((index, hash(&y)));
        }
    };
    let mut hashes: Vec<(u64, u64)> = on_all_cores(work).into_iter().flatten().collect();
    hashes.sort_unstable();
    let hashes: Vec<u64> = hashes.into_iter().map(|(_, hash)| hash).collect();
    hash_of_all(&hashes)
}

/// A row of the table.
struct Row {
    activation: AnyActivation,
    gradient: bool,
    error: f64,
    hash: String,
    sample_hash: String,
}

impl Row {
    fn all() -> Vec<Self> {
        let mut reader = csv::Reader::from_reader(TABLE.as_bytes());
        let head = reader.headers().expect("it has a head").clone();
        let place = |name| head.iter().position(|column| column == name).expect(name);
        let columns = [
            "activation",
            "direction",
            "error_ulp",
            "hash",
            "sample_hash",
        ]
        .map(place);
        let rows = reader.records().map(|row| {
            let row = row.expect("it is a table");
            let [activation, direction, error, hash, sample_hash] = columns.map(|i| &row[i]);
            Self {
                activation: activation.parse().expect("it is an activation"),
                gradient: match direction {
                    "value" => false,
                    "gradient" => true,
                    other => panic!("{other:?} is no direction"),
                },
                error: error.parse().expect("it is a number"),
                hash: hash.to_owned(),
                sample_hash: sample_hash.to_owned(),
            }
        });
        rows.collect()
    }
}

/// Compares these hashes, of every `every`th result.
fn hashes_are_those_of_the_table(every: u64, expected: fn(&Row) -> &str) {
    let mut differ = vec![];
    for row in Row::all() {
        for tier in tiers() {
            if hash_on(tier, row.activation, row.gradient, every) != expected(&row) {
                let direction = if row.gradient { "gradient" } else { "value" };
                differ.push(format!("{}, {direction} on {tier}", row.activation));
            }
        }
    }
    assert!(
        differ.is_empty(),
        "other results than in tests/accuracy.csv: {differ:#?}"
    );
}

#[test]
fn every_smooth_activation_is_in_the_table_and_within_its_bound() {
    let rows = Row::all();
    for text in SMOOTH {
        let name = text.split('(').next();
        for gradient in [false, true] {
            let of = |row: &&Row| Some(row.activation.name()) == name && row.gradient == gradient;
            assert!(
                rows.iter().any(|row| of(&row)),
                "{text}: gradient: {gradient}"
            );
        }
    }
    for row in rows {
        let bound = match row.activation.name() {
            _ if row.gradient => 4.0,
            "gelu" | "gelu_tanh" | "mish" => 4.0,
            _ => 3.0,
        };
        assert!(row.error <= bound, "{}: {}", row.activation, row.error);
    }
}

/// All 2^32 of them where the environment asks for that, which takes some ten minutes.
#[test]
fn results_are_those_of_the_table() {
    match std::env::var_os("RECTIFY_TEST_ALL_RESULTS") {
        None => hashes_are_those_of_the_table(SAMPLE, |row| &row.sample_hash),
        Some(_) => hashes_are_those_of_the_table(1, |row| &row.hash),
    }
}
