//! The results of the smooth activations are those that the crate `accuracy` has measured: the same hash of all 2^32 `f32` on
//! every tier, and that of a sample; of `f64`, that of a part of the sample that was measured.

use std::sync::atomic::{AtomicU64, Ordering};

use rectify::{AnyActivation, Tier};

use crate::common::{SMOOTH, on_all_cores, tiers};
use crate::hashes::{OneNan, hash, hash_of_all, results};
use crate::{drawn_f64, every_f32};

const OF_F32: &str = include_str!("../accuracy.csv");
const OF_F64: &str = include_str!("../accuracy-f64.csv");

/// On all cores: the hash of the results of so many blocks, values or gradients.
fn hash_on<T: OneNan>(
    tier: Tier,
    row: &Row,
    blocks: u64,
    block: impl Fn(u64) -> Vec<T> + Sync,
) -> String {
    let next = AtomicU64::new(0);
    let work = || {
        let mut hashes = vec![];
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= blocks {
                return hashes;
            }
            let results = results(row.activation, row.gradient, tier, &block(index));
            hashes.push((index, hash(&results)));
        }
    };
    let mut hashes: Vec<(u64, u64)> = on_all_cores(work).into_iter().flatten().collect();
    hashes.sort_unstable();
    let hashes: Vec<u64> = hashes.into_iter().map(|(_, hash)| hash).collect();
    hash_of_all(&hashes)
}

/// A row of a table.
struct Row {
    activation: AnyActivation,
    gradient: bool,
    error: f64,
    /// What stands in the column that was asked for.
    hash: String,
}

impl Row {
    /// Of a table, with its column `hash`.
    fn all(table: &str, hash: &str) -> Vec<Self> {
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        let head = reader.headers().expect("it has a head").clone();
        let place = |name| head.iter().position(|column| column == name).expect(name);
        let columns = ["activation", "direction", "error_ulp", hash].map(place);
        let rows = reader.records().map(|row| {
            let row = row.expect("it is a table");
            let [activation, direction, error, hash] = columns.map(|i| &row[i]);
            Self {
                activation: activation.parse().expect("it is an activation"),
                gradient: match direction {
                    "value" => false,
                    "gradient" => true,
                    other => panic!("{other:?} is no direction"),
                },
                error: error.parse().expect("it is a number"),
                hash: hash.to_owned(),
            }
        });
        rows.collect()
    }
}

/// Compares these hashes, each of so many blocks.
fn hashes_are_those_of<T: OneNan>(rows: &[Row], blocks: u64, block: impl Fn(u64) -> Vec<T> + Sync) {
    let mut differ = vec![];
    for row in rows {
        for tier in tiers() {
            if hash_on(tier, row, blocks, &block) != row.hash {
                let direction = if row.gradient { "gradient" } else { "value" };
                differ.push(format!("{}, {direction} on {tier}", row.activation));
            }
        }
    }
    assert!(
        differ.is_empty(),
        "other results than those that were measured: {differ:#?}"
    );
}

#[test]
fn every_smooth_activation_is_in_the_tables_and_within_its_bound() {
    for (table, f64) in [(OF_F32, false), (OF_F64, true)] {
        let rows = Row::all(table, "sample_hash");
        for text in SMOOTH {
            let name = text.split('(').next();
            for gradient in [false, true] {
                let of =
                    |row: &&Row| Some(row.activation.name()) == name && row.gradient == gradient;
                assert!(
                    rows.iter().any(|row| of(&row)),
                    "{text}: gradient: {gradient}, f64: {f64}"
                );
            }
        }
        for row in rows {
            let bound = match row.activation.name() {
                _ if row.gradient || f64 => 4.0,
                "gelu" | "gelu_tanh" | "mish" => 4.0,
                _ => 3.0,
            };
            assert!(
                row.error <= bound,
                "{}: {}, f64: {f64}",
                row.activation,
                row.error
            );
        }
    }
}

/// All 2^32 of them where the environment asks for that, which takes two cores some forty minutes for two tiers.
#[test]
fn results_of_f32_are_those_that_were_measured() {
    let (every, column) = match std::env::var_os("RECTIFY_TEST_ALL_RESULTS") {
        None => (every_f32::SAMPLE, "sample_hash"),
        Some(_) => (1, "hash"),
    };
    let rows = Row::all(OF_F32, column);
    hashes_are_those_of(&rows, every_f32::blocks(every), |index| {
        every_f32::block(every, index)
    });
}

#[test]
fn results_of_f64_are_those_that_were_measured() {
    let rows = Row::all(OF_F64, "sample_hash");
    hashes_are_those_of(&rows, drawn_f64::HASHED, drawn_f64::block);
}
