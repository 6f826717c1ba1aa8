//! A caller's slices as pointers.
//!
//! Pointers, because the output may be one of the inputs and may be uninitialised, and so that one loop serves every
//! case.
#![allow(unsafe_code)]

use std::array;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;

use crate::arch::Register;
use crate::formula::Kernel;

/// `N` inputs and `OUT` outputs of one length, all borrowed for `'a`. Outputs may be uninitialised, and
/// the first is one of the inputs where the work is in place.
///
/// Invariant: for `'a`, each input can be read and each output written, `len` elements from each pointer;
/// nobody else writes the inputs or touches the outputs; outputs do not overlap, nor does an input overlap one, but for
/// the one that is the same memory.
pub(crate) struct Buffers<'a, T, const N: usize, const OUT: usize = 1> {
    inputs: [*const T; N],
    outputs: [*mut T; OUT],
    len: usize,
    in_place: bool,
    /// Inputs, from the front, that are in the cache anyway.
    cached: usize,
    borrowed: PhantomData<(&'a [T], &'a mut [T])>,
}

/// Bytes of a cache line.
pub(crate) const LINE_BYTES: usize = 64;

/// Elements of a cache line of the smallest type.
pub(crate) const LINE: usize = LINE_BYTES / size_of::<f32>();

/// Memory on the stack that begins where a cache line does.
#[repr(align(64))]
pub(crate) struct Lines<T, const LEN: usize>(pub(crate) [T; LEN]);

/// How many halves make a register in [`Buffers::in_one_register`]: they cover whatever is less than one, and are no longer. Nothing
/// is less than one lane.
const fn count_of_halves<V: Register>() -> usize {
    let by_elements = V::Half::LANES == 1 && V::LANES <= 4;
    assert!(by_elements || V::LANES == 2 * V::Half::LANES);
    if V::LANES == 4 && by_elements { 3 } else { 2 }
}

/// What a step of several reads: see [`Buffers::step`].
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// An input of the whole.
    Input(usize),
    /// What an earlier step left.
    Memory,
}

/// Where a step of several writes to.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// An output of the whole.
    Output(usize),
    /// For a later step.
    Memory,
}

// SAFETY: this is `N` shared slices and some exclusive ones, which may be sent where `T` may be both sent
// and shared.
unsafe impl<T: Send + Sync, const N: usize, const OUT: usize> Send for Buffers<'_, T, N, OUT> {}

