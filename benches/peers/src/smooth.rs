//! The smooth activations, softmax and the fused forms: what each peer has for them, made ready for a case.
//!
//! In place where the peer can. The buffer is filled anew before each call, outside of the clock: most functions would
//! otherwise carry their own results to infinity, to subnormal numbers or to a fixed point from call to call, and a
//! branch would be foreseen.

use std::cell::RefCell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::common::Slices;
use crate::common::copy::{self, Traffic};
use crate::common::turns::times;
use crate::peers;
use crate::way::{Tensors, Way, Work};

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    Exp,
    Sigmoid,
    Tanh,
    Silu,
    Gelu,
    GeluTanh,
    Elu,
    Selu,
    Softplus,
    Mish,
    LogSigmoid,
    Softsign,
    TanhShrink,
    /// In rows of so many elements, as [`LogSoftmax`](Self::LogSoftmax).
    Softmax(usize),
    LogSoftmax(usize),
    ReluBias,
    ReluResidual,
    ReluGated,
    SiluBias,
    SiluResidual,
    SiluGated,
}
use Function::*;

/// How many channels the biases have.
pub const CHANNELS: usize = 512;

impl Function {
    pub const ALL: [Self; 25] = [
        Exp,
        Sigmoid,
        Tanh,
        Silu,
        Gelu,
        GeluTanh,
        Elu,
        Selu,
        Softplus,
        Mish,
        LogSigmoid,
        Softsign,
        TanhShrink,
        Softmax(128),
        Softmax(1_000),
        Softmax(4_096),
        LogSoftmax(128),
        LogSoftmax(1_000),
        LogSoftmax(4_096),
        ReluBias,
        ReluResidual,
        ReluGated,
        SiluBias,
        SiluResidual,
        SiluGated,
    ];

    pub fn name(self) -> String {
        match self {
            Exp => "exp".into(),
            Sigmoid => "sigmoid".into(),
            Tanh => "tanh".into(),
            Silu => "silu".into(),
            Gelu => "gelu".into(),
            GeluTanh => "gelu_tanh".into(),
            Elu => "elu".into(),
            Selu => "selu".into(),
            Softplus => "softplus".into(),
            Mish => "mish".into(),
            LogSigmoid => "log_sigmoid".into(),
            Softsign => "softsign".into(),
            TanhShrink => "tanh_shrink".into(),
            Softmax(row) => format!("softmax {row}"),
            LogSoftmax(row) => format!("log_softmax {row}"),
            ReluBias => "relu bias".into(),
            ReluResidual => "relu residual".into(),
            ReluGated => "relu gated".into(),
            SiluBias => "silu bias".into(),
            SiluResidual => "silu residual".into(),
            SiluGated => "silu gated".into(),
        }
    }

    /// The bytes that it has to move. What a row or a bias has again and again is in the cache.
    fn traffic(self) -> Traffic {
        match self {
            ReluResidual | ReluGated | SiluResidual | SiluGated => Traffic::MergeUpdate,
            _ => Traffic::Update,
        }
    }

    /// All ways to do it, ours first.
    pub fn ways(self) -> Vec<Way> {
        [
            peers::ours::smooth,
            peers::plain::smooth,
            peers::ndarray::smooth,
            peers::rten::smooth,
            peers::tract::smooth,
            peers::burn::smooth,
            peers::candle::smooth,
        ]
        .into_iter()
        .flat_map(|smooth| smooth(self))
        .collect()
    }
}

/// A way with what it works on. `input` is what `output` is before each call; `grad` the second operand of a fused form,
/// or its bias.
pub struct Ready<'a> {
    slices: Slices<'a, f32>,
    work: Ran,
}

enum Ran {
    Slices(fn(&mut Slices<'_, f32>)),
    Tensors(Box<dyn Tensors>),
}

impl<'a> Ready<'a> {
    pub fn new(way: &Way, slices: Slices<'a, f32>) -> Self {
        let work = match way.work {
            Work::Slices(work) => Ran::Slices(work),
            Work::Tensors(make) => Ran::Tensors(make(&slices)),
        };
        Self { slices, work }
    }

    /// How long `runs` calls take, without what the clock takes and without refilling.
    pub fn time(&mut self, runs: u32) -> Duration {
        let clock = (0..64)
            .map(|_| Instant::now().elapsed())
            .min()
            .unwrap_or_default();
        let mut took = Duration::ZERO;
        for _ in 0..runs {
            self.slices.output.copy_from_slice(self.slices.input);
            clear_upper_halves();
            let start = Instant::now();
            match &mut self.work {
                Ran::Slices(work) => work(black_box(&mut self.slices)),
                Ran::Tensors(tensors) => tensors.run(),
            }
            took += start.elapsed().saturating_sub(clock);
        }
        took
    }

    /// Leaves what it computes in `output`.
    pub fn run(&mut self) {
        match &mut self.work {
            Ran::Slices(work) => {
                self.slices.output.copy_from_slice(self.slices.input);
                work(&mut self.slices);
            }
            Ran::Tensors(tensors) => self.slices.output.copy_from_slice(&tensors.result()),
        }
    }
}

/// How long this machine takes to move the bytes that `function` needs, in place.
pub fn copy_seconds(function: Function, slices: Slices<'_, f32>) -> f64 {
    let slices = RefCell::new(slices);
    let mut ways = copy::contenders(function.traffic(), 1, &slices);
    times(&mut ways, 1)
        .into_iter()
        .map(|time| time.seconds)
        .fold(f64::INFINITY, f64::min)
}

/// Some kernels (tract's) return with the upper halves of registers in use, and code with SSE2 is then up to fifty times as
/// slow on Intel's CPUs, until somebody clears them. Who comes next in turn should not pay for that.
fn clear_upper_halves() {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx") {
        #[allow(unsafe_code)]
        // SAFETY: the CPU has AVX.
        unsafe {
            std::arch::x86_64::_mm256_zeroupper();
        }
    }
}
