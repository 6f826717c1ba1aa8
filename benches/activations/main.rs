//! How fast the kernels are on this machine, against the loops that they replace.
//!
//! [`HELP`] says what can be asked for. A filter is a regular expression over `case/elements/contender`. The reports,
//! with plots, are `target/criterion/report/index.html`.
//!
//! | cases | what they compare |
//! |---|---|
//! | `relu/...`, `leaky/...` | the contenders, by operation, element type and size: from 64 elements through each cache to memory |
//! | `clip/...` and so on | the other members of the family, in the first-level cache |
//! | `sigmoid/...` and so on | the smooth ones; `scalar` and `loop` are what a user would write with the functions of the standard library (of `f64` this crate's own formula on one number) |
//! | `prelu/...` | a slope a channel, for several layouts, against a plain nested loop: in L2, and from memory |
//! | `alignment/...` | buffers on a cache line (`at 0`) and 16 bytes past it (`at 16`) |
//! | `parallel/...` | `par()` from outside and inside the pool with one thread: where is splitting worth it? |
//! | `stream/...` | stores past the cache with stores through it: from which footprint are they worth it? |
//!
//! The contenders are a loop that does one element at a time (`scalar`), the same loop as the compiler vectorises it for
//! the target features of this build (`loop`), each tier by its `Display`, `par()`, and loops that only move the same
//! bytes. Buffers begin 16 bytes past a page, unless the case says otherwise: that is where an allocator puts a
//! large `Vec`. Their numbers are uniform between -6 and 6, so that no branch predictor knows the signs.

mod glance;

#[path = "../common/mod.rs"]
mod common;

use std::env;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytemuck::Pod;
use criterion::measurement::WallTime;
use criterion::{Bencher, BenchmarkGroup, Criterion, SamplingMode, Throughput};
use rectify::{
    Activation, Channels, Clip, Element, Elu, Gelu, GeluTanh, Gradient, HardShrink, HardSigmoid,
    HardSwish, LeakyRelu, Mish, PRelu, Relu, Sigmoid, Silu, SoftShrink, Softplus, Softsign,
    SquaredRelu, Tanh, ThresholdedRelu, Tier, scalar,
};

use common::copy;
use common::operation::{Backward, BackwardInPlace, Forward, ForwardInPlace, Operation};
use common::plain::{self, Definition, Loop, Plain, Written};
use common::{Buffers, Slices, USUAL_OFFSET_BYTES, is_only_a_test};

/// Elements of an `f32` buffer that, together with its output, fits into a first-level cache, and so on. Of
/// `f64` it is half as many.
const L1: usize = 4_096;
const L2: usize = 65_536;
const L3: usize = 1_048_576;
const MEMORY: usize = 33_554_432;
const ALL: [usize; 6] = [64, 1_000, L1, L2, L3, MEMORY];

fn main() -> ExitCode {
    #[cfg(feature = "parallel")]
    common::threads::pin(rayon::ThreadPoolBuilder::new())
        .build_global()
        .expect("threads");
    let nothing_is_asked = env::args().skip(1).all(|arg| arg == "--bench");
    if nothing_is_asked || is_only_a_test() {
        glance::print();
    }
    if env::args().any(|arg| arg == "--help" || arg == "-h") {
        println!("{HELP}");
    }
    if nothing_is_asked {
        println!(
            "\nIn detail: cargo bench -- relu/forward (a part of a name; all of them: cargo bench -- --list)."
        );
        println!("Against what this machine can move: cargo bench --bench limits.");
        return ExitCode::SUCCESS;
    }
    cases();
    let only_lists = env::args().any(|arg| arg == "--list");
    if only_lists || SOMETHING_RAN.load(Ordering::Relaxed) {
        ExitCode::SUCCESS
    } else {
        eprintln!("no case has such a name: `cargo bench -- --list` lists them");
        ExitCode::FAILURE
    }
}

const HELP: &str = "\
cargo bench                              a table for a first look: less than a minute
cargo bench -- relu/forward/f32/4096     one case in detail, by criterion
cargo bench -- AVX2                      one contender, every case
cargo bench -- /                         everything: some ten minutes
cargo bench -- --list                    the names

