//! Calls as anybody might make them: the space that the property tests and the fuzzer draw from, both by
//! bytes, so that it is described once.

#[cfg(feature = "parallel")]
use std::sync::OnceLock;

use arbitrary::{Arbitrary, Unstructured};
use rectify::{Activation, AnyActivation, Channels, PRelu, Tier};

use super::kernel::{MARGIN, check_slopes};
use super::{
    Is, Kernel, LEAST_LARGE_BYTES, OutputMemory, TestElement, assert_same_bits,
    assert_same_bits_but, check_kernel, tiers,
};
use crate::for_each_activation;

/// A call of each method, and what is around it.
#[derive(Clone, Debug)]
pub struct Case<T> {
    which: Which<T>,
    tier: Tier,
    threads: Threads,
    len: usize,
    /// The inputs are these values, over and over.
    x: Vec<T>,
    dy: Vec<T>,
    /// Elements by which input, gradient and output are off where memory was allocated.
    offsets: [usize; 3],
    /// Elements behind the output that must stay as they are; with none, what watches the heap sees each step
    /// beyond.
    behind: usize,
}

/// A case of either element, as the fuzzer draws it.
#[derive(Arbitrary, Debug)]
pub enum Call {
    F32(Case<f32>),
    F64(Case<f64>),
}

impl Call {
    pub fn check(self) {
        match self {
            Self::F32(case) => case.check(),
            Self::F64(case) => case.check(),
        }
    }
}

#[derive(Clone, Debug)]
enum Which<T> {
    Any(AnyActivation),
    PRelu { slopes: Vec<T>, inner: usize },
}

#[derive(Clone, Copy, Debug)]
enum Threads {
    Caller,
    #[cfg(feature = "parallel")]
    GlobalPool,
    #[cfg(feature = "parallel")]
    PoolOf(usize),
}

/// The most bytes that a case is drawn from.
pub const MOST_BYTES: usize = 1024;

/// Any bytes stand for a case, and none for the simplest. Values and parameters are special far more often than
/// chance would have it.
impl<'b, T: TestElement> Arbitrary<'b> for Case<T> {
    fn arbitrary(bytes: &mut Unstructured<'b>) -> arbitrary::Result<Self> {
        let tiers: Vec<_> = tiers().collect();
        let which = Which::draw(bytes)?;
        let tier = *bytes.choose(&tiers)?;
        let threads = Threads::draw(bytes)?;
        let len = match bytes.int_in_range(0..=15)? {
            0..=12 => bytes.int_in_range(0..=400)?,
            // About where calls of one, two and three buffers may stream and be split, ...
            13 | 14 => {
                let least = LEAST_LARGE_BYTES / size_of::<T>() / bytes.int_in_range(1..=3)?;
                bytes.int_in_range(least - 300..=least + 1_000)?
            }
            // ... and past several chunks.
            _ => bytes.int_in_range(0..=150_000)?,
        };
        let period = match &which {
            Which::Any(_) => 1,
            Which::PRelu { slopes, inner } => slopes.len() * inner,
        };
        let lanes_of_a_line = 64 / size_of::<T>();
        let mut offset = || bytes.int_in_range(0..=lanes_of_a_line - 1);
        Ok(Self {
            which,
            tier,
            threads,
            len: len.next_multiple_of(period),
            offsets: [offset()?, offset()?, offset()?],
            behind: if bytes.arbitrary()? { MARGIN } else { 0 },
            x: values(bytes)?,
            dy: values(bytes)?,
        })
    }
}

/// One to 40 values.
fn values<T: TestElement>(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Vec<T>> {
    let specials = T::specials();
    let len = bytes.int_in_range(1..=40)?;
    let value = |_| {
        Ok(if bytes.ratio(2, 3)? {
            *bytes.choose(&specials)?
        } else {
            T::from_random_bits(bytes.arbitrary()?)
        })
    };
    (0..len).map(value).collect()
}

impl<T: TestElement> Which<T> {
    fn draw(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        let mut family = Vec::new();
        for_each_activation!(all, |activation| family.push(activation.into()));
        Ok(match bytes.int_in_range(0..=7)? {
            0..=2 => Self::Any(*bytes.choose(&family)?),
            3..=5 => {
                let parameters = [parameter(bytes)?, parameter(bytes)?];
                Self::Any(with_parameters(*bytes.choose(&family)?, parameters))
            }
            _ => {
                let some: Vec<T> = values(bytes)?;
                // A few channels, near and far between, or more than are laid out as a pattern (2,048 elements).
                let (channels, inner) = match bytes.int_in_range(0..=3)? {
                    0 => (some.len(), 1),
                    1 => (some.len(), bytes.int_in_range(1..=40)?),
                    2 => (some.len(), bytes.int_in_range(250..=260)?),
                    _ => (
                        bytes.int_in_range(2_000..=2_100)?,
                        bytes.int_in_range(1..=5)?,
                    ),
                };
                Self::PRelu {
                    slopes: some.into_iter().cycle().take(channels).collect(),
                    inner,
                }
            }
        })
    }
}

fn parameter(bytes: &mut Unstructured<'_>) -> arbitrary::Result<f64> {
    Ok(match bytes.int_in_range(0..=3)? {
        0 => *bytes.choose(&f64::specials())?,
        1 => f64::from(*bytes.choose(&f32::specials())?),
        2 => f64::from(bytes.arbitrary::<i16>()?) / 4096.0,
        _ => bytes.arbitrary()?,
    })
}

/// `activation` with other parameters, if it takes them or their absolute values: through its text, so that any
/// member of the family can be made.
fn with_parameters(activation: AnyActivation, parameters: [f64; 2]) -> AnyActivation {
    let with = |values: [f64; 2]| {
        let named = activation.parameters().into_iter().zip(values);
        let listed: Vec<_> = named
            .map(|((name, _), value)| format!("{name}={value}"))
            .collect();
        format!("{}({})", activation.name(), listed.join(", ")).parse()
    };
    with(parameters)
        .or_else(|_| with(parameters.map(f64::abs)))
        .unwrap_or(activation)
}

impl Threads {
    #[cfg(not(feature = "parallel"))]
    fn draw(_: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        Ok(Self::Caller)
    }

    #[cfg(feature = "parallel")]
    fn draw(bytes: &mut Unstructured<'_>) -> arbitrary::Result<Self> {
        Ok(match bytes.int_in_range(0..=4)? {
            0 | 1 => Self::Caller,
            2 => Self::GlobalPool,
            _ => Self::PoolOf(*bytes.choose(&POOLS)?),
        })
    }
}

/// The numbers of threads that pools are made with.
#[cfg(feature = "parallel")]
pub const POOLS: [usize; 5] = [1, 2, 3, 8, 64];

/// The pool of so many threads, one of [`POOLS`]; made once.
#[cfg(feature = "parallel")]
pub fn pool(threads: usize) -> &'static rayon::ThreadPool {
    static ALL: [OnceLock<rayon::ThreadPool>; POOLS.len()] =
        [const { OnceLock::new() }; POOLS.len()];
    let at = POOLS
        .iter()
        .position(|&size| size == threads)
        .expect("one of `POOLS`");
    ALL[at].get_or_init(|| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("so many threads")
    })
}