impl<'a, T: Copy, const N: usize> Buffers<'a, T, N> {
    /// Out of place. Callers have compared the lengths, so the assertion is compiled to nothing.
    #[inline]
    pub(crate) fn new(inputs: [&'a [T]; N], output: &'a mut [MaybeUninit<T>]) -> Self {
        assert!(inputs.iter().all(|input| input.len() == output.len()));
        Self {
            inputs: inputs.map(<[T]>::as_ptr),
            outputs: [output.as_mut_ptr().cast()],
            len: output.len(),
            in_place: false,
            cached: 0,
            borrowed: PhantomData,
        }
    }

    /// The last input is also the output. The lengths are equal, as in [`new`](Buffers::new).
    #[inline]
    pub(crate) fn in_place<const M: usize>(inputs: [&'a [T]; M], buffer: &'a mut [T]) -> Self {
        const { assert!(M + 1 == N) };
        assert!(inputs.iter().all(|input| input.len() == buffer.len()));
        let (output, len) = (buffer.as_mut_ptr(), buffer.len());
        Self {
            inputs: array::from_fn(|i| inputs.get(i).map_or(output.cast_const(), |x| x.as_ptr())),
            outputs: [output],
            len,
            in_place: true,
            cached: 0,
            borrowed: PhantomData,
        }
    }

    /// Has `run` do one row after the other, with `row` for one input more, in front.
    ///
    /// # Panics
    /// If they are not whole rows, or a row is empty.
    #[inline]
    pub(crate) fn by_rows<const M: usize>(
        &mut self,
        row: &[T],
        mut run: impl FnMut(&mut Buffers<'_, T, M>),
    ) {
        assert!(self.len.is_multiple_of(row.len()));
        for start in (0..self.len).step_by(row.len()) {
            let part = start..start + row.len();
            run(&mut self.window(part).with_input(row));
        }
    }

    /// With one input more, in front, which is as long, and in the cache.
    #[inline]
    pub(crate) fn with_input<const M: usize>(self, input: &'a [T]) -> Buffers<'a, T, M> {
        const { assert!(M == N + 1) };
        assert_eq!(input.len(), self.len);
        Buffers {
            inputs: array::from_fn(|i| match i {
                0 => input.as_ptr(),
                _ => self.inputs[i - 1],
            }),
            outputs: self.outputs,
            len: self.len,
            in_place: self.in_place,
            cached: self.cached + 1,
            borrowed: PhantomData,
        }
    }
}

impl<'a, T: Copy, const N: usize> Buffers<'a, T, N, 2> {
    /// Out of place, with two outputs. The lengths are equal, as in [`new`](Buffers::new).
    #[inline]
    pub(crate) fn with_two_outputs(inputs: [&'a [T]; N], outputs: [&'a mut [T]; 2]) -> Self {
        let [first, second] = outputs;
        let len = first.len();
        assert!(second.len() == len && inputs.iter().all(|input| input.len() == len));
        Self {
            inputs: inputs.map(<[T]>::as_ptr),
            outputs: [first.as_mut_ptr(), second.as_mut_ptr()],
            len,
            in_place: false,
            cached: 0,
            borrowed: PhantomData,
        }
    }
}

impl<'a, T: Copy, const N: usize, const OUT: usize> Buffers<'a, T, N, OUT> {
    /// Buffers of one step of several that make the outputs of the inputs: it reads `from` and writes `to`, of these and of
    /// `memory`, which is as long and holds what steps hand on.
    pub(crate) fn step<'b, const M: usize>(
        &'b mut self,
        memory: &'b mut [T],
        from: [Source; M],
        to: Target,
    ) -> Buffers<'b, T, M> {
        assert_eq!(memory.len(), self.len);
        let memory = memory.as_mut_ptr();
        let inputs = from.map(|from| match from {
            Source::Input(i) => self.inputs[i],
            Source::Memory => memory.cast_const(),
        });
        let output = match to {
            Target::Output(i) => self.outputs[i],
            Target::Memory => memory,
        };
        let is_cached = |from: &&Source| matches!(from, Source::Memory);
        Buffers {
            inputs,
            outputs: [output],
            len: self.len,
            in_place: inputs.contains(&output.cast_const()),
            cached: from.iter().take_while(is_cached).count(),
            borrowed: PhantomData,
        }
    }

    /// Bytes that the memory moves for these: every input read and, out of place, every output written.
    #[inline]
    pub(crate) fn footprint_bytes(&self) -> usize {
        // No slice is longer than half the address space, but several may share their memory.
        let buffers = N + OUT - usize::from(self.in_place);
        (self.len * size_of::<T>()).saturating_mul(buffers)
    }

    #[inline]
    pub(crate) fn is_in_place(&self) -> bool {
        self.in_place
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Elements of the first output before the first address that is a multiple of `bytes`.
    #[inline]
    pub(crate) fn misaligned_by(&self, bytes: usize) -> usize {
        (self.outputs[0].addr().wrapping_neg() % bytes) / size_of::<T>()
    }

    /// Whether all outputs are aligned to `bytes` where the first one is.
    #[inline]
    pub(super) fn are_aligned_alike(&self, bytes: usize) -> bool {
        let first = self.outputs[0].addr();
        self.outputs
            .iter()
            .all(|output| output.addr().wrapping_sub(first).is_multiple_of(bytes))
    }

    /// The first output, for what is to be said of it when these are gone.
    #[inline]
    pub(crate) fn output(&self) -> Output<T> {
        Output {
            first: self.outputs[0],
            len: self.len,
        }
    }

    /// At most `len` elements from `start`. They alias these buffers: only one of the two may be in use.
    #[inline(always)]
    pub(super) fn part(&self, start: usize, len: usize) -> Self {
        let start = start.min(self.len);
        let len = len.min(self.len - start);
        let mut part = Self { len, ..*self };
        for input in &mut part.inputs {
            // SAFETY: within.
            *input = unsafe { input.add(start) };
        }
        for output in &mut part.outputs {
            // SAFETY: as above.
            *output = unsafe { output.add(start) };
        }
        part
    }

    /// The addresses of the first output.
    #[cfg(test)]
    pub(super) fn output_bytes(&self) -> Range<usize> {
        let start = self.outputs[0].addr();
        start..start + self.len * size_of::<T>()
    }

    /// Takes the first `len` elements off the front; what there is, where there are fewer.
    #[cfg(feature = "parallel")]
    pub(crate) fn split_off_front(&mut self, len: usize) -> Self {
        let len = len.min(self.len);
        let front = Self { len, ..*self };
        // SAFETY: `len` elements are there, by the invariant.
        self.inputs = self.inputs.map(|input| unsafe { input.add(len) });
        // SAFETY: as above.
        self.outputs = self.outputs.map(|output| unsafe { output.add(len) });
        self.len -= len;
        front
    }

    /// Takes off the back what exceeds a multiple of `len` elements; if nothing does, the last `len`, or all if fewer.
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
    pub(super) unsafe fn load<V: Register<Element = T>, M: Kernel<N, OUT>>(
        &self,
        token: V::Token,
        map: M,
        at: usize,
    ) -> [V; OUT] {
        const { assert!(N > 0) };
        debug_assert!(at + V::LANES <= self.len);
        // No closures: where there are many of these, the compiler makes functions of them. Nor iterators, which it takes
        // minutes to see through.
        // SAFETY: in bounds, as the caller says.
        let mut registers = [unsafe { self.load_input::<V>(token, 0, at) }; N];
        let mut i = 1;
        while i < N {
            // SAFETY: as above.
            registers[i] = unsafe { self.load_input(token, i, at) };
            i += 1;
        }
        map.outputs(registers)
    }

    /// The `V::LANES` elements from `at` of one input.
    ///
    /// # Safety
    /// As for [`load`](Buffers::load).
    #[inline(always)]
    unsafe fn load_input<V: Register<Element = T>>(
        &self,
        token: V::Token,
        input: usize,
        at: usize,
    ) -> V {
        // SAFETY: in bounds, as the caller says; an array is as aligned as its elements.
        V::load(token, unsafe {
            &*self.inputs[input].add(at).cast::<V::Array>()
        })
    }

    /// Maps all elements, which are less than a register, in one: of two halves that overlap, or, where a half is one element, of
    /// one to three of these.
    ///
    /// # Panics
    /// If they are less than a half, or a register or more.
    #[inline(always)]
    pub(super) fn in_one_register<V: Register<Element = T>, M: Kernel<N, OUT>>(
        &self,
        token: V::Token,
        map: M,
    ) {
        assert!(V::Half::LANES <= self.len && self.len < V::LANES);
        // SAFETY: as just seen; the inputs are initialised.
        let mut registers = [unsafe { self.load_joined::<V>(token, 0) }; N];
        let mut i = 1;
        while i < N {
            // SAFETY: as above.
            registers[i] = unsafe { self.load_joined(token, i) };
            i += 1;
        }
        let registers = map.outputs(registers);
        i = 0;
        while i < OUT {
            // SAFETY: as above.
            unsafe { self.store_apart::<V>(token, registers[i], i) };
            i += 1;
        }
    }

    /// Where these halves begin: the first, the last, and the middle one, which only three single elements need. The first
    /// [`count_of_halves`] count.
    #[inline(always)]
    fn halves<V: Register<Element = T>>(&self) -> [usize; 3] {
        [0, self.len - V::Half::LANES, self.len / 2]
    }

    /// All elements of one input.
    ///
    /// # Safety
    /// `V::Half::LANES <= len < V::LANES`, and the input is initialised.
    #[inline(always)]
    unsafe fn load_joined<V: Register<Element = T>>(&self, token: V::Token, input: usize) -> V {
        let places = self.halves::<V>();
        let mut lanes = MaybeUninit::<V::Array>::uninit();
        // Lanes that no half covers hold an element, too: a formula sees no number that is not the caller's.
        // SAFETY: `len >= V::Half::LANES`, so there is a first element.
        V::splat(unsafe { *self.inputs[input] }).store(&mut lanes);
        let mut i = 0;
        while i < const { count_of_halves::<V>() } {
            // SAFETY: a half from each place is in bounds, as the caller says. Then there are two lanes or more, into which
            // so many halves fit.
            unsafe {
                let half: V::Half = self.load_input(token.into(), input, places[i]);
                let lanes = lanes.as_mut_ptr().cast::<T>().add(i * V::Half::LANES);
                half.store(&mut *lanes.cast());
            }
            i += 1;
        }
        // SAFETY: `splat` wrote every lane.
        V::load(token, unsafe { lanes.assume_init_ref() })
    }

    /// Stores a register of [`load_joined`](Buffers::load_joined) to all elements of one output. What overlaps is the same there.
    ///
    /// # Safety
    /// `V::Half::LANES <= len < V::LANES`.
    #[inline(always)]
    unsafe fn store_apart<V: Register<Element = T>>(
        &self,
        token: V::Token,
        register: V,
        output: usize,
    ) {
        let places = self.halves::<V>();
        let mut lanes = MaybeUninit::<V::Array>::uninit();
        register.store(&mut lanes);
        let mut i = 0;
        while i < const { count_of_halves::<V>() } {
            // SAFETY: a half from each place is in bounds, as the caller says. Then there are two lanes or more, which `store`
            // wrote, and of which so many halves are a part.
            unsafe {
                let lanes = lanes.as_ptr().cast::<T>().add(i * V::Half::LANES);
                let half = V::Half::load(token.into(), &*lanes.cast());
                half.store(self.array::<V::Half>(output, places[i]));
            }
            i += 1;
        }
    }

    /// The elements of `range`, while these are borrowed.
    ///
    /// A part is to be made where it is used, and not earlier. One that is handed on is copied by loads that are wider than the stores
    /// just before; such a load waits until all earlier stores have reached their cache lines, and the kernel begins with an
    /// empty pipeline (`docs/measurements.md`, *Channels*).
    ///
    /// # Panics
    /// If it is not within.
    #[inline(always)]
    pub(crate) fn window(&mut self, range: Range<usize>) -> Buffers<'_, T, N, OUT> {
        let Range { start, end } = range;
        assert!(start <= end && end <= self.len);
        let len = end - start;
        Self {
            len,
            ..self.part(start, len)
        }
    }

    /// The `V::LANES` elements from `at` of one input, for who does not answer for bounds.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline(always)]
    pub(crate) fn read<V: Register<Element = T>>(
        &self,
        token: V::Token,
        input: usize,
        at: usize,
    ) -> V {
        assert!(at <= self.len && self.len - at >= V::LANES);
        // SAFETY: in bounds.
        unsafe { self.load_input(token, input, at) }
    }

    /// Stores a register to the `V::LANES` elements from `at` of the first output, for who does not answer for bounds.
    ///
    /// # Panics
    /// If there are fewer.
    #[inline(always)]
    pub(crate) fn write<V: Register<Element = T>>(&self, register: V, at: usize) {
        assert!(at <= self.len && self.len - at >= V::LANES);
        // SAFETY: in bounds.
        register.store(unsafe { self.array::<V>(0, at) });
    }

    /// Stores a register to the `V::LANES` elements from `at` of each output.
    ///
    /// # Safety
    /// `at + V::LANES <= len`.
    #[inline(always)]
    pub(super) unsafe fn store<V: Register<Element = T>>(&self, registers: [V; OUT], at: usize) {
        debug_assert!(at + V::LANES <= self.len);
        let mut i = 0;
        while i < OUT {
            // SAFETY: in bounds, as the caller says.
            registers[i].store(unsafe { self.array::<V>(i, at) });
            i += 1;
        }
    }

    /// As [`store`](Buffers::store), by non-temporal stores.
    ///
    /// # Safety
    /// As for `store`, and what [`Register::stream`] asks for, of each output.
    #[inline(always)]
    pub(super) unsafe fn stream<V: Register<Element = T>>(&self, registers: [V; OUT], at: usize) {
        debug_assert!(at + V::LANES <= self.len);
        let mut i = 0;
        while i < OUT {
            // SAFETY: in bounds; the rest as the caller says.
            unsafe { registers[i].stream(self.array::<V>(i, at)) };
            i += 1;
        }
    }

    /// The `V::LANES` elements from `at` of one output.
    ///
    /// # Safety
    /// As for [`store`](Buffers::store).
    #[inline(always)]
    #[expect(
        clippy::mut_from_ref,
        reason = "the memory is that of the output, borrowed for `'a`"
    )]
    unsafe fn array<V: Register<Element = T>>(
        &self,
        output: usize,
        at: usize,
    ) -> &mut MaybeUninit<V::Array> {
        // SAFETY: in bounds, as the caller says, and for writing ours alone; an array is as aligned as its
        // elements.
        unsafe { &mut *self.outputs[output].add(at).cast::<MaybeUninit<V::Array>>() }
    }

