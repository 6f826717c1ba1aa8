//! How near the kernels come to what this machine can do, and how that grows with size and threads.
//!
//! ```text
//! cargo bench --bench limits                the tables below for some sizes: a minute
//! cargo bench --bench limits -- lengths     what each length up to 512 costs, and against what: two minutes
//! cargo bench --bench limits -- pictures    2^4 to 2^28 elements, drawn in docs/: some minutes
//! ```
//!
//! The ceiling of a size is the best of several loops that only move the operation's bytes
//! (`benches/common/ceiling.rs`), measured in the same turns as the kernels. A cell reads: Gelem/s, times as
//! fast as the scalar reference, share of the ceiling for as many threads. `par()` is called from inside of
//! a pool of so many threads and from outside of it.
//!
//! `lengths` first compares, at every length and offset within a cache line, a call that names no tier with a
//! plain loop and with what the tiers do, by bands of lengths. Then it lists the lengths that cost most beside
//! the next longer one.

#[path = "../common/mod.rs"]
mod common;
mod lengths;
mod measure;
mod pictures;
mod table;
mod threads;

use std::env;
use std::error::Error;
use std::path::Path;

use rayon::ThreadPoolBuilder;
use rectify::{LeakyRelu, Relu};

use common::operation::{Backward, BackwardInPlace, Forward, ForwardInPlace};
use common::{cpu, is_only_a_test};
use pictures::{draw_growth, draw_throughput};
use table::{table, write_csv};
use threads::{cores, pin};

fn main() -> Result<(), Box<dyn Error>> {
    // A filter that is meant for the other benches leaves nothing here.
    let filters: Vec<_> = env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let (sizes, draw) = match filters.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] if is_only_a_test() => (vec![16, 1 << 15], false),
        [] => (vec![64, 1_000, 4_096, 65_536, 1 << 20, 1 << 25], false),
        ["pictures"] => ((4..=28).map(|exponent| 1 << exponent).collect(), true),
        ["lengths"] => {
            print_machine();
            lengths::all();
            return Ok(());
        }
        _ => return Ok(()),
    };
    print_machine();
    pin(ThreadPoolBuilder::new()).build_global()?;
    let leaky = LeakyRelu::new(1.0); // In place, any other would shrink or grow from run to run.
    let tables = [
        table::<f32, _>("relu", Relu, Forward, &sizes),
        table::<f32, _>("relu", Relu, ForwardInPlace, &sizes),
        table::<f32, _>("relu", Relu, Backward, &sizes),
        table::<f32, _>("relu", Relu, BackwardInPlace, &sizes),
    ];
    if !draw {
        table::<f32, _>("leaky", leaky, ForwardInPlace, &sizes);
        table::<f32, _>("leaky", leaky, Backward, &sizes);
        table::<f64, _>("relu", Relu, Forward, &sizes);
        table::<f64, _>("relu", Relu, ForwardInPlace, &sizes);
    }
    if draw {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        write_csv(&docs.join("limits.csv"), &tables)?;
        draw_throughput(&docs.join("throughput.svg"), &tables)?;
        draw_growth(&docs.join("growth.svg"), &tables)?;
    }
    Ok(())
}

fn print_machine() {
    println!("\nrectify on {}, {} cores", cpu(), cores());
}
