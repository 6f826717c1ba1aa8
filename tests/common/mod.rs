//! What the tests share: the activations and values to test with, one check that compares every method with its
//! scalar reference, by bits, and where the buffers lie meanwhile.
#![allow(dead_code, unreachable_pub, unused_imports)] // Each test binary uses its part.

pub mod case;
mod guarded;
mod kernel;
mod pages;

use std::env;
use std::env::consts::{ARCH, OS};
use std::fmt::{Debug, LowerHex};
use std::io::{self, Write};
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::{Command, Output, abort};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rectify::{AnyActivation, Element, Thresholds, Tier};

pub use guarded::{At, GuardedBuffers};
pub use kernel::{Is, Kernel, MARGIN, OutputMemory, as_uninit, check_kernel, check_slopes, poison};
pub use pages::Pages;

/// The tiers of this machine, all of which have to be tested.
///
/// # Panics
/// If the environment variable `RECTIFY_TEST_TIERS` says that they must be others: on a machine or an emulator
/// that lacks a tier, the tests would pass without having tested it.
pub fn tiers() -> impl DoubleEndedIterator<Item = Tier> + Clone {
    if let Ok(expected) = std::env::var("RECTIFY_TEST_TIERS") {
        let names: Vec<_> = Tier::available().map(|tier| tier.to_string()).collect();
        assert_eq!(
            names.join(", "),
            expected,
            "these are not the tiers to test"
        );
    }
    Tier::available()
}

/// Runs one test of this program, by its whole name, in a process with these environment variables: they are
/// read once, so a process cannot change them for itself.
pub fn rerun(test: &str, environment: &[(&str, &str)]) -> Output {
    let program = std::env::current_exe().expect("a running program has a path");
    let mut command = match runner().as_slice() {
        [] => Command::new(program),
        [runner, arguments @ ..] => {
            let mut command = Command::new(runner);
            command.args(arguments).arg(program);
            command
        }
    };
    command
        .args(["--exact", test, "--nocapture"])
        .envs(environment.iter().copied())
        .output()
        .expect("a program that runs can be run again")
}

/// What starts this program, with its arguments: an emulator, where it is compiled for another machine. None, unless
/// the environment says so, by `RECTIFY_TEST_RUNNER` or as for Cargo, `CARGO_TARGET_<TRIPLE>_RUNNER`, or qemu is seen.
fn runner() -> Vec<String> {
    // i586 and i686.
    let machine = if ARCH == "x86" {
        "I"
    } else {
        &ARCH.to_uppercase()
    };
    let (start, system) = (
        format!("CARGO_TARGET_{machine}"),
        format!("_{}_", OS.to_uppercase()),
    );
    let is_ours = |(name, _): &(String, String)| {
        name.starts_with(&start) && name.contains(&system) && name.ends_with("_RUNNER")
    };
    let all = std::env::vars_os();
    let mut texts =
        all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let named = std::env::var("RECTIFY_TEST_RUNNER").ok();
    match named.or_else(|| Some(texts.find(is_ours)?.1)) {
        Some(named) => named.split_whitespace().map(str::to_owned).collect(),
        None => qemu().unwrap_or_default(),
    }
}

/// qemu with its arguments, if this program runs under it on Linux. It shows the program its own `/proc/self`, and the
/// machine's other names of that.
fn qemu() -> Option<Vec<String>> {
    let emulator = std::fs::read_link("/proc/thread-self/exe").ok()?;
    if !emulator.file_name()?.to_str()?.starts_with("qemu-") {
        return None;
    }
    let program = std::env::current_exe().ok()?.canonicalize().ok()?;
    let words = String::from_utf8(std::fs::read("/proc/thread-self/cmdline").ok()?).ok()?;
    let is_option = |word: &str| Path::new(word).canonicalize().ok().as_ref() != Some(&program);
    let words: Vec<_> = words.split('\0').skip(1).collect();
    let options = &words[..words.iter().position(|word| !is_option(word))?];
    let mut command = vec![emulator.to_str()?.to_owned()];
    command.extend(options.iter().map(|&word| word.to_owned()));
    Some(command)
}

/// Whether qemu runs this, which takes some hundred times what the machine would.
pub fn is_emulated() -> bool {
    qemu().is_some()
}

/// Of how many inputs a test visits one: as `RECTIFY_TEST_EVERY` says, or all, or where the CPU is emulated one of `emulated`.
pub fn every(emulated: u64) -> u64 {
    match env::var("RECTIFY_TEST_EVERY") {
        Ok(every) => every
            .parse()
            .unwrap_or_else(|_| panic!("RECTIFY_TEST_EVERY is {every:?}: a number is needed")),
        Err(_) if is_emulated() => emulated,
        Err(_) => 1,
    }
}

