//! Against what others make of the same inputs: PyTorch, and ONNX's reference implementation. `vectors/make.py`
//! wrote down their bits. Ours are the same, but for the differences in a table, each with its reason.

use std::collections::BTreeSet;
use std::fs::File;

use AnyActivation::{
    Clip, HardShrink, HardSigmoid, HardSwish, HardTanh, LeakyRelu, Relu, Relu6, SoftShrink,
    SquaredRelu, ThresholdedRelu,
};
use Pass::{Backward, Forward};
use Source::{Onnx, PyTorch};
use csv::StringRecord;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rectify::{Activation, AnyActivation, Channels, Element, PRelu};

use crate::common::tiers;

/// An element type whose bits are in the files.
pub(crate) trait Float: Element {
    const THREE: Self;
    const MAX: Self;
    /// The smallest number above 0.
    const SMALLEST: Self;
    /// What a rounding is off at most, relative to its result.
    const UNIT_ROUNDOFF: Self;
    const QUIET_BIT: u64;
    const ALL_ONES: u64;
    fn from_bits(bits: u64) -> Self;
    fn bits(self) -> u64;
    fn is_nan(self) -> bool;
}

macro_rules! float {
    ($float:ident, $bits:ident) => {
        impl Float for $float {
            const THREE: Self = 3.0;
            const MAX: Self = Self::MAX;
            const SMALLEST: Self = Self::from_bits(1);
            const UNIT_ROUNDOFF: Self = Self::EPSILON / 2.0;
            const QUIET_BIT: u64 = 1 << (Self::MANTISSA_DIGITS - 2);
            const ALL_ONES: u64 = $bits::MAX as u64;

            fn from_bits(bits: u64) -> Self {
                Self::from_bits(bits.try_into().expect("as many digits as the type has"))
            }

            fn bits(self) -> u64 {
                self.to_bits().into()
            }

            fn is_nan(self) -> bool {
                self.is_nan()
            }
        }
    };
}

