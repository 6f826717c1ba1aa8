//! What loops need of a register beyond its arithmetic: loads and stores.

use std::hint::black_box;
use std::mem::MaybeUninit;

use crate::vector::Vector;

/// A register whose instructions may run here: the first is loaded with its tier's token, every other
/// comes from one in hand.
///
/// All methods are `#[inline(always)]`: one that is not costs a call for every register, and loses the
/// instruction set.
///
/// # Safety
/// `Array` is laid out as `[Element; LANES]`; `store` and `stream` write all of it; where `IS_PAIR` is set, two `Half`s are as long as
/// this; `Interleaved` is as long as one or several of this.
#[allow(unsafe_code)]
pub unsafe trait Register: Vector {
    /// Proof that the CPU has the instructions.
    type Token: Copy;

    /// Laid out as `[Element; LANES]`.
    type Array;

    /// A register of fewer lanes, for what does not fill this one. A register of one lane names itself.
    type Half: Register<Element = Self::Element, Token: From<Self::Token>>;

    /// Several of these as one, whose instructions take turns where a formula is long; where nothing is gained by that, this one itself.
    type Interleaved: Register<Element = Self::Element, Token = Self::Token>;

    const LANES: usize = size_of::<Self::Array>() / size_of::<Self::Element>();

    /// Whether this is a pair of [`Half`](Self::Half)s to the CPU. Long loops then take one after the other.
    const IS_PAIR: bool = false;

    /// Up to this many elements, [`Half`](Self::Half) does it alone.
    const HALF_UP_TO: usize = 0;

    /// Whether [`stream`](Self::stream) is a non-temporal store.
    const STREAMS: bool = false;

    /// The one at `index` of several.
    fn one_of(several: Self::Interleaved, index: usize) -> Self;

    /// Leaves these as they are, and hides from the compiler that they do not depend on each other: what is made of one of them stands
    /// behind all of them. Where there are too few registers for the constants of several chains, it would put one chain behind the other.
    /// By default it hides nothing.
    #[inline(always)]
    fn abreast(_several: &mut [Self]) {}

    fn load(token: Self::Token, from: &Self::Array) -> Self;

    /// Writes every lane, so that `to` is initialised then.
    fn store(self, to: &mut MaybeUninit<Self::Array>);

    /// Writes every lane by a non-temporal store, past the cache, where there is one
    /// ([`STREAMS`](Self::STREAMS)).
    ///
    /// # Safety
    /// Where `STREAMS` is set, `to` is aligned to the size of the register, of [`Interleaved`](Self::Interleaved) ones to that of
    /// one, and until this thread has called
    /// [`fence`](Self::fence) nobody reads or writes these bytes again, this thread included, nor is another
    /// thread told that they are there.
    #[allow(unsafe_code)]
    #[inline(always)]
    unsafe fn stream(self, to: &mut MaybeUninit<Self::Array>) {
        self.store(to);
    }

    /// Orders every [`stream`](Self::stream) of this thread before all that it reads and writes later.
    #[inline(always)]
    fn fence() {}

    /// Asks for the cache line of `at` in the second level of the cache; `docs/measurements.md` says why not the first. Any address will
    /// do. Does nothing where the register does not stream.
    #[inline(always)]
    fn prefetch(_at: *const Self::Element) {}
}

/// Aligns this kernel's part of the stack to a register, where registers are interleaved. Some formulas need more than there are, and what is
/// kept on the stack meanwhile would cross cache lines or not, by where the stack of the process began: one process in five ran
/// a kernel at half of its speed, to its end.
///
/// The compiler aligns the stack to what lies there, such as this register of no value, which is there because somebody might look at it. For
/// what it keeps there by itself it does not. If it saw through this, only speed would be lost.
#[inline(always)]
pub(crate) fn align_stack<V: Register>() {
    if <V::Interleaved as Register>::LANES > V::LANES {
        black_box(&MaybeUninit::<V>::uninit());
    }
}

/// Something to run with the registers of a tier that is chosen later. So a file of registers knows no loop.
pub trait Work<T> {
    /// Whose this is, such as a formula. What runs it is a method of this type: the compiler translates the methods of the types of a
    /// module together, and modules apart, so that the kernels of all formulas are not one unit, which one core
    /// would be busy with for minutes.
    type Home;

    /// Must be `#[inline(always)]`, to be compiled with the tier's instructions.
    fn run<V: Register<Element = T>>(self, token: V::Token);
}

// SAFETY: one lane.
#[allow(unsafe_code)]
unsafe impl Register for f32 {
    type Token = ();
    type Array = [Self; 1];
    type Half = Self;
    type Interleaved = Self;

    #[inline(always)]
    fn one_of(several: Self, _: usize) -> Self {
        several
    }

    #[inline(always)]
    fn load((): (), from: &[Self; 1]) -> Self {
        from[0]
    }

    #[inline(always)]
    fn store(self, to: &mut MaybeUninit<[Self; 1]>) {
        to.write([self]);
    }
}

// SAFETY: one lane.
#[allow(unsafe_code)]
unsafe impl Register for f64 {
    type Token = ();
    type Array = [Self; 1];
    type Half = Self;
    type Interleaved = Self;

    #[inline(always)]
    fn one_of(several: Self, _: usize) -> Self {
        several
    }

    #[inline(always)]
    fn load((): (), from: &[Self; 1]) -> Self {
        from[0]
    }

    #[inline(always)]
    fn store(self, to: &mut MaybeUninit<[Self; 1]>) {
        to.write([self]);
    }
}