/// What is visited of lengths, offsets and other places that a test goes through in turn: all, or of every five the one at `phase`, where
/// a [sample](every) is enough.
pub fn places<T>(all: impl Iterator<Item = T>, phase: usize) -> impl Iterator<Item = T> {
    let step = if every(5) == 1 { 1 } else { 5 };
    all.skip(phase % step).step_by(step)
}

/// No call of fewer bytes is streamed or split, whatever the thresholds.
pub const LEAST_LARGE_BYTES: usize = 256 << 10;

/// With these all calls are streamed and split that may be.
const EVERYTHING_IS_LARGE: [(&str, &str); 3] = [
    ("RECTIFY_STREAM_BYTES", "0"),
    ("RECTIFY_SPLIT_BYTES", "0"),
    ("RECTIFY_SPLIT_OUTSIDE_BYTES", "0"),
];

/// As [`EVERYTHING_IS_LARGE`], for this process.
///
/// # Panics
/// If a large call came before.
pub fn make_everything_large() {
    let mut thresholds = Thresholds::from_environment();
    thresholds.stream_bytes = 0;
    thresholds.split_bytes = 0;
    thresholds.split_outside_bytes = 0;
    thresholds.set().expect("no large call came before");
}

/// As [`rerun`], for a test that has to pass, and to say with [`assert_large`] which of its calls are large. All that
/// can be streamed and split, is.
pub fn rerun_streamed_and_split(test: &str) {
    let output = rerun(test, &EVERYTHING_IS_LARGE);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed") && text.contains(SAYS_LARGE),
        "{test}, {}: {text}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
}

const SAYS_LARGE: &str = "everything is large";

/// That the calls of a test touch `bytes`, the largest of them at least. Where everything is to be large, they have to
/// be: they would pass as short ones, too.
///
/// # Panics
/// If they are not.
pub fn assert_large(bytes: usize) {
    let is_set = |(name, value)| std::env::var(name).is_ok_and(|is| is == value);
    if EVERYTHING_IS_LARGE.into_iter().all(is_set) {
        let large = Thresholds::current();
        let Thresholds {
            stream_bytes,
            split_bytes,
            split_outside_bytes,
            ..
        } = large;
        let greatest = stream_bytes.max(split_bytes).max(split_outside_bytes);
        assert!(greatest <= bytes, "{bytes} bytes are not large: {large:?}");
        println!("{SAYS_LARGE}: {bytes} bytes, with {large:?}");
    }
}

/// Ends the process if `work` does not end in time: a deadlock must not pass for a slow machine.
pub fn in_time(work: impl FnOnce()) {
    let mut work = Some(work);
    let mut work = || work.take().expect("it is called once")();
    // Without threads, nobody is left to watch.
    if cfg!(target_family = "wasm") {
        return work();
    }
    // One function, and not one for each `work`.
    watched(&mut work);
}

/// What `work` returns on each core: on this thread, and on as many others as there are more cores.
pub fn on_all_cores<R: Send>(work: impl Fn() -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let others: Vec<_> = (1..cores).map(|_| scope.spawn(&work)).collect();
        let mut all = vec![work()];
        all.extend(others.into_iter().map(|other| {
            let result = other.join();
            result.unwrap_or_else(|panic| resume_unwind(panic))
        }));
        all
    })
}

fn watched(work: &mut dyn FnMut()) {
    /// A hundred times what the slowest test takes natively; sanitizers need some of it.
    const LIMIT: Duration = Duration::from_secs(300);
    let limit = if is_emulated() { 6 * LIMIT } else { LIMIT };
    let (done, is_done) = mpsc::channel::<()>();
    let name = thread::current().name().map(str::to_owned);
    let watch = thread::spawn(move || {
        if is_done.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
            // Not `eprintln`, which tests keep to themselves until they end.
            let _ = writeln!(
                io::stderr(),
                "{name:?} has not ended after {limit:?}: a deadlock?"
            );
            abort();
        }
    });
    let outcome = catch_unwind(AssertUnwindSafe(work));
    drop(done);
    watch.join().expect("it does not panic");
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

/// Slopes that each kind of formula gets wrong somewhere, beside usual ones.
pub const SLOPES: [f64; 12] = [
    0.01,
    0.2,
    0.0,
    -0.0,
    1.0,
    2.5,
    -0.5,
    -3.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MIN_POSITIVE,
    // Rounds to 1 in `f32`, and is above 1 in `f64`.
    1.0 + f64::EPSILON,
];

