//! What the tests share: tensors in every layout, and comparisons.

use candle_core::{DType, Device, Result, Tensor, WithDType};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rectify::Element;

pub(crate) trait Number: Element + WithDType {
    /// The distance from 1 to the next number.
    const EPSILON: f64;

    fn bits(self) -> u64;
}

impl Number for f32 {
    const EPSILON: f64 = f32::EPSILON as f64;

    fn bits(self) -> u64 {
        self.to_bits().into()
    }
}

impl Number for f64 {
    const EPSILON: f64 = f64::EPSILON;

    fn bits(self) -> u64 {
        self.to_bits()
    }
}

/// Numbers from -6 to 6, the same for the same seed.
pub(crate) fn numbers<T: Number>(len: usize, seed: u64) -> Vec<T> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..len)
        .map(|_| Element::from_f64(rng.random_range(-6.0..6.0)))
        .collect()
}

pub(crate) fn tensor<T: Number>(dims: &[usize], seed: u64) -> Tensor {
    let len = dims.iter().product();
    Tensor::from_vec(numbers::<T>(len, seed), dims, &Device::Cpu).unwrap()
}

/// A tensor of this shape in each layout that candle makes: contiguous, at an offset, with gaps, transposed, repeated
/// along a dimension, and one number repeated everywhere.
pub(crate) fn layouts<T: Number>(dims: [usize; 3], seed: u64) -> Vec<(&'static str, Tensor)> {
    let [a, b, c] = dims;
    let make = |dims: [usize; 3]| tensor::<T>(&dims, seed);
    let layouts = || -> Result<_> {
        Ok(vec![
            ("contiguous", make(dims)),
            ("at an offset", make([a + 2, b, c]).narrow(0, 1, a)?),
            ("with gaps in rows", make([a, b, c + 3]).narrow(2, 2, c)?),
            (
                "with gaps between rows",
                make([a, b + 2, c]).narrow(1, 1, b)?,
            ),
            ("transposed", make([a, c, b]).transpose(1, 2)?),
            ("reversed", make([c, b, a]).permute((2, 1, 0))?),
            (
                "transposed with gaps",
                make([b, a + 1, c]).transpose(0, 1)?.narrow(0, 1, a)?,
            ),
            ("repeated rows", make([1, b, c]).broadcast_as(&dims)?),
            ("repeated elements", make([a, b, 1]).broadcast_as(&dims)?),
            ("one number", tensor::<T>(&[], seed).broadcast_as(&dims)?),
        ])
    };
    layouts().unwrap()
}

/// The elements in order, whatever the layout, read by candle.
pub(crate) fn elements<T: Number>(tensor: &Tensor) -> Vec<T> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[track_caller]
pub(crate) fn same_bits<T: Number>(tensor: &Tensor, expected: &[T], what: &str) {
    let actual = elements::<T>(tensor);
    assert_eq!(actual.len(), expected.len(), "{what}: lengths");
    for (i, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        assert_eq!(
            actual.bits(),
            expected.bits(),
            "{what}: element {i}: {actual} instead of {expected}"
        );
    }
}

/// That no element is further off than the share `within` of the largest one, or of 1.
#[track_caller]
pub(crate) fn close(actual: &Tensor, expected: &Tensor, within: f64, what: &str) {
    assert_eq!(actual.dims(), expected.dims(), "{what}: shapes");
    assert_eq!(actual.dtype(), expected.dtype(), "{what}: dtypes");
    let [actual, expected] =
        [actual, expected].map(|t| elements::<f64>(&t.to_dtype(DType::F64).unwrap()));
    let largest = expected
        .iter()
        .fold(1.0_f64, |largest, x| largest.max(x.abs()));
    for (i, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
        let off = (actual - expected).abs() / largest;
        assert!(
            off <= within,
            "{what}: element {i}: {actual} instead of {expected}: {off:e} of {largest} off"
        );
    }
}
