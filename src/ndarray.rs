//! What users of `ndarray` call: [`ActivationArrays`], and softmax along an axis.
//!
//! A call on arrays is calls on slices, as few as their memory allows: see `walk.rs`. So it has the kernels of the slices'
//! methods, which are compiled once for both, and their bits.

mod layout;
mod shapes;
mod softmax;
mod walk;

use ::ndarray::{Array, ArrayRef, ArrayView, Axis, Dimension, Ix1};

use crate::activation::Activation;
use crate::channels::Channels;
use crate::element::Element;
use crate::formula::{Gradient, GradientFromOutput};
use crate::planned::Planned;
use layout::{are_alike, in_order_of};
use shapes::{fits_axis, same_shape};
pub use softmax::Along;
use walk::Walk;

/// An activation on arrays of `ndarray`, of any number of axes and whatever their strides: every [`Activation`] has it, with
/// `par()` and `on(tier)`, too. With the feature `ndarray`.
///
/// A method is called as that on slices, with `_array` behind: `forward_array`, `forward_array_in_place`; the one that
/// returns a vector has its sibling in `forward_to_array`. Each element gets the bits that it gets there.
///
/// ```
/// use ndarray::{arr1, arr2, s, Axis};
/// use rectify::{Activation, ActivationArrays, Relu};
///
/// let x = arr2(&[[1.0_f32, -2.0, 3.0], [-4.0, 5.0, -6.0]]);
/// assert_eq!(Relu.forward_to_array(&x), arr2(&[[1.0, 0.0, 3.0], [0.0, 5.0, 0.0]]));
///
/// // A view, transposed, into the others of an array's columns.
/// let mut y = arr2(&[[7.0; 4]; 3]);
/// Relu.forward_array(&x.t(), &mut y.slice_mut(s![.., ..;2]));
/// assert_eq!(y, arr2(&[[1.0, 7.0, 0.0, 7.0], [0.0, 7.0, 5.0, 7.0], [3.0, 7.0, 0.0, 7.0]]));
///
/// // A bias for each index of an axis, in the same pass.
/// let y = Relu.forward_bias_to_array(&x, &arr1(&[0.0, 4.5]), Axis(0));
/// assert_eq!(y, arr2(&[[1.0, 0.0, 3.0], [0.5, 9.5, 0.0]]));
/// ```
///
/// Arrays whose elements correspond and have no gaps, whatever the order of the axes, backwards too, are one call on slices.
/// Where rows have gaps between them, each is a call. Everything else, such as an array beside a transposed one, or every second
/// element, is gathered in blocks on the stack; nothing is allocated but the array that is returned. (Views of
/// `IxDyn` with more than four axes are boxes themselves.) Only what is one call is stored past the cache. `par()` shares out
/// rows and blocks, too.
///
/// An input may be a view that is broadcast, as by [`broadcast`](ArrayRef::broadcast): its shape is that of the output then.
///
/// What is said at [`Activation`] of NaN, of floating-point modes and of panics holds here, too.
///
/// # Panics
/// Methods that take several arrays panic if their shapes differ, before they write anything.
pub trait ActivationArrays: Activation {
    /// Writes `f(x)` of each element `x` of `input` to `output`.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    fn forward_array<T: Element, D: Dimension>(
        &self,
        input: &ArrayRef<T, D>,
        output: &mut ArrayRef<T, D>,
    ) {
        same_shape([("input", input.shape()), ("output", output.shape())]);
        let Planned { formula, plan } = self.planned();
        let call =
            |plan, [x]: [&[T]; 1], [y]: [&mut [T]; 1]| Planned { formula, plan }.forward(x, y);
        Walk::new(plan, &call).over(([input.view()], [output.view_mut()]));
    }

    /// Replaces each element of `array` by its `f`.
    fn forward_array_in_place<T: Element, D: Dimension>(&self, array: &mut ArrayRef<T, D>) {
        let Planned { formula, plan } = self.planned();
        let call =
            |plan, []: [&[T]; 0], [y]: [&mut [T]; 1]| Planned { formula, plan }.forward_in_place(y);
        Walk::in_place(plan, &call).over(([], [array.view_mut()]));
    }

    /// `f(x)` of each element, in a new array, whose order in memory is that of `input`.
    #[must_use]
    fn forward_to_array<T: Element, D: Dimension>(&self, input: &ArrayRef<T, D>) -> Array<T, D> {
        let to_vec = |[x]: [&[T]; 1]| Some(self.forward_to_vec(x));
        new_array([input.view()], to_vec, |y| self.forward_array(input, y))
    }

    /// Writes the gradient of the input to `grad_input`: see [`backward`](Activation::backward).
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    fn backward_array<T: Element, D: Dimension>(
        &self,
        input: &ArrayRef<T, D>,
        grad_output: &ArrayRef<T, D>,
        grad_input: &mut ArrayRef<T, D>,
    ) where
        Self::Formula: Gradient,
    {
        same_shape([
            ("input", input.shape()),
            ("grad_output", grad_output.shape()),
            ("grad_input", grad_input.shape()),
        ]);
        let Planned { formula, plan } = self.planned();
        let call = |plan, [x, dy]: [&[T]; 2], [dx]: [&mut [T]; 1]| {
            Planned { formula, plan }.backward(x, dy, dx)
        };
        Walk::new(plan, &call).over(([input.view(), grad_output.view()], [grad_input.view_mut()]));
    }

    /// As [`backward_array`](ActivationArrays::backward_array), with `grad` holding the gradient of the output before and that
    /// of the input after.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    fn backward_array_in_place<T: Element, D: Dimension>(
        &self,
        input: &ArrayRef<T, D>,
        grad: &mut ArrayRef<T, D>,
    ) where
        Self::Formula: Gradient,
    {
        same_shape([("input", input.shape()), ("grad", grad.shape())]);
        let Planned { formula, plan } = self.planned();
        let call = |plan, [x]: [&[T]; 1], [grad]: [&mut [T]; 1]| {
            Planned { formula, plan }.backward_in_place(x, grad)
        };
        Walk::in_place(plan, &call).over(([input.view()], [grad.view_mut()]));
    }

    /// As [`backward_array`](ActivationArrays::backward_array), to a new array, whose order in memory is that of `input`.
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use]
    #[track_caller]
    fn backward_to_array<T: Element, D: Dimension>(
        &self,
        input: &ArrayRef<T, D>,
        grad_output: &ArrayRef<T, D>,
    ) -> Array<T, D>
    where
        Self::Formula: Gradient,
    {
        same_shape([
            ("input", input.shape()),
            ("grad_output", grad_output.shape()),
        ]);
        let to_vec = |[x, dy]: [&[T]; 2]| Some(self.backward_to_vec(x, dy));
        new_array([input.view(), grad_output.view()], to_vec, |y| {
            self.backward_array(input, grad_output, y)
        })
    }

    /// Writes the gradient of the input to `grad_input`, from what forward returned: see
    /// [`backward_from_output`](Activation::backward_from_output).
    ///
    /// # Panics
    /// If the shapes differ, or where parameters have no such gradient.
    #[track_caller]
    fn backward_from_output_array<T: Element, D: Dimension>(
        &self,
        output: &ArrayRef<T, D>,
        grad_output: &ArrayRef<T, D>,
        grad_input: &mut ArrayRef<T, D>,
    ) where
        Self::Formula: GradientFromOutput,
    {
        self.planned().formula.check_parameters();
        same_shape([
            ("output", output.shape()),
            ("grad_output", grad_output.shape()),
            ("grad_input", grad_input.shape()),
        ]);
        let Planned { formula, plan } = self.planned();
        let call = |plan, [y, dy]: [&[T]; 2], [dx]: [&mut [T]; 1]| {
            Planned { formula, plan }.backward_from_output(y, dy, dx)
        };
        Walk::new(plan, &call).over(([output.view(), grad_output.view()], [grad_input.view_mut()]));
    }

    /// As [`backward_from_output_array`](ActivationArrays::backward_from_output_array), with `grad` holding the gradient of the
    /// output before and that of the input after.
    ///
    /// # Panics
    /// If the shapes differ, or where parameters have no such gradient.
    #[track_caller]
    fn backward_from_output_array_in_place<T: Element, D: Dimension>(
        &self,
        output: &ArrayRef<T, D>,
        grad: &mut ArrayRef<T, D>,
    ) where
        Self::Formula: GradientFromOutput,
    {
        self.planned().formula.check_parameters();
        same_shape([("output", output.shape()), ("grad", grad.shape())]);
        let Planned { formula, plan } = self.planned();
        let call = |plan, [y]: [&[T]; 1], [grad]: [&mut [T]; 1]| {
            Planned { formula, plan }.backward_from_output_in_place(y, grad)
        };
        Walk::in_place(plan, &call).over(([output.view()], [grad.view_mut()]));
    }

    /// Writes `f(x + b)` of each element `x` of `input` to `output`, where `b` is the value of `bias` for its index of `axis`: `Axis(1)`
    /// in NCHW, the last axis for units of a dense layer. See [`forward_bias`](Activation::forward_bias).
    ///
    /// # Panics
    /// If the shapes differ, or `bias` has not a value for each index of the axis.
    #[track_caller]
    fn forward_bias_array<T: Element, D: Dimension>(
        &self,
        input: &ArrayRef<T, D>,
        bias: &ArrayRef<T, Ix1>,
        axis: Axis,
        output: &mut ArrayRef<T, D>,
    ) {
        same_shape([("input", input.shape()), ("output", output.shape())]);
        fits_axis(bias.len(), ("input", input.shape()), axis);
        let Planned { formula, plan } = self.planned();
        if let Some(bias) = channels(bias, axis, [input.view(), output.view()]) {
            let call = |plan, [x]: [&[T]; 1], [y]: [&mut [T]; 1]| {
                Planned { formula, plan }.forward_bias(x, bias, y);
            };
            return Walk::new(plan, &call).over(([input.view()], [output.view_mut()]));
        }
        let bias = spread(bias, axis, input.raw_dim());
        let call = |plan, [x, b]: [&[T]; 2], [y]: [&mut [T]; 1]| {
            Planned { formula, plan }.forward_residual(x, b, y);
        };
        Walk::new(plan, &call).over(([input.view(), bias], [output.view_mut()]));
    }

    /// Replaces each element `x` of `array` by `f(x + b)`: see [`forward_bias_array`](ActivationArrays::forward_bias_array).
    ///
    /// # Panics
    /// If `bias` has not a value for each index of the axis.
    #[track_caller]
    fn forward_bias_array_in_place<T: Element, D: Dimension>(
        &self,
        bias: &ArrayRef<T, Ix1>,
        axis: Axis,
        array: &mut ArrayRef<T, D>,
    ) {
        fits_axis(bias.len(), ("array", array.shape()), axis);
        let Planned { formula, plan } = self.planned();
        if let Some(bias) = channels(bias, axis, [array.view()]) {
            let call = |plan, []: [&[T]; 0], [y]: [&mut [T]; 1]| {
                Planned { formula, plan }.forward_bias_in_place(bias, y);
            };
            return Walk::in_place(plan, &call).over(([], [array.view_mut()]));
        }
        let bias = spread(bias, axis, array.raw_dim());
        let call = |plan, [b]: [&[T]; 1], [y]: [&mut [T]; 1]| {
            Planned { formula, plan }.forward_residual_in_place(b, y);
        };
        Walk::in_place(plan, &call).over(([bias], [array.view_mut()]));
    }

    /// As [`forward_bias_array`](ActivationArrays::forward_bias_array), to a new array, whose order in memory is that of `input`.
    ///
    /// # Panics
    /// If `bias` has not a value for each index of the axis.
    #[must_use]
    #[track_caller]
    fn forward_bias_to_array<T: Element, D: Dimension>(
        &self,
        input: &ArrayRef<T, D>,
        bias: &ArrayRef<T, Ix1>,
        axis: Axis,
    ) -> Array<T, D> {
        fits_axis(bias.len(), ("input", input.shape()), axis);
        let channels = channels(bias, axis, [input.view()]);
        let to_vec = |[x]: [&[T]; 1]| Some(self.forward_bias_to_vec(x, channels?));
        new_array([input.view()], to_vec, |y| {
            self.forward_bias_array(input, bias, axis, y)
        })
    }

    /// Writes the gradient of the input of [`forward_bias_array`](ActivationArrays::forward_bias_array) to `grad_input`: see
    /// [`backward_bias`](Activation::backward_bias). That of the bias is its sum over the other axes: see [`Channels::sum`].
    ///
    /// # Panics
    /// If the shapes differ, or `bias` has not a value for each index of the axis.
    #[track_caller]
    fn backward_bias_array<T: Element, D: Dimension>(
        &self,
        input: &ArrayRef<T, D>,
        bias: &ArrayRef<T, Ix1>,
        axis: Axis,
        grad_output: &ArrayRef<T, D>,
        grad_input: &mut ArrayRef<T, D>,
    ) where
        Self::Formula: Gradient,
    {
        same_shape([
            ("input", input.shape()),
            ("grad_output", grad_output.shape()),
            ("grad_input", grad_input.shape()),
        ]);
        fits_axis(bias.len(), ("input", input.shape()), axis);
        let Planned { formula, plan } = self.planned();
        if let Some(bias) = channels(
            bias,
            axis,
            [input.view(), grad_output.view(), grad_input.view()],
        ) {
            let call = |plan, [x, dy]: [&[T]; 2], [dx]: [&mut [T]; 1]| {
                Planned { formula, plan }.backward_bias(x, bias, dy, dx);
            };
            return Walk::new(plan, &call)
                .over(([input.view(), grad_output.view()], [grad_input.view_mut()]));
        }
        let bias = spread(bias, axis, input.raw_dim());
        let call = |plan, [x, b, dy]: [&[T]; 3], [dx]: [&mut [T]; 1]| {
            Planned { formula, plan }.backward_residual(x, b, dy, dx);
        };
        Walk::new(plan, &call).over((
            [input.view(), bias, grad_output.view()],
            [grad_input.view_mut()],
        ));
    }

    /// As [`backward_bias_array`](ActivationArrays::backward_bias_array), with `grad` holding the gradient of the output before and
    /// that of the input after.
    ///
    /// # Panics
    /// If the shapes differ, or `bias` has not a value for each index of the axis.
    #[track_caller]
    fn backward_bias_array_in_place<T: Element, D: Dimension>(
        &self,
        input: &ArrayRef<T, D>,
        bias: &ArrayRef<T, Ix1>,
        axis: Axis,
        grad: &mut ArrayRef<T, D>,
    ) where
        Self::Formula: Gradient,
    {
        same_shape([("input", input.shape()), ("grad", grad.shape())]);
        fits_axis(bias.len(), ("input", input.shape()), axis);
        let Planned { formula, plan } = self.planned();
        if let Some(bias) = channels(bias, axis, [input.view(), grad.view()]) {
            let call = |plan, [x]: [&[T]; 1], [grad]: [&mut [T]; 1]| {
                Planned { formula, plan }.backward_bias_in_place(x, bias, grad);
            };
            return Walk::in_place(plan, &call).over(([input.view()], [grad.view_mut()]));
        }
        let bias = spread(bias, axis, input.raw_dim());
        let call = |plan, [x, b]: [&[T]; 2], [grad]: [&mut [T]; 1]| {
            Planned { formula, plan }.backward_residual_in_place(x, b, grad);
        };
        Walk::in_place(plan, &call).over(([input.view(), bias], [grad.view_mut()]));
    }

    /// As [`backward_bias_array`](ActivationArrays::backward_bias_array), to a new array, whose order in memory is that of `input`.
    ///
    /// # Panics
    /// If the shapes differ, or `bias` has not a value for each index of the axis.
    #[must_use]
    #[track_caller]
    fn backward_bias_to_array<T: Element, D: Dimension>(
        &self,
        input: &ArrayRef<T, D>,
        bias: &ArrayRef<T, Ix1>,
        axis: Axis,
        grad_output: &ArrayRef<T, D>,
    ) -> Array<T, D>
    where
        Self::Formula: Gradient,
    {
        same_shape([
            ("input", input.shape()),
            ("grad_output", grad_output.shape()),
        ]);
        fits_axis(bias.len(), ("input", input.shape()), axis);
        let channels = channels(bias, axis, [input.view(), grad_output.view()]);
        let to_vec = |[x, dy]: [&[T]; 2]| Some(self.backward_bias_to_vec(x, channels?, dy));
        new_array([input.view(), grad_output.view()], to_vec, |dx| {
            self.backward_bias_array(input, bias, axis, grad_output, dx);
        })
    }

    /// Writes `f(x + r)` of each two elements of `input` and `residual` to `output`: see
    /// [`forward_residual`](Activation::forward_residual).
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    fn forward_residual_array<T: Element, D: Dimension>(
        &self,
        input: &ArrayRef<T, D>,
        residual: &ArrayRef<T, D>,
        output: &mut ArrayRef<T, D>,
    ) {
        same_shape([
            ("input", input.shape()),
            ("residual", residual.shape()),
            ("output", output.shape()),
        ]);
        let Planned { formula, plan } = self.planned();
        let call = |plan, [x, r]: [&[T]; 2], [y]: [&mut [T]; 1]| {
            Planned { formula, plan }.forward_residual(x, r, y)
        };
        Walk::new(plan, &call).over(([input.view(), residual.view()], [output.view_mut()]));
    }

    /// Replaces each element `x` of `array` by `f(x + r)`, where `r` is that of `residual`.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    fn forward_residual_array_in_place<T: Element, D: Dimension>(
        &self,
        residual: &ArrayRef<T, D>,
        array: &mut ArrayRef<T, D>,
    ) {
        same_shape([("residual", residual.shape()), ("array", array.shape())]);
        let Planned { formula, plan } = self.planned();
        let call = |plan, [r]: [&[T]; 1], [y]: [&mut [T]; 1]| {
            Planned { formula, plan }.forward_residual_in_place(r, y)
        };
        Walk::in_place(plan, &call).over(([residual.view()], [array.view_mut()]));
    }

    /// As [`forward_residual_array`](ActivationArrays::forward_residual_array), to a new array, whose order in memory is that of
    /// `input`.
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use]
    #[track_caller]
    fn forward_residual_to_array<T: Element, D: Dimension>(
        &self,
        input: &ArrayRef<T, D>,
        residual: &ArrayRef<T, D>,
    ) -> Array<T, D> {
        same_shape([("input", input.shape()), ("residual", residual.shape())]);
        let to_vec = |[x, r]: [&[T]; 2]| Some(self.forward_residual_to_vec(x, r));
        new_array([input.view(), residual.view()], to_vec, |y| {
            self.forward_residual_array(input, residual, y)
        })
    }

    /// Writes the gradient of the input of [`forward_residual_array`](ActivationArrays::forward_residual_array), which is that of the
    /// residual, too, to `grad_input`.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    fn backward_residual_array<T: Element, D: Dimension>(
        &self,
        input: &ArrayRef<T, D>,
        residual: &ArrayRef<T, D>,
        grad_output: &ArrayRef<T, D>,
        grad_input: &mut ArrayRef<T, D>,
    ) where
        Self::Formula: Gradient,
    {
        same_shape([
            ("input", input.shape()),
            ("residual", residual.shape()),
            ("grad_output", grad_output.shape()),
            ("grad_input", grad_input.shape()),
        ]);
        let Planned { formula, plan } = self.planned();
        let call = |plan, [x, r, dy]: [&[T]; 3], [dx]: [&mut [T]; 1]| {
            Planned { formula, plan }.backward_residual(x, r, dy, dx)
        };
        Walk::new(plan, &call).over((
            [input.view(), residual.view(), grad_output.view()],
            [grad_input.view_mut()],
        ));
    }

    /// As [`backward_residual_array`](ActivationArrays::backward_residual_array), with `grad` holding the gradient of the output
    /// before and that of the input after.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    fn backward_residual_array_in_place<T: Element, D: Dimension>(
        &self,
        input: &ArrayRef<T, D>,
        residual: &ArrayRef<T, D>,
        grad: &mut ArrayRef<T, D>,
    ) where
        Self::Formula: Gradient,
    {
        same_shape([
            ("input", input.shape()),
            ("residual", residual.shape()),
            ("grad", grad.shape()),
        ]);
        let Planned { formula, plan } = self.planned();
        let call = |plan, [x, r]: [&[T]; 2], [grad]: [&mut [T]; 1]| {
            Planned { formula, plan }.backward_residual_in_place(x, r, grad)
        };
        Walk::in_place(plan, &call).over(([input.view(), residual.view()], [grad.view_mut()]));
    }

    /// As [`backward_residual_array`](ActivationArrays::backward_residual_array), to a new array, whose order in memory is that of
    /// `input`.
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use]
    #[track_caller]
    fn backward_residual_to_array<T: Element, D: Dimension>(
        &self,
        input: &ArrayRef<T, D>,
        residual: &ArrayRef<T, D>,
        grad_output: &ArrayRef<T, D>,
    ) -> Array<T, D>
    where
        Self::Formula: Gradient,
    {
        same_shape([
            ("input", input.shape()),
            ("residual", residual.shape()),
            ("grad_output", grad_output.shape()),
        ]);
        let to_vec = |[x, r, dy]: [&[T]; 3]| Some(self.backward_residual_to_vec(x, r, dy));
        new_array(
            [input.view(), residual.view(), grad_output.view()],
            to_vec,
            |y| self.backward_residual_array(input, residual, grad_output, y),
        )
    }

    /// Writes `f(g) * u` of each two elements of `gate` and `value` to `output`: see
    /// [`forward_gated`](Activation::forward_gated). Where both stand in one array, they are two views of it, as [`split_at`](ArrayView::split_at) makes them, whichever comes first.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    fn forward_gated_array<T: Element, D: Dimension>(
        &self,
        gate: &ArrayRef<T, D>,
        value: &ArrayRef<T, D>,
        output: &mut ArrayRef<T, D>,
    ) {
        same_shape([
            ("gate", gate.shape()),
            ("value", value.shape()),
            ("output", output.shape()),
        ]);
        let Planned { formula, plan } = self.planned();
        let call = |plan, [g, u]: [&[T]; 2], [y]: [&mut [T]; 1]| {
            Planned { formula, plan }.forward_gated(g, u, y)
        };
        Walk::new(plan, &call).over(([gate.view(), value.view()], [output.view_mut()]));
    }

    /// Replaces each element `u` of `array`, the value, by `f(g) * u`, where `g` is that of `gate`.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    fn forward_gated_array_in_place<T: Element, D: Dimension>(
        &self,
        gate: &ArrayRef<T, D>,
        array: &mut ArrayRef<T, D>,
    ) {
        same_shape([("gate", gate.shape()), ("array", array.shape())]);
        let Planned { formula, plan } = self.planned();
        let call = |plan, [g]: [&[T]; 1], [y]: [&mut [T]; 1]| {
            Planned { formula, plan }.forward_gated_in_place(g, y)
        };
        Walk::in_place(plan, &call).over(([gate.view()], [array.view_mut()]));
    }

    /// As [`forward_gated_array`](ActivationArrays::forward_gated_array), to a new array, whose order in memory is that of `gate`.
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use]
    #[track_caller]
    fn forward_gated_to_array<T: Element, D: Dimension>(
        &self,
        gate: &ArrayRef<T, D>,
        value: &ArrayRef<T, D>,
    ) -> Array<T, D> {
        same_shape([("gate", gate.shape()), ("value", value.shape())]);
        let to_vec = |[g, u]: [&[T]; 2]| Some(self.forward_gated_to_vec(g, u));
        new_array([gate.view(), value.view()], to_vec, |y| {
            self.forward_gated_array(gate, value, y)
        })
    }

    /// Writes the gradients of [`forward_gated_array`](ActivationArrays::forward_gated_array), in one pass: see
    /// [`backward_gated`](Activation::backward_gated).
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    fn backward_gated_array<T: Element, D: Dimension>(
        &self,
        gate: &ArrayRef<T, D>,
        value: &ArrayRef<T, D>,
        grad_output: &ArrayRef<T, D>,
        grad_gate: &mut ArrayRef<T, D>,
        grad_value: &mut ArrayRef<T, D>,
    ) where
        Self::Formula: Gradient,
    {
        same_shape([
            ("gate", gate.shape()),
            ("value", value.shape()),
            ("grad_output", grad_output.shape()),
            ("grad_gate", grad_gate.shape()),
            ("grad_value", grad_value.shape()),
        ]);
        let Planned { formula, plan } = self.planned();
        let call = |plan, [g, u, dy]: [&[T]; 3], [dg, du]: [&mut [T]; 2]| {
            Planned { formula, plan }.backward_gated(g, u, dy, dg, du)
        };
        Walk::new(plan, &call).over((
            [gate.view(), value.view(), grad_output.view()],
            [grad_gate.view_mut(), grad_value.view_mut()],
        ));
    }
}

