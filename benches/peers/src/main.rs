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
//! (`benches/common/copy.rs`). Without sizes there are six, and the results also go to `peers.csv` in the directory
//! of this CPU in `docs/`. The smooth activations are compared by `benches/peers/python`, together with Python's peers.
//!
//! All is `f32`, and a default build: code that is not compiled for several instruction sets uses SSE2 on
//! x86-64. Buffers begin 16 bytes past a page. Libraries with tensors of their own make them outside of the
//! clock, where they like; a result that they allocate is made and dropped by the clock, as that is what
//! their users pay.
//!
//! Tables of all threads say from where a Rayon pool is used: by a caller that is one of its threads
//! (`inside`) or is not (`outside`). Times slower compares like with like: with rectify on one thread, with
//! its `par()` inside or with its `par()` outside.

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use peers::common;
use peers::contract;
use peers::operation::Operation;
use peers::race::{self, Placed, Team};

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
        "cpu,operation,threads,elements,who,gelem_per_s,share_of_copy,times_slower\n".to_owned();
    for operation in Operation::ALL {
        for team in Team::ALL {
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
                        "{},{},{},{elements},{who},{gelems:.3},{share:.3},{times_slower:.3}\n",
                        common::cpu(),
                        operation.name(),
                        team.threads(),
                    );
                }
            }
        }
    }
    if sizes == DEFAULT_SIZES {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let docs = docs.join(common::directory());
        fs::create_dir_all(&docs)?;
        fs::write(docs.join("peers.csv"), csv)?;
    }
    Ok(())
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