The other options are those of criterion:";

/// Whether the filter left anything.
static SOMETHING_RAN: AtomicBool = AtomicBool::new(false);

fn cases() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(150))
        .measurement_time(Duration::from_millis(500))
        .sample_size(15)
        .nresamples(5_000)
        .configure_from_args();
    activations(&mut criterion);
    family(&mut criterion);
    smooth(&mut criterion);
    prelu(&mut criterion);
    prelu_from_memory(&mut criterion);
    alignment(&mut criterion);
    #[cfg(feature = "parallel")]
    parallel(&mut criterion);
    stream(&mut criterion);
    criterion.final_summary();
}

fn activations(criterion: &mut Criterion) {
    compare::<f32, _>(criterion, Forward, "relu", Relu, &ALL);
    compare::<f32, _>(criterion, ForwardInPlace, "relu", Relu, &ALL);
    compare::<f32, _>(criterion, Backward, "relu", Relu, &ALL);
    compare::<f32, _>(criterion, BackwardInPlace, "relu", Relu, &ALL);
    compare::<f64, _>(criterion, Forward, "relu", Relu, &[L1 / 2, L3 / 2]);
    compare::<f64, _>(criterion, ForwardInPlace, "relu", Relu, &[L1 / 2, L3 / 2]);
    compare::<f64, _>(criterion, Backward, "relu", Relu, &[L1 / 2, L3 / 2]);

    let leaky = LeakyRelu::default();
    // In place the same buffer is done over and over. A slope of 0.01 would shrink it to subnormal
    // numbers, which are slow to multiply; a slope of 1 is the same work on numbers that stay.
    let steady = LeakyRelu::new(1.0);
    compare::<f32, _>(criterion, Forward, "leaky", leaky, &[L1, L3, MEMORY]);
    compare::<f32, _>(criterion, ForwardInPlace, "leaky", steady, &[L1, L3]);
    compare::<f32, _>(criterion, Backward, "leaky", leaky, &[L1, L3]);
    compare::<f32, _>(criterion, BackwardInPlace, "leaky", steady, &[L1]);
    compare::<f64, _>(criterion, Forward, "leaky", leaky, &[L1 / 2, L3 / 2]);
    compare::<f64, _>(criterion, Backward, "leaky", leaky, &[L1 / 2]);
}

/// All contenders on one operation of one activation, a group for each of `sizes`, which are in elements.
fn compare<T: Element + Pod, O: Operation>(
    criterion: &mut Criterion,
    operation: O,
    name: &str,
    activation: impl Activation<Formula: Gradient>,
    sizes: &[usize],
) {
    compare_with::<T, _>(
        criterion,
        operation,
        name,
        activation,
        Definition(activation),
        sizes,
    );
}

/// The same, with what a user would write beside it.
fn compare_with<T: Element + Pod, O: Operation>(
    criterion: &mut Criterion,
    operation: O,
    name: &str,
    activation: impl Activation<Formula: Gradient>,
    plain: impl Plain<T>,
    sizes: &[usize],
) {
    for &len in sizes {
        let title = format!("{name}/{}/{}/{len}", O::NAME, type_name::<T>());
        let mut case = Case::<T>::new(criterion, title, len);
        for contender in Who::all::<O>(len) {
            case.bench(contender.name(), |bencher, slices| {
                bencher.iter(|| contender.run(operation, activation, plain, black_box(slices)));
            });
        }
    }
}

/// The other members, where the formula counts most: in the first-level cache.
fn family(criterion: &mut Criterion) {
    fn member(
        criterion: &mut Criterion,
        name: &str,
        activation: impl Activation<Formula: Gradient>,
    ) {
        compare::<f32, _>(criterion, Forward, name, activation, &[L1]);
        compare::<f32, _>(criterion, Backward, name, activation, &[L1]);
    }
    member(criterion, "clip", Clip::new(-0.5, 0.5));
    member(criterion, "thresholded_relu", ThresholdedRelu::new(0.1));
    member(criterion, "squared_relu", SquaredRelu);
    member(criterion, "hard_sigmoid", HardSigmoid::ONNX);
    member(criterion, "hard_swish", HardSwish);
    member(criterion, "hard_shrink", HardShrink::default());
    member(criterion, "soft_shrink", SoftShrink::default());
}

