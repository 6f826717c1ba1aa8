//! The registers of x86-64 that are chosen at run time.
//!
//! A token is only made by its `detect`, and a register only from a token or from another register, so
//! the methods of a register are safe to call. (`splat` and `constant` make one from nothing, but only code that a
//! kernel instantiated names its register.) Formulas and loops are `#[inline(always)]` up to `enabled`, the
//! function compiled with the instruction set enabled, as are the intrinsics and `abreast_ps` and `abreast_pd`, which are inlined there.
#![allow(unsafe_code)]

pub(crate) mod avx2;
pub(crate) mod avx512;

/// A register: the newtype, its operators, its `Vector` and its `Register`, from the names of its intrinsics.
/// `select` computes `lhs < rhs ? yes : no`, or with `<=`; its first name is the predicate, `lt` or `le`.
macro_rules! x86_register {
    (
        $(#[$doc:meta])*
        $register:ident($raw:ident) of [$element:ident; $lanes:literal],
        token: $token:ident, half: $half:ty, half_up_to: $half_up_to:expr, interleaved: $interleaved:literal,
        $(abreast: $abreast:ident,)?
        load: $load:ident, store: $store:ident, stream: $stream:ident, splat: $splat:ident,
        add: $add:ident, sub: $sub:ident, mul: $mul:ident, div: $div:ident,
        mul_add: $mul_add:ident, max: $max:ident, min: $min:ident, sqrt: $sqrt:ident,
        negate: |$x:ident| $negate:expr, abs: |$y:ident| $abs:expr,
        lt: $lt:ident, le: $le:ident,
        select: |$compare:ident, $lhs:ident, $rhs:ident, $yes:ident, $no:ident| $select:expr,
        bits: $bits:ident, float: $float:ident, bits_add: $bits_add:ident, bits_sub: $bits_sub:ident,
        and: $and:ident, or: $or:ident, xor: $xor:ident, shl: $shl:ident, shr: $shr:ident,
        look_up: |$index:ident, $table:ident| $look_up:expr,
        $(scale: $scale:ident,)?
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        #[repr(transparent)]
        pub(crate) struct $register($raw);

        x86_register!(@operator $register, Add, add, $add);
        x86_register!(@operator $register, Sub, sub, $sub);
        x86_register!(@operator $register, Mul, mul, $mul);
        x86_register!(@operator $register, Div, div, $div);

        impl std::ops::Neg for $register {
            type Output = Self;

            #[inline(always)]
            fn neg(self) -> Self {
                let $x = self.0;
                // SAFETY: a register in hand says that its instructions may run.
                Self(unsafe { $negate })
            }
        }

        impl $register {
            #[inline(always)]
            fn select<const $compare: i32>(self, rhs: Self, yes: Self, no: Self) -> Self {
                let ($lhs, $rhs, $yes, $no) = (self.0, rhs.0, yes.0, no.0);
                // SAFETY: a register in hand says that its instructions may run.
                Self(unsafe { $select })
            }
        }

        impl $crate::vector::sealed::Bits for $register {
            type Lane = $element;
            const MANTISSA_BITS: u32 = <$element as $crate::vector::Bits>::MANTISSA_BITS;

            x86_register!(@bits bits_add, $bits, $float, $bits_add);
            x86_register!(@bits bits_sub, $bits, $float, $bits_sub);
            x86_register!(@bits bits_and, $bits, $float, $and);
            x86_register!(@bits bits_or, $bits, $float, $or);
            x86_register!(@bits bits_xor, $bits, $float, $xor);

            #[inline(always)]
            fn bits_shl(self, count: u32) -> Self {
                // SAFETY: a register in hand says that its instructions may run.
                Self(unsafe { $float($shl($bits(self.0), _mm_cvtsi32_si128(count.cast_signed()))) })
            }

            #[inline(always)]
            fn bits_shr(self, count: u32) -> Self {
                // SAFETY: a register in hand says that its instructions may run.
                Self(unsafe { $float($shr($bits(self.0), _mm_cvtsi32_si128(count.cast_signed()))) })
            }

            #[inline(always)]
            fn look_up(self, $table: &<$element as crate::vector::Functions>::Table) -> Self {
                // SAFETY: a register in hand says that its instructions may run; what is loaded is in the table.
                Self(unsafe {
                    let $index = $bits(self.0);
                    $look_up
                })
            }

            $(
                #[inline(always)]
                fn scale(self, sum: Self, fraction: u32) -> Self {
                    let exponent = sum - Self::rounding(fraction);
                    // SAFETY: a register in hand says that its instructions may run.
                    Self(unsafe { $scale(self.0, exponent.0) })
                }
            )?
        }

        impl $crate::vector::Vector for $register {
            type Element = $element;

            #[inline(always)]
            fn splat(value: $element) -> Self {
                // SAFETY: only code that a kernel instantiated names this register, and no kernel runs without the token.
                Self(unsafe { $splat(value) })
            }

            #[inline(always)]
            fn constant(value: f64) -> Self {
                Self::splat(value as $element)
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                // SAFETY: a register in hand says that its instructions may run.
                Self(unsafe { $mul_add(self.0, factor.0, addend.0) })
            }

            #[inline(always)]
            fn select_lt(self, rhs: Self, yes: Self, no: Self) -> Self {
                self.select::<$lt>(rhs, yes, no)
            }

            #[inline(always)]
            fn select_le(self, rhs: Self, yes: Self, no: Self) -> Self {
                self.select::<$le>(rhs, yes, no)
            }

            #[inline(always)]
            fn max(self, rhs: Self) -> Self {
                // SAFETY: a register in hand says that its instructions may run.
                Self(unsafe { $max(self.0, rhs.0) })
            }

            #[inline(always)]
            fn min(self, rhs: Self) -> Self {
                // SAFETY: a register in hand says that its instructions may run.
                Self(unsafe { $min(self.0, rhs.0) })
            }

            #[inline(always)]
            fn abs(self) -> Self {
                let $y = self.0;
                // SAFETY: a register in hand says that its instructions may run.
                Self(unsafe { $abs })
            }

            #[inline(always)]
            fn sqrt(self) -> Self {
                // SAFETY: a register in hand says that its instructions may run.
                Self(unsafe { $sqrt(self.0) })
            }
        }

        // SAFETY: the array is as long as the register, and several are several of these.
        unsafe impl $crate::arch::register::Register for $register {
            type Token = $token;
            type Array = [$element; $lanes];
            type Half = $half;
            type Interleaved = $crate::arch::interleaved::Interleaved<Self, $interleaved>;
            const HALF_UP_TO: usize = $half_up_to;
            const STREAMS: bool = true;

            #[inline(always)]
            fn one_of(several: Self::Interleaved, index: usize) -> Self {
                several.get(index)
            }

            $(
                #[inline(always)]
                fn abreast(several: &mut [Self]) {
                    if let [a, b, c, d] = several {
                        // SAFETY: a register in hand says that its instructions may run.
                        unsafe { $abreast(&mut a.0, &mut b.0, &mut c.0, &mut d.0) };
                    }
                }
            )?

            #[inline(always)]
            fn load(_: $token, from: &Self::Array) -> Self {
                // SAFETY: the token says that the instruction may run; the array is as long as the register.
                Self(unsafe { $load(from.as_ptr()) })
            }

            #[inline(always)]
            fn store(self, to: &mut std::mem::MaybeUninit<Self::Array>) {
                // SAFETY: a register in hand says that its instructions may run; the array is as long.
                unsafe { $store(to.as_mut_ptr().cast(), self.0) }
            }

            #[inline(always)]
            unsafe fn stream(self, to: &mut std::mem::MaybeUninit<Self::Array>) {
                // SAFETY: a register in hand says that its instructions may run; the array is as long; the
                // caller answers for its alignment and for the fence.
                unsafe { $stream(to.as_mut_ptr().cast(), self.0) }
            }

            #[inline(always)]
            fn fence() {
                // SAFETY: every x86-64 CPU has SSE.
                unsafe { _mm_sfence() };
            }

            #[inline(always)]
            fn prefetch(at: *const $element) {
                // SAFETY: every x86-64 CPU has SSE, and a prefetch of any address is no access.
                unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
            }
        }
    };
    (@bits $method:ident, $bits:ident, $float:ident, $intrinsic:ident) => {
        #[inline(always)]
        fn $method(self, rhs: Self) -> Self {
            // SAFETY: a register in hand says that its instructions may run.
            Self(unsafe { $float($intrinsic($bits(self.0), $bits(rhs.0))) })
        }
    };
    (@operator $register:ident, $operator:ident, $method:ident, $intrinsic:ident) => {
        impl std::ops::$operator for $register {
            type Output = Self;

            #[inline(always)]
            fn $method(self, rhs: Self) -> Self {
                // SAFETY: a register in hand says that its instructions may run.
                Self(unsafe { $intrinsic(self.0, rhs.0) })
            }
        }
    };
}
use x86_register;