/// A slope for each formula that `LeakyRelu` has and each sign, for tests that take long.
pub const FEW_SLOPES: [f64; 4] = [0.01, 0.0, 2.5, -0.5];

/// Bounds in order, in the wrong one, at zeros, and where there are none.
pub const BOUNDS: [(f64, f64); 7] = [
    (-1.0, 1.0),
    (0.0, 6.0),
    (-0.0, 0.5),
    (3.0, -3.0),
    (1.0, 1.0),
    (f64::NEG_INFINITY, f64::INFINITY),
    (f64::MIN, f64::MAX),
];

/// Thresholds that are not negative; of either sign they are good for the thresholded unit.
pub const LAMBDAS: [f64; 6] = [0.5, 0.0, -0.0, 3.0, f64::MIN_POSITIVE, f64::INFINITY];

/// Slopes and values at 0.
pub const LINES: [(f64, f64); 5] = [
    (1.0 / 6.0, 0.5),
    (0.2, 0.5),
    (-3.0, 0.0),
    (0.0, 0.25),
    (f64::INFINITY, -1.0),
];

/// The smooth activations, as texts, with some parameters. They are tested as what `AnyActivation` holds: one type instead of
/// many keeps the tests small.
pub const SMOOTH: [&str; 21] = [
    "gelu",
    "elu(alpha=-0.5)",
    "softplus(beta=1.7)",
    "sigmoid",
    "tanh",
    "silu",
    "swish(beta=1.702)",
    "swish(beta=-3)",
    "gelu_tanh",
    "elu",
    "elu(alpha=inf)",
    "selu",
    "celu",
    "celu(alpha=2)",
    "celu(alpha=-0.5)",
    "softplus",
    "softplus(beta=-3)",
    "mish",
    "log_sigmoid",
    "softsign",
    "tanh_shrink",
];

/// So many of [`SMOOTH`] are in tests that take long.
pub const FEW_SMOOTH: usize = 3;

/// The first `count` of [`SMOOTH`].
pub fn smooth(count: usize) -> impl Iterator<Item = AnyActivation> {
    let texts = SMOOTH.into_iter().take(count);
    texts.map(|text| {
        text.parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    })
}

/// Runs `$body` with each activation, with some parameters of each kind: `few` of them in tests that take
/// long, or `all`; or few of the `rectifiers` alone. A new activation is a line here, a smooth one in [`SMOOTH`].
#[macro_export]
macro_rules! for_each_activation {
    (rectifiers, |$activation:ident| $body:expr) => {
        $crate::for_each_activation!(
            ($crate::common::FEW_SLOPES, 1, 1, 1), |$activation| $body
        )
    };
    (few, |$activation:ident| $body:expr) => {{
        $crate::for_each_activation!(rectifiers, |$activation| $body);
        #[allow(unused_imports)]
        use rectify::*;
        #[allow(clippy::useless_conversion)]
        for $activation in $crate::common::smooth($crate::common::FEW_SMOOTH) {
            $body;
        }
    }};
    (all, |$activation:ident| $body:expr) => {{
        $crate::for_each_activation!(
            ($crate::common::SLOPES, usize::MAX, usize::MAX, usize::MAX), |$activation| $body
        );
        #[allow(unused_imports)]
        use rectify::*;
        #[allow(clippy::useless_conversion)]
        for $activation in $crate::common::smooth(usize::MAX) {
            $body;
        }
    }};
    (($slopes:expr, $bounds:expr, $lambdas:expr, $lines:expr), |$activation:ident| $body:expr) => {{
        use rectify::*;
        use $crate::common::{BOUNDS, LAMBDAS, LINES};
        $crate::for_each_activation!(@one $activation, $body, Relu, Relu6, SquaredRelu, HardSwish);
        for slope in $slopes {
            $crate::for_each_activation!(@one $activation, $body, LeakyRelu::new(slope));
        }
        for (min, max) in BOUNDS.into_iter().take($bounds) {
            $crate::for_each_activation!(@one $activation, $body,
                Clip::new(min, max), HardTanh::new(min, max));
        }
        for lambda in LAMBDAS.into_iter().take($lambdas) {
            $crate::for_each_activation!(@one $activation, $body,
                ThresholdedRelu::new(lambda), ThresholdedRelu::new(-lambda),
                HardShrink::new(lambda), SoftShrink::new(lambda));
        }
        for (alpha, beta) in LINES.into_iter().take($lines) {
            $crate::for_each_activation!(@one $activation, $body, HardSigmoid::new(alpha, beta));
        }
    }};
    (@one $activation:ident, $body:expr, $($value:expr),*) => {
        $({
            let $activation = $value;
            $body;
        })*
    };
}