    /// Asks for the cache line of every input from memory that is `bytes` past element `at`, which may be past the end.
    #[inline(always)]
    pub(super) fn prefetch<V: Register<Element = T>>(&self, at: usize, bytes: usize) {
        // Inputs that are skipped by an iterator were not told apart at compile time: a loop that took longer than the kernel.
        let mut i = 0;
        while i < N {
            if i >= self.cached {
                V::prefetch(self.inputs[i].wrapping_add(at).wrapping_byte_add(bytes));
            }
            i += 1;
        }
    }
}

/// Which output some [`Buffers`] have.
pub(crate) struct Output<T> {
    first: *const T,
    len: usize,
}

/// Proof that an output was written.
#[must_use]
pub(crate) struct Written<T>(Output<T>);

impl<T> Output<T> {
    /// # Safety
    /// Every element was written.
    #[inline]
    pub(super) unsafe fn written(self) -> Written<T> {
        Written(self)
    }
}

/// `output` as what it is after `write`: initialised.
///
/// # Panics
/// If what was written is anything but all of it.
#[inline]
pub(crate) fn fill<T>(
    output: &mut [MaybeUninit<T>],
    write: impl FnOnce(&mut [MaybeUninit<T>]) -> Written<T>,
) -> &mut [T] {
    let Written(written) = write(output);
    assert!(written.first == output.as_ptr().cast() && written.len == output.len());
    // SAFETY: the same memory and length, of which every element was written.
    unsafe { &mut *(std::ptr::from_mut(output) as *mut [T]) }
}

