//! What the tests share: the activations and values to test with, and one check that compares every
//! method with its scalar reference, by bits.
#![allow(dead_code, unreachable_pub)] // Each test binary uses its part.

use std::fmt::{Debug, LowerHex};
use std::mem::MaybeUninit;
use std::ops::{BitOr, BitXor};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rectify::{Activation, Element, PRelu, scalar};

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

/// Runs `$body` with each activation, with some parameters of each kind: `few` of them in tests that take
/// long, or `all`. A new activation is a line here.
#[macro_export]
macro_rules! for_each_activation {
    (few, |$activation:ident| $body:expr) => {
        $crate::for_each_activation!(
            ($crate::common::FEW_SLOPES, 1, 1, 1), |$activation| $body
        )
    };
    (all, |$activation:ident| $body:expr) => {
        $crate::for_each_activation!(
            ($crate::common::SLOPES, usize::MAX, usize::MAX, usize::MAX), |$activation| $body
        )
    };
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
pub trait TestElement: Element {
    type Bits: Copy
        + Default
        + Eq
        + LowerHex
        + BitXor<Output = Self::Bits>
        + BitOr<Output = Self::Bits>;

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
                    2.5,
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
    let two_nans = |i: usize| {
        [x[i], dy[i], actual[i], expected[i]]
            .iter()
            .all(|x| x.is_nan())
    };
    assert_same_bits_but(two_nans, actual, expected, what);
}

#[track_caller]
fn assert_same_bits_but<T: TestElement>(
    is_open: impl Fn(usize) -> bool,
    actual: &[T],
    expected: &[T],
    what: impl FnOnce() -> String,
) {
    assert_eq!(actual.len(), expected.len());
    // A pass that compiles to vectors, and the search only where it found something.
    let differ = actual
        .iter()
        .zip(expected)
        .fold(T::Bits::default(), |differ, (a, e)| {
            differ | (a.bits() ^ e.bits())
        });
    if differ != T::Bits::default() {
        let differs = |&i: &usize| actual[i].bits() != expected[i].bits() && !is_open(i);
        let Some(at) = (0..actual.len()).find(differs) else {
            return;
        };
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

/// `slice` as memory that may be uninitialised.
#[allow(unsafe_code)]
fn uninit<T>(slice: &mut [T]) -> &mut [MaybeUninit<T>] {
    // SAFETY: the same memory and length, and the method under test writes numbers alone.
    unsafe { &mut *(std::ptr::from_mut(slice) as *mut [MaybeUninit<T>]) }
}

/// What is tested: every method, and the definition that it has to equal.
pub trait Kernel<T>: Debug {
    fn expected_forward(&self, x: &[T], y: &mut [T]);
    fn expected_backward(&self, x: &[T], dy: &[T], dx: &mut [T]);
    fn forward(&self, x: &[T], y: &mut [T]);
    fn forward_in_place(&self, y: &mut [T]);
    fn forward_uninit<'a>(&self, x: &[T], y: &'a mut [MaybeUninit<T>]) -> &'a mut [T];
    fn backward(&self, x: &[T], dy: &[T], dx: &mut [T]);
    fn backward_in_place(&self, x: &[T], dx: &mut [T]);
}

/// The methods of `$kernel`, which has them by their names.
macro_rules! methods {
    ($element:ident, |$self:ident| $kernel:expr) => {
        fn forward(&$self, x: &[$element], y: &mut [$element]) {
            $kernel.forward(x, y);
        }
        fn forward_in_place(&$self, y: &mut [$element]) {
            $kernel.forward_in_place(y);
        }
        fn forward_uninit<'a>(
            &$self,
            x: &[$element],
            y: &'a mut [MaybeUninit<$element>],
        ) -> &'a mut [$element] {
            $kernel.forward_uninit(x, y)
        }
        fn backward(&$self, x: &[$element], dy: &[$element], dx: &mut [$element]) {
            $kernel.backward(x, dy, dx);
        }
        fn backward_in_place(&$self, x: &[$element], dx: &mut [$element]) {
            $kernel.backward_in_place(x, dx);
        }
    };
}

/// An activation's definition, and a kernel that has to equal it.
#[derive(Debug)]
struct Is<'k, D, K>(&'k D, &'k K);

impl<T: Element, D: Activation + Debug, K: Activation + Debug> Kernel<T> for Is<'_, D, K> {
    fn expected_forward(&self, x: &[T], y: &mut [T]) {
        scalar::forward(self.0, x, y);
    }

    fn expected_backward(&self, x: &[T], dy: &[T], dx: &mut [T]) {
        scalar::backward(self.0, x, dy, dx);
    }

    methods!(T, |self| self.1);
}

