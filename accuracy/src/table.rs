//! What is printed, and what is written for the tests.

use std::fs;
use std::io;

use rectify::{AnyActivation, Tier};

use crate::reference::Direction;
use crate::worst::Worst;

/// A table in a file.
pub struct Table {
    path: &'static str,
    head: [&'static str; 6],
}

pub const F32: Table = Table {
    path: concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/accuracy.csv"),
    head: [
        "activation",
        "direction",
        "error_ulp",
        "at",
        "hash",
        "sample_hash",
    ],
};
pub const F64: Table = Table {
    path: concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/accuracy-f64.csv"),
    head: [
        "activation",
        "direction",
        "error_ulp",
        "at",
        "inputs",
        "sample_hash",
    ],
};

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

/// Puts the rows in the place of those of the same activations, and new ones at the end.
pub fn write(table: &Table, new: Vec<[String; 6]>) -> Result<(), String> {
    write_rows(table, new).map_err(|error| format!("{}: {error}", table.path))
}

fn write_rows(table: &Table, new: Vec<[String; 6]>) -> io::Result<()> {
    let mut rows: Vec<Vec<String>> = vec![];
    if fs::exists(table.path)? {
        for row in csv::Reader::from_path(table.path)?.deserialize() {
            rows.push(row?);
        }
    }
    for row in new.into_iter().map(Vec::from) {
        match rows.iter_mut().find(|old| old[..2] == row[..2]) {
            Some(old) => *old = row,
            None => rows.push(row),
        }
    }
    let mut writer = csv::Writer::from_path(table.path)?;
    writer.write_record(table.head)?;
    for row in rows {
        writer.write_record(row)?;
    }
    writer.flush()
}
