//! The loops. One serves all kernels: forward and backward, in place and out of place, on every tier.
//!
//! ```text
//! output   |  first  |                            |   last  |
//!              |  aligned registers, several at a time  |  ...
//! ```
//!
//! Stores that cross a cache line cost up to 40% of the speed in L1, so the body stores aligned. What it
//! leaves over at the ends is covered by two registers, the first and the last, that overlap it. They are
//! computed before anything is written and stored after everything else, so each element is computed from
//! its input once, in place too. What is shorter than eight registers is covered by such overlapping
//! registers alone.
//!
//! A caller's buffers come here as pointers, because the output may be one of the inputs and may be
//! uninitialised, and because a loop that is written once cannot be wrong in one of its copies.
#![allow(unsafe_code)]

use std::array;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

use crate::Element;
use crate::vector::Vector;

/// A formula from `N` input registers to one output register.
pub(crate) trait Map<const N: usize>: Copy + Send + Sync {
    fn apply<V: Vector>(self, inputs: [V; N]) -> V;
}

/// `N` inputs and one output of one length, all borrowed for `'a`. The output may be uninitialised, and
/// is one of the inputs where the work is in place.
///
/// Invariant: for `'a`, each input can be read and the output written, `len` elements from each pointer;
/// nobody else writes the inputs or touches the output; no input overlaps the output but the one that is
/// the same memory.
pub struct Buffers<'a, T, const N: usize> {
    inputs: [*const T; N],
    output: *mut T,
    len: usize,
    in_place: bool,
    borrowed: PhantomData<(&'a [T], &'a mut [T])>,
}

// SAFETY: this is `N` shared slices and one exclusive one, which may be sent where `T` may be both sent
// and shared.
unsafe impl<T: Send + Sync, const N: usize> Send for Buffers<'_, T, N> {}

