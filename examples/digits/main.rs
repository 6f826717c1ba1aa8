//! Trains two small networks on real handwritten digits, one with ReLU and one with leaky ReLU, and
//! watches ReLU lose units that leaky ReLU keeps.
//!
//! ```sh
//! cargo run --release --example digits
//! cargo run --release --example digits -- 7                                  # another seed
//! cargo run --release --example digits -- "hard_swish"                       # another rival
//! cargo run --release --example digits -- "leaky_relu(negative_slope=0.01)" 7
//! ```
//!
//! The rival of ReLU is any activation in its text form (see `rectify::AnyActivation`).
//!
//! Both networks start from the same weights and see the same batches; every activation and every
//! gradient of one comes from this crate, every matrix product from `ndarray`. The example prints held-out
//! accuracy and the share of dead units after each epoch, times batched inference layer by layer, and
//! draws the curves as `digits.svg` in Cargo's target directory.
//!
//! A unit is dead when no training image gives it a gradient: the derivative at its pre-activation is 0
//! for all of them. Under ReLU it is then never positive, and its own weights stop learning; only a change
//! in the layers before it can bring it back, and in the first layer nothing can. Under leaky ReLU such a
//! unit is merely silent: the gradient still reaches it.
//!
//! The setting is chosen to kill units: the learning rate is several times what such a network needs,
//! momentum carries each overshoot on, and the pixels are not centred, so one large step can push a unit
//! below 0 for every image. Over 200 seeds, ReLU ended with 12 to 58 % of its hidden units dead (24 % on
//! average) and 96.6 % of the held-out digits right, leaky ReLU with none dead and 97.3 % right. It is no
//! law: with a rate of 0.03, ReLU loses 5 % of its units and both are equally good; with 0.25, neither
//! learns the digits. The negative slope is 0.1, not the customary 0.01: it brings silent units back sooner.
//!
//! Equal seeds give equal results on one machine; on another, matrix products may round otherwise.

mod data;
mod network;
mod picture;

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ndarray::Array2;
use plotters::prelude::SeriesLabelPosition;
use plotters::style::RGBColor;
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};
use rectify::{Activation, AnyActivation, Gradient, Relu, Tier};

use data::{CLASSES, Digits, PIXELS};
use network::{Network, Passes, STAGES, Sgd, Stage, Tape};
use picture::{BLUE, Curve, Panel, SKY, VERMILION};

const SEED: u64 = 8;
const HELD_OUT: usize = 500;
const SIZES: [usize; 5] = [PIXELS, 40, 40, 40, CLASSES];
const RIVAL: &str = "leaky_relu(negative_slope=0.1)";
const EPOCHS: usize = 30;
const BATCH: usize = 32;
const LEARNING_RATE: f32 = 0.14;
const MOMENTUM: f32 = 0.9;
const TIMED_RUNS: usize = 2000;

const USAGE: &str = "\
Usage: cargo run --release --example digits -- [RIVAL] [SEED]

RIVAL is the activation that is compared with ReLU, such as hard_swish or \"leaky_relu(negative_slope=0.01)\";
SEED is a whole number, from which the weights and the order of the images are drawn.";