/// Smooth activations, in L1 and in L3, beside what a user would write with the functions of the standard library.
fn smooth(criterion: &mut Criterion) {
    fn member(
        criterion: &mut Criterion,
        name: &str,
        activation: impl Activation<Formula: Gradient>,
        plain: impl Plain<f32>,
    ) {
        compare_with(criterion, Forward, name, activation, plain, &[L1, L3]);
        compare_with(criterion, ForwardInPlace, name, activation, plain, &[L1]);
        compare_with(criterion, Backward, name, activation, plain, &[L1]);
        let definition = Definition(activation);
        compare_with::<f64, _>(criterion, Forward, name, activation, definition, &[L1 / 2]);
        compare_with::<f64, _>(criterion, Backward, name, activation, definition, &[L1 / 2]);
    }
    let sigmoid = Written(plain::sigmoid, plain::sigmoid_derivative);
    member(criterion, "sigmoid", Sigmoid, sigmoid);
    let silu = Written(plain::silu, plain::silu_derivative);
    member(criterion, "silu", Silu, silu);
    let tanh = Written(plain::tanh, plain::tanh_derivative);
    member(criterion, "tanh", Tanh, tanh);
    let gelu = Written(plain::gelu, plain::gelu_derivative);
    member(criterion, "gelu", Gelu, gelu);
    let gelu_tanh = Written(plain::gelu_tanh, plain::gelu_tanh_derivative);
    member(criterion, "gelu_tanh", GeluTanh, gelu_tanh);
    let elu = Written(plain::elu, plain::elu_derivative);
    member(criterion, "elu", Elu::default(), elu);
    let softplus = Written(plain::softplus, plain::sigmoid);
    member(criterion, "softplus", Softplus::default(), softplus);
    let mish = Written(plain::mish, plain::mish_derivative);
    member(criterion, "mish", Mish, mish);
    member(criterion, "softsign", Softsign, Definition(Softsign));
}

/// Channels last and first, few and many, against a plain nested loop.
fn prelu(criterion: &mut Criterion) {
    for (inner, channels) in [
        (1, 3),
        (1, 64),
        (1, 1_024),
        (49, 512),
        (196, 64),
        (3_136, 16),
    ] {
        let period = inner * channels;
        let len = L2.next_multiple_of(period);
        let slopes = slopes(channels);
        let prelu = PRelu::new(Channels::new(&slopes, inner));
        let mut grad_slopes = vec![0.0; channels];

        let title = format!("prelu/forward/f32/{channels} channels of {inner}");
        let case = Case::new(criterion, title, len);
        bench_prelu_forward(case, prelu);

        let title = format!("prelu/backward/f32/{channels} channels of {inner}");
        let mut case = Case::<f32>::new(criterion, title, len);
        case.bench("nested loop", |bencher, s| {
            bencher.iter(|| {
                scalar::prelu_backward(black_box(&prelu), s.input, s.grad, s.output);
            });
        });
        for tier in Tier::available() {
            case.bench(tier.to_string(), |bencher, s| {
                bencher.iter(|| {
                    prelu
                        .on(tier)
                        .backward(black_box(s.input), s.grad, s.output)
                });
            });
        }
        drop(case);

        let title = format!("prelu/backward_slopes/f32/{channels} channels of {inner}");
        let mut case = Case::<f32>::new(criterion, title, len);
        case.bench("nested loop", |bencher, s| {
            bencher.iter(|| {
                scalar::prelu_backward_slopes(black_box(&prelu), s.input, s.grad, &mut grad_slopes);
            });
        });
        for tier in Tier::available() {
            case.bench(tier.to_string(), |bencher, s| {
                bencher.iter(|| {
                    let prelu = black_box(prelu.on(tier));
                    prelu.backward_slopes(s.input, s.grad, &mut grad_slopes);
                });
            });
        }
    }
}

