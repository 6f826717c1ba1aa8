//! What is printed, and what is written for the tests.

use std::fs;
use std::io;

use rectify::{AnyActivation, Tier};

use crate::reference::Direction;
use crate::worst::Worst;

pub const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/accuracy.csv");

pub fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::Value => "value",
        Direction::Gradient => "gradient",
    }
}

/// A line of what is printed.
pub struct Line([String; 6]);

impl Line {
    pub fn head() {
        let head = ["activation", "", "tier", "error, ulp", "at", "hash"];
        Self(head.map(str::to_owned)).print();
    }

    pub fn of(
        activation: AnyActivation,
        direction: Direction,
        tier: Tier,
        worst: Worst,
        hash: &str,
    ) -> Self {
        Self([
            activation.to_string(),
            name(direction).to_owned(),
            tier.to_string(),
            format!("{:.4}", worst.error),
            // The shortest digits of either type, which are those of the input.
            if worst.at == f64::from(worst.at as f32) {
                format!("{:?}", worst.at as f32)
            } else {
                format!("{:?}", worst.at)
            },
            hash.to_owned(),
        ])
    }

    pub fn print(&self) {
        let [activation, direction, tier, error, at, hash] = &self.0;
        println!("{activation:24} {direction:9} {tier:16} {error:>12} {at:>24} {hash}");
    }
}

/// A line of the table.
pub struct Record {
    pub activation: String,
    pub direction: String,
    pub error: String,
    pub at: String,
    pub hash: String,
    pub sample: String,
}

const HEAD: [&str; 6] = [
    "activation",
    "direction",
    "error_ulp",
    "at",
    "hash",
    "sample_hash",
];

/// Puts the records in the place of those of the same activations, and new ones at the end.
pub fn write(records: Vec<Record>) -> io::Result<()> {
    let mut rows: Vec<[String; 6]> = vec![];
    if fs::exists(PATH)? {
        for row in csv::Reader::from_path(PATH)?.deserialize() {
            rows.push(row?);
        }
    }
    for record in records {
        let Record {
            activation,
            direction,
            error,
            at,
            hash,
            sample,
        } = record;
        let row = [activation, direction, error, at, hash, sample];
        match rows.iter_mut().find(|old| old[..2] == row[..2]) {
            Some(old) => *old = row,
            None => rows.push(row),
        }
    }
    let mut writer = csv::Writer::from_path(PATH)?;
    writer.write_record(HEAD)?;
    for row in rows {
        writer.write_record(row)?;
    }
    writer.flush()
}