fn main() -> ExitCode {
    if env::args().any(|argument| ["-h", "--help"].contains(&&*argument)) {
        println!("{USAGE}\n\nWithout them they are {RIVAL} and {SEED}.");
        return ExitCode::SUCCESS;
    }
    let (rival, seed) = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("{error}.\n\n{USAGE}");
            return ExitCode::FAILURE;
        }
    };
    match run(rival, seed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(rival: AnyActivation, seed: u64) -> Result<(), Box<dyn Error>> {
    let mut rng = StdRng::seed_from_u64(seed);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/optdigits.csv");
    let [train, test] = Digits::read(&file)?.split(HELD_OUT, &mut rng)?;

    let network = Network::new(Relu, &SIZES, &mut rng)?;
    let rival_network = network.with_activation(rival);
    let mut relu = Contender::new("relu".to_owned(), network, &train, &test);
    let mut rival = Contender::new(rival.to_string(), rival_network, &train, &test);
    train_both(&mut relu, &mut rival, &train, &test, &mut rng);

    // Where both are equal, the one that can go on learning.
    if relu.last().accuracy > rival.last().accuracy {
        time_inference(&relu, &test);
    } else {
        time_inference(&rival, &test);
    }

    let picture = target_dir().join("digits.svg");
    draw(&picture, &relu, &rival)?;
    println!("\nThe curves: {}", picture.display());
    Ok(())
}

/// The rival and the seed, in any order.
fn arguments() -> Result<(AnyActivation, u64), Box<dyn Error>> {
    let (mut rival, mut seed) = (RIVAL.parse()?, SEED);
    for argument in env::args().skip(1) {
        match argument.parse() {
            Ok(number) => seed = number,
            Err(_) => {
                rival = argument.parse().map_err(|error| {
                    format!(
                        "`{argument}` is neither a seed, which is a whole number, nor an activation: {error}"
                    )
                })?;
            }
        }
    }
    Ok((rival, seed))
}

/// A network in training, its buffers and its record.
struct Contender<A> {
    name: String,
    network: Network<A>,
    batch_tape: Tape,
    train_tape: Tape,
    test_buffers: Vec<Array2<f32>>,
    /// Before training, then after each epoch.
    record: Vec<Score>,
}

/// Shares, from 0 to 1.
#[derive(Clone, Copy)]
struct Score {
    /// Of the held-out images: those whose digit was told.
    accuracy: f64,
    /// Of the hidden units: those that no training image gives a gradient.
    dead: f64,
    /// Of the hidden units: those that no training image makes positive.
    silent: f64,
}

impl<A: Activation<Formula: Gradient>> Contender<A> {
    fn new(name: String, network: Network<A>, train: &Digits, test: &Digits) -> Self {
        let mut contender = Self {
            name,
            batch_tape: network.tape(BATCH),
            train_tape: network.tape(train.classes.len()),
            test_buffers: network.buffers(test.classes.len()),
            network,
            record: Vec::with_capacity(EPOCHS + 1),
        };
        contender.measure(train, test);
        contender
    }

    fn train(&mut self, batch: &Digits, sgd: Sgd) {
        let images = batch.images.view();
        self.network
            .train(images, &batch.classes, &mut self.batch_tape, sgd);
    }

    fn measure(&mut self, train: &Digits, test: &Digits) {
        let (network, tape) = (&self.network, &mut self.train_tape);
        let logits = network.infer(
            test.images.view(),
            &mut self.test_buffers,
            Passes::One,
            |_, _| {},
        );
        let (images, activation) = (train.images.view(), network.activation);
        self.record.push(Score {
            accuracy: test.accuracy(logits),
            dead: network.idle_units(images, tape, |x| activation.derivative(x) == 0.0),
            silent: network.idle_units(images, tape, |x| x <= 0.0),
        });
    }

    fn last(&self) -> Score {
        *self.record.last().expect("`new` records the first score")
    }

    fn curve(&self, label: &str, color: RGBColor, value: impl Fn(&Score) -> f64) -> Curve {
        Curve {
            label: format!("{}{label}", self.name),
            color,
            percent: self.record.iter().map(|s| 100.0 * value(s)).collect(),
        }
    }
}

/// Trains the two on the same batches and prints a line an epoch.
fn train_both(
    relu: &mut Contender<Relu>,
    rival: &mut Contender<AnyActivation>,
    train: &Digits,
    test: &Digits,
    rng: &mut StdRng,
) {
    print_setting(train.classes.len(), &rival.name);
    print_epoch(0, relu.last(), rival.last());
    let mut order: Vec<usize> = (0..train.classes.len()).collect();
    let mut batch = Digits::batch(BATCH);
    for epoch in 0..EPOCHS {
        // The rate falls to 0, lest the last batches decide the result.
        let left = 1.0 - epoch as f32 / EPOCHS as f32;
        let sgd = Sgd {
            learning_rate: LEARNING_RATE * left,
            momentum: MOMENTUM,
        };
        order.shuffle(rng);
        // What does not fill a batch waits for another epoch's order.
        for indices in order.chunks_exact(BATCH) {
            batch.gather(train, indices);
            relu.train(&batch, sgd);
            rival.train(&batch, sgd);
        }
        relu.measure(train, test);
        rival.measure(train, test);
        print_epoch(epoch + 1, relu.last(), rival.last());
    }
}

fn print_setting(training_images: usize, rival: &str) {
    println!(
        "\
{training_images} training images, {HELD_OUT} held out. Layers {SIZES:?}, batches of {BATCH}.
Learning rate {LEARNING_RATE} falling to 0, momentum {MOMENTUM}: too high on purpose, for that is what kills ReLU's units.
Dead: no training image gives the unit a gradient. Silent: none makes it positive.

epoch |          relu          | {rival:^36}"
    );
}

fn print_epoch(epoch: usize, relu: Score, rival: Score) {
    println!(
        "{epoch:5} | {:5.1} % right {:3.0} % dead | {:5.1} % right {:3.0} % dead {:3.0} % silent",
        100.0 * relu.accuracy,
        100.0 * relu.dead,
        100.0 * rival.accuracy,
        100.0 * rival.dead,
        100.0 * rival.silent,
    );
}

/// Infers the held-out images as one batch, many times, and prints where the time goes: with a pass for the bias and one for the
/// activation, and, in turns with that, with both in one.
fn time_inference<A: Activation<Formula: Gradient>>(contender: &Contender<A>, test: &Digits) {
    let network = &contender.network;
    let mut buffers = network.buffers(test.classes.len());
    let mut times = [const { [const { Vec::new() }; STAGES] }; SIZES.len() - 1];
    for _ in 0..TIMED_RUNS {
        for passes in [Passes::Two, Passes::One] {
            let mut start = Instant::now();
            network.infer(test.images.view(), &mut buffers, passes, |layer, stage| {
                times[layer][stage as usize].push(start.elapsed());
                start = Instant::now();
            });
        }
    }
    let medians = times.map(|stages| stages.map(median_micros));

    println!(
        "\nInference by the better network, {}: {} images in one batch, {:.1} % right.\n\
         Tier {}; medians of {TIMED_RUNS} runs of each way, in turns, in µs:\n",
        contender.name,
        test.classes.len(),
        100.0 * contender.last().accuracy,
        Tier::best(),
    );
    println!("         |         |    in two passes   |      in one pass");
    println!("   layer | product |  bias + activation | both  times as fast");
    for (pair, median) in SIZES.windows(2).zip(&medians) {
        print_times(&format!("{:2} to {:2}", pair[0], pair[1]), median);
    }
    // The last layer has no activation, and nothing to fuse.
    let (hidden, last) = (&medians[..medians.len() - 1], &medians[medians.len() - 1]);
    let sum = |stage| hidden.iter().map(|median| median[stage as usize]).sum();
    let stages = [
        Stage::Product,
        Stage::Bias,
        Stage::Activation,
        Stage::BiasAndActivation,
    ];
    print_times("  hidden", &stages.map(sum));
    let [product, bias, activation, both] = stages.map(sum);
    let last = last.iter().sum::<f64>();
    let (before, after) = (product + bias + activation + last, product + both + last);
    println!(
        "\nBias and activation take {:.0} % of {before:.0} µs in two passes, and {:.0} % of {after:.0} µs in one.",
        100.0 * (bias + activation) / before,
        100.0 * both / after,
    );
}

fn print_times(layer: &str, [product, bias, activation, both]: &[f64; STAGES]) {
    print!("{layer} | {product:7.1} | {bias:5.1} ");
    if *both > 0.0 {
        let times = (bias + activation) / both;
        println!("+ {activation:10.1} | {both:4.1} {times:14.1}");
    } else {
        println!("             |");
    }
}

/// 0 where a layer has no such stage.
fn median_micros(mut runs: Vec<Duration>) -> f64 {
    runs.sort_unstable();
    runs.get(runs.len() / 2)
        .map_or(0.0, |median| median.as_secs_f64() * 1e6)
}

/// Draws the accuracy and the state of the units, and creates the folder if need be.
fn draw(
    path: &Path,
    relu: &Contender<Relu>,
    rival: &Contender<AnyActivation>,
) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let accuracy = Panel {
        title: "Accuracy on the held-out digits (lower values at the 80 % line)",
        y_label: "accuracy",
        range: 80.0..100.0,
        legend: SeriesLabelPosition::LowerRight,
        curves: vec![
            relu.curve("", VERMILION, |score| score.accuracy),
            rival.curve("", BLUE, |score| score.accuracy),
        ],
    };
    let units = Panel {
        title: "Hidden units that are positive for no training image",
        y_label: "share of hidden units",
        // From below 0, lest a curve at 0 hide the axis.
        range: -1.0..100.0,
        legend: SeriesLabelPosition::UpperRight,
        curves: vec![
            relu.curve(": dead, no gradient", VERMILION, |score| score.dead),
            rival.curve(": dead", BLUE, |score| score.dead),
            rival.curve(": silent, dead or not", SKY, |score| score.silent),
        ],
    };
    let title = format!("ReLU and a rival at a learning rate of {LEARNING_RATE}");
    picture::draw(path, &title, &[accuracy, units])
}

fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"),
        PathBuf::from,
    )
}