/// An element type with its bits and its troublesome values.
pub trait TestElement: Element + bytemuck::NoUninit {
    type Bits: Eq + LowerHex;

    fn bits(self) -> Self::Bits;
    fn is_nan(self) -> bool;
    fn from_random_bits(bits: u64) -> Self;
    fn specials() -> Vec<Self>;
}

macro_rules! test_element {
    ($float:ident, $bits:ident) => {
        impl TestElement for $float {
            type Bits = $bits;

            fn bits(self) -> $bits {
                self.to_bits()
            }

            fn is_nan(self) -> bool {
                self.is_nan()
            }

            fn from_random_bits(bits: u64) -> Self {
                Self::from_bits(bits as $bits)
            }

            fn specials() -> Vec<Self> {
                let quiet = Self::NAN.to_bits();
                // The quiet bit is the highest of the mantissa; without it, and with a payload, it signals.
                let signalling = Self::INFINITY.to_bits() + 0x55;
                let one_below = |x: Self| Self::from_bits(x.to_bits() - 1);
                let one_above = |x: Self| Self::from_bits(x.to_bits() + 1);
                let positive = [
                    0.0,
                    Self::from_bits(1),
                    one_below(Self::MIN_POSITIVE),
                    Self::MIN_POSITIVE,
                    one_above(Self::MIN_POSITIVE),
                    0.01,
                    one_below(0.5),
                    0.5,
                    one_above(0.5),
                    one_below(1.0),
                    1.0,
                    one_above(1.0),
                    one_below(2.5),
                    2.5,
                    one_above(2.5),
                    one_below(3.0),
                    3.0,
                    one_above(3.0),
                    one_below(6.0),
                    6.0,
                    one_above(6.0),
                    one_below(Self::MAX),
                    Self::MAX,
                    Self::INFINITY,
                    Self::from_bits(quiet),
                    Self::from_bits(quiet + 0x1234),
                    Self::from_bits(signalling),
                ];
                positive.iter().flat_map(|&x| [x, -x]).collect()
            }
        }
    };
}

test_element!(f32, u32);
test_element!(f64, u64);

/// `len` values: half of them special, the others of random bits. The same for the same seed.
pub fn values<T: TestElement>(len: usize, seed: u64) -> Vec<T> {
    let mut rng = StdRng::seed_from_u64(seed);
    let specials = T::specials();
    (0..len)
        .map(|_| {
            if rng.random() {
                specials[rng.random_range(0..specials.len())]
            } else {
                T::from_random_bits(rng.random())
            }
        })
        .collect()
}

/// Panics at the first element that differs, saying where and how.
#[track_caller]
pub fn assert_same_bits<T: TestElement>(
    actual: &[T],
    expected: &[T],
    what: impl FnOnce() -> String,
) {
    assert_same_bits_but(|_| false, actual, expected, what);
}

/// What a gradient is made of: `x` and `dy`.
pub type Inputs<'a, T> = (&'a [T], &'a [T]);

/// As [`assert_same_bits`] for what backward made of `x` and `dy`. Where both are NaN their product is one
/// of the two, and Rust does not say which.
#[track_caller]
pub fn assert_same_gradient<T: TestElement>(
    (x, dy): Inputs<'_, T>,
    actual: &[T],
    expected: &[T],
    what: impl FnOnce() -> String,
) {
    let two_nans = |i: usize| x[i].is_nan() && dy[i].is_nan();
    assert_same_bits_but(two_nans, actual, expected, what);
}

/// As [`assert_same_bits`], where of the elements that `is_open` names a NaN may be any NaN.
#[track_caller]
pub fn assert_same_bits_but<T: TestElement>(
    is_open: impl Fn(usize) -> bool,
    actual: &[T],
    expected: &[T],
    what: impl FnOnce() -> String,
) {
    assert_eq!(actual.len(), expected.len());
    // Bytes at once, and a search only where they differ.
    if bytemuck::cast_slice::<T, u8>(actual) == bytemuck::cast_slice::<T, u8>(expected) {
        return;
    }
    let differs = |&i: &usize| {
        actual[i].bits() != expected[i].bits()
            && !(actual[i].is_nan() && expected[i].is_nan() && is_open(i))
    };
    if let Some(at) = (0..actual.len()).find(differs) {
        panic!(
            "{}: element {at} of {} is {:?} ({:#x}) and should be {:?} ({:#x})",
            what(),
            actual.len(),
            actual[at],
            actual[at].bits(),
            expected[at],
            expected[at].bits()
        );
    }
}
