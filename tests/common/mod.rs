//! What the tests share: the activations and values to test with, and one check that compares every
//! method with its scalar reference, by bits.
#![allow(dead_code, unreachable_pub)] // Each test binary uses its part.

use std::fmt::{Debug, LowerHex};
use std::mem::MaybeUninit;
use std::ops::{BitOr, BitXor};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rectify::{Activation, Element, scalar};

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

/// Runs `$body` with each activation, leaky ones with each of `$slopes`. A new activation is a line here.
#[macro_export]
macro_rules! for_each_activation {
    ($slopes:expr, |$activation:ident| $body:expr) => {{
        let $activation = rectify::Relu;
        $body;
        for slope in $slopes {
            let $activation = rectify::LeakyRelu::new(slope);
            $body;
        }
    }};
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
                    one_below(1.0),
                    1.0,
                    one_above(1.0),
                    3.0,
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
    assert_eq!(actual.len(), expected.len());
    // A pass that compiles to vectors, and the search only where it found something.
    let differ = actual
        .iter()
        .zip(expected)
        .fold(T::Bits::default(), |differ, (a, e)| {
            differ | (a.bits() ^ e.bits())
        });
    if differ != T::Bits::default() {
        let at = (0..actual.len())
            .find(|&i| actual[i].bits() != expected[i].bits())
            .expect("some bit differs");
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
    /// `before`, and compares with `expected`; what lies around the output must stay.
    fn output(
        &mut self,
        offset: usize,
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
        assert_same_bits(
            &self.output[start..start + len],
            &self.expected[..len],
            &what,
        );
        for margin in [low..start, start + len..high] {
            let untouched = self.output[margin]
                .iter()
                .all(|x| x.bits() == canary.bits());
            assert!(untouched, "{}: wrote outside of its output", what());
        }
    }

    /// Every method of `kernel` against the scalar reference of `definition`, on `len` elements. The
    /// output begins `offset` elements off a cache line, the inputs wherever `input_offset` puts them.
    pub fn check<D: Activation, K: Activation + Debug>(
        &mut self,
        definition: &D,
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

        scalar::forward(definition, x, &mut self.expected[..len]);
        self.output(offset, None, len, |y| kernel.forward(x, y), what("forward"));
        self.output(
            offset,
            Some(x),
            len,
            |y| kernel.forward_in_place(y),
            what("forward_in_place"),
        );
        self.output(
            offset,
            None,
            len,
            |y| {
                let start = y.as_ptr();
                let written = kernel.forward_uninit(x, uninit(y));
                assert_eq!((written.as_ptr(), written.len()), (start, len));
            },
            what("forward_uninit"),
        );

        scalar::backward(definition, x, dy, &mut self.expected[..len]);
        self.output(
            offset,
            None,
            len,
            |dx| kernel.backward(x, dy, dx),
            what("backward"),
        );
        self.output(
            offset,
            Some(dy),
            len,
            |dx| kernel.backward_in_place(x, dx),
            what("backward_in_place"),
        );
        self.input = input;
        self.grad = grad;
    }
}