/// What `work` returns inside of it. WebAssembly starts no thread: there on this one.
#[cfg(feature = "parallel")]
pub fn in_pool<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    if cfg!(target_family = "wasm") {
        return work();
    }
    pool(threads).install(work)
}

impl<T: TestElement> Case<T> {
    /// # Panics
    /// If a method does anything but what its definition says.
    pub fn check(&self) {
        match &self.which {
            Which::Any(any) => match self.threads {
                Threads::Caller => self.check_kernel(&Is::new(any, &any.on(self.tier))),
                #[cfg(feature = "parallel")]
                _ => self.check_kernel(&Is::new(any, &any.on(self.tier).par())),
            },
            Which::PRelu { slopes, inner } => {
                let serial = PRelu::new(Channels::new(slopes, *inner)).on(self.tier);
                let prelu = match self.threads {
                    Threads::Caller => serial,
                    #[cfg(feature = "parallel")]
                    _ => serial.par(),
                };
                self.check_kernel(&prelu);
                // Every tier and number of threads gives the gradient of the slopes the same bits.
                let least = tiers().next().expect("portable is always there");
                let [x, dy] = [&self.x, &self.dy].map(|values| self.repeated(values, 0));
                let other = PRelu::new(Channels::new(slopes, *inner)).on(least);
                self.on_threads(|| check_slopes(&prelu, &other, (&x, &dy)));
            }
        }
    }

    fn check_kernel(&self, kernel: &(dyn Kernel<T> + Sync)) {
        self.on_threads(|| self.check_here(kernel));
    }

    /// Runs `work` where the case says.
    fn on_threads(&self, work: impl FnOnce() + Send) {
        match self.threads {
            #[cfg(feature = "parallel")]
            Threads::PoolOf(threads) => in_pool(threads, work),
            _ => work(),
        }
    }

    /// So many of `values`, over and over, with `offset` more in front, on an allocation that ends with the last.
    fn repeated(&self, values: &[T], offset: usize) -> Box<[T]> {
        let len = offset + self.len;
        let mut repeated = values.repeat(len.div_ceil(values.len()));
        repeated.truncate(len);
        repeated.into_boxed_slice()
    }

    fn check_here(&self, kernel: &dyn Kernel<T>) {
        let [x_offset, dy_offset, start] = self.offsets;
        let (x, dy) = (
            self.repeated(&self.x, x_offset),
            self.repeated(&self.dy, dy_offset),
        );
        let mut memory = vec![T::ZERO; start + self.len + self.behind];
        let mut expected = vec![T::ZERO; self.len];
        let inputs = (&x[x_offset..], &dy[dy_offset..]);
        let output = OutputMemory {
            memory: &mut memory,
            start,
            expected: &mut expected,
        };
        check_kernel(kernel, inputs, output);

        // Once more into memory that nobody has written: tools which know that see what is left out.
        let mut output = Box::new_uninit_slice(self.len);
        kernel.expected_forward(inputs.0, &mut expected);
        let written = kernel.forward_uninit(inputs.0, &mut output);
        let is_open = |i: usize| kernel.is_open(i, inputs.0[i]);
        let what = || format!("{kernel:?}.forward_uninit");
        assert_same_bits_but(is_open, written, &expected, what);

        let unchanged = || "an input was written to".to_owned();
        assert_same_bits(&x, &self.repeated(&self.x, x_offset), unchanged);
        assert_same_bits(&dy, &self.repeated(&self.dy, dy_offset), unchanged);
    }
}

/// # Panics
/// If the parser does, or if what it takes does not come back as the same from its own text.
pub fn check_text(text: &str) {
    if let Ok(activation) = text.parse() {
        comes_back(activation);
    }
}

/// The same for an operator of ONNX with its attributes.
pub fn check_onnx(op_type: &str, attributes: &[(&str, f64)]) {
    if let Ok(activation) = AnyActivation::from_onnx(op_type, attributes) {
        comes_back(activation);
    }
}

fn comes_back(activation: AnyActivation) {
    let text = activation.to_string();
    assert_eq!(text.parse(), Ok(activation), "from {text:?}");
}
