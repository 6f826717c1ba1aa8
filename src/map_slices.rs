//! What users of a [`Map`] call.

use std::mem::MaybeUninit;

use crate::arch::Tier;
use crate::element::Element;
use crate::engine::buffers::{self, Buffers};
use crate::formula::Map;
use crate::lengths::same_lengths;
use crate::planned::Planned;

/// Keeps [`MapSlices`] to maps and their adaptor.
pub trait Sealed<const N: usize> {}

impl<M: Map<N>, const N: usize> Sealed<N> for M {}
impl<M: Map<N>, const N: usize> Sealed<N> for Planned<M> {}

/// Runs a [`Map`] on `N` slices, element by element: every map has it. Sealed.
///
/// Every method gives the same bits for every element, whatever the tier, the length, the alignment, the
/// element's position and the number of threads. Slices may have any length, 0 too.
///
/// # Panics
/// All methods that take several slices panic if their lengths differ, before they write anything.
pub trait MapSlices<const N: usize>: Sealed<N> + Copy {
    /// What is run.
    type Map: Map<N>;

    /// This map with where it runs.
    fn planned(self) -> Planned<Self::Map>;

    /// Writes the map of `inputs[0][i]`, `inputs[1][i]` and so on to `output[i]`.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[track_caller]
    fn map<T: Element>(&self, inputs: [&[T]; N], output: &mut [T]) {
        same_lengths(inputs.map(<[T]>::len), ("output", output.len()));
        let Planned { formula, plan } = self.planned();
        let output = buffers::as_output(output);
        let _ = plan.run(formula, &mut Buffers::new(inputs, output));
    }

    /// As [`map`](MapSlices::map), where the last input is `buffer`, which becomes the output. `inputs` are the
    /// `N - 1` others: another number of them does not compile.
    ///
    /// ```
    /// use rectify::{Map, MapSlices, Vector};
    ///
    /// #[derive(Clone, Copy)]
    /// struct Difference;
    ///
    /// impl Map<2> for Difference {
    ///     #[inline(always)]
    ///     fn apply<V: Vector>(self, [a, b]: [V; 2]) -> V {
    ///         a - b
    ///     }
    /// }
    ///
    /// let mut b = [1.0_f32, 2.0];
    /// Difference.map_in_place([&[5.0, 5.0]], &mut b);
    /// assert_eq!(b, [4.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[track_caller]
    fn map_in_place<const M: usize, T: Element>(&self, inputs: [&[T]; M], buffer: &mut [T]) {
        same_lengths(inputs.map(<[T]>::len), ("buffer", buffer.len()));
        let Planned { formula, plan } = self.planned();
        let _ = plan.run(formula, &mut Buffers::in_place(inputs, buffer));
    }

    /// As [`map`](MapSlices::map), to an output that need not be initialised; returns it as what it then is.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[track_caller]
    fn map_uninit<'a, T: Element>(
        &self,
        inputs: [&[T]; N],
        output: &'a mut [MaybeUninit<T>],
    ) -> &'a mut [T] {
        same_lengths(inputs.map(<[T]>::len), ("output", output.len()));
        let Planned { formula, plan } = self.planned();
        buffers::fill(output, |output| {
            plan.run(formula, &mut Buffers::new(inputs, output))
        })
    }

    /// As [`map`](MapSlices::map), to a fresh vector.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    #[must_use]
    #[track_caller]
    fn map_to_vec<T: Element>(&self, inputs: [&[T]; N]) -> Vec<T> {
        const { assert!(N > 0) };
        let len = inputs[0].len();
        same_lengths(inputs.map(<[T]>::len), ("output", len));
        let Planned { formula, plan } = self.planned();
        buffers::new_vec(len, |output| {
            plan.run(formula, &mut Buffers::new(inputs, output))
        })
    }

    /// This map on `tier` instead of [`Tier::best`].
    #[inline]
    #[must_use]
    fn on(self, tier: Tier) -> Planned<Self::Map> {
        self.planned().on(tier)
    }

    /// This map over the current Rayon pool: see [`Activation::par`](crate::Activation::par).
    #[cfg(feature = "parallel")]
    #[inline]
    #[must_use]
    fn par(self) -> Planned<Self::Map> {
        self.planned().par()
    }
}

impl<M: Map<N>, const N: usize> MapSlices<N> for M {
    type Map = Self;

    #[inline]
    fn planned(self) -> Planned<Self> {
        Planned::new(self)
    }
}

impl<M: Map<N>, const N: usize> MapSlices<N> for Planned<M> {
    type Map = M;

    #[inline]
    fn planned(self) -> Self {
        self
    }
}
