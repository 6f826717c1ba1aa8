//! rectify against other ways to compute ReLU and leaky ReLU in Rust.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- 4096 1048576
//! ```
//!
//! First a table of who departs from the numeric contract of rectify, and at which values. Then, for each
//! operation and size in elements, who is how fast: all take turns in this one process, and medians count.
//! The copy is the best of several loops that only move the operation's bytes
//! (`benches/common/copy.rs`). Without sizes there are six, and the results also go to `docs/peers.csv`
//! and `docs/peers.svg`.
//!
//! All is `f32`, and a default build: code that is not compiled for several instruction sets uses SSE2 on
//! x86-64. Buffers begin 16 bytes past a page. Libraries with tensors of their own make them outside of the
//! clock, where they like; a result that they allocate is made and dropped by the clock, as that is what
//! their users pay.
//!
//! Tables of all threads say from where a Rayon pool is used: by a caller that is one of its threads
//! (`inside`) or is not (`outside`). Times slower compares like with like: with rectify on one thread, with
//! its `par()` inside or with its `par()` outside.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use peers::common::picture::{self, Curve, Panel, VERMILION};
use peers::common;
use peers::contract;
use peers::operation::Operation;
use peers::race::{self, Placed, Team};
use plotters::style::BLACK;

const DEFAULT_SIZES: [usize; 6] = [64, 1_000, 4_096, 65_536, 1_048_576, 33_554_432];

/// No copy moves less than one register.
const LEAST_SIZE: usize = 16;

fn main() -> ExitCode {
    match sizes().and_then(|sizes| run(&sizes)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn sizes() -> Result<Vec<usize>, Box<dyn Error>> {
    let sizes = env::args().skip(1).map(|arg| match arg.parse() {
        Ok(size) if size >= LEAST_SIZE => Ok(size),
        _ => {
            Err(format!("`{arg}` is not a size: a number of elements, {LEAST_SIZE} or more").into())
        }
    });
    let sizes: Vec<_> = sizes.collect::<Result<_, Box<dyn Error>>>()?;
    Ok(if sizes.is_empty() {
        DEFAULT_SIZES.to_vec()
    } else {
        sizes
    })
}

fn run(sizes: &[usize]) -> Result<(), Box<dyn Error>> {
    println!(
        "rectify and its peers on {}, {} threads",
        common::cpu(),
        race::threads()
    );
    contract::print();
    let mut csv =
        "operation,threads,elements,who,gelem_per_s,share_of_copy,times_slower\n".to_owned();
    let mut serial = vec![];
    for operation in Operation::ALL {
        for team in Team::ALL {
            let mut curves = Curves::new();
            for &elements in sizes {
                let results = race::race(operation, team, elements);
                print(operation, team, elements, &results);
                for Placed {
                    who,
                    gelems,
                    share,
                    times_slower,
                } in results
                {
                    csv += &format!(
                        "{},{},{elements},{who},{gelems:.3},{share:.3},{times_slower:.3}\n",
                        operation.name(),
                        team.threads(),
                    );
                    let copy = who.starts_with("copy");
                    let who = if copy { COPY.to_owned() } else { who };
                    curves
                        .entry(who)
                        .or_default()
                        .push((elements as f64, gelems));
                }
            }
            if team == Team::Serial {
                serial.push((operation, curves));
            }
        }
    }
    if sizes == DEFAULT_SIZES {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        fs::create_dir_all(&docs)?;
        fs::write(docs.join("peers.csv"), csv)?;
        let title = format!("rectify and its peers on {}, 1 thread, f32", common::cpu());
        picture::draw(&docs.join("peers.svg"), &title, &panels(serial))?;
    }
    Ok(())
}

/// Gelem/s over elements, by who.
type Curves = BTreeMap<String, Vec<(f64, f64)>>;

const COPY: &str = "copy";

/// A panel for each operation; a peer has the same colour in all.
fn panels(operations: Vec<(Operation, Curves)>) -> Vec<Panel> {
    const OURS: &str = "rectify";
    let everybody: BTreeSet<_> = operations
        .iter()
        .flat_map(|(_, curves)| curves.keys().cloned())
        .collect();
    let peers = everybody
        .into_iter()
        .filter(|who| ![OURS, COPY].contains(&who.as_str()));
    let colors: BTreeMap<_, _> = peers.zip(picture::MANY.into_iter().cycle()).collect();
    let panel = |(operation, mut curves): (Operation, Curves)| {
        let copy = curves.remove(COPY).unwrap_or_default();
        let ours = curves.remove(OURS).unwrap_or_default();
        let peers = curves.into_iter();
        let mut drawn: Vec<_> = peers
            .map(|(who, points)| Curve::solid(&who, colors[&who], points))
            .collect();
        // Last, so that nobody is drawn over them.
        drawn.push(Curve::solid(OURS, VERMILION, ours));
        drawn.push(Curve::dashed(COPY, BLACK, copy));
        Panel {
            title: operation.name().to_owned(),
            y_label: "Gelem/s",
            marks: vec![],
            curves: drawn,
        }
    };
    operations.into_iter().map(panel).collect()
}

fn print(operation: Operation, team: Team, elements: usize, results: &[Placed]) {
    if results.is_empty() {
        return;
    }
    let threads = match team.threads() {
        1 => "1 thread".to_owned(),
        all => format!("{all} threads"),
    };
    println!("\n{}, {threads}", operation.name());
    println!("      size  {:<32}  Gelem/s  of copy  times slower", "who");
    for Placed {
        who,
        gelems,
        share,
        times_slower,
    } in results
    {
        let percent = share * 100.0;
        println!("{elements:>10}  {who:<32}  {gelems:>7.2}  {percent:>9.0}%  {times_slower:>12.2}");
    }
}
