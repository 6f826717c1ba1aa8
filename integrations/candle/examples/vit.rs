//! What a vision encoder and a block of a language model gain: a step with candle's own activations, and with these.
//!
//! ```sh
//! cargo run --release --example vit
//! cargo run --release --example vit -- --rounds 50     # more of them
//! RAYON_NUM_THREADS=1 cargo run --release --example vit
//! ```
//!
//! The encoder is that of ViT-B/16: 12 layers of width 768, 12 heads and 3,072 hidden units with GELU, over the 197
//! tokens of one image. The block is one of Llama 3.2 1B: width 2,048, 32 heads of which each 4 share keys and values,
//! rotary positions, a causal mask and 8,192 hidden units with SwiGLU, over 128 tokens. Weights and inputs are random,
//! from a seed: times do not depend on what was learned.
//!
//! The ways take turns, round after round, so that what slows the machine down slows all of them. Printed are medians:
//! a step's time, and how much of it is spent in the activation (with the bias or the product, where these are done in
//! the same pass or beside it) and in softmax. The last column is the largest difference of an output from candle's, in
//! units of its largest output.

use std::cell::Cell;
use std::env;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use candle_core::{D, DType, Device, Module, Result, Tensor};
use candle_nn::{LayerNorm, RmsNorm, ops, rotary_emb};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rectify::{Activation, Gelu, Silu};
use rectify_candle::{Op, SoftmaxLastDim};

const SEED: u64 = 16;
const ROUNDS: usize = 21;
const EPSILON: f64 = 1e-5;

/// Whose activations, and how they are called.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    /// candle's own.
    Candle,
    /// These in their place, on the caller's thread.
    Serial,
    /// These in their place, over Rayon.
    Parallel,
    /// As before, and the bias or the product in the same pass.
    Fused,
}

impl Way {
    const ALL: [(Self, &str); 4] = [
        (Self::Candle, "candle's own"),
        (Self::Serial, "rectify, one thread"),
        (Self::Parallel, "rectify, par()"),
        (Self::Fused, "rectify, par(), fused"),
    ];
}

/// What a step spends where.
#[derive(Default)]
struct Clock {
    activation: Cell<Duration>,
    softmax: Cell<Duration>,
}

fn timed<T>(total: &Cell<Duration>, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = run();
    total.set(total.get() + start.elapsed());
    done
}

/// Weights from a seed.
struct Weights(StdRng);

impl Weights {
    /// Uniform, of this standard deviation.
    fn random(&mut self, dims: &[usize], deviation: f32) -> Result<Tensor> {
        let bound = 3_f32.sqrt() * deviation;
        let len = dims.iter().product();
        let values: Vec<f32> = (0..len)
            .map(|_| self.0.random_range(-bound..bound))
            .collect();
        Tensor::from_vec(values, dims, &Device::Cpu)
    }

    /// A projection that leaves numbers as large as they were, transposed already.
    fn projection(&mut self, inputs: usize, outputs: usize) -> Result<Tensor> {
        self.random(&[outputs, inputs], (inputs as f32).sqrt().recip())?
            .t()
    }
}

/// `x W` for a row of tokens.
fn project(x: &Tensor, weights: &Tensor) -> Result<Tensor> {
    x.matmul(weights)
}

/// The heads of a projection, each with its tokens: heads x tokens x width.
fn heads(x: &Tensor, heads: usize) -> Result<Tensor> {
    let (tokens, width) = x.dims2()?;
    x.reshape((tokens, heads, width / heads))?
        .transpose(0, 1)?
        .contiguous()
}

fn attention(
    way: Way,
    clock: &Clock,
    [q, k, v]: [&Tensor; 3],
    mask: Option<&Tensor>,
) -> Result<Tensor> {
    let scale = (q.dim(D::Minus1)? as f64).sqrt().recip();
    let scores = (q.matmul(&k.t()?)? * scale)?;
    let scores = match mask {
        Some(mask) => scores.broadcast_add(mask)?,
        None => scores,
    };
    let shares = timed(&clock.softmax, || match way {
        Way::Candle => ops::softmax_last_dim(&scores),
        Way::Serial => SoftmaxLastDim::new().forward(&scores),
        Way::Parallel | Way::Fused => SoftmaxLastDim::new().par().forward(&scores),
    })?;
    let (heads, tokens, width) = q.dims3()?;
    shares
        .matmul(v)?
        .transpose(0, 1)?
        .reshape((tokens, heads * width))
}

/// A model whose step can be timed.
trait Model {
    fn step(&self, way: Way, clock: &Clock) -> Result<Tensor>;
}

struct Encoder {
    layers: Vec<EncoderLayer>,
    heads: usize,
    x: Tensor,
}

struct EncoderLayer {
    norms: [LayerNorm; 2],
    attention: [(Tensor, Tensor); 4],
    up: (Tensor, Tensor),
    down: (Tensor, Tensor),
}

