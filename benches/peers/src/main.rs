//! rectify against other ways to compute ReLU and leaky ReLU in Rust.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- 4096 1048576
//! ```
//!
//! First a table of who departs from the numeric contract of rectify, and at which values. Then, for each
//! operation and size in elements, who is how fast: all take turns in this one process, and medians count.
//! The ceiling is the best of several loops that only move the operation's bytes
//! (`benches/common/ceiling.rs`). Without sizes there are six, and the results also go to `docs/peers.csv`
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

#[path = "../../common/mod.rs"]
mod common;
mod contract;
mod operation;
mod peers;
mod race;
mod way;

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use common::picture::{
    self, BLUE, Curve, GREEN, GREY, ORANGE, PURPLE, Panel, SKY, VERMILION, YELLOW,
};
use operation::Operation;
use plotters::style::BLACK;
use race::{Placed, Team};

const DEFAULT_SIZES: [usize; 6] = [64, 1_000, 4_096, 65_536, 1_048_576, 33_554_432];

/// No ceiling moves less than one register.
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
        "operation,threads,elements,who,gelem_per_s,share_of_ceiling,times_slower\n".to_owned();
    let mut panels = vec![];
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
                    let ceiling = who.starts_with("ceiling");
                    let who = if ceiling { CEILING.to_owned() } else { who };
                    curves
                        .entry(who)
                        .or_default()
                        .push((elements as f64, gelems));
                }
            }
            if team == Team::Serial {
                panels.push(panel(operation, curves));
            }
        }
    }
    if sizes == DEFAULT_SIZES {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        fs::create_dir_all(&docs)?;
        fs::write(docs.join("peers.csv"), csv)?;
        let title = format!("rectify and its peers on {}, 1 thread, f32", common::cpu());
        picture::draw(&docs.join("peers.svg"), &title, &panels)?;
    }
    Ok(())
}

/// Gelem/s over elements, by who.
type Curves = BTreeMap<String, Vec<(f64, f64)>>;

const CEILING: &str = "ceiling";

fn panel(operation: Operation, mut curves: Curves) -> Panel {
    const OURS: &str = "rectify";
    let ceiling = curves.remove(CEILING).unwrap_or_default();
    let ours = curves.remove(OURS).unwrap_or_default();
    let colors = [BLUE, GREEN, ORANGE, SKY, PURPLE, GREY, YELLOW];
    let peers = curves.into_iter().zip(colors);
    let mut drawn: Vec<_> = peers
        .map(|((who, points), color)| Curve::solid(&who, color, points))
        .collect();
    // Last, so that nobody is drawn over them.
    drawn.push(Curve::solid(OURS, VERMILION, ours));
    drawn.push(Curve::dashed(CEILING, BLACK, ceiling));
    Panel {
        title: operation.name().to_owned(),
        y_label: "Gelem/s",
        room_below: 6.0,
        marks: vec![],
        curves: drawn,
    }
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
    println!(
        "      size  {:<32}  Gelem/s  of ceiling  times slower",
        "who"
    );
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
