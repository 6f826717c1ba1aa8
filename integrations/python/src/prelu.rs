//! Leaky ReLU with learned slopes, and its gradients.

use std::cmp::Reverse;

use ndarray::{ArrayViewD, ArrayViewMutD, Dimension};
use pyo3::prelude::*;
use rectify::{Channels, Element};

use crate::arrays::{Inputs, Values, Work, axis_of, is_one_value, run};

/// Leaky ReLU with a learned slope for each channel: weight[c] * x where x < 0, else x.
///
/// x: a NumPy array of float32 or float64, of any shape and strides.
/// weight: the slopes, of the dtype of `x`: one for each index of `axis`, or one for all elements. They are not looked at: a slope
///     that is NaN makes NaN of what is below 0 in its channel.
/// axis: the axis of the channels; from the end where it is negative. By default 1, as in torch.nn.functional.prelu. Where `weight`
///     has one value, nothing asks for it.
/// out: the array that takes the result, and is returned: `x` itself, which is replaced then, or one that does not
///     overlap an input. By default a new array.
/// parallel: share large arrays out over the threads of a pool. The result has the same bits.
///
/// Arrays that have their axes in one order in memory, whichever, and no gaps are read and written where they are; others are
/// copied. The gradients: rectify.prelu_backward and rectify.prelu_backward_weight.
#[pyfunction]
#[pyo3(signature = (x, weight, axis=1, out=None, parallel=false))]
fn prelu<'py>(
    x: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    axis: isize,
    out: Option<&Bound<'py, PyAny>>,
    parallel: bool,
) -> PyResult<Bound<'py, PyAny>> {
    call([("x", x)], weight, axis, out, Form::Forward, parallel)
}

/// The gradient of `x` in prelu, from that of its result: weight[c] * grad_output where x <= 0, else grad_output.
///
/// x, weight, axis: as prelu was given them.
/// grad_output: the gradient of its result, of the shape of `x`.
/// out: the array that takes the result, and is returned: `grad_output` itself, which is replaced then, or one that does not
///     overlap an input. By default a new array.
/// parallel: share large arrays out over the threads of a pool. The result has the same bits.
#[pyfunction]
#[pyo3(signature = (x, weight, grad_output, axis=1, out=None, parallel=false))]
fn prelu_backward<'py>(
    x: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    grad_output: &Bound<'py, PyAny>,
    axis: isize,
    out: Option<&Bound<'py, PyAny>>,
    parallel: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let arrays = [("x", x), ("grad_output", grad_output)];
    call(arrays, weight, axis, out, Form::Backward, parallel)
}

/// The gradient of `weight` in prelu, from that of its result: for each slope the sum of x * grad_output over the elements of its
/// channel where x <= 0, and 0 where there are none.
///
/// It is added up as the elements are counted, the last axis first, so that its bits are the same whatever the strides: arrays that
/// are not contiguous in that order are copied.
///
/// x, weight, axis: as prelu was given them.
/// grad_output: the gradient of its result, of the shape of `x`.
/// out: the array of the shape of `weight` that takes the result, and is returned; it overlaps no input. By default a new array.
/// parallel: share large arrays out over the threads of a pool. The result has the same bits.
#[pyfunction]
#[pyo3(signature = (x, weight, grad_output, axis=1, out=None, parallel=false))]
fn prelu_backward_weight<'py>(
    x: &Bound<'py, PyAny>,
    weight: &Bound<'py, PyAny>,
    grad_output: &Bound<'py, PyAny>,
    axis: isize,
    out: Option<&Bound<'py, PyAny>>,
    parallel: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let arrays = [("x", x), ("grad_output", grad_output)];
    call(arrays, weight, axis, out, Form::BackwardWeight, parallel)
}

fn call<'py, const N: usize>(
    arrays: [(&'static str, &Bound<'py, PyAny>); N],
    weight: &Bound<'py, PyAny>,
    axis: isize,
    out: Option<&Bound<'py, PyAny>>,
    form: Form,
    parallel: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let argument = ("weight", weight);
    let axis = if is_one_value(argument)? {
        None
    } else {
        Some(axis_of(arrays[0], axis)?)
    };
    let inputs = Inputs {
        arrays,
        values: Some(Values {
            argument,
            axis,
            shape_output: form == Form::BackwardWeight,
        }),
    };
    let work = PRelu {
        axis,
        form,
        parallel,
    };
    let [result] = run(weight.py(), &inputs, [("out", out)], &work)?;
    Ok(result)
}

struct PRelu {
    /// That of the channels; `None` where all elements have one slope.
    axis: Option<usize>,
    form: Form,
    parallel: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Forward,
    Backward,
    BackwardWeight,
}

impl Work for PRelu {
    fn compute<T: Element>(
        &self,
        inputs: &[ArrayViewD<'_, T>],
        outputs: &mut [ArrayViewMutD<'_, T>],
    ) {
        let (Some((weight, arrays)), [output]) = (inputs.split_last(), outputs) else {
            unreachable!("`run` hands on what its callers say")
        };
        let mut output = output.view_mut();
        if self.form == Form::BackwardWeight && arrays[0].is_empty() {
            output.fill(T::ZERO);
            return;
        }
        let elements = match arrays {
            [x, ..] => x.raw_dim(),
            [] => output.raw_dim(),
        };
        // The axes as they stand in memory: there a contiguous array is a slice. A sum is taken as elements are counted.
        let mut order: Vec<usize> = (0..elements.ndim()).collect();
        if self.form != Form::BackwardWeight {
            order.sort_by_key(|&axis| Reverse(output.strides()[axis].unsigned_abs()));
            output = output.permuted_axes(order.clone());
        }
        let inner = match self.axis {
            Some(axis) => (order.iter().rev().take_while(|&&other| other != axis))
                .map(|&inner| elements[inner])
                .product(),
            None => 1,
        };
        let weight = weight.as_standard_layout();
        let slopes = weight.as_slice().expect("it is laid out so");
        let mut prelu = rectify::PRelu::new(Channels::new(slopes, inner));
        if self.parallel {
            prelu = prelu.par();
        }

        let arrays: Vec<_> = (arrays.iter())
            .map(|array| array.view().permuted_axes(order.clone()))
            .collect();
        let arrays: Vec<_> = arrays.iter().map(|a| a.as_standard_layout()).collect();
        let inputs: Vec<_> = (arrays.iter())
            .map(|array| array.as_slice().expect("it is laid out so"))
            .collect();
        let compute = |output: &mut [T]| match (self.form, &inputs[..]) {
            (Form::Forward, [x]) => prelu.forward(x, output),
            (Form::Forward, []) => prelu.forward_in_place(output),
            (Form::Backward, [x, dy]) => prelu.backward(x, dy, output),
            (Form::Backward, [x]) => prelu.backward_in_place(x, output),
            (Form::BackwardWeight, [x, dy]) => prelu.backward_slopes(x, dy, output),
            _ => unreachable!("`run` hands on what its callers say"),
        };
        if let Some(output) = output.as_slice_mut() {
            compute(output);
        } else {
            let mut apart = output.as_standard_layout().into_owned();
            compute(apart.as_slice_mut().expect("it is laid out so"));
            output.assign(&apart);
        }
    }
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(prelu, module)?)?;
    module.add_function(wrap_pyfunction!(prelu_backward, module)?)?;
    module.add_function(wrap_pyfunction!(prelu_backward_weight, module)?)
}
