//! Softmax and its logarithm along an axis.

use std::marker::PhantomData;

use ::ndarray::{Array, ArrayRef, Axis, Dimension};

use super::layout::in_order_of;
use super::shapes::{has_axis, same_shape};
use super::walk::Walk;
use crate::arch::Tier;
use crate::element::Element;
use crate::engine::Plan;
use crate::softmax::{LogSoftmax, Softmax};

/// [`Softmax`] or [`LogSoftmax`] along an axis of arrays: what [`Softmax::along`] and [`LogSoftmax::along`] return, with the
/// feature `ndarray`.
///
/// Each lane along the axis is a row, and gets the bits that the row gets in a slice; the methods are called as those on slices
/// are. What [`ActivationArrays`](crate::ActivationArrays) says of arrays holds here, but that a lane whose elements have gaps
/// between them and are more than 4,096 is gathered in memory that is allocated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Along<S> {
    axis: Axis,
    plan: Plan,
    rows: PhantomData<fn() -> S>,
}

/// What is done with lanes, on slices.
pub trait Rows: Copy {
    #[doc(hidden)]
    fn rows(width: usize) -> Self;
    #[doc(hidden)]
    fn on(self, tier: Tier) -> Self;
    #[doc(hidden)]
    #[cfg(feature = "parallel")]
    fn par(self) -> Self;
    #[doc(hidden)]
    fn forward<T: Element>(self, input: &[T], output: &mut [T]);
    #[doc(hidden)]
    fn forward_in_place<T: Element>(self, buffer: &mut [T]);
    #[doc(hidden)]
    fn backward_from_output<T: Element>(
        self,
        output: &[T],
        grad_output: &[T],
        grad_input: &mut [T],
    );
    #[doc(hidden)]
    fn backward_from_output_in_place<T: Element>(self, output: &[T], grad: &mut [T]);
}

macro_rules! along {
    ($softmax:ident: $example:literal) => {
        impl Rows for $softmax {
            fn rows(width: usize) -> Self {
                $softmax::rows(width)
            }

            fn on(self, tier: Tier) -> Self {
                $softmax::on(self, tier)
            }

            #[cfg(feature = "parallel")]
            fn par(self) -> Self {
                $softmax::par(self)
            }

            fn forward<T: Element>(self, input: &[T], output: &mut [T]) {
                $softmax::forward(&self, input, output);
            }

            fn forward_in_place<T: Element>(self, buffer: &mut [T]) {
                $softmax::forward_in_place(&self, buffer);
            }

            fn backward_from_output<T: Element>(
                self,
                output: &[T],
                grad_output: &[T],
                grad_input: &mut [T],
            ) {
                $softmax::backward_from_output(&self, output, grad_output, grad_input);
            }

            fn backward_from_output_in_place<T: Element>(self, output: &[T], grad: &mut [T]) {
                $softmax::backward_from_output_in_place(&self, output, grad);
            }
        }

        impl $softmax {
            /// Along an axis of arrays of `ndarray`, with the feature of this name.
            ///
            /// ```
            #[doc = $example]
            /// ```
            #[must_use]
            pub const fn along(axis: Axis) -> Along<Self> {
                let plan = Plan {
                    tier: None,
                    parallel: false,
                };
                Along {
                    axis,
                    plan,
                    rows: PhantomData,
                }
            }
        }
    };
}

