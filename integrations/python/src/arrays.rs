//! Calls on NumPy arrays: what is checked before, and the views of their memory that the kernels are given.

use std::ops::Range;

use ndarray::{ArrayViewD, ArrayViewMutD};
use numpy::{
    BorrowError, PyArrayDescr, PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn,
    PyReadwriteArrayDyn, PyUntypedArray, PyUntypedArrayMethods, dtype,
};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use rectify::Element;

/// What is computed, once everything has been found to be right.
pub(crate) trait Work: Sync {
    /// From the inputs, in their order, to the outputs. Where the output is an input as well, it stands among the outputs alone.
    fn compute<T: Element>(
        &self,
        inputs: &[ArrayViewD<'_, T>],
        outputs: &mut [ArrayViewMutD<'_, T>],
    );
}

/// An argument, with its name.
pub(crate) type Argument<'a, 'py> = (&'static str, &'a Bound<'py, PyAny>);

/// The inputs of a call.
pub(crate) struct Inputs<'a, 'py, const N: usize> {
    /// Of one shape. An output may be the last one, which it replaces then.
    pub(crate) arrays: [Argument<'a, 'py>; N],
    /// Come behind them.
    pub(crate) values: Option<Values<'a, 'py>>,
}

/// An input with fewer values than the arrays have elements.
pub(crate) struct Values<'a, 'py> {
    pub(crate) argument: Argument<'a, 'py>,
    /// The axis of the arrays that has a value for each index; `None` where one value is that of all elements.
    pub(crate) axis: Option<usize>,
    /// Whether the output has the shape of these values, and replaces none of the inputs.
    pub(crate) shape_output: bool,
}

/// Runs `work`, without the GIL, and returns the outputs: those that are given, or new arrays.
pub(crate) fn run<'py, const N: usize, const OUT: usize>(
    py: Python<'py>,
    inputs: &Inputs<'_, 'py, N>,
    outputs: [(&'static str, Option<&Bound<'py, PyAny>>); OUT],
    work: &impl Work,
) -> PyResult<[Bound<'py, PyAny>; OUT]> {
    let (name, array) = inputs.arrays[0];
    let dtype_of_first = float_array(name, array)?.dtype();
    if dtype_of_first.is_equiv_to(&dtype::<f32>(py)) {
        run_on::<f32, N, OUT>(py, inputs, outputs, work)
    } else {
        run_on::<f64, N, OUT>(py, inputs, outputs, work)
    }
}

/// The number of axes of an argument.
pub(crate) fn ndim((name, array): Argument<'_, '_>) -> PyResult<usize> {
    Ok(float_array(name, array)?.ndim())
}

/// Whether an argument has one value, with one axis or none.
pub(crate) fn is_one_value((name, array): Argument<'_, '_>) -> PyResult<bool> {
    let array = float_array(name, array)?;
    Ok(array.ndim() <= 1 && array.len() == 1)
}

/// The axis that `axis` names, from the end where it is negative; NumPy's `AxisError` where there is none.
pub(crate) fn axis_of(array: Argument<'_, '_>, axis: isize) -> PyResult<usize> {
    static AXIS_ERROR: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let ndim = ndim(array)?;
    let from_start = if axis < 0 {
        axis.checked_add_unsigned(ndim)
    } else {
        Some(axis)
    };
    match from_start.and_then(|axis| usize::try_from(axis).ok()) {
        Some(axis) if axis < ndim => Ok(axis),
        _ => {
            let py = array.1.py();
            let error = AXIS_ERROR.import(py, "numpy.exceptions", "AxisError")?;
            Err(PyErr::from_value(error.call1((axis, ndim))?))
        }
    }
}

type Typed<'py, T> = (&'static str, Bound<'py, PyArrayDyn<T>>);

fn run_on<'py, T: Element + numpy::Element, const N: usize, const OUT: usize>(
    py: Python<'py>,
    inputs: &Inputs<'_, 'py, N>,
    outputs: [(&'static str, Option<&Bound<'py, PyAny>>); OUT],
    work: &impl Work,
) -> PyResult<[Bound<'py, PyAny>; OUT]> {
    let mut read = Vec::with_capacity(N + 1);
    for argument in inputs.arrays {
        read.push(typed::<T>(argument, inputs.arrays[0].0)?);
    }
    for array in &read[1..] {
        same_shape(&read[0], array)?;
    }
    // The input whose shape the outputs have, and whether one may replace it.
    let (mut model, mut replaceable) = (N - 1, OUT == 1);
    if let Some(values) = &inputs.values {
        read.push(typed::<T>(values.argument, inputs.arrays[0].0)?);
        if let Some(axis) = values.axis {
            fits_axis(&read[N], axis, &read[0])?;
        }
        if values.shape_output {
            (model, replaceable) = (N, false);
        }
    }
    let fresh = |py| -> PyResult<Bound<'py, PyAny>> {
        static EMPTY_LIKE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let empty_like = EMPTY_LIKE.import(py, "numpy", "empty_like")?;
        empty_like.call1((&read[model].1, py.None(), "K", false))
    };