impl<A: Activation> ActivationArrays for A {}

/// A new array: what `to_vec` returns for arrays that are alike, if anything, and else what `write` writes.
fn new_array<T: Element, D: Dimension, const N: usize>(
    inputs: [ArrayView<'_, T, D>; N],
    to_vec: impl FnOnce([&[T]; N]) -> Option<Vec<T>>,
    write: impl FnOnce(&mut ArrayRef<T, D>),
) -> Array<T, D> {
    let first = &inputs[0];
    if are_alike(first, inputs[1..].iter().cloned()) {
        let slices = inputs
            .each_ref()
            .map(|x| x.to_slice_memory_order().expect("they are alike"));
        if let Some(elements) = to_vec(slices) {
            return in_order_of(first, elements);
        }
    }
    let mut array = in_order_of(first, vec![T::ZERO; first.len()]);
    write(&mut array);
    array
}

/// The bias of an axis, of arrays that are one call on slices.
fn channels<'b, T, D: Dimension, const N: usize>(
    bias: &'b ArrayRef<T, Ix1>,
    axis: Axis,
    arrays: [ArrayView<'_, T, D>; N],
) -> Option<Channels<'b, T>> {
    let first = &arrays[0];
    let step = usize::try_from(first.stride_of(axis))
        .ok()
        .filter(|&step| step > 0);
    let values = bias.as_slice().filter(|values| !values.is_empty());
    // Without gaps, the step is the number of elements that share a value.
    match are_alike(first, arrays[1..].iter().cloned()) {
        true => Some(Channels::new(
            values?,
            if bias.len() == 1 { 1 } else { step? },
        )),
        false => None,
    }
}

/// The bias of an axis as an array of this shape.
fn spread<T, D: Dimension>(
    bias: &ArrayRef<T, Ix1>,
    Axis(axis): Axis,
    mut shape: D,
) -> ArrayView<'_, T, D> {
    let last = shape.ndim() - 1;
    (shape[axis], shape[last]) = (shape[last], shape[axis]);
    let mut array = bias
        .broadcast(shape)
        .expect("callers have compared the lengths");
    array.swap_axes(axis, last);
    array
}