/// Channels last, where the output is stored past the cache: each part with slopes of its own ends with a
/// fence, and waits there. `one channel` is a single part.
fn prelu_from_memory(criterion: &mut Criterion) {
    for channels in [3, 64] {
        let slopes = slopes(channels);
        let prelu = PRelu::new(Channels::last(&slopes));
        let one_channel = PRelu::new(Channels::last(&slopes[1..2]));

        let len = MEMORY / channels * channels;
        let title = format!("prelu/forward/f32/{channels} channels of 1, from memory");
        let mut case = Case::new(criterion, title, len);
        // As a test it is shorter.
        case.len -= case.len % channels;
        case.bench("one channel", |bencher, s| {
            bencher.iter(|| one_channel.forward(black_box(s.input), s.output));
        });
        bench_prelu_forward(case, prelu);
    }
}

fn slopes(channels: usize) -> Vec<f32> {
    (0..channels).map(|c| c as f32 / channels as f32).collect()
}

fn bench_prelu_forward(mut case: Case<'_, f32>, prelu: PRelu<'_, f32>) {
    case.bench("nested loop", |bencher, s| {
        bencher.iter(|| scalar::prelu_forward(black_box(&prelu), s.input, s.output));
    });
    for tier in Tier::available() {
        case.bench(tier.to_string(), |bencher, s| {
            bencher.iter(|| prelu.on(tier).forward(black_box(s.input), s.output));
        });
    }
}

fn alignment(criterion: &mut Criterion) {
    for len in [L1, L2] {
        let mut case = Case::<f32>::new(criterion, format!("alignment/{len}"), len);
        for contender in Who::all::<Forward>(len) {
            for offset_bytes in [0, USUAL_OFFSET_BYTES] {
                case.offset_bytes = offset_bytes;
                let id = format!("{} at {offset_bytes}", contender.name());
                case.bench(id, |bencher, slices| {
                    bencher
                        .iter(|| contender.run(Forward, Relu, Definition(Relu), black_box(slices)));
                });
            }
        }
    }
}

#[cfg(feature = "parallel")]
fn parallel(criterion: &mut Criterion) {
    let pool = rayon::ThreadPoolBuilder::new().build().expect("threads");
    parallel_against_serial(criterion, &pool, Forward);
    parallel_against_serial(criterion, &pool, ForwardInPlace);
}

/// From inside, the caller is a thread of the pool and the others look for work already; from outside, a
/// sleeping thread has to be woken.
#[cfg(feature = "parallel")]
fn parallel_against_serial<O: Operation>(
    criterion: &mut Criterion,
    pool: &rayon::ThreadPool,
    operation: O,
) {
    for len in (16..=25).map(|exponent| 1 << exponent) {
        let title = format!("parallel/{}/f32/{len}", O::NAME);
        let mut case = Case::<f32>::new(criterion, title, len);
        case.bench("serial", |bencher, slices| {
            bencher.iter(|| operation.kernel(Relu, black_box(slices)));
        });
        case.bench("outside", |bencher, slices| {
            bencher.iter(|| Who::Par.run(operation, Relu, Definition(Relu), black_box(slices)));
        });
        case.bench("inside", |bencher, slices| {
            pool.install(|| {
                bencher.iter(|| Who::Par.run(operation, Relu, Definition(Relu), black_box(slices)));
            });
        });
    }
}

/// `whole` is one call, which stores past the cache where the library thinks it worth it. `in pieces` is
/// the same kernel on one piece after another, each far too small for that. Up to the threshold they
/// should be equally fast, above it `whole` should be faster.
fn stream(criterion: &mut Criterion) {
    const PIECE: usize = L2;
    for footprint_mib in [8, 16, 20, 24, 28, 32, 40, 48, 64, 96, 128] {
        let len = (footprint_mib << 20) / 2 / size_of::<f32>();
        let mut case = Case::<f32>::new(criterion, format!("stream/{footprint_mib}MiB"), len);
        case.bench("copy", |bencher, slices| {
            bencher.iter(|| slices.output.copy_from_slice(black_box(slices.input)));
        });
        case.bench("whole", |bencher, slices| {
            bencher.iter(|| Relu.forward(slices.input, black_box(&mut *slices.output)));
        });
        case.bench("in pieces", |bencher, slices| {
            bencher.iter(|| {
                let output = black_box(&mut *slices.output).chunks_mut(PIECE);
                for (x, y) in slices.input.chunks(PIECE).zip(output) {
                    Relu.forward(x, y);
                }
            });
        });
    }
}

