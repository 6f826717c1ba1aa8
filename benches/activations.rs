//! How fast the kernels are on this machine: every tier and Rayon against the scalar reference, beside a
//! plain copy, which is as fast as writing one buffer from another can be.
//!
//! ```text
//! cargo bench                              everything: some 5 minutes, then a summary
//! cargo bench -- summary                   the summary alone: seconds
//! cargo bench -- relu/forward/f32/4096     one case, every contender
//! cargo bench -- AVX2                      one contender, every case
//! ```
//!
//! A filter is a regular expression over `case/elements/contender`. The reports, with plots, are
//! `target/criterion/report/index.html`.
//!
//! | cases | what they compare |
//! |---|---|
//! | `relu/...`, `leaky/...` | the contenders, by operation, element type and size: from 64 elements through each cache to memory |
//! | `alignment/...` | buffers on a cache line (`at 0`) and 16 bytes past it (`at 16`) |
//! | `parallel/...` | `par()` from outside and inside the pool with one thread: where is splitting worth it? |
//! | `stream/...` | stores past the cache with stores through it: from which footprint are they worth it? |
//!
//! Buffers begin 16 bytes past a page, unless the case says otherwise: that is where an allocator puts a
//! large `Vec`. Their numbers are uniform between -1 and 1, so that no branch predictor knows the signs.
//! The names are those of `Tier`'s `Display`; `scalar` is compiled for the same target features as the
//! portable tier.

use std::env;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{Bencher, BenchmarkGroup, Criterion, SamplingMode, Throughput};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use rectify::{Activation, Element, LeakyRelu, Relu, Tier, scalar};

/// Elements of an `f32` buffer that, together with its output, fits into a first-level cache, and so on. Of
/// `f64` it is half as many.
const L1: usize = 4_096;
const L2: usize = 65_536;
const L3: usize = 1_048_576;
const MEMORY: usize = 33_554_432;
const ALL: [usize; 6] = [64, 1_000, L1, L2, L3, MEMORY];

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(150))
        .measurement_time(Duration::from_millis(500))
        .sample_size(15)
        .nresamples(5_000)
        .configure_from_args();
    activations(&mut criterion);
    alignment(&mut criterion);
    #[cfg(feature = "parallel")]
    parallel(&mut criterion);
    stream(&mut criterion);
    criterion.final_summary();
    if summary_is_wanted() {
        summary();
    }
}

fn activations(criterion: &mut Criterion) {
    compare::<f32>(criterion, Forward, "relu", Relu, &ALL);
    compare::<f32>(criterion, ForwardInPlace, "relu", Relu, &ALL);
    compare::<f32>(criterion, Backward, "relu", Relu, &ALL);
    compare::<f32>(criterion, BackwardInPlace, "relu", Relu, &ALL);
    compare::<f64>(criterion, Forward, "relu", Relu, &[L1 / 2, L3 / 2]);
    compare::<f64>(criterion, ForwardInPlace, "relu", Relu, &[L1 / 2, L3 / 2]);
    compare::<f64>(criterion, Backward, "relu", Relu, &[L1 / 2, L3 / 2]);

    let leaky = LeakyRelu::default();
    // In place the same buffer is done over and over. A slope of 0.01 would shrink it to subnormal
    // numbers, which are slow to multiply; a slope of 1 is the same work on numbers that stay.
    let steady = LeakyRelu::new(1.0);
    compare::<f32>(criterion, Forward, "leaky", leaky, &[L1, L3, MEMORY]);
    compare::<f32>(criterion, ForwardInPlace, "leaky", steady, &[L1, L3]);
    compare::<f32>(criterion, Backward, "leaky", leaky, &[L1, L3]);
    compare::<f32>(criterion, BackwardInPlace, "leaky", steady, &[L1]);
    compare::<f64>(criterion, Forward, "leaky", leaky, &[L1 / 2, L3 / 2]);
    compare::<f64>(criterion, Backward, "leaky", leaky, &[L1 / 2]);
}

/// All contenders on one operation of one activation, a group for each of `sizes`, which are in elements.
fn compare<T: Element>(
    criterion: &mut Criterion,
    operation: impl Operation,
    name: &str,
    activation: impl Activation,
    sizes: &[usize],
) {
    for &len in sizes {
        let title = format!("{name}/{}/{}/{len}", operation.name(), type_name::<T>());
        let mut case = Case::<T>::new(criterion, title, len);
        for contender in Contender::all(operation, len) {
            case.bench(contender.name(), |bencher, slices| {
                bencher.iter(|| contender.run(operation, activation, black_box(slices)));
            });
        }
    }
}