impl<T: Element> Kernel<T> for PRelu<'_, T> {
    fn expected_forward(&self, x: &[T], y: &mut [T]) {
        scalar::prelu_forward(self, x, y);
    }

    fn expected_backward(&self, x: &[T], dy: &[T], dx: &mut [T]) {
        scalar::prelu_backward(self, x, dy, dx);
    }

    methods!(T, |self| self);
}

/// Buffers for [`Bench::check`], made once for many calls: input and gradient, their references, and an output
/// with room around it.
pub struct Bench<T> {
    input: Vec<T>,
    grad: Vec<T>,
    output: Vec<T>,
    expected: Vec<T>,
}

/// Elements on each side of the output that nobody may write.
const MARGIN: usize = 32;

impl<T: TestElement> Bench<T> {
    /// For up to `len` elements at up to 64 bytes off a cache line.
    pub fn new(len: usize) -> Self {
        let len = len + 64;
        Self {
            input: values(len, 1),
            grad: values(len, 2),
            output: vec![T::ZERO; len + 64 + 2 * MARGIN],
            expected: vec![T::ZERO; len],
        }
    }

    /// Runs `work` on an output of `len` elements, `offset` elements off a cache line, that holds
    /// `before`, and compares with `expected`; what lies around the output must stay. `inputs` are those of
    /// a gradient.
    fn output(
        &mut self,
        offset: usize,
        inputs: Option<Inputs<'_, T>>,
        before: Option<&[T]>,
        len: usize,
        work: impl FnOnce(&mut [T]),
        what: impl Fn() -> String,
    ) {
        // Any bits that no kernel makes; not NaN, so that a failure shows it.
        let canary = T::from_random_bits(0x4242_4242_4242_4242);
        let start = MARGIN + self.output[MARGIN..].as_ptr().align_offset(64) + offset;
        let (low, high) = (start - MARGIN, start + len + MARGIN);
        self.output[low..high].fill(canary);
        if let Some(before) = before {
            self.output[start..start + len].copy_from_slice(before);
        }
        work(&mut self.output[start..start + len]);
        let (actual, expected) = (&self.output[start..start + len], &self.expected[..len]);
        match inputs {
            None => assert_same_bits(actual, expected, &what),
            Some(inputs) => assert_same_gradient(inputs, actual, expected, &what),
        }
        for margin in [low..start, start + len..high] {
            let untouched = self.output[margin]
                .iter()
                .all(|x| x.bits() == canary.bits());
            assert!(untouched, "{}: wrote outside of its output", what());
        }
    }

    /// Every method of `kernel` against the scalar reference of `definition`, on `len` elements. The
    /// output begins `offset` elements off a cache line, the inputs wherever `input_offset` puts them.
    pub fn check<D: Activation + Debug, K: Activation + Debug>(
        &mut self,
        definition: &D,
        kernel: &K,
        len: usize,
        offset: usize,
        input_offset: usize,
    ) {
        self.check_kernel(&Is(definition, kernel), len, offset, input_offset);
    }

    /// Every method of `kernel` against its definition.
    pub fn check_kernel<K: Kernel<T>>(
        &mut self,
        kernel: &K,
        len: usize,
        offset: usize,
        input_offset: usize,
    ) {
        let input = std::mem::take(&mut self.input);
        let grad = std::mem::take(&mut self.grad);
        let start = input.as_ptr().align_offset(64) + input_offset;
        let (x, dy) = (&input[start..start + len], &grad[start..start + len]);
        let what = |method: &str| {
            let (method, ty) = (method.to_owned(), std::any::type_name::<T>());
            move || format!("{kernel:?}.{method}, {len} {ty} at offset {offset}")
        };

        kernel.expected_forward(x, &mut self.expected[..len]);
        let forward = |y: &mut [T]| kernel.forward(x, y);
        self.output(offset, None, None, len, forward, what("forward"));
        let forward = |y: &mut [T]| kernel.forward_in_place(y);
        let what_in_place = what("forward_in_place");
        self.output(offset, None, Some(x), len, forward, what_in_place);
        let forward = |y: &mut [T]| {
            let start = y.as_ptr();
            let written = kernel.forward_uninit(x, uninit(y));
            assert_eq!((written.as_ptr(), written.len()), (start, len));
        };
        self.output(offset, None, None, len, forward, what("forward_uninit"));

        let inputs = Some((x, dy));
        kernel.expected_backward(x, dy, &mut self.expected[..len]);
        let backward = |dx: &mut [T]| kernel.backward(x, dy, dx);
        self.output(offset, inputs, None, len, backward, what("backward"));
        let backward = |dx: &mut [T]| kernel.backward_in_place(x, dx);
        let what_in_place = what("backward_in_place");
        self.output(offset, inputs, Some(dy), len, backward, what_in_place);
        self.input = input;
        self.grad = grad;
    }
}
