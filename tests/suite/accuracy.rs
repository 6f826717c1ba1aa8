//! The results of the smooth activations are those that the crate `accuracy` has measured: the same hash of all 2^32 `f32` on
//! every tier, and that of a sample.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use rectify::{Activation, AnyActivation, Tier};

use crate::common::tiers;
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
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut hashes: Vec<(u64, u64)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        joined.flatten().collect()
    });
    hashes.sort_unstable();
    let hashes: Vec<u64> = hashes.into_iter().map(|(_, hash)| hash).collect();
    hash_of_all(&hashes)
}

/// Compares with the column of this name.
fn hashes_are_those_of_the_table(column: &str, every: u64) {
    let mut reader = csv::Reader::from_reader(TABLE.as_bytes());
    let head = reader.headers().expect("it has a head").clone();
    let place = |name| head.iter().position(|column| column == name).expect(name);
    let (text, direction, expected) = (place("activation"), place("direction"), place(column));
    let mut differ = vec![];
    for row in reader.records() {
        let row = row.expect("it is a table");
        let activation: AnyActivation = row[text].parse().expect("it is an activation");
        let gradient = match &row[direction] {
            "value" => false,
            "gradient" => true,
            other => panic!("{other:?} is no direction"),
        };
        for tier in tiers() {
            let actual = hash_on(tier, activation, gradient, every);
            if actual != row[expected] {
                differ.push(format!("{activation}, {} on {tier}", &row[direction]));
            }
        }
    }
    assert!(
        differ.is_empty(),
        "other results than in tests/accuracy.csv: {differ:#?}"
    );
}

/// All 2^32 of them where the environment asks for that, which takes some ten minutes.
#[test]
fn results_are_those_of_the_table() {
    match std::env::var_os("RECTIFY_TEST_ALL_RESULTS") {
        None => hashes_are_those_of_the_table("sample_hash", SAMPLE),
        Some(_) => hashes_are_those_of_the_table("hash", 1),
    }
}