fn alignment(criterion: &mut Criterion) {
    for len in [L1, L2] {
        let mut case = Case::<f32>::new(criterion, format!("alignment/{len}"), len);
        for contender in Contender::all(Forward, len) {
            for offset_bytes in [0, USUAL_OFFSET_BYTES] {
                case.offset_bytes = offset_bytes;
                let id = format!("{} at {offset_bytes}", contender.name());
                case.bench(id, |bencher, slices| {
                    bencher.iter(|| contender.run(Forward, Relu, black_box(slices)));
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
fn parallel_against_serial(
    criterion: &mut Criterion,
    pool: &rayon::ThreadPool,
    operation: impl Operation,
) {
    let serial = Contender::On(Tier::best());
    for len in (16..=25).map(|exponent| 1 << exponent) {
        let title = format!("parallel/{}/f32/{len}", operation.name());
        let mut case = Case::<f32>::new(criterion, title, len);
        case.bench("serial", |bencher, slices| {
            bencher.iter(|| serial.run(operation, Relu, black_box(slices)));
        });
        case.bench("outside", |bencher, slices| {
            bencher.iter(|| Contender::Par.run(operation, Relu, black_box(slices)));
        });
        case.bench("inside", |bencher, slices| {
            pool.install(|| {
                bencher.iter(|| Contender::Par.run(operation, Relu, black_box(slices)));
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
            bencher.iter(|| Contender::Copy.run(Forward, Relu, black_box(slices)));
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

impl<'a, T: Element> Case<'a, T> {
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
        mut iterate: impl FnMut(&mut Bencher, &mut Slices<T>),
    ) {
        self.group.bench_function(id.into(), |bencher| {
            let buffers = self.buffers.get_or_insert_with(|| Buffers::new(self.len));
            iterate(bencher, &mut buffers.slices(self.offset_bytes));
        });
    }
}

/// Who does the work.
#[derive(Clone, Copy)]
enum Contender {
    Copy,
    Scalar,
    On(Tier),
    #[cfg(feature = "parallel")]
    Par,
}

impl Contender {
    /// From this size on `par()` splits every operation; smaller ones may be as if without it.
    const PAR_FROM: usize = L3 / 2;
    const PAR: &[Self] = &[
        #[cfg(feature = "parallel")]
        Self::Par,
    ];

    /// Those that have something to show in `operation` on `len` elements.
    fn all(operation: impl Operation, len: usize) -> Vec<Self> {
        let copy = (operation.name() == Forward.name()).then_some(Self::Copy);
        let par = if len >= Self::PAR_FROM {
            Self::PAR
        } else {
            &[]
        };
        copy.into_iter()
            .chain([Self::Scalar])
            .chain(Tier::available().map(Self::On))
            .chain(par.iter().copied())
            .collect()
    }

    fn name(self) -> String {
        match self {
            Self::Copy => "copy".to_owned(),
            Self::Scalar => "scalar".to_owned(),
            Self::On(tier) => tier.to_string(),
            #[cfg(feature = "parallel")]
            Self::Par => "par".to_owned(),
        }
    }

    // One copy of the code, lest reports and summary time two that the compiler made differently.
    #[inline(never)]
    fn run<T: Element>(
        self,
        operation: impl Operation,
        activation: impl Activation,
        slices: &mut Slices<T>,
    ) {
        // A slope that the compiler knew, it could compute with: a loop that multiplies by 1 is none.
        let activation = black_box(activation);
        match self {
            Self::Copy => slices.output.copy_from_slice(slices.input),
            Self::Scalar => operation.scalar(activation, slices),
            Self::On(tier) => operation.kernel(activation.on(tier), slices),
            #[cfg(feature = "parallel")]
            Self::Par => operation.kernel(activation.par(), slices),
        }
    }
}

/// What is done: a method of `Activation` and its scalar reference.
trait Operation: Copy + Sync {
    fn name(self) -> &'static str;
    fn scalar<T: Element>(self, activation: impl Activation, slices: &mut Slices<T>);
    fn kernel<T: Element>(self, activation: impl Activation, slices: &mut Slices<T>);
}

macro_rules! operations {
    ($($operation:ident: $method:ident($($slice:ident),*);)*) => {$(
        #[derive(Clone, Copy)]
        struct $operation;

        impl Operation for $operation {
            fn name(self) -> &'static str {
                stringify!($method)
            }

            #[inline]
            fn scalar<T: Element>(self, activation: impl Activation, slices: &mut Slices<T>) {
                scalar::$method(&activation, $(slices.$slice),*);
            }

            #[inline]
            fn kernel<T: Element>(self, activation: impl Activation, slices: &mut Slices<T>) {
                activation.$method($(slices.$slice),*);
            }
        }
    )*};
}

operations! {
    Forward: forward(input, output);
    ForwardInPlace: forward_in_place(output);
    Backward: backward(input, grad, output);
    BackwardInPlace: backward_in_place(input, output);
}

const PAGE_BYTES: usize = 4096;
const USUAL_OFFSET_BYTES: usize = 16;

/// The memory of a case, with room to begin anywhere in a page.
struct Buffers<T> {
    len: usize,
    input: Vec<T>,
    grad: Vec<T>,
    output: Vec<T>,
}

/// What an operation reads and writes. In place, `output` is read too.
struct Slices<'a, T> {
    input: &'a [T],
    grad: &'a [T],
    output: &'a mut [T],
}

impl<T: Element> Buffers<T> {
    fn new(len: usize) -> Self {
        let mut rng = SmallRng::seed_from_u64(7);
        let room = 2 * PAGE_BYTES / size_of::<T>();
        let mut numbers = || {
            (0..len + room)
                .map(|_| T::from_f64(rng.random_range(-1.0..1.0)))
                .collect()
        };
        Self {
            len,
            input: numbers(),
            grad: numbers(),
            output: numbers(),
        }
    }

    /// The buffers, each from `offset_bytes` past the begin of a page.
    fn slices(&mut self, offset_bytes: usize) -> Slices<'_, T> {
        let range = |memory: &[T]| {
            let to_page = (memory.as_ptr().addr().wrapping_neg() % PAGE_BYTES) / size_of::<T>();
            let start = to_page + offset_bytes / size_of::<T>();
            start..start + self.len
        };
        Slices {
            input: &self.input[range(&self.input)],
            grad: &self.grad[range(&self.grad)],
            output: {
                let range = range(&self.output);
                &mut self.output[range]
            },
        }
    }
}

/// How much faster than scalar code, at a glance. Criterion measures one contender after another, minutes
/// apart; here they take turns, so that whatever else the machine does meets them all alike.
fn summary() {
    let tiers: Vec<_> = Tier::available().map(|tier| tier.to_string()).collect();
    println!("\nrectify on {}: {}", cpu(), tiers.join(", "));
    println!("Gelem/s of f32 (median), times as fast as scalar, share of the plain copy's speed\n");
    table(Forward);
    table(ForwardInPlace);
    table(Backward);
}

fn table(operation: impl Operation) {
    let title = format!("relu/{}", operation.name());
    print!("{title:<21}");
    for contender in Contender::all(operation, MEMORY) {
        print!("{:>18}", contender.name());
    }
    println!();
    for len in ALL {
        print!("{len:>21}");
        let contenders = Contender::all(operation, len);
        let mut buffers = Buffers::<f32>::new(len);
        let mut slices = buffers.slices(USUAL_OFFSET_BYTES);
        let seconds = medians(&contenders, |contender| {
            contender.run(operation, Relu, black_box(&mut slices));
        });
        for cell in cells(&contenders, &seconds, len) {
            print!("{cell:>18}");
        }
        println!();
    }
    println!();
}

/// A row of the table.
fn cells(contenders: &[Contender], seconds: &[f64], len: usize) -> Vec<String> {
    let of =
        |wanted: fn(&Contender) -> bool| contenders.iter().position(wanted).map(|i| seconds[i]);
    let scalar = of(|contender| matches!(contender, Contender::Scalar));
    let copy = of(|contender| matches!(contender, Contender::Copy));
    let cell = |&time: &f64| {
        let speed = format!("{:.1}", len as f64 / time / 1e9);
        let times = scalar.map_or_else(String::new, |scalar| format!(" {:4.1}x", scalar / time));
        let share = copy.map_or_else(String::new, |copy| format!(" {:3.0}%", copy / time * 100.0));
        speed + &times + &share
    };
    seconds.iter().map(cell).collect()
}

/// Seconds that a run of each contender takes: the median of some rounds, in each of which everyone has a
/// turn.
fn medians(contenders: &[Contender], mut run: impl FnMut(Contender)) -> Vec<f64> {
    const ROUNDS: usize = 15;
    const TURN: Duration = Duration::from_micros(500);

    let mut time = |contender, runs: u32| {
        // Not timed: it takes back the cache from the contender before.
        run(contender);
        let start = Instant::now();
        for _ in 0..runs {
            run(contender);
        }
        start.elapsed()
    };
    let mut turns: Vec<_> = contenders
        .iter()
        .map(|&contender| {
            let mut runs = 1;
            while time(contender, runs) < TURN {
                runs *= 2;
            }
            (contender, runs, Vec::with_capacity(ROUNDS))
        })
        .collect();
    for _ in 0..ROUNDS {
        for (contender, runs, times) in &mut turns {
            times.push(time(*contender, *runs).as_secs_f64() / f64::from(*runs));
        }
    }
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 2]
    };
    turns.into_iter().map(|turn| median(turn.2)).collect()
}

fn cpu() -> String {
    #[cfg(target_arch = "x86_64")]
    if let Some(brand) = raw_cpuid::CpuId::new().get_processor_brand_string() {
        return brand.as_str().trim().to_owned();
    }
    env::consts::ARCH.to_owned()
}

fn type_name<T>() -> &'static str {
    std::any::type_name::<T>()
}

/// Whether every case is to run once, to see that it does: with `--test`, and under `cargo test`.
fn is_only_a_test() -> bool {
    let has = |wanted| env::args().any(|arg| arg == wanted);
    has("--test") || !has("--bench")
}

/// Whether all is measured, or the summary was asked for by its name.
fn summary_is_wanted() -> bool {
    let all = env::args().skip(1).eq(["--bench"]);
    let named = env::args().any(|arg| arg == "summary");
    !is_only_a_test() && (all || named)
}