impl Encoder {
    fn new(
        layers: usize,
        tokens: usize,
        width: usize,
        hidden: usize,
        heads: usize,
    ) -> Result<Self> {
        let mut weights = Weights(StdRng::seed_from_u64(SEED));
        let x = weights.random(&[tokens, width], 1.0)?;
        let layer = |_| {
            let mut linear = |inputs, outputs| -> Result<_> {
                Ok((
                    weights.projection(inputs, outputs)?,
                    weights.random(&[outputs], 0.02)?,
                ))
            };
            let attention = [
                linear(width, width)?,
                linear(width, width)?,
                linear(width, width)?,
                linear(width, width)?,
            ];
            let (up, down) = (linear(width, hidden)?, linear(hidden, width)?);
            let norm = || -> Result<_> {
                let (one, zero) = (
                    Tensor::ones(width, DType::F32, &Device::Cpu)?,
                    Tensor::zeros(width, DType::F32, &Device::Cpu)?,
                );
                Ok(LayerNorm::new(one, zero, EPSILON))
            };
            let norms = [norm()?, norm()?];
            Ok(EncoderLayer {
                norms,
                attention,
                up,
                down,
            })
        };
        let layers = (0..layers).map(layer).collect::<Result<_>>()?;
        Ok(Self { layers, heads, x })
    }
}

impl Model for Encoder {
    fn step(&self, way: Way, clock: &Clock) -> Result<Tensor> {
        let linear = |x: &Tensor, (weights, bias): &(Tensor, Tensor)| {
            project(x, weights)?.broadcast_add(bias)
        };
        let mut x = self.x.clone();
        for layer in &self.layers {
            let normed = layer.norms[0].forward(&x)?;
            let [q, k, v, out] = &layer.attention;
            let [q, k, v] = [q, k, v].map(|of| heads(&linear(&normed, of)?, self.heads));
            let attended = attention(way, clock, [&q?, &k?, &v?], None)?;
            x = (x + linear(&attended, out)?)?;

            let normed = layer.norms[1].forward(&x)?;
            let (weights, bias) = &layer.up;
            let hidden = project(&normed, weights)?;
            let hidden = timed(&clock.activation, || match way {
                Way::Candle => hidden.broadcast_add(bias)?.gelu_erf(),
                Way::Serial => Op(Gelu).forward(&hidden.broadcast_add(bias)?),
                Way::Parallel => Op(Gelu.par()).forward(&hidden.broadcast_add(bias)?),
                Way::Fused => Op(Gelu.par()).forward_bias(&hidden, bias, D::Minus1),
            })?;
            x = (x + linear(&hidden, &layer.down)?)?;
        }
        Ok(x)
    }
}

struct Block {
    norms: [RmsNorm; 2],
    /// Of queries, keys, values and results.
    attention: [Tensor; 4],
    /// How many of queries, and of keys and values.
    heads: [usize; 2],
    gate: Tensor,
    up: Tensor,
    down: Tensor,
    rotations: [Tensor; 2],
    mask: Tensor,
    x: Tensor,
}

impl Block {
    fn new(tokens: usize, width: usize, hidden: usize, heads: [usize; 2]) -> Result<Self> {
        let mut weights = Weights(StdRng::seed_from_u64(SEED));
        let head = width / heads[0];
        let x = weights.random(&[tokens, width], 1.0)?;
        let attention = [
            weights.projection(width, width)?,
            weights.projection(width, heads[1] * head)?,
            weights.projection(width, heads[1] * head)?,
            weights.projection(width, width)?,
        ];
        let (gate, up) = (
            weights.projection(width, hidden)?,
            weights.projection(width, hidden)?,
        );
        let down = weights.projection(hidden, width)?;
        let norm = || -> Result<_> {
            let one = Tensor::ones(width, DType::F32, &Device::Cpu)?;
            Ok(RmsNorm::new(one, EPSILON))
        };
        let norms = [norm()?, norm()?];

        let pairs = head / 2;
        let angles: Vec<f32> = (0..tokens * pairs)
            .map(|i| (i / pairs) as f32 / 500_000_f32.powf((i % pairs) as f32 / pairs as f32))
            .collect();
        let angles = Tensor::from_vec(angles, (tokens, pairs), &Device::Cpu)?;
        let rotations = [angles.cos()?, angles.sin()?];
        let later = |i: usize| {
            if i % tokens > i / tokens {
                f32::NEG_INFINITY
            } else {
                0.0
            }
        };
        let mask: Vec<f32> = (0..tokens * tokens).map(later).collect();
        let mask = Tensor::from_vec(mask, (tokens, tokens), &Device::Cpu)?;
        Ok(Self {
            norms,
            attention,
            heads,
            gate,
            up,
            down,
            rotations,
            mask,
            x,
        })
    }
}