    let mut in_place = false;
    let mut write: Vec<Typed<'py, T>> = Vec::with_capacity(OUT);
    for (name, output) in outputs {
        let Some(output) = output else {
            write.push((name, fresh(py)?.cast_into::<PyArrayDyn<T>>()?));
            continue;
        };
        let output = typed::<T>((name, output), inputs.arrays[0].0)?;
        same_shape(&read[model], &output)?;
        can_be_written(&output)?;
        for (i, input) in read.iter().enumerate() {
            let replaceable = replaceable && i == model;
            if replaceable && is_the_same(&input.1, &output.1) {
                in_place = true;
            } else if share_memory(&input.1, &output.1)? {
                return Err(PyValueError::new_err(overlap(&output, input, replaceable)));
            }
        }
        for other in &write {
            if share_memory(&other.1, &output.1)? {
                return Err(PyValueError::new_err(overlap(&output, other, false)));
            }
        }
        write.push(output);
    }
    if write.iter().all(|(_, output)| output.is_empty()) {
        return Ok(into_results(write));
    }

    let replaced = in_place.then_some(model);
    match compute(py, &read, replaced, &write, work) {
        Ok(()) => Ok(into_results(write)),
        // An output and another array may lie between each other without an element in common, which the borrows of the crate
        // `numpy` cannot tell: then it is computed apart, and copied. Nothing was written yet.
        Err(BorrowError::AlreadyBorrowed) if outputs.iter().any(|(_, output)| output.is_some()) => {
            static COPY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
            let copy = COPY.import(py, "numpy", "copyto")?;
            let apart =
                run_on::<T, N, OUT>(py, inputs, outputs.map(|(name, _)| (name, None)), work)?;
            // This call borrows nothing any more: who does is another thread's.
            for (_, output) in &write {
                output
                    .try_readwrite()
                    .map_err(|error| busy(&write, error))?;
            }
            for ((_, output), apart) in write.iter().zip(&apart) {
                let _borrowed = output
                    .try_readwrite()
                    .map_err(|error| busy(&write, error))?;
                copy.call1((output, apart))?;
            }
            Ok(into_results(write))
        }
        Err(error) => Err(busy(&read, error)),
    }
}