impl<'a, T: Element, const N: usize> Buffers<'a, T, N> {
    /// Out of place. The lengths are equal: the caller was told otherwise, so this compiles to nothing.
    #[inline]
    pub(crate) fn new(inputs: [&'a [T]; N], output: &'a mut [MaybeUninit<T>]) -> Self {
        assert!(inputs.iter().all(|input| input.len() == output.len()));
        Self {
            inputs: inputs.map(<[T]>::as_ptr),
            output: output.as_mut_ptr().cast(),
            len: output.len(),
            in_place: false,
            borrowed: PhantomData,
        }
    }

    /// Bytes that the memory moves for these: every input read and, out of place, the output written.
    #[inline]
    pub(crate) fn footprint_bytes(&self) -> usize {
        // No slice is longer than half the address space, but three may share their memory.
        let buffers = N + usize::from(!self.in_place);
        (self.len * size_of::<T>()).saturating_mul(buffers)
    }

    #[inline]
    pub(crate) fn in_place(&self) -> bool {
        self.in_place
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Elements of the output before the first address that is a multiple of `bytes`.
    #[inline]
    pub(crate) fn misaligned_by(&self, bytes: usize) -> usize {
        (self.output.addr().wrapping_neg() % bytes) / size_of::<T>()
    }

    /// Takes the first `len` elements off the front; what there is, where there are fewer.
    pub(crate) fn split_off_front(&mut self, len: usize) -> Self {
        let len = len.min(self.len);
        let front = Self { len, ..*self };
        // SAFETY: `len` elements are there, by the invariant.
        self.inputs = self.inputs.map(|input| unsafe { input.add(len) });
        // SAFETY: as above.
        self.output = unsafe { self.output.add(len) };
        self.len -= len;
        front
    }

    /// Takes off the back what is more than a multiple of `len` elements: `len` of them, where it is none, and
    /// what there is, where there are fewer.
    #[cfg(feature = "parallel")]
    pub(crate) fn split_off_back(&mut self, len: usize) -> Self {
        let mut back = Self { ..*self };
        let rest = self.len.saturating_sub(1) / len * len;
        *self = back.split_off_front(rest);
        back
    }

    /// The map of the `V::LANES` elements from `at`.
    ///
    /// # Safety
    /// `at + V::LANES <= len`, and the inputs are initialised there.
    #[inline(always)]
    unsafe fn load<V: Vector<Element = T>, M: Map<N>>(
        &self,
        token: V::Token,
        map: M,
        at: usize,
    ) -> V {
        debug_assert!(at + V::LANES <= self.len);
        map.apply(array::from_fn(|i| {
            // SAFETY: in bounds, as the caller says; an array is as aligned as its elements.
            V::load(token, unsafe {
                &*self.inputs[i].add(at).cast::<V::Array>()
            })
        }))
    }

    /// The memory of the `V::LANES` elements from `at`.
    ///
    /// # Safety
    /// `at + V::LANES <= len`, and what an earlier call returned is no longer used.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)] // The exclusive borrow is the one that was given up for `self`.
    unsafe fn out<V: Vector<Element = T>>(&self, at: usize) -> &mut MaybeUninit<V::Array> {
        debug_assert!(at + V::LANES <= self.len);
        // SAFETY: in bounds, as the caller says, and for writing ours alone; an array is as aligned as its
        // elements.
        unsafe { &mut *self.output.add(at).cast() }
    }

    /// Stores `register` to the `V::LANES` elements from `at`.
    ///
    /// # Safety
    /// `at + V::LANES <= len`.
    #[inline(always)]
    unsafe fn store<V: Vector<Element = T>>(&self, register: V, at: usize) {
        // SAFETY: as the caller says; the reference ends here.
        register.store(unsafe { self.out::<V>(at) });
    }
}

/// Adds an input in front, which is as long.
macro_rules! with_input {
    ($n:literal, $one_more:literal, [$($i:literal),*]) => {
        impl<'a, T: Element> Buffers<'a, T, $n> {
            #[inline]
            pub(crate) fn with_input(self, input: &'a [T]) -> Buffers<'a, T, $one_more> {
                assert_eq!(input.len(), self.len);
                Buffers {
                    inputs: [input.as_ptr() $(, self.inputs[$i])*],
                    output: self.output,
                    len: self.len,
                    in_place: self.in_place,
                    borrowed: PhantomData,
                }
            }
        }
    };
}

with_input!(1, 2, [0]);
with_input!(2, 3, [0, 1]);

impl<'a, T: Element> Buffers<'a, T, 1> {
    /// The input is also the output.
    #[inline]
    pub(crate) fn forward_in_place(buffer: &'a mut [T]) -> Self {
        let output = buffer.as_mut_ptr();
        Self {
            inputs: [output.cast_const()],
            output,
            len: buffer.len(),
            in_place: true,
            borrowed: PhantomData,
        }
    }
}

impl<'a, T: Element> Buffers<'a, T, 2> {
    /// The second input is also the output. The lengths are equal, as in [`new`](Buffers::new).
    #[inline]
    pub(crate) fn backward_in_place(input: &'a [T], grad: &'a mut [T]) -> Self {
        assert_eq!(input.len(), grad.len());
        let output = grad.as_mut_ptr();
        Self {
            inputs: [input.as_ptr(), output.cast_const()],
            output,
            len: grad.len(),
            in_place: true,
            borrowed: PhantomData,
        }
    }
}

/// `output` as what a kernel leaves it: initialised.
///
/// # Safety
/// Every element of `output` was written.
#[inline]
pub(crate) unsafe fn assume_written<T>(output: &mut [MaybeUninit<T>]) -> &mut [T] {
    // SAFETY: the same memory and length; initialised, as the caller says.
    unsafe { &mut *(std::ptr::from_mut(output) as *mut [T]) }
}

/// `slice` as an output that nobody reads before it is written.
#[inline]
pub(crate) fn as_output<T: Copy>(slice: &mut [T]) -> &mut [MaybeUninit<T>] {
    // SAFETY: the same memory and length. To write an uninitialised element through this would be wrong;
    // the `forward_uninit`s and `Buffers`, which it is for, write numbers alone.
    unsafe { &mut *(std::ptr::from_mut(slice) as *mut [MaybeUninit<T>]) }
}

/// Writes `map` of the inputs to every element of the output. With `streaming`, past the cache.
#[inline(always)]
pub(crate) fn run<V: Vector, M: Map<N>, const N: usize>(
    token: V::Token,
    map: M,
    buffers: &Buffers<V::Element, N>,
    streaming: bool,
) {
    let len = buffers.len;
    if len < 2 * V::LANES {
        short::<V, M, N>(token, map, buffers);
    } else if len <= 4 * V::LANES {
        both_ends::<V, M, N, 2>(token, map, buffers);
    } else if len <= 8 * V::LANES {
        both_ends::<V, M, N, 4>(token, map, buffers);
    } else if V::STREAMS && streaming {
        long::<V, M, N, true>(token, map, buffers);
    } else {
        long::<V, M, N, false>(token, map, buffers);
    }
}

/// Less than twice the lanes of `V`: two registers, of half the lanes as often as it needs.
#[inline(always)]
fn short<V: Vector, M: Map<N>, const N: usize>(
    token: V::Token,
    map: M,
    buffers: &Buffers<V::Element, N>,
) {
    if V::LANES == 1 {
        // At most three elements are left: the first, the middle and the last are all there are.
        debug_assert!(buffers.len <= 3);
        if buffers.len > 0 {
            let middle = buffers.len / 2;
            // SAFETY: `middle < len`.
            let between: V = unsafe { buffers.load(token, map, middle) };
            both_ends::<V, M, N, 1>(token, map, buffers);
            // SAFETY: as above.
            unsafe { buffers.store(between, middle) };
        }
    } else if buffers.len >= V::LANES {
        both_ends::<V, M, N, 1>(token, map, buffers);
    } else {
        short::<V::Half, M, N>(token.into(), map, buffers);
    }
}

/// `K` to `2 * K` registers: `K` from the front and `K` up to the end, which may overlap. Without a loop,
/// and without a look at the alignment, which costs more than it gains here.
#[inline(always)]
fn both_ends<V: Vector, M: Map<N>, const N: usize, const K: usize>(
    token: V::Token,
    map: M,
    buffers: &Buffers<V::Element, N>,
) {
    // The callers have just compared, so this is compiled to nothing.
    assert!(buffers.len >= K * V::LANES);
    let end = buffers.len - K * V::LANES;
    // SAFETY: `len >= K * LANES`.
    unsafe {
        // No closures: of a long formula the compiler makes functions of their own.
        let mut front: [V; K] = [buffers.load(token, map, 0); K];
        let mut back: [V; K] = [buffers.load(token, map, end); K];
        for i in 1..K {
            front[i] = buffers.load(token, map, i * V::LANES);
            back[i] = buffers.load(token, map, end + i * V::LANES);
        }
        for (start, registers) in [(0, front), (end, back)] {
            for (i, register) in registers.into_iter().enumerate() {
                buffers.store(register, start + i * V::LANES);
            }
        }
    }
}

/// At least twice the lanes of `V`; meant for more than eight times.
#[inline(always)]
fn long<V: Vector, M: Map<N>, const N: usize, const STREAM: bool>(
    token: V::Token,
    map: M,
    buffers: &Buffers<V::Element, N>,
) {
    const LINE_BYTES: usize = 64;
    /// How far ahead inputs are prefetched while the output streams. With two inputs, Zen 5 fetches
    /// nothing ahead by itself for 64-byte loads, and without this the gradient takes 1.5 times as long
    /// (`cargo bench -- relu/backward/f32/33554432`). From 2 to 4 KiB did equally well.
    const AHEAD_BYTES: usize = 4096;
    // Registers a turn. A turn of four short ones takes 15 or 22 Gelem/s in L1, depending on where the loop
    // comes to lie; one of eight has about 20 everywhere.
    let unroll = const { if size_of::<V::Array>() <= 16 { 8 } else { 4 } };

    let store = |register: V, at: usize| {
        if STREAM {
            // SAFETY: in bounds as for `store` below; `at` is where the output is aligned, plus whole
            // registers; the fence stands at the end of this function.
            unsafe { register.stream(buffers.out::<V>(at)) }
        } else {
            // SAFETY: the loops below keep `at + V::LANES <= len`.
            unsafe { buffers.store(register, at) }
        }
    };

    // The caller has just compared, so this is compiled to nothing.
    assert!(buffers.len >= V::LANES);
    let end = buffers.len - V::LANES;
    // SAFETY: `len >= V::LANES`.
    let (first, last): (V, V) =
        unsafe { (buffers.load(token, map, 0), buffers.load(token, map, end)) };

    let mut at = buffers.misaligned_by(size_of::<V::Array>());
    let turns = (buffers.len - at) / (unroll * V::LANES);
    // Both loops count their turns: from a condition on `at` LLVM made six counters, which cost more than
    // the body in SSE2.
    for _ in 0..turns {
        if STREAM {
            for line in (0..unroll * size_of::<V::Array>()).step_by(LINE_BYTES) {
                for input in buffers.inputs {
                    V::prefetch(input.wrapping_add(at).wrapping_byte_add(AHEAD_BYTES + line));
                }
            }
        }
        // Each is stored before the next is loaded: four loads and then four stores took AVX2 1.25 times as
        // long in L1 (Zen 5).
        for i in 0..unroll {
            let at = at + i * V::LANES;
            // SAFETY: so many turns fit behind where `at` began.
            store(unsafe { buffers.load(token, map, at) }, at);
        }
        at += unroll * V::LANES;
    }
    // Less than a turn is left, and of that the last register is taken care of.
    for _ in 1..unroll {
        if at >= end {
            break;
        }
        // SAFETY: `at < len - V::LANES`.
        store(unsafe { buffers.load(token, map, at) }, at);
        at += V::LANES;
    }

    // SAFETY: `len >= V::LANES`. Both overlap what was written above, with the same values.
    unsafe {
        buffers.store(first, 0);
        buffers.store(last, end);
    }
    #[cfg(x86_tiers)]
    if STREAM {
        crate::x86::fence();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tier;

    #[derive(Clone, Copy)]
    struct Difference;

    impl Map<2> for Difference {
        #[inline(always)]
        fn apply<V: Vector>(self, [a, b]: [V; 2]) -> V {
            a - b
        }
    }

    fn every_element_is_written_once<T: Element>(streaming: bool) {
        // Miri, which sees what becomes of borrows, is a thousand times slower.
        const LONGEST: usize = if cfg!(miri) { 70 } else { 3 * 64 + 30 };
        let numbers: Vec<T> = (0..2 * LONGEST).map(|i| T::from_f64(i as f64)).collect();
        for tier in Tier::available() {
            for len in 0..=LONGEST {
                let offsets = 0..64 / size_of::<T>();
                for offset in offsets.step_by(if cfg!(miri) { 3 } else { 1 }) {
                    let (a, b) = (&numbers[offset..offset + len], &numbers[7..7 + len]);
                    let mut output = vec![T::ZERO; len + offset + 64];
                    let start = output.as_ptr().align_offset(64) + offset;
                    let out = &mut output[start..start + len];
                    out.copy_from_slice(b);
                    // `b` is read from the output itself, so an element done twice shows.
                    tier.run(Difference, &Buffers::backward_in_place(a, out), false);
                    let expected = T::from_f64(offset as f64 - 7.0);
                    assert!(out.iter().all(|&x| x == expected), "{tier}, {len} in place");

                    out.fill(T::from_f64(f64::NAN));
                    let buffers = Buffers::new([a, b], as_output(out));
                    tier.run(Difference, &buffers, streaming);
                    assert!(
                        out.iter().all(|&x| x == expected),
                        "{tier}, {len} at {offset}"
                    );
                    output[start..start + len].fill(T::ZERO);
                    let untouched = output.iter().all(|&x| x == T::ZERO);
                    assert!(untouched, "{tier}, {len} at {offset}: wrote outside");
                }
            }
        }
    }

    #[test]
    fn every_element_is_written_once_through_the_cache() {
        every_element_is_written_once::<f32>(false);
        every_element_is_written_once::<f64>(false);
    }

    #[test]
    fn every_element_is_written_once_past_the_cache() {
        every_element_is_written_once::<f32>(true);
        every_element_is_written_once::<f64>(true);
    }
}
