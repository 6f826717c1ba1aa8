//! How near the kernels come to what this machine can move, and how that grows with size and threads.
//!
//! [`HELP`] says what it prints and what it can be asked for.

#[path = "../common/mod.rs"]
mod common;
mod lengths;
mod measure;
mod table;

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use rayon::ThreadPoolBuilder;
use rectify::{LeakyRelu, Relu, Tier};

use common::operation::{Backward, BackwardInPlace, Forward, ForwardInPlace};
use common::threads::{cores, pin};
use common::turns::Time;
use common::{cpu, directory, is_only_a_test};
use table::{table, write_csv, write_machine};

const HELP: &str = "\
cargo bench --bench limits                tables for some sizes: two minutes
cargo bench --bench limits -- lengths     what each length up to 512 costs, and against what: four minutes
cargo bench --bench limits -- file        2^4 to 2^28 elements, and files in docs/ of what comes out: some minutes;
                                          `cargo run --release --example measurements` draws them

A cell is Gelem/s (thousand millions of elements a second), and in parentheses the share of what the best copy moves.
A copy is one of several loops that only move the operation's bytes (benches/common/copy.rs), on as many threads,
measured in the same turns; `copy x2` on two. It is no limit: short calls may be faster. `scalar` does one element at a time, `loop` is the
same loop as the compiler vectorises it for this build. `inside` and `outside` say from where `par()` is called: from
inside of a pool of so many threads, or not.

`lengths` first compares, at every length and offset within a cache line, a call that names no tier with a
plain loop and with what the tiers do, by bands of lengths. Then it lists the lengths that cost most beside
the next longer one, and, of some activations, the worst length beside the next whole register.";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let asked: Vec<_> = env::args()
        .skip(1)
        .filter(|arg| !["--bench", "--test"].contains(&arg.as_str()))
        .collect();
    let (sizes, write) = match asked.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] if is_only_a_test() => (vec![16, 1 << 15], false),
        [] => (vec![64, 1_000, 4_096, 65_536, 1 << 20, 1 << 25], false),
        ["file"] => ((4..=28).map(|exponent| 1 << exponent).collect(), true),
        ["lengths"] => {
            print_machine();
            lengths::all();
            return Ok(());
        }
        ["--help" | "-h"] => {
            println!("{HELP}");
            return Ok(());
        }
        ["--list"] => {
            println!("lengths\nfile");
            return Ok(());
        }
        _ => {
            return Err(format!(
                "`{}` is nothing that can be asked for: lengths, file, --help, --list",
                asked.join(" ")
            )
            .into());
        }
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
    if !write {
        table::<f32, _>("leaky", leaky, ForwardInPlace, &sizes);
        table::<f32, _>("leaky", leaky, Backward, &sizes);
        table::<f64, _>("relu", Relu, Forward, &sizes);
        table::<f64, _>("relu", Relu, ForwardInPlace, &sizes);
    }
    if write {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("docs")
            .join(directory());
        fs::create_dir_all(&docs)?;
        write_csv(&docs.join("limits.csv"), &tables)?;
        write_machine(&docs.join("machine.csv"))?;
    }
    Ok(())
}

fn print_machine() {
    let tiers: Vec<_> = Tier::available().map(|tier| tier.to_string()).collect();
    println!(
        "\nrectify on {}, {} cores: {}",
        cpu(),
        cores(),
        tiers.join(", ")
    );
    println!(
        "Gelem/s (share of the best copy); {} where the middle half of the turns differs by more than {:.0}%:\n\
         something else was running. `-- --help` explains the columns.",
        Time::NOT_STEADY,
        Time::STEADY_SPREAD * 100.0
    );
}