/// Another thread is in a call that reads or writes one of `arrays`.
fn busy<T>(arrays: &[Typed<'_, T>], error: BorrowError) -> PyErr {
    let names: Vec<_> = arrays.iter().map(|(name, _)| format!("`{name}`")).collect();
    let names = names.join(" or ");
    PyRuntimeError::new_err(format!("{names} is being used by another thread: {error}"))
}

/// Runs `work` on views of the arrays, of which the input `replaced` stands in the output's place. An error comes before
/// anything is written.
fn compute<'py, T: Element + numpy::Element>(
    py: Python<'py>,
    read: &[Typed<'py, T>],
    replaced: Option<usize>,
    write: &[Typed<'py, T>],
    work: &impl Work,
) -> Result<(), BorrowError> {
    let read: Vec<PyReadonlyArrayDyn<'py, T>> = (read.iter().enumerate())
        .filter(|(i, _)| Some(*i) != replaced)
        .map(|(_, (_, array))| array.try_readonly())
        .collect::<Result<_, _>>()?;
    let mut write: Vec<PyReadwriteArrayDyn<'py, T>> = write
        .iter()
        .map(|(_, array)| array.try_readwrite())
        .collect::<Result<_, _>>()?;
    let inputs: Vec<_> = read.iter().map(|array| array.as_array()).collect();
    let mut outputs: Vec<_> = write.iter_mut().map(|array| array.as_array_mut()).collect();
    py.detach(|| work.compute(&inputs, &mut outputs));
    Ok(())
}

fn into_results<'py, T: Element + numpy::Element, const OUT: usize>(
    arrays: Vec<Typed<'py, T>>,
) -> [Bound<'py, PyAny>; OUT] {
    let mut arrays = arrays.into_iter();
    std::array::from_fn(|_| arrays.next().expect("one for each output").1.into_any())
}

/// The argument as an array of `float32` or `float64` that can be looked at in place.
fn float_array<'a, 'py>(
    name: &str,
    array: &'a Bound<'py, PyAny>,
) -> PyResult<&'a Bound<'py, PyUntypedArray>> {
    /// The most axes that the crate `numpy` makes a view of.
    const MOST_AXES: usize = 32;
    let Ok(array) = array.cast::<PyUntypedArray>() else {
        let given = array.get_type().fully_qualified_name()?;
        let wrong = format!(
            "`{name}` must be a NumPy array of float32 or float64, not {given}: numpy.asarray makes one"
        );
        return Err(PyTypeError::new_err(wrong));
    };
    let (py, dtype_of_array) = (array.py(), array.dtype());
    let [float32, float64] = [dtype::<f32>(py), dtype::<f64>(py)];
    let is = |dtype: &Bound<'py, PyArrayDescr>| dtype_of_array.is_equiv_to(dtype);
    if !is(&float32) && !is(&float64) {
        let swapped = [float32, float64]
            .iter()
            .any(|dtype| dtype_of_array.num() == dtype.num());
        let wrong = if swapped {
            let native = dtype_of_array.itemsize();
            format!(
                "`{name}` has dtype {dtype_of_array}, whose byte order is not this machine's: \
                 convert it, as by `{name}.astype('=f{native}')`"
            )
        } else {
            format!("`{name}` must have dtype float32 or float64, not {dtype_of_array}")
        };
        return Err(PyTypeError::new_err(wrong));
    }
    let wrong = if !array.is_aligned() {
        format!(
            "`{name}` is not aligned in memory to its {dtype_of_array}: copy it, as by `{name}.copy()`"
        )
    } else if array.ndim() > MOST_AXES {
        format!(
            "`{name}` has {} axes: there may be at most {MOST_AXES}",
            array.ndim()
        )
    } else {
        return Ok(array);
    };
    Err(PyValueError::new_err(wrong))
}

/// The argument as an array of `T`, which is the dtype of `first`.
fn typed<'py, T: Element + numpy::Element>(
    (name, array): Argument<'_, 'py>,
    first: &str,
) -> PyResult<Typed<'py, T>> {
    let array = float_array(name, array)?;
    match array.cast::<PyArrayDyn<T>>() {
        Ok(array) => Ok((name, array.clone())),
        Err(_) => {
            let (given, expected) = (array.dtype(), dtype::<T>(array.py()));
            let wrong = format!(
                "`{name}` has dtype {given}, but `{first}` has {expected}: they must be the same"
            );
            Err(PyTypeError::new_err(wrong))
        }
    }
}

fn same_shape<T: numpy::Element>(first: &Typed<'_, T>, other: &Typed<'_, T>) -> PyResult<()> {
    if first.1.shape() == other.1.shape() {
        return Ok(());
    }
    let [first, other] =
        [first, other].map(|(name, array)| format!("`{name}` has shape {}", shape(array)));
    Err(PyValueError::new_err(format!(
        "{first}, but {other}: they must be the same"
    )))
}

fn fits_axis<T: numpy::Element>(
    (name_of_values, values): &Typed<'_, T>,
    axis: usize,
    (name, array): &Typed<'_, T>,
) -> PyResult<()> {
    let indices = array.shape()[axis];
    if values.shape() == [indices] {
        return Ok(());
    }
    let [values, array] = [values, array].map(|array| shape(array));
    let wrong = format!(
        "`{name_of_values}` has shape {values}, but axis {axis} of `{name}`, of shape {array}, takes ({indices},)"
    );
    Err(PyValueError::new_err(wrong))
}