/// One group of the report: contenders on the same buffers, which are allocated when the first of them
/// runs, as a filter may leave none.
struct Case<'a, T> {
    group: BenchmarkGroup<'a, WallTime>,
    len: usize,
    offset_bytes: usize,
    buffers: Option<Buffers<T>>,
}

impl<'a, T: Element + Pod> Case<'a, T> {
    fn new(criterion: &'a mut Criterion, title: String, len: usize) -> Self {
        let mut group = criterion.benchmark_group(title);
        group.throughput(Throughput::Elements(len as u64));
        if len > L3 {
            // A run takes milliseconds: samples of more and more runs would take too long.
            group.sampling_mode(SamplingMode::Flat);
        }
        Self {
            group,
            len: if is_only_a_test() { len.min(L3) } else { len },
            offset_bytes: USUAL_OFFSET_BYTES,
            buffers: None,
        }
    }

    fn bench(
        &mut self,
        id: impl Into<String>,
        mut iterate: impl FnMut(&mut Bencher, &mut Slices<'_, T>),
    ) {
        self.group.bench_function(id.into(), |bencher| {
            SOMETHING_RAN.store(true, Ordering::Relaxed);
            let buffers = self.buffers.get_or_insert_with(|| Buffers::new(self.len));
            iterate(bencher, &mut buffers.slices(self.offset_bytes));
        });
    }
}

/// Who does the work.
#[derive(Clone, Copy)]
enum Who {
    Copy(&'static str, copy::Move),
    Scalar,
    Loop,
    On(Tier),
    #[cfg(feature = "parallel")]
    Par,
}

impl Who {
    /// From this size on `par()` splits every operation; smaller ones may be as if without it.
    const PAR_FROM: usize = L3 / 2;
    const PAR: &[Self] = &[
        #[cfg(feature = "parallel")]
        Self::Par,
    ];

    /// Those that have something to show in `O` on `len` elements.
    fn all<O: Operation>(len: usize) -> Vec<Self> {
        let copies = copy::ways(O::TRAFFIC).into_iter();
        let par = if len >= Self::PAR_FROM {
            Self::PAR
        } else {
            &[]
        };
        copies
            .map(|(name, way)| Self::Copy(name, way))
            .chain([Self::Scalar, Self::Loop])
            .chain(Tier::available().map(Self::On))
            .chain(par.iter().copied())
            .collect()
    }

    fn name(self) -> String {
        match self {
            Self::Copy(name, _) => name.to_owned(),
            Self::Scalar => "scalar".to_owned(),
            Self::Loop => "loop".to_owned(),
            Self::On(tier) => tier.to_string(),
            #[cfg(feature = "parallel")]
            Self::Par => "par".to_owned(),
        }
    }

    fn run<T: Element + Pod>(
        self,
        operation: impl Operation,
        activation: impl Activation<Formula: Gradient>,
        plain: impl Plain<T>,
        slices: &mut Slices<'_, T>,
    ) {
        // A slope that the compiler knew, it could compute with: a loop that multiplies by 1 is none.
        let (activation, plain) = (black_box(activation), black_box(plain));
        match self {
            Self::Copy(_, way) => way(&mut slices.bytes()),
            Self::Scalar => operation.plain(Loop::<_, true>(plain), slices),
            Self::Loop => operation.plain(Loop::<_, false>(plain), slices),
            Self::On(tier) => operation.kernel(activation.on(tier), slices),
            #[cfg(feature = "parallel")]
            Self::Par => operation.kernel(activation.par(), slices),
        }
    }
}

fn type_name<T>() -> &'static str {
    std::any::type_name::<T>()
}
