//! How far the smooth activations are from the truth: the largest error in ulp over all 2^32 `f32`, value and gradient,
//! on every tier, with a hash of all results. `--help` says what else.

#[path = "../../tests/common/drawn_f64.rs"]
mod drawn_f64;
#[path = "../../tests/common/every_f32.rs"]
mod every_f32;
#[path = "../../tests/common/hashes.rs"]
mod hashes;
mod reference;
mod sweep_f32;
mod sweep_f64;
mod table;
mod worst;

use std::process::ExitCode;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use rectify::{AnyActivation, Tier};

use reference::{Direction, Function};
use table::Line;

/// What is done where none is named.
const ALL: &[&str] = &[
    "sigmoid",
    "tanh",
    "silu",
    "swish(beta=1.702)",
    "gelu",
    "gelu_tanh",
    "elu",
    "elu(alpha=0.5)",
    "selu",
    "celu(alpha=2)",
    "softplus",
    "softplus(beta=2)",
    "mish",
    "log_sigmoid",
    "softsign",
    "tanh_shrink",
];

/// The largest error of each activation, in ulp of the result, over all 2^32 `f32`.
///
/// An ulp is that of the true result, 2^-149 where that is below the normal numbers, and at least that of 1/16 where a
/// gradient crosses zero: between its least value and 0. Hashes are XXH3 of all results, with one NaN for all.
#[derive(Parser)]
#[command(about, long_about)]
struct Arguments {
    /// Activations, as `swish(beta=1.702)`; all smooth ones if there are none
    activations: Vec<String>,

    /// Every Nth `f32`, by its bits
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1 << 24))]
    every: u64,

    /// `f64` instead: N inputs and as many about the worst of these, against MPFR, which takes some 10 microseconds each
    #[arg(long, value_name = "N", conflicts_with = "every")]
    f64: Option<u64>,

    /// This tier alone
    #[arg(long, value_parser = |text: &str| text.parse::<Tier>())]
    tier: Option<Tier>,

    /// Writes errors and hashes to the table that the tests read, of `f32` or of `f64`
    #[arg(long, conflicts_with = "every")]
    write: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), String> {
    let texts: Vec<&str> = match arguments.activations.as_slice() {
        [] => ALL.to_vec(),
        named => named.iter().map(String::as_str).collect(),
    };
    let mut activations = vec![];
    for text in texts {
        let activation: AnyActivation = text.parse().map_err(|error| format!("{error}"))?;
        // Whether there is a reference, before hours of work.
        Function::of(activation, |value| value)?;
        activations.push(activation);
    }
    let tiers: Vec<Tier> = match arguments.tier {
        Some(tier) => vec![tier],
        None => Tier::available().collect(),
    };

    Line::head();
    let (mut records_f32, mut records_f64) = (vec![], vec![]);
    let mut different = vec![];
    for activation in activations {
        for direction in [Direction::Value, Direction::Gradient] {
            let of = format!("{activation}, {}", table::name(direction));
            if let Some(inputs) = arguments.f64 {
                let bar = bar(sweep_f64::steps(inputs), &of);
                let worst = sweep_f64::sweep(activation, direction, &tiers, inputs, &bar)?;
                bar.finish_and_clear();
                for &tier in &tiers {
                    Line::of(activation, direction, tier, worst, "").print();
                }
                if arguments.write {
                    records_f64.push([
                        activation.to_string(),
                        table::name(direction).to_owned(),
                        format!("{:.3}", worst.error),
                        format!("{:?}", worst.at),
                        inputs.to_string(),
                        sweep_f64::hash(activation, direction, tiers[0]),
                    ]);
                }
                continue;
            }
            let blocks = every_f32::blocks(arguments.every);
            let bar = bar(blocks, &of);
            let swept = sweep_f32::sweep(activation, direction, &tiers, arguments.every, &bar)?;
            bar.finish_and_clear();
            for found in &swept.tiers {
                Line::of(activation, direction, found.tier, found.worst, &found.hash).print();
            }
            println!(
                "    the reference is right to 2^{:.1} of it",
                swept.doubt.log2()
            );
            let first = &swept.tiers[0];
            if let Some(other) = swept.tiers.iter().find(|found| found.hash != first.hash) {
                different.push(format!("{of}: {} and {} differ", first.tier, other.tier));
            }
            if arguments.write {
                records_f32.push([
                    activation.to_string(),
                    table::name(direction).to_owned(),
                    format!("{:.3}", first.worst.error),
                    format!("{:?}", first.worst.at as f32),
                    first.hash.clone(),
                    sweep_f32::hash(activation, direction, first.tier, every_f32::SAMPLE),
                ]);
            }
        }
    }
    if !different.is_empty() {
        return Err(different.join("\n"));
    }
    if arguments.write && arguments.f64.is_some() {
        table::write(&table::F64, records_f64)?;
    } else if arguments.write {
        table::write(&table::F32, records_f32)?;
    }
    Ok(())
}

fn bar(steps: u64, of: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:40} {wide_bar} {percent:>3}%, {eta} left");
    ProgressBar::new(steps)
        .with_style(style.expect("the template is one"))
        .with_message(of.to_owned())
}