/// As Python writes it.
fn shape<T: numpy::Element>(array: &Bound<'_, PyArrayDyn<T>>) -> String {
    match array.shape() {
        [len] => format!("({len},)"),
        shape => {
            let lens: Vec<_> = shape.iter().map(usize::to_string).collect();
            format!("({})", lens.join(", "))
        }
    }
}

/// An output has to be writeable, and each of its elements an own place in memory.
fn can_be_written<T: numpy::Element>((name, array): &Typed<'_, T>) -> PyResult<()> {
    if !array
        .getattr("flags")?
        .getattr("writeable")?
        .extract::<bool>()?
    {
        return Err(PyValueError::new_err(format!("`{name}` is read-only")));
    }
    let mut steps: Vec<_> = (array.strides().iter())
        .zip(array.shape())
        .filter(|&(_, &len)| len > 1)
        .map(|(stride, &len)| (stride.unsigned_abs(), len))
        .collect();
    steps.sort_unstable();
    let mut extent = size_of::<T>();
    for (step, len) in steps {
        if step < extent && !array.is_empty() {
            let wrong = format!(
                "`{name}` has elements that share memory, with strides of {:?} bytes",
                array.strides()
            );
            return Err(PyValueError::new_err(wrong));
        }
        extent += step * (len - 1);
    }
    Ok(())
}

fn overlap<T>((output, _): &Typed<'_, T>, (other, _): &Typed<'_, T>, replaceable: bool) -> String {
    let but = if replaceable {
        format!(
            ", and is not the same array: give `{other}` itself, to have it replaced, or memory of its own"
        )
    } else {
        ": give memory of its own".to_owned()
    };
    format!("`{output}` overlaps `{other}` in memory{but}")
}

/// Whether each element has the same place in both.
fn is_the_same<T: numpy::Element>(
    a: &Bound<'_, PyArrayDyn<T>>,
    b: &Bound<'_, PyArrayDyn<T>>,
) -> bool {
    let steps = |array: &Bound<'_, PyArrayDyn<T>>| -> Vec<_> {
        // Along an axis of one index nothing moves, whatever its stride.
        array
            .strides()
            .iter()
            .zip(array.shape())
            .map(|(&stride, &len)| if len > 1 { stride } else { 0 })
            .collect()
    };
    a.data() == b.data() && a.shape() == b.shape() && steps(a) == steps(b)
}

/// Whether an element of one has a byte in common with an element of the other, or it would take too long to find out.
fn share_memory<T: numpy::Element>(
    a: &Bound<'_, PyArrayDyn<T>>,
    b: &Bound<'_, PyArrayDyn<T>>,
) -> PyResult<bool> {
    static SHARES_MEMORY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    /// Candidates that NumPy looks at before it gives up.
    const MOST_WORK: usize = 100_000;
    if a.is_empty() || b.is_empty() {
        return Ok(false);
    }
    let [in_a, in_b] = [a, b].map(|array| addresses(array));
    if in_a.end <= in_b.start || in_b.end <= in_a.start {
        return Ok(false);
    }
    let py = a.py();
    match SHARES_MEMORY
        .import(py, "numpy", "shares_memory")?
        .call1((a, b, MOST_WORK))
    {
        Ok(shared) => shared.extract(),
        Err(error) if error.is_instance_of::<PyRuntimeError>(py) => Ok(true),
        Err(error) => Err(error),
    }
}

/// From the first byte of an array that is not empty to the last.
fn addresses<T: numpy::Element>(array: &Bound<'_, PyArrayDyn<T>>) -> Range<usize> {
    let (mut start, mut end) = (array.data().addr(), array.data().addr() + size_of::<T>());
    for (&stride, &len) in array.strides().iter().zip(array.shape()) {
        let reach = stride.unsigned_abs() * (len - 1);
        if stride < 0 {
            start -= reach
        } else {
            end += reach
        }
    }
    start..end
}
