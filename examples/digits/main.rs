//! Trains two small networks on real handwritten digits, one with ReLU and one with leaky ReLU, and
//! watches ReLU lose units that leaky ReLU keeps.
//!
//! ```sh
//! cargo run --release --example digits          # or, with another seed: ... -- 7
//! ```
//!
//! Both networks start from the same weights and see the same batches; every activation and every
//! gradient of one comes from this crate, every matrix product from `ndarray`. The example prints held-out
//! accuracy and the share of dead units after each epoch, times batched inference layer by layer, and
//! draws the curves as `digits.svg` in Cargo's target directory.
//!
//! A unit is dead when its pre-activation is not positive for any training image. ReLU's derivative is
//! then 0 for all of them, so no gradient reaches the unit's own weights; only a change in the layers
//! before it, if they still learn, can bring it back. In the first layer death is final.
//!
//! The setting is chosen to make this happen: [`LEARNING_RATE`] is several times what such a network
//! needs, the momentum carries each overshoot on, and the pixels are not centred, so one large step can
//! push a unit below 0 for every image. At a rate of 0.03 ReLU loses hardly any unit, and the two networks
//! are equally good. [`NEGATIVE_SLOPE`] is 0.1, not the customary 0.01, for a unit comes back the sooner
//! the steeper the slope.

mod data;
mod network;
mod picture;

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ndarray::Array2;
use plotters::prelude::SeriesLabelPosition;
use plotters::style::RGBColor;
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};
use rectify::{Activation, LeakyRelu, Relu, Tier};

use data::{CLASSES, Digits, PIXELS};
use network::{Network, STAGES, Sgd, Tape, Units};
use picture::{BLUE, Curve, Panel, SKY, VERMILION};

const SEED: u64 = 0;
const HELD_OUT: usize = 500;
const SIZES: [usize; 5] = [PIXELS, 40, 40, 40, CLASSES];
const NEGATIVE_SLOPE: f64 = 0.1;
const EPOCHS: usize = 30;
const BATCH: usize = 32;
const LEARNING_RATE: f32 = 0.14;
const MOMENTUM: f32 = 0.9;
const TIMED_RUNS: usize = 2000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut rng = StdRng::seed_from_u64(seed()?);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/optdigits.csv");
    let (train, test) = Digits::read(&file)?.split(HELD_OUT, &mut rng)?;

    let network = Network::new(Relu, &SIZES, &mut rng)?;
    let leaky_network = network.with_activation(LeakyRelu::new(NEGATIVE_SLOPE));
    let mut relu = Contender::new("ReLU", network, &train, &test);
    let mut leaky = Contender::new("leaky ReLU", leaky_network, &train, &test);
    train_both(&mut relu, &mut leaky, &train, &test, &mut rng);

    // Where both are equal, the one that can go on learning.
    if relu.last().accuracy > leaky.last().accuracy {
        time_inference(&relu, &test);
    } else {
        time_inference(&leaky, &test);
    }

    let picture = target_dir().join("digits.svg");
    draw(&picture, &relu, &leaky)?;
    println!("\nThe curves: {}", picture.display());
    Ok(())
}

fn seed() -> Result<u64, String> {
    match env::args().nth(1) {
        None => Ok(SEED),
        Some(text) => text
            .parse()
            .map_err(|error| format!("the seed {text:?} is not a whole number: {error}")),
    }
}

/// A network in training, its buffers and its record.
struct Contender<A> {
    name: &'static str,
    network: Network<A>,
    batch_tape: Tape,
    train_tape: Tape,
    test_buffers: Vec<Array2<f32>>,
    /// Before training, then after each epoch.
    record: Vec<Score>,
}

#[derive(Clone, Copy)]
struct Score {
    /// On the held-out images.
    accuracy: f64,
    /// Over the training images.
    units: Units,
}

impl<A: Activation> Contender<A> {
    fn new(name: &'static str, network: Network<A>, train: &Digits, test: &Digits) -> Self {
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
        self.network.train(
            batch.images.view(),
            &batch.classes,
            &mut self.batch_tape,
            sgd,
        );
    }

    fn measure(&mut self, train: &Digits, test: &Digits) {
        let logits = self
            .network
            .infer(test.images.view(), &mut self.test_buffers, |_, _| {});
        self.record.push(Score {
            accuracy: test.accuracy(logits),
            units: self
                .network
                .units(train.images.view(), &mut self.train_tape),
        });
    }

    fn last(&self) -> Score {
        *self.record.last().expect("`new` records the first score")
    }

    fn curve(&self, label: &str, color: RGBColor, value: impl Fn(&Score) -> f64) -> Curve {
        Curve {
            label: format!("{}{label}", self.name),
            color,
            percent: self
                .record
                .iter()
                .map(|score| 100.0 * value(score))
                .collect(),
        }
    }
}

