//! Several registers as one: each operation is done to all of them, one after the other.
//!
//! A long formula is a chain, in which each operation waits for the one before. The CPU works on the next register meanwhile, as far as it
//! looks ahead; where the instructions of one register stand behind all of another's, that is not far enough. So that the compiler does not
//! put them there, the results of a multiply-add are kept [abreast](Register::abreast): those of every operation would take more registers.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::register::Register;
use crate::vector::{Bits, Functions, Vector};

/// `COUNT` registers, which [`Register::Interleaved`] names.
#[derive(Clone, Copy)]
pub(crate) struct Interleaved<V, const COUNT: usize>([V; COUNT]);

impl<V: Copy, const COUNT: usize> Interleaved<V, COUNT> {
    /// For [`Register::one_of`].
    #[inline(always)]
    pub(crate) fn get(self, index: usize) -> V {
        self.0[index]
    }
}

/// The same of each register. No closure: the compiler would make a function of it.
macro_rules! each {
    ($first:expr, |$($name:ident = $register:ident),+| $result:expr) => {{
        let mut results = $first.0;
        let mut i = 0;
        while i < COUNT {
            $(let $name = $register.0[i];)+
            results[i] = $result;
            i += 1;
        }
        Self(results)
    }};
}

macro_rules! operators {
    ($($operator:ident $method:ident,)*) => {$(
        impl<V: Vector, const COUNT: usize> $operator for Interleaved<V, COUNT> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, rhs: Self) -> Self {
                each!(self, |a = self, b = rhs| a.$method(b))
            }
        }
    )*};
}
operators!(Add add, Sub sub, Mul mul, Div div,);

impl<V: Vector, const COUNT: usize> Neg for Interleaved<V, COUNT> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        each!(self, |a = self| -a)
    }
}

macro_rules! of_two {
    ($($method:ident)*) => {$(
        #[inline(always)]
        fn $method(self, rhs: Self) -> Self {
            each!(self, |a = self, b = rhs| a.$method(b))
        }
    )*};
}

impl<V: Vector, const COUNT: usize> Bits for Interleaved<V, COUNT> {
    type Lane = V::Element;
    const MANTISSA_BITS: u32 = V::MANTISSA_BITS;

    of_two!(bits_add bits_sub bits_and bits_or bits_xor);

    #[inline(always)]
    fn bits_shl(self, count: u32) -> Self {
        each!(self, |a = self| a.bits_shl(count))
    }

    #[inline(always)]
    fn bits_shr(self, count: u32) -> Self {
        each!(self, |a = self| a.bits_shr(count))
    }

    #[inline(always)]
    fn look_up(self, table: &<V::Element as Functions>::Table) -> Self {
        each!(self, |a = self| a.look_up(table))
    }

    #[inline(always)]
    fn scale(self, sum: Self, fraction: u32) -> Self {
        each!(self, |a = self, b = sum| a.scale(b, fraction))
    }
}

impl<V: Register, const COUNT: usize> Vector for Interleaved<V, COUNT> {
    type Element = V::Element;

    #[inline(always)]
    fn splat(value: V::Element) -> Self {
        Self([V::splat(value); COUNT])
    }

    #[inline(always)]
    fn constant(value: f64) -> Self {
        Self([V::constant(value); COUNT])
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        let mut sums: Self = each!(self, |a = self, b = factor, c = addend| a.mul_add(b, c));
        V::abreast(&mut sums.0);
        sums
    }

    #[inline(always)]
    fn select_lt(self, rhs: Self, yes: Self, no: Self) -> Self {
        each!(self, |a = self, b = rhs, yes = yes, no = no| a
            .select_lt(b, yes, no))
    }

    #[inline(always)]
    fn select_le(self, rhs: Self, yes: Self, no: Self) -> Self {
        each!(self, |a = self, b = rhs, yes = yes, no = no| a
            .select_le(b, yes, no))
    }

    of_two!(max min);

    #[inline(always)]
    fn abs(self) -> Self {
        each!(self, |a = self| a.abs())
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        each!(self, |a = self| a.sqrt())
    }
}

// SAFETY: the array is that of each register, one behind the other, and each is written. No pair; `Interleaved` is this itself.
unsafe impl<V: Register, const COUNT: usize> Register for Interleaved<V, COUNT> {
    type Token = V::Token;
    type Array = [V::Array; COUNT];
    type Half = V;
    type Interleaved = Self;
    const STREAMS: bool = V::STREAMS;

    #[inline(always)]
    fn one_of(several: Self, _: usize) -> Self {
        several
    }