float!(f32, u32);
float!(f64, u64);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Source {
    PyTorch,
    Onnx,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Pass {
    Forward,
    Backward,
}

/// An element, and what became of it.
#[derive(Debug)]
struct Case<T> {
    source: Source,
    pass: Pass,
    activation: AnyActivation,
    x: T,
    /// Of the backward pass.
    dy: T,
    ours: T,
    theirs: T,
}

/// Whether the CPU makes the same NaN of every operation, whatever NaN it is given.
const ONE_NAN: bool = cfg!(target_arch = "riscv64");

impl<T: Float> Case<T> {
    fn is(&self, source: Source, pass: Pass) -> bool {
        self.source == source && self.pass == pass
    }

    fn agrees(&self) -> bool {
        self.ours.bits() == self.theirs.bits()
            || (self.ours.is_nan() && self.theirs.is_nan() && self.leaves_nan_open())
    }

    /// Whether a result that is NaN may have any bits: where the CPU has one NaN, where it is made of numbers, or is the product of two
    /// NaNs. That is not in the table, as the next compiler may choose their bits.
    fn leaves_nan_open(&self) -> bool {
        if ONE_NAN {
            return true;
        }
        match (self.pass, self.x.is_nan(), self.dy.is_nan()) {
            (Forward, nan, _) => !nan,
            (Backward, false, false) => true,
            (Backward, true, true) => matches!(self.activation, SquaredRelu(_) | HardSwish(_)),
            (Backward, _, _) => false,
        }
    }

    fn ours_is(&self, value: T) -> bool {
        self.ours.bits() == value.bits()
    }

    /// The payload of a NaN that they computed does not matter here.
    fn theirs_is(&self, value: T) -> bool {
        self.theirs.bits() == value.bits() || (self.theirs.is_nan() && value.is_nan())
    }

    /// Whether the two are no further apart than so many roundings of a finite number of the size of `of`.
    fn within(&self, roundings: f64, of: T) -> bool {
        let bound = T::from_f64(roundings) * T::UNIT_ROUNDOFF * of.abs() + T::SMALLEST;
        bound <= T::MAX && (self.ours - self.theirs).abs() <= bound
    }

    /// The slope of [`LeakyRelu`] and the `alpha` of [`HardSigmoid`].
    fn factor(&self) -> T {
        T::from_f64(match self.activation {
            LeakyRelu(leaky) => leaky.negative_slope(),
            HardSigmoid(line) => line.alpha(),
            _ => f64::NAN,
        })
    }
}

/// A difference that is wanted.
struct Difference<T> {
    why: &'static str,
    is: fn(&Case<T>) -> bool,
}

/// All of them. Where several are the case, the first one counts.
fn differences<T: Float>() -> Vec<Difference<T>> {
    vec![
        Difference {
            why: "A NaN that passes keeps its bits. What they compute with it makes a signalling one quiet.",
            is: |it| it.ours.is_nan() && it.theirs.bits() == it.ours.bits() | T::QUIET_BIT,
        },
        Difference {
            why: "NaN in, NaN out. So it is in PyTorch, whose minimum sets all its bits with AVX2.",
            is: |it| {
                it.is(PyTorch, Forward)
                    && matches!(it.activation, HardSigmoid(_) | HardSwish(_))
                    && it.x.is_nan()
                    && it.ours.is_nan()
                    && it.theirs.bits() == T::ALL_ONES
            },
        },
        Difference {
            why: "NaN in, NaN out. ONNX takes 0 where no comparison is true.",
            is: |it| {
                it.is(Onnx, Forward)
                    && matches!(
                        it.activation,
                        ThresholdedRelu(_) | HardShrink(_) | SoftShrink(_)
                    )
                    && it.x.is_nan()
                    && it.ours_is(it.x)
                    && it.theirs_is(T::ZERO)
            },
        },
        Difference {
            why: "-0.0 passes. ONNX takes the greater one of -0.0 and 0, which is 0.",
            is: |it| {
                it.is(Onnx, Forward)
                    && matches!(it.activation, Relu(_))
                    && it.ours_is(-T::ZERO)
                    && it.ours_is(it.x)
                    && it.theirs_is(T::ZERO)
            },
        },
        Difference {
            why: "Zeros pass. They multiply them by the slope: another sign, or NaN where it is infinite.",
            is: |it| {
                it.pass == Forward
                    && matches!(it.activation, LeakyRelu(_))
                    && it.x == T::ZERO
                    && it.ours_is(it.x)
                    && it.theirs_is(it.factor() * it.x)
            },
        },
        Difference {
            why: "Where `x` passes there is no slope. ONNX multiplies it by 0: NaN where it is infinite.",
            is: |it| {
                it.is(Onnx, Forward)
                    && matches!(it.activation, LeakyRelu(_))
                    && it.factor() > T::MAX
                    && it.x > T::ZERO
                    && it.ours_is(it.x)
                    && it.theirs.is_nan()
            },
        },
        Difference {
            why: "Within the thresholds is +0. PyTorch multiplies by 0 in its loop for the last elements.",
            is: |it| {
                it.is(PyTorch, Forward)
                    && matches!(it.activation, SoftShrink(_))
                    && it.x <= T::ZERO
                    && it.ours_is(T::ZERO)
                    && it.theirs_is(it.x * T::ZERO)
            },
        },
        Difference {
            why: "The gradient passes at NaN. PyTorch passes it where comparisons find `x` inside: 0 at NaN.",
            is: |it| {
                it.is(PyTorch, Backward)
                    && it.x.is_nan()
                    && it.theirs_is(T::ZERO)
                    && match it.activation {
                        HardSigmoid(_) => it.ours_is(it.factor() * it.dy),
                        Clip(_) | Relu6(_) | HardTanh(_) | HardShrink(_) | SoftShrink(_) => {
                            it.ours_is(it.dy)
                        }
                        _ => false,
                    }
            },
        },
        Difference {
            why: "The gradient passes at NaN. PyTorch multiplies it by the slope unless `x` is above 0.",
            is: |it| {
                it.is(PyTorch, Backward)
                    && matches!(it.activation, LeakyRelu(_))
                    && it.x.is_nan()
                    && it.ours_is(it.dy)
                    && it.theirs_is(it.factor() * it.dy)
            },
        },
        Difference {
            why: "The gradient at NaN is NaN. PyTorch passes `dy` in its loop for the last elements.",
            is: |it| {
                it.is(PyTorch, Backward)
                    && matches!(it.activation, HardSwish(_))
                    && it.x.is_nan()
                    && it.ours.is_nan()
                    && it.theirs_is(it.dy)
            },
        },
        Difference {
            why: "Up to -3 there is +0. They multiply by 0: -0.0, and NaN at -inf.",
            is: |it| {
                it.pass == Forward
                    && matches!(it.activation, HardSwish(_))
                    && it.x <= -T::THREE
                    && it.ours_is(T::ZERO)
                    && it.theirs_is(it.x * T::ZERO)
            },
        },
        Difference {
            why: "From 3 on `x` passes. PyTorch computes `x * 6 / 6`, and `x * 6` overflows.",
            is: |it| {
                it.is(PyTorch, Forward)
                    && matches!(it.activation, HardSwish(_))
                    && it.x * (T::THREE + T::THREE) > T::MAX
                    && it.ours_is(it.x)
                    && it.theirs > T::MAX
            },
        },
        // Roundings of `x` at most: ours are two of a factor that is at most 1 (1/6 and the product in it count
        // half, as that is at most 1/2), and one of the result; theirs are three of the result.
        Difference {
            why: "PyTorch rounds `x * (x + 3) / 6`, which is not rounded as `x * (x / 6 + 1 / 2)` is.",
            is: |it| {
                it.is(PyTorch, Forward)
                    && matches!(it.activation, HardSwish(_))
                    && it.x > -T::THREE
                    && (it.x < T::THREE || it.ours_is(it.x))
                    && it.within(6.0, it.x)
            },
        },
        // Roundings of `dy` at most. Here 1/3 and a product are rounded and there a quotient, each at most 1:
        // three. Then both round a sum of at most 3/2, and a product of `dy` and that: six.
        Difference {
            why: "PyTorch divides by 3, here `x` is multiplied by 1/3.",
            is: |it| {
                it.is(PyTorch, Backward)
                    && matches!(it.activation, HardSwish(_))
                    && it.x.abs() < T::THREE
                    && it.within(9.0, it.dy)
            },
        },
        // Roundings of 1 at most: ours are two of a product of at most 1/2, and the sum's; theirs are two
        // of the result.
        Difference {
            why: "PyTorch rounds `(x + 3) / 6`, which is not rounded as `x / 6 + 1 / 2` is.",
            is: |it| {
                it.is(PyTorch, Forward)
                    && matches!(it.activation, HardSigmoid(_))
                    && it.x.abs() < T::THREE
                    && it.within(4.0, T::ONE)
            },
        },
        // `v` is off by two roundings of 1 at most, as above: so are six times as many of `x`.
        Difference {
            why: "The gradient is 0 where `v` is rounded to 0 or 1. PyTorch compares `x` with -3 and 3.",
            is: |it| {
                it.is(PyTorch, Backward)
                    && matches!(it.activation, HardSigmoid(_))
                    && it.x.abs() < T::THREE
                    && T::THREE - it.x.abs() <= T::from_f64(12.0) * T::UNIT_ROUNDOFF
                    && it.ours_is(T::ZERO)
                    && it.theirs_is(it.factor() * it.dy)
            },
        },
        Difference {
            why: "1/6 is rounded to the element type. In PyTorch's gradient it is that of `f32` in `f64` too.",
            is: |it| {
                it.is(PyTorch, Backward)
                    && matches!(it.activation, HardSigmoid(_))
                    && it.x.abs() < T::THREE
                    && it.ours == it.factor() * it.dy
                    && it.theirs_is(T::from_f64((1.0_f32 / 6.0).into()) * it.dy)
            },
        },
    ]
}

/// What was compared so far.
#[derive(Default)]
struct Comparison {
    /// How often each difference in the table was the case.
    found: Vec<usize>,
    undeclared: Vec<String>,
}

impl Comparison {
    fn add<T: Float>(&mut self, case: &Case<T>) {
        let table = differences::<T>();
        self.found.resize(table.len(), 0);
        if !case.agrees() {
            match table.iter().position(|difference| (difference.is)(case)) {
                Some(i) => self.found[i] += 1,
                None => self.undeclared.push(format!(
                    "{case:?}: ours has the bits {:x}, theirs {:x}",
                    case.ours.bits(),
                    case.theirs.bits()
                )),
            }
        }
    }

    fn finish(self) {
        let (undeclared, first) = (self.undeclared.len(), self.undeclared.iter().take(10));
        let first: Vec<_> = first.map(String::as_str).collect();
        assert!(
            undeclared == 0,
            "{undeclared} elements differ in ways that are not in the table:\n{}",
            first.join("\n")
        );
        for (Difference { why, .. }, found) in differences::<f32>().iter().zip(self.found) {
            println!("{found:6}  {why}");
            assert!(
                found > 0 || ONE_NAN,
                "there is no such difference any more: {why}"
            );
        }
    }
}

/// The rows of a file.
pub(crate) fn records(name: &str) -> Vec<StringRecord> {
    let path = format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    let file = File::open(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let records = csv::Reader::from_reader(file).into_records();
    let records: Vec<_> = records.map(|record| record.expect(&path)).collect();
    assert!(!records.is_empty(), "{path} is empty");
    records
}

pub(crate) fn columns<const N: usize>(record: &StringRecord) -> [&str; N] {
    let columns: Vec<_> = record.iter().collect();
    columns
        .try_into()
        .expect("as many columns as the header has")
}

fn source(text: &str) -> Source {
    match text.split_once(' ') {
        Some(("PyTorch", _)) => PyTorch,
        Some(("ONNX", _)) => Onnx,
        _ => panic!("`{text}` is no source with its version"),
    }
}

pub(crate) fn numbers<T: Float>(text: &str) -> Vec<T> {
    let number = |digits| u64::from_str_radix(digits, 16).map(T::from_bits);
    let numbers = text.split_whitespace().map(number);
    numbers
        .collect::<Result<_, _>>()
        .expect("hexadecimal digits")
}

/// A row: a call, and what came back.
struct Call<T> {
    source: Source,
    x: Vec<T>,
    y: Vec<T>,
    /// With PyTorch: `dy` and `dx`.
    gradients: Option<(Vec<T>, Vec<T>)>,
}

impl<T: Float> Call<T> {
    fn new(source_text: &str, [x, dy, y, dx]: [&str; 4]) -> Self {
        let source = source(source_text);
        let gradients = (source == PyTorch).then(|| (numbers(dy), numbers(dx)));
        Self {
            source,
            x: numbers(x),
            y: numbers(y),
            gradients,
        }
    }

    /// Compares with what `forward` and `backward` write to their last argument. `activation` is that of the
    /// element at an index.
    fn compare(
        &self,
        comparison: &mut Comparison,
        activation: impl Fn(usize) -> AnyActivation,
        forward: impl Fn(&[T], &mut [T]),
        backward: impl Fn(&[T], &[T], &mut [T]),
    ) {
        let x = &self.x;
        // Not what anything below is.
        let untouched = T::from_f64(424_242.0);
        let mut ours = vec![untouched; x.len()];
        let mut add = |pass, ours: &[T], dy: &[T], theirs: &[T]| {
            assert_eq!([dy.len(), theirs.len()], [x.len(); 2]);
            for i in 0..x.len() {
                comparison.add(&Case {
                    source: self.source,
                    pass,
                    activation: activation(i),
                    x: x[i],
                    dy: dy[i],
                    ours: ours[i],
                    theirs: theirs[i],
                });
            }
        };
        forward(x, &mut ours);
        add(Forward, &ours, &vec![T::ZERO; x.len()], &self.y);
        if let Some((dy, dx)) = &self.gradients {
            ours.fill(untouched);
            backward(x, dy, &mut ours);
            add(Backward, &ours, dy, dx);
        }
    }
}

fn compare_activation<T: Float>(comparison: &mut Comparison, record: &StringRecord) {
    let [source, text, _, x, dy, y, dx] = columns(record);
    let activation: AnyActivation = text.parse().expect(text);
    let call = Call::<T>::new(source, [x, dy, y, dx]);
    for tier in tiers() {
        let kernel = activation.on(tier);
        call.compare(
            comparison,
            |_| activation,
            |x, y| kernel.forward(x, y),
            |x, dy, dx| kernel.backward(x, dy, dx),
        );
    }
}

fn compare_prelu(comparison: &mut Comparison, record: &StringRecord) {
    let [source, inner, slopes, x, dy, y, dx, d_slopes] = columns(record);
    let slopes = numbers::<f32>(slopes);
    let call = Call::<f32>::new(source, [x, dy, y, dx]);
    for tier in tiers() {
        let slopes = Channels::new(&slopes, inner.parse().expect("a number"));
        let prelu = PRelu::new(slopes).on(tier);
        call.compare(
            comparison,
            |i| prelu.of_channel(slopes.channel(i)).into(),
            |x, y| prelu.forward(x, y),
            |x, dy, dx| prelu.backward(x, dy, dx),
        );
        if d_slopes.is_empty() {
            continue;
        }
        let (dy, _) = call.gradients.as_ref().expect("those of PyTorch");
        let mut ours = vec![0.0; slopes.values().len()];
        prelu.backward_slopes(&call.x, dy, &mut ours);
        // Theirs are sums in `f64`: exact beside what ours may be off, which the documentation of
        // `backward_slopes` says.
        for (channel, (ours, theirs)) in ours.iter().zip(numbers::<f64>(d_slopes)).enumerate() {
            let of_channel = (0..call.x.len()).filter(|&i| slopes.channel(i) == channel);
            let n = of_channel.clone().count() as f64;
            let sizes = of_channel.filter(|&i| call.x[i] <= 0.0);
            let size: f64 = sizes
                .map(|i| (f64::from(call.x[i]) * f64::from(dy[i])).abs())
                .sum();
            let unit = f64::from(f32::UNIT_ROUNDOFF);
            let bound = (66.0 + n * f64::UNIT_ROUNDOFF / unit) * unit * size;
            let error = (f64::from(*ours) - theirs).abs();
            assert!(
                error <= bound,
                "{ours} is {error:e} off {theirs}, and the bound is {bound:e}"
            );
        }
    }
}

#[test]
fn the_bits_of_others() {
    let mut comparison = Comparison::default();
    for record in records("activations.csv") {
        match &record[2] {
            "f32" => compare_activation::<f32>(&mut comparison, &record),
            "f64" => compare_activation::<f64>(&mut comparison, &record),
            other => panic!("`{other}` is no element type"),
        }
    }
    for record in records("prelu.csv") {
        compare_prelu(&mut comparison, &record);
    }
    comparison.finish();
}

/// Half the distance between the two points of a finite difference.
const H: f64 = 1.0 / (1 << 20) as f64;

/// Every piece of every activation is a polynomial of at most the second degree, so the central difference is
/// its slope but for roundings: at most three in each of two values that are at most 64, divided by `2 * H`.
/// That is 3 * 64 * 2^-53 * 2^20 = 3 * 2^-27; beside it, the roundings of the backward pass are nothing.
const TOLERANCE: f64 = 1.0 / (1 << 25) as f64;

/// Between -8 and 8, so that `x + H` and `x - H` are exact.
fn random_x(rng: &mut StdRng) -> f64 {
    f64::from(rng.random_range(-(8 << 20)..(8 << 20))) * H
}

/// Where the slope may jump, and a few places where it does not.
fn kinks(activation: AnyActivation) -> Vec<f64> {
    let mut kinks = vec![0.0, 3.0, 6.0];
    for (_, value) in activation.parameters() {
        kinks.push(value);
    }
    if let HardSigmoid(line) = activation {
        kinks.extend([0.0, 1.0].map(|v| (v - line.beta()) / line.alpha()));
    }
    kinks.iter().flat_map(|&kink| [kink, -kink]).collect()
}

/// Away from kinks, for all activations in the file with finite slopes.
#[test]
fn backward_is_the_slope_of_forward() {
    let mut rng = StdRng::seed_from_u64(5);
    let records = records("activations.csv");
    let texts: BTreeSet<_> = records.iter().map(|record| &record[1]).collect();
    for text in texts {
        let activation: AnyActivation = text.parse().expect(text);
        if matches!(activation, LeakyRelu(leaky) if leaky.negative_slope().is_infinite()) {
            continue;
        }
        let kinks = kinks(activation);
        let mut x: Vec<_> = (0..10_000).map(|_| random_x(&mut rng)).collect();
        x.retain(|x| kinks.iter().all(|kink| (x - kink).abs() > 2.0 * H));
        assert!(x.len() > 9_000);
        let dy: Vec<f64> = x.iter().map(|_| rng.random_range(-1.0..1.0)).collect();
        let forward = |step: f64| {
            let mut y: Vec<_> = x.iter().map(|x| x + step).collect();
            activation.forward_in_place(&mut y);
            y
        };
        let (above, below) = (forward(H), forward(-H));
        let mut dx = vec![f64::NAN; x.len()];
        activation.backward(&x, &dy, &mut dx);
        for i in 0..x.len() {
            let slope = (above[i] - below[i]) / (2.0 * H);
            assert!(
                (dx[i] - dy[i] * slope).abs() <= TOLERANCE,
                "{text} at {}: {} is not {} times {slope}",
                x[i],
                dx[i],
                dy[i]
            );
        }
    }
}

/// As above, for each input and each slope.
#[test]
fn backward_is_the_slope_of_forward_in_prelu() {
    let mut rng = StdRng::seed_from_u64(6);
    let slopes = [0.25, -0.5, 2.5];
    for inner in [1, 10] {
        let mut x: Vec<_> = (0..300).map(|_| random_x(&mut rng)).collect();
        // The kink is at 0.
        x.iter_mut()
            .filter(|x| x.abs() <= 2.0 * H)
            .for_each(|x| *x = 1.0);
        let dy: Vec<f64> = x.iter().map(|_| rng.random_range(-1.0..1.0)).collect();
        let forward = |slopes: &[f64], step: f64| {
            let mut y: Vec<_> = x.iter().map(|x| x + step).collect();
            PRelu::new(Channels::new(slopes, inner)).forward_in_place(&mut y);
            y
        };
        let prelu = PRelu::new(Channels::new(&slopes, inner));
        let mut dx = vec![f64::NAN; x.len()];
        prelu.backward(&x, &dy, &mut dx);
        let (above, below) = (forward(&slopes, H), forward(&slopes, -H));
        for i in 0..x.len() {
            let slope = (above[i] - below[i]) / (2.0 * H);
            assert!(
                (dx[i] - dy[i] * slope).abs() <= TOLERANCE,
                "{} at {}",
                dx[i],
                x[i]
            );
        }
        // The output is linear in a slope, so a wide step is as exact, and roundings of sums do not matter.
        let mut d_slopes = [f64::NAN; 3];
        prelu.backward_slopes(&x, &dy, &mut d_slopes);
        for channel in 0..slopes.len() {
            let [above, below] = [1.0, -1.0].map(|step| {
                let mut slopes = slopes;
                slopes[channel] += step;
                forward(&slopes, 0.0)
            });
            let terms = (0..x.len()).map(|i| dy[i] * (above[i] - below[i]) / 2.0);
            let slope: f64 = terms.sum();
            assert!(
                (d_slopes[channel] - slope).abs() <= TOLERANCE,
                "channel {channel}"
            );
        }
    }
}
