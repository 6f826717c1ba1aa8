//! Buffers for [`check_kernel`], made once for many calls.

use std::fmt::Debug;

use rectify::{Activation, Gradient, PRelu};

use super::kernel::MARGIN;
use super::{Is, Kernel, OutputMemory, Pages, TestElement, check_kernel, check_slopes, values};

/// Where in its memory a slice lies.
#[derive(Clone, Copy, Debug)]
pub enum At {
    /// From the first element on: what is in front cannot be touched.
    Front,
    /// Up to the last element: what is behind cannot be touched.
    Back,
    /// So many elements off a cache line.
    Offset(usize),
}

impl At {
    /// One side for even numbers and the other for odd ones.
    pub fn side(number: usize) -> Self {
        if number.is_multiple_of(2) {
            Self::Front
        } else {
            Self::Back
        }
    }

    /// The `len` of `all` elements that lie there.
    pub fn of<T>(self, len: usize, all: &[T]) -> &[T] {
        &all[self.start(len, all)..][..len]
    }

    /// Where `len` elements begin among `all`, which begin on a page.
    pub fn start<T>(self, len: usize, all: &[T]) -> usize {
        match self {
            Self::Front => 0,
            Self::Back => all.len() - len,
            Self::Offset(offset) => {
                const { assert!((MARGIN * size_of::<T>()).is_multiple_of(64)) };
                MARGIN + offset
            }
        }
    }
}

/// Input and gradient, both read-only, and an output with room around it, all between pages that cannot be
/// touched.
pub struct GuardedBuffers<T> {
    x: Pages<T>,
    dy: Pages<T>,
    output: Pages<T>,
    expected: Vec<T>,
}

impl<T: TestElement> GuardedBuffers<T> {
    /// For up to `len` elements, and offsets of up to 16.
    pub fn new(len: usize) -> Self {
        let room = len + 16 + 2 * MARGIN;
        Self {
            x: Pages::read_only(&values(room, 1)),
            dy: Pages::read_only(&values(room, 2)),
            output: Pages::new(room),
            expected: vec![T::ZERO; len],
        }
    }

    /// Every method of `kernel` against the scalar reference of `definition`, on `len` elements.
    pub fn check<D, K>(&mut self, definition: &D, kernel: &K, len: usize, output: At, inputs: At)
    where
        D: Activation<Formula: Gradient> + Debug + 'static,
        K: Activation<Formula: Gradient> + Debug,
    {
        self.check_kernel(&Is::new(definition, kernel), len, output, inputs);
    }

    /// The gradient of the slopes: to the bit what another way to compute it gives.
    pub fn check_slopes(
        &mut self,
        prelu: &PRelu<'_, T>,
        other: &PRelu<'_, T>,
        len: usize,
        inputs: At,
    ) {
        let inputs = (inputs.of(len, &self.x), inputs.of(len, &self.dy));
        check_slopes(prelu, other, inputs);
    }

    /// Every method of `kernel` against its definition.
    pub fn check_kernel(&mut self, kernel: &dyn Kernel<T>, len: usize, output: At, inputs: At) {
        let (x, dy) = (inputs.of(len, &self.x), inputs.of(len, &self.dy));
        let start = output.start(len, &self.output);
        let output = OutputMemory {
            memory: &mut self.output,
            start,
            expected: &mut self.expected[..len],
        };
        check_kernel(kernel, (x, dy), output);
    }
}