/// A fresh vector of `len` elements, which `write` writes.
#[inline]
pub(crate) fn new_vec<T>(
    len: usize,
    write: impl FnOnce(&mut [MaybeUninit<T>]) -> Written<T>,
) -> Vec<T> {
    let mut vec = Vec::with_capacity(len);
    fill(&mut vec.spare_capacity_mut()[..len], write);
    // SAFETY: there is room for `len` elements, and `fill` has them initialised.
    unsafe { vec.set_len(len) };
    vec
}

/// `slice` as an output that nobody reads before it is written.
#[inline]
pub(crate) fn as_output<T: Copy>(slice: &mut [T]) -> &mut [MaybeUninit<T>] {
    // SAFETY: the same memory and length. To write an uninitialised element through this would be wrong;
    // `Buffers`, which it is for, writes numbers alone.
    unsafe { &mut *(std::ptr::from_mut(slice) as *mut [MaybeUninit<T>]) }
}

#[cfg(all(test, feature = "parallel"))]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_everything_once() {
        for len in [0, 1, 7, 8, 9, 64, 65] {
            let (input, mut output) = (vec![0.0_f32; len], vec![0.0_f32; len]);
            let mut rest = Buffers::new([&input], as_output(&mut output));
            let first = rest.outputs;
            let front = rest.split_off_front(5);
            assert_eq!((front.outputs, front.len()), (first, len.min(5)));
            while rest.len() > 0 {
                let (whole, back) = (rest.len(), rest.split_off_back(8));
                assert_eq!(rest.len() % 8, 0);
                assert!((1..=8).contains(&back.len()));
                assert_eq!(rest.len() + back.len(), whole);
                assert_eq!(
                    back.outputs[0].addr(),
                    rest.outputs[0].addr() + 4 * rest.len()
                );
            }
        }
    }
}