impl Model for Block {
    fn step(&self, way: Way, clock: &Clock) -> Result<Tensor> {
        let [queries, keys] = self.heads;
        let normed = self.norms[0].forward(&self.x)?;
        let [q, k, v, out] = &self.attention;
        let [cos, sin] = &self.rotations;
        let rotated = |x: Tensor| rotary_emb::rope(&x.unsqueeze(0)?, cos, sin)?.squeeze(0);
        let shared = |x: Tensor| {
            let (heads, tokens, width) = x.dims3()?;
            let each = queries / keys;
            x.unsqueeze(1)?
                .expand((heads, each, tokens, width))?
                .reshape((queries, tokens, width))
        };
        let q = rotated(heads(&project(&normed, q)?, queries)?)?;
        let k = shared(rotated(heads(&project(&normed, k)?, keys)?)?)?;
        let v = shared(heads(&project(&normed, v)?, keys)?)?;
        let attended = attention(way, clock, [&q, &k, &v], Some(&self.mask))?;
        let x = (&self.x + project(&attended, out)?)?;

        let normed = self.norms[1].forward(&x)?;
        let (gate, up) = (project(&normed, &self.gate)?, project(&normed, &self.up)?);
        let hidden = timed(&clock.activation, || match way {
            Way::Candle => gate.silu()? * &up,
            Way::Serial => Op(Silu).forward(&gate)? * &up,
            Way::Parallel => Op(Silu.par()).forward(&gate)? * &up,
            Way::Fused => Op(Silu.par()).forward_gated(&gate, &up),
        })?;
        x + project(&hidden, &self.down)?
    }
}

/// What was measured of one way.
#[derive(Default)]
struct Times {
    step: Vec<Duration>,
    activation: Vec<Duration>,
    softmax: Vec<Duration>,
}

/// Milliseconds.
fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}

fn largest(x: &Tensor) -> Result<f32> {
    x.abs()?.flatten_all()?.max(0)?.to_scalar()
}

/// Prints a line for each way; whether their outputs agree.
fn compare(name: &str, model: &impl Model, rounds: usize) -> Result<bool> {
    println!("\n{name}\n");
    println!(
        "| | step, ms | | activation, ms | of the step | softmax, ms | of the step | largest difference |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    let mut all = Way::ALL.map(|_| Times::default());
    let mut differences = [0.0_f32; Way::ALL.len()];
    // The first round warms up, and shows what the ways agree on.
    for round in 0..=rounds {
        let mut candles = None;
        for (i, (way, _)) in Way::ALL.into_iter().enumerate() {
            let clock = Clock::default();
            let start = Instant::now();
            let y = model.step(way, &clock)?;
            let step = start.elapsed();
            if round == 0 {
                let reference = candles.get_or_insert_with(|| y.clone());
                differences[i] = largest(&(&y - &*reference)?)? / largest(reference)?;
            } else {
                all[i].step.push(step);
                all[i].activation.push(clock.activation.get());
                all[i].softmax.push(clock.softmax.get());
            }
        }
    }
    let candles = median(&mut all[0].step);
    for (i, (_, way)) in Way::ALL.into_iter().enumerate() {
        let (times, difference) = (&mut all[i], differences[i]);
        let step = median(&mut times.step);
        let [activation, softmax] =
            [&mut times.activation, &mut times.softmax].map(|times| median(times));
        println!(
            "| {way} | {step:.1} | {:.2}x | {activation:.2} | {:.1} % | {softmax:.2} | {:.1} % | {difference:.1e} |",
            candles / step,
            100.0 * activation / step,
            100.0 * softmax / step,
        );
    }
    Ok(differences.iter().all(|&difference| difference < 1e-4))
}

/// The CPU, as Linux names it.
fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let of = |key: &str| {
        let line = info.lines().find(|line| {
            line.split(':')
                .next()
                .is_some_and(|name| name.trim() == key)
        });
        line.and_then(|line| Some(line.split_once(':')?.1.trim()))
    };
    match (of("model name"), of("cpu family"), of("model")) {
        (Some(name), Some(family), Some(model)) => {
            format!("{name} (family {family}, model {model})")
        }
        (name, ..) => name.unwrap_or(env::consts::ARCH).to_owned(),
    }
}

fn run(rounds: usize, small: bool) -> Result<bool> {
    let threads = candle_core::utils::get_num_threads();
    println!("{}, threads: {threads}; medians of {rounds} rounds", cpu());
    let encoder = match small {
        true => Encoder::new(1, 17, 48, 192, 3)?,
        false => Encoder::new(12, 197, 768, 3072, 12)?,
    };
    let same = compare("An encoder: ViT-B/16, one image", &encoder, rounds)?;
    drop(encoder);
    let block = match small {
        true => Block::new(16, 64, 256, [4, 2])?,
        false => Block::new(128, 2048, 8192, [32, 8])?,
    };
    Ok(compare("A block: Llama 3.2 1B, 128 tokens", &block, rounds)? && same)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (rounds, small) = match arguments[..] {
        [] => (ROUNDS, false),
        ["--test"] => (1, true),
        ["--rounds", rounds] => match rounds.parse() {
            Ok(rounds) if rounds > 0 => (rounds, false),
            _ => {
                eprintln!("`{rounds}` is no number of rounds: one at least");
                return ExitCode::FAILURE;
            }
        },
        _ => {
            eprintln!(
                "usage: vit [--rounds N | --test], where --test takes a small model and one round"
            );
            return ExitCode::FAILURE;
        }
    };
    match run(rounds, small) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("the outputs differ by more than rounding");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
