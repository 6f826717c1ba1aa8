//! One check of every method of a kernel against its definition.
#![allow(unsafe_code)]

use std::any::Any;
use std::fmt::Debug;
use std::mem::MaybeUninit;

use rectify::{Activation, AnyActivation, Element, Gradient, PRelu, scalar};

use super::{Inputs, SMOOTH, TestElement, assert_same_bits, assert_same_bits_but};

/// What is tested: every method, and the definition that it has to equal.
pub trait Kernel<T>: Debug {
    fn expected_forward(&self, x: &[T], y: &mut [T]);
    fn expected_backward(&self, x: &[T], dy: &[T], dx: &mut [T]);
    fn forward(&self, x: &[T], y: &mut [T]);
    fn forward_in_place(&self, y: &mut [T]);
    fn forward_uninit<'a>(&self, x: &[T], y: &'a mut [MaybeUninit<T>]) -> &'a mut [T];
    fn backward(&self, x: &[T], dy: &[T], dx: &mut [T]);
    fn backward_in_place(&self, x: &[T], dx: &mut [T]);
    fn forward_to_vec(&self, x: &[T]) -> Vec<T>;
    fn backward_to_vec(&self, x: &[T], dy: &[T]) -> Vec<T>;

    /// Whether the result for `x`, element `index`, may be any NaN where it is NaN.
    fn is_open(&self, _index: usize, _x: T) -> bool {
        false
    }
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
        fn forward_to_vec(&$self, x: &[$element]) -> Vec<$element> {
            $kernel.forward_to_vec(x)
        }
        fn backward_to_vec(&$self, x: &[$element], dy: &[$element]) -> Vec<$element> {
            $kernel.backward_to_vec(x, dy)
        }
    };
}

/// Whether it is a smooth activation: those compute with NaN.
pub fn is_smooth(activation: &AnyActivation) -> bool {
    let mut names = SMOOTH.iter().map(|text| text.split('(').next());
    names.any(|name| name == Some(activation.name()))
}

/// An activation's definition, and a kernel that has to equal it.
#[derive(Debug)]
pub struct Is<'k, D, K> {
    definition: &'k D,
    kernel: &'k K,
    computes_with_nan: bool,
}

impl<'k, D: 'static, K> Is<'k, D, K> {
    pub fn new(definition: &'k D, kernel: &'k K) -> Self {
        let any: &dyn Any = definition;
        let any = any.downcast_ref::<AnyActivation>();
        Self {
            definition,
            kernel,
            computes_with_nan: any.is_some_and(is_smooth),
        }
    }

    /// Of a formula that computes with NaN: Rust does not say which NaN comes out.
    pub fn but_for_nans(definition: &'k D, kernel: &'k K) -> Self {
        Self {
            computes_with_nan: true,
            ..Self::new(definition, kernel)
        }
    }
}

impl<T: Element, D, K> Kernel<T> for Is<'_, D, K>
where
    D: Activation<Formula: Gradient> + Debug + 'static,
    K: Activation<Formula: Gradient> + Debug,
{
    fn expected_forward(&self, x: &[T], y: &mut [T]) {
        scalar::forward(self.definition, x, y);
    }

    fn expected_backward(&self, x: &[T], dy: &[T], dx: &mut [T]) {
        scalar::backward(self.definition, x, dy, dx);
    }

    fn is_open(&self, _: usize, _: T) -> bool {
        self.computes_with_nan
    }

    methods!(T, |self| self.kernel);
}

impl<T: TestElement> Kernel<T> for PRelu<'_, T> {
    fn expected_forward(&self, x: &[T], y: &mut [T]) {
        scalar::prelu_forward(self, x, y);
    }

    fn expected_backward(&self, x: &[T], dy: &[T], dx: &mut [T]) {
        scalar::prelu_backward(self, x, dy, dx);
    }

    /// A slope is learned, and may be a signalling NaN: Rust does not say whether a product makes it quiet.
    fn is_open(&self, index: usize, x: T) -> bool {
        let slopes = self.slopes();
        x <= T::ZERO && slopes.values()[slopes.channel(index)].is_nan()
    }

    methods!(T, |self| self);
}

/// Elements on each side of an output that nobody may write, where there are as many.
pub const MARGIN: usize = 32;

/// What an output holds before: no kernel makes it, and it is not NaN, so that a failure shows it.
pub fn poison<T: TestElement>() -> T {
    T::from_random_bits(0x4242_4242_4242_4242)
}

/// Memory for a kernel's output, which begins with element `start` of it, and for what it is expected to be.
pub struct OutputMemory<'m, T> {
    pub memory: &'m mut [T],
    pub start: usize,
    pub expected: &'m mut [T],
}