    #[inline(always)]
    fn load(token: V::Token, from: &Self::Array) -> Self {
        let mut registers = [V::load(token, &from[0]); COUNT];
        let mut i = 1;
        while i < COUNT {
            registers[i] = V::load(token, &from[i]);
            i += 1;
        }
        Self(registers)
    }

    #[inline(always)]
    fn store(self, to: &mut MaybeUninit<Self::Array>) {
        let first = to.as_mut_ptr().cast::<MaybeUninit<V::Array>>();
        let mut i = 0;
        while i < COUNT {
            // SAFETY: one of `COUNT` arrays.
            self.0[i].store(unsafe { &mut *first.add(i) });
            i += 1;
        }
    }

    #[inline(always)]
    unsafe fn stream(self, to: &mut MaybeUninit<Self::Array>) {
        let first = to.as_mut_ptr().cast::<MaybeUninit<V::Array>>();
        let mut i = 0;
        while i < COUNT {
            // SAFETY: one of `COUNT` arrays; the caller answers for its alignment and for the fence.
            unsafe { self.0[i].stream(&mut *first.add(i)) };
            i += 1;
        }
    }

    #[inline(always)]
    fn fence() {
        V::fence();
    }

    #[inline(always)]
    fn prefetch(at: *const V::Element) {
        V::prefetch(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: usize = 4;

    const A: [f32; COUNT] = [1.5, -2.0, 0.0, 7.0];
    const B: [f32; COUNT] = [3.0, -2.0, 0.25, -1.0];
    const C: [f32; COUNT] = [-0.5, 10.0, 2.0, 5.0];

    /// Of one lane, so that Miri runs it.
    type Four = Interleaved<f32, COUNT>;

    fn four(numbers: [f32; COUNT]) -> Four {
        Four::load((), &numbers.map(|x| [x]))
    }

    /// The bits of what `store` and `stream` write, which is the same.
    fn bits(of: Four) -> [u32; COUNT] {
        let mut stored = MaybeUninit::uninit();
        of.store(&mut stored);
        let mut streamed = MaybeUninit::uninit();
        // SAFETY: one lane does not stream. Both are written.
        let (stored, streamed): ([[f32; 1]; COUNT], [[f32; 1]; COUNT]) = unsafe {
            of.stream(&mut streamed);
            (stored.assume_init(), streamed.assume_init())
        };
        let bits = stored.map(|[x]| x.to_bits());
        assert_eq!(bits, streamed.map(|[x]| x.to_bits()));
        bits
    }

    #[test]
    fn operations_are_those_of_each_register() {
        fn same(
            name: &str,
            interleaved: impl Fn([Four; 3]) -> Four,
            alone: impl Fn([f32; 3]) -> f32,
        ) {
            let expected: Vec<_> = (0..COUNT)
                .map(|i| alone([A[i], B[i], C[i]]).to_bits())
                .collect();
            let results = bits(interleaved([four(A), four(B), four(C)]));
            assert_eq!(results, expected[..], "{name}");
        }
        macro_rules! each_is_same {
            ($(|$a:ident, $b:ident, $c:ident| $result:expr;)*) => {$(
                same(stringify!($result), |[$a, $b, $c]| $result, |[$a, $b, $c]| $result);
            )*};
        }
        let table: [f32; 8] = std::array::from_fn(|i| i as f32);
        each_is_same! {
            |a, b, _c| a + b;
            |a, b, _c| a - b;
            |a, b, _c| a * b;
            |a, b, _c| a / b;
            |a, _b, _c| -a;
            |a, b, c| a.mul_add(b, c);
            |a, b, c| a.select_lt(b, c, a);
            |a, b, c| a.select_le(b, c, a);
            |a, b, _c| Vector::max(a, b);
            |a, b, _c| Vector::min(a, b);
            |a, _b, _c| Vector::abs(a);
            |a, _b, _c| Vector::sqrt(Vector::abs(a));
            |a, b, _c| a.bits_add(b);
            |a, b, _c| a.bits_sub(b);
            |a, b, _c| a.bits_and(b);
            |a, b, _c| a.bits_or(b);
            |a, b, _c| a.bits_xor(b);
            |a, _b, _c| a.bits_shl(3);
            |a, _b, _c| a.bits_shr(3);
            |a, _b, _c| a.bits_shr(23).look_up(&table);
        }
        // A power of two, and a sum whose lowest bits count it.
        same(
            "scale",
            |[a, b, c]| c.scale(a + b + Four::rounding(2), 2),
            |[a, b, c]| c.scale(a + b + f32::rounding(2), 2),
        );
        same("splat", |_| Four::splat(3.0), |_| 3.0);
        same("constant", |_| Four::constant(0.1), |_| 0.1);
    }
}