/// Trains the two on the same batches and prints a line an epoch.
fn train_both<A: Activation, B: Activation>(
    a: &mut Contender<A>,
    b: &mut Contender<B>,
    train: &Digits,
    test: &Digits,
    rng: &mut StdRng,
) {
    println!(
        "{} training images, {} held out; layers {SIZES:?}; learning rate {LEARNING_RATE} falling to 0, \
         momentum {MOMENTUM},\nbatches of {BATCH}; negative slope {NEGATIVE_SLOPE}. The rate is too high on \
         purpose: it is what kills ReLU's units.\n\
         A unit is dead where no training image gives it a gradient, silent where none makes it positive.\n",
        train.classes.len(),
        test.classes.len(),
    );
    println!("epoch | {:^22} | {:^36}", a.name, b.name);
    print_epoch(0, a.last(), b.last());

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
            a.train(&batch, sgd);
            b.train(&batch, sgd);
        }
        a.measure(train, test);
        b.measure(train, test);
        print_epoch(epoch + 1, a.last(), b.last());
    }
}

fn print_epoch(epoch: usize, relu: Score, leaky: Score) {
    println!(
        "{epoch:5} | {:5.1} % right {:3.0} % dead | {:5.1} % right {:3.0} % dead {:3.0} % silent",
        100.0 * relu.accuracy,
        100.0 * relu.units.dead,
        100.0 * leaky.accuracy,
        100.0 * leaky.units.dead,
        100.0 * leaky.units.silent,
    );
}

/// Infers the held-out images as one batch, many times, and prints where the time goes.
fn time_inference<A: Activation>(contender: &Contender<A>, test: &Digits) {
    let network = &contender.network;
    let mut buffers = network.buffers(test.classes.len());
    let layers = SIZES.len() - 1;
    let mut times = vec![[const { Vec::<Duration>::new() }; STAGES]; layers];
    for _ in 0..TIMED_RUNS {
        let mut start = Instant::now();
        network.infer(test.images.view(), &mut buffers, |layer, stage| {
            times[layer][stage as usize].push(start.elapsed());
            start = Instant::now();
        });
    }
    let medians: Vec<_> = times
        .iter_mut()
        .map(|stages| stages.each_mut().map(|runs| median_micros(runs)))
        .collect();

    println!(
        "\nInference by the better network, {}: {} images in one batch, {:.1} % right.\n\
         Tier {}; medians of {TIMED_RUNS} runs, in µs:\n",
        contender.name,
        test.classes.len(),
        100.0 * contender.last().accuracy,
        Tier::best(),
    );
    println!("   layer | product    bias  activation");
    for (pair, median) in SIZES.windows(2).zip(&medians) {
        print_times(&format!("{:2} to {:2}", pair[0], pair[1]), median);
    }
    let whole = std::array::from_fn(|stage| medians.iter().map(|median| median[stage]).sum());
    print_times("   whole", &whole);
    println!(
        "\nThe activations take {:.1} % of the {:.0} µs.",
        100.0 * whole[Stage::Activation as usize] / whole.iter().sum::<f64>(),
        whole.iter().sum::<f64>(),
    );
}

fn print_times(layer: &str, [product, bias, activation]: &[f64; STAGES]) {
    println!("{layer} | {product:7.1} {bias:7.1}  {activation:10.1}");
}

/// 0 where a layer has no such stage.
fn median_micros(runs: &mut [Duration]) -> f64 {
    runs.sort_unstable();
    runs.get(runs.len() / 2)
        .map_or(0.0, |median| median.as_secs_f64() * 1e6)
}

/// Draws the accuracy and the state of the units, and creates the folder if need be.
fn draw<A: Activation, B: Activation>(
    path: &Path,
    relu: &Contender<A>,
    leaky: &Contender<B>,
) -> Result<(), Box<dyn Error>> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let accuracy_curves = vec![
        relu.curve("", VERMILION, |score| score.accuracy),
        leaky.curve("", BLUE, |score| score.accuracy),
    ];
    let unit_curves = vec![
        relu.curve(": dead, no gradient", VERMILION, |score| score.units.dead),
        leaky.curve(": dead", BLUE, |score| score.units.dead),
        leaky.curve(": silent, but with a gradient", SKY, |score| score.units.silent),
    ];
    // The first epochs would leave no room for the difference that lasts.
    let lowest = later(&accuracy_curves).fold(80.0, f64::min);
    let highest = unit_curves.iter().flat_map(|curve| &curve.percent).fold(0.0, |a, &b| f64::max(a, b));
    let accuracy = Panel {
        title: "Accuracy on held-out digits",
        y_label: "accuracy",
        range: 80.0..100.0,
        legend: SeriesLabelPosition::LowerRight,
        curves: vec![
            relu.curve("", VERMILION, |score| score.accuracy),
            leaky.curve("", BLUE, |score| score.accuracy),
        ],
    };
    let units = Panel {
        title: "Hidden units that no training image reaches",
        y_label: "share of hidden units",
        range: -1.0..50.0,
        legend: SeriesLabelPosition::UpperRight,
        curves: vec![
            relu.curve(": dead, no gradient", VERMILION, |score| score.units.dead),
            leaky.curve(": dead", BLUE, |score| score.units.dead),
            leaky.curve(": silent, but with a gradient", SKY, |score| {
                score.units.silent
            }),
        ],
    };
    let title = format!("ReLU and leaky ReLU at a learning rate of {LEARNING_RATE}");
    picture::draw(path, &title, &[accuracy, units])
}

fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target"),
        PathBuf::from,
    )
}