impl<T: TestElement> OutputMemory<'_, T> {
    /// Runs `work` on the output, holding `before` or poison, and compares it with what is expected; what is
    /// around the output must stay. `is_open` says of which elements a NaN may be any NaN.
    pub fn check(
        &mut self,
        is_open: impl Fn(usize) -> bool,
        before: Option<&[T]>,
        work: impl FnOnce(&mut [T]),
        what: impl Fn() -> String,
    ) {
        let poison = poison::<T>();
        let (start, end) = (self.start, self.start + self.expected.len());
        let low = start.saturating_sub(MARGIN);
        let high = (end + MARGIN).min(self.memory.len());
        self.memory[low..high].fill(poison);
        let output = &mut self.memory[start..end];
        if let Some(before) = before {
            output.copy_from_slice(before);
        }
        work(output);
        assert_same_bits_but(is_open, output, self.expected, &what);
        for margin in [low..start, end..high] {
            let untouched = self.memory[margin]
                .iter()
                .all(|x| x.bits() == poison.bits());
            assert!(untouched, "{}: wrote outside of its output", what());
        }
    }
}

/// Every method of `kernel` against its definition on `x` and `dy`.
pub fn check_kernel<T: TestElement>(
    kernel: &dyn Kernel<T>,
    (x, dy): Inputs<'_, T>,
    mut output: OutputMemory<'_, T>,
) {
    let what = |method: &'static str| {
        let (len, ty) = (x.len(), std::any::type_name::<T>());
        let lanes = 64 / size_of::<T>();
        let off = |slice: &[T]| slice.as_ptr().addr() / size_of::<T>() % lanes;
        let offsets = (off(x), off(dy), off(&output.memory[output.start..]));
        move || format!("{kernel:?}.{method}, {len} {ty}, x, dy, output off a line by {offsets:?}")
    };
    let [forward, in_place, uninit, to_vec] = [
        "forward",
        "forward_in_place",
        "forward_uninit",
        "forward_to_vec",
    ]
    .map(what);
    let [backward, backward_in_place, backward_to_vec] =
        ["backward", "backward_in_place", "backward_to_vec"].map(what);

    kernel.expected_forward(x, output.expected);
    let is_open = |i: usize| kernel.is_open(i, x[i]);
    output.check(is_open, None, |y| kernel.forward(x, y), forward);
    output.check(is_open, Some(x), |y| kernel.forward_in_place(y), in_place);
    let forward_uninit = |y: &mut [T]| {
        let (start, len) = (y.as_ptr(), y.len());
        let written = kernel.forward_uninit(x, as_uninit(y));
        assert_eq!((written.as_ptr(), written.len()), (start, len));
    };
    output.check(is_open, None, forward_uninit, uninit);
    // A fresh vector lies where the allocator puts it. Every length is once at an end of its memory, and that will do.
    let fresh = output.start == 0 || output.start + x.len() == output.memory.len();
    if fresh {
        assert_same_bits_but(is_open, &kernel.forward_to_vec(x), output.expected, to_vec);
    }

    kernel.expected_backward(x, dy, output.expected);
    // The product of two that are NaN is one of them, and Rust does not say which.
    let is_open = |i: usize| dy[i].is_nan() && x[i].is_nan() || kernel.is_open(i, x[i]);
    output.check(is_open, None, |dx| kernel.backward(x, dy, dx), backward);
    let in_place = |dx: &mut [T]| kernel.backward_in_place(x, dx);
    output.check(is_open, Some(dy), in_place, backward_in_place);
    if fresh {
        let dx = kernel.backward_to_vec(x, dy);
        assert_same_bits_but(is_open, &dx, output.expected, backward_to_vec);
    }
}

/// The gradient of the slopes of `prelu`, which has one order of summing up: to the bit what `other` makes of it.
/// Of sums that are NaN, Rust does not say which NaN.
pub fn check_slopes<T: TestElement>(
    prelu: &PRelu<'_, T>,
    other: &PRelu<'_, T>,
    (x, dy): Inputs<'_, T>,
) {
    let [actual, expected] = [prelu, other].map(|prelu| {
        let mut grad = vec![poison::<T>(); prelu.slopes().values().len()].into_boxed_slice();
        prelu.backward_slopes(x, dy, &mut grad);
        for grad in grad.iter_mut().filter(|grad| grad.is_nan()) {
            *grad = T::from_f64(f64::NAN);
        }
        grad
    });
    let what = || format!("{prelu:?}.backward_slopes, {} elements", x.len());
    assert_same_bits(&actual, &expected, what);
}

/// `slice` as memory that may be uninitialised.
pub fn as_uninit<T>(slice: &mut [T]) -> &mut [MaybeUninit<T>] {
    // SAFETY: the same memory and length, and the method under test writes numbers alone.
    unsafe { &mut *(std::ptr::from_mut(slice) as *mut [MaybeUninit<T>]) }
}