along! { Softmax: "\
use ndarray::{arr2, Axis};
use rectify::Softmax;

let x = arr2(&[[1.0_f32, 0.0], [1.0, f32::NEG_INFINITY]]);
assert_eq!(Softmax::along(Axis(0)).forward_to_array(&x), arr2(&[[0.5, 1.0], [0.5, 0.0]]));" }
along! { LogSoftmax: "\
use ndarray::{arr2, Axis};
use rectify::LogSoftmax;

let x = arr2(&[[1.0_f32, 0.0], [1.0, f32::NEG_INFINITY]]);
let half = -std::f32::consts::LN_2;
assert_eq!(LogSoftmax::along(Axis(0)).forward_to_array(&x), arr2(&[[half, 0.0], [half, f32::NEG_INFINITY]]));" }

impl<S: Rows> Along<S> {
    /// Writes the result of each lane of `input` to `output`.
    ///
    /// # Panics
    /// If the shapes differ, or there is no such axis.
    #[track_caller]
    pub fn forward<T: Element, D: Dimension>(
        &self,
        input: &ArrayRef<T, D>,
        output: &mut ArrayRef<T, D>,
    ) {
        same_shape([("input", input.shape()), ("output", output.shape())]);
        let width = self.width(("input", input.shape()));
        Walk::new(self.plan, &|plan, [x], [y]| {
            rows::<S>(width, plan).forward(x, y)
        })
        .along(self.axis)
        .over(([input.view()], [output.view_mut()]));
    }

    /// Replaces each lane of `array` by its result.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn forward_in_place<T: Element, D: Dimension>(&self, array: &mut ArrayRef<T, D>) {
        let width = self.width(("array", array.shape()));
        Walk::in_place(self.plan, &|plan, [], [y]| {
            rows::<S>(width, plan).forward_in_place(y)
        })
        .along(self.axis)
        .over(([], [array.view_mut()]));
    }

    /// The result of each lane, in a new array, whose order in memory is that of `input`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn forward_to_array<T: Element, D: Dimension>(
        &self,
        input: &ArrayRef<T, D>,
    ) -> Array<T, D> {
        has_axis(("input", input.shape()), self.axis);
        let mut output = in_order_of(input, vec![T::ZERO; input.len()]);
        self.forward(input, &mut output);
        output
    }

    /// Writes the gradient of the input to `grad_input`, from what `forward` was given: it computes the results anew, in an
    /// array that it allocates. Where they are at hand, [`backward_from_output`](Along::backward_from_output) is faster.
    ///
    /// # Panics
    /// If the shapes differ, or there is no such axis.
    #[track_caller]
    pub fn backward<T: Element, D: Dimension>(
        &self,
        input: &ArrayRef<T, D>,
        grad_output: &ArrayRef<T, D>,
        grad_input: &mut ArrayRef<T, D>,
    ) {
        let shapes = [
            ("input", input.shape()),
            ("grad_output", grad_output.shape()),
        ];
        same_shape([shapes[0], shapes[1], ("grad_input", grad_input.shape())]);
        let results = self.forward_to_array(input);
        self.backward_from_output(&results, grad_output, grad_input);
    }

    /// Writes the gradient of the input to `grad_input`, from what `forward` returned.
    ///
    /// # Panics
    /// If the shapes differ, or there is no such axis.
    #[track_caller]
    pub fn backward_from_output<T: Element, D: Dimension>(
        &self,
        output: &ArrayRef<T, D>,
        grad_output: &ArrayRef<T, D>,
        grad_input: &mut ArrayRef<T, D>,
    ) {
        let shapes = [
            ("output", output.shape()),
            ("grad_output", grad_output.shape()),
        ];
        same_shape([shapes[0], shapes[1], ("grad_input", grad_input.shape())]);
        let width = self.width(("output", output.shape()));
        Walk::new(self.plan, &|plan, [y, dy], [dx]| {
            rows::<S>(width, plan).backward_from_output(y, dy, dx);
        })
        .along(self.axis)
        .over(([output.view(), grad_output.view()], [grad_input.view_mut()]));
    }

    /// As [`backward_from_output`](Along::backward_from_output), with `grad` holding the gradient of the output before and that
    /// of the input after.
    ///
    /// # Panics
    /// If the shapes differ, or there is no such axis.
    #[track_caller]
    pub fn backward_from_output_in_place<T: Element, D: Dimension>(
        &self,
        output: &ArrayRef<T, D>,
        grad: &mut ArrayRef<T, D>,
    ) {
        same_shape([("output", output.shape()), ("grad", grad.shape())]);
        let width = self.width(("output", output.shape()));
        Walk::in_place(self.plan, &|plan, [y], [grad]| {
            rows::<S>(width, plan).backward_from_output_in_place(y, grad);
        })
        .along(self.axis)
        .over(([output.view()], [grad.view_mut()]));
    }

    /// On `tier` instead of [`Tier::best`].
    #[must_use]
    pub fn on(self, tier: Tier) -> Self {
        let plan = self.plan.on(tier);
        Self { plan, ..self }
    }

    /// Lanes shared out over the current Rayon pool: see [`Activation::par`](crate::Activation::par).
    #[cfg(feature = "parallel")]
    #[must_use]
    pub fn par(self) -> Self {
        let plan = self.plan.par();
        Self { plan, ..self }
    }

    /// Elements of a lane.
    #[track_caller]
    fn width(&self, array: (&str, &[usize])) -> usize {
        has_axis(array, self.axis);
        array.1[self.axis.index()]
    }
}

/// Rows of that many elements, where the plan says.
fn rows<S: Rows>(width: usize, plan: Plan) -> S {
    let rows = S::rows(width);
    let rows = match plan.tier {
        Some(tier) => rows.on(tier),
        None => rows,
    };
    #[cfg(feature = "parallel")]
    if plan.parallel {
        return rows.par();
    }
    rows
}
