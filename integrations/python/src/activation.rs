//! `rectify.Activation`: an activation as an object.

use std::hash::{Hash, Hasher};

use ndarray::{ArrayView1, ArrayViewD, ArrayViewMutD, Axis};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rectify::{ActivationArrays, AnyActivation, Element, Gradient};

use crate::arrays::{Inputs, Values, Work, axis_of, run};

/// An activation, from its text or from its name and parameters.
///
/// The text is the name, and the parameters that are not to have their defaults: "gelu",
/// "leaky_relu(negative_slope=0.1)", "clip(min=-1, max=1)". Parameters may be keywords, too:
/// Activation("leaky_relu", negative_slope=0.1). The names are those of this module's functions; `lambda`, which is
/// no keyword in Python, may be written `lambd`.
///
/// Two activations are equal if their names and parameters are. Activations can be hashed and pickled.
///
/// Methods take NumPy arrays of float32 or float64, of any shape and strides. All arrays of a call have one dtype and one shape
/// (a bias has one axis). Nothing is copied, but where `out` lies between the elements of another array.
///
/// Every method has these:
///     out: the array that takes the result, and is returned. It may be the array that is said at the method, which is replaced
///         then; otherwise it must not overlap an input. By default a new array.
///     parallel: share large arrays out over the threads of a pool, as many as the environment variable RAYON_NUM_THREADS
///         says, or as there are cores. The result has the same bits.
///
/// Raises TypeError for what is no array of float32 or float64, and ValueError for shapes that differ, a read-only or
/// overlapping `out`, and memory that is not aligned, before anything is written.
#[pyclass(frozen, eq, hash, module = "rectify", name = "Activation")]
#[derive(PartialEq)]
pub(crate) struct Activation(AnyActivation);

/// Equal activations have equal names.
impl Hash for Activation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name().hash(state);
    }
}

impl Activation {
    /// From a name, and parameters and their values.
    pub(crate) fn with(name: &str, parameters: &[(&str, f64)]) -> PyResult<Self> {
        if parameters.is_empty() {
            return Self::from_text(name);
        }
        if name.contains('(') {
            let wrong = "the parameters are given in the text and as keywords, too";
            return Err(PyValueError::new_err(wrong));
        }
        // `lambda` is no name in Python, and NumPy's users know it as SciPy and PyTorch write it.
        let python_name = |name| if name == "lambd" { "lambda" } else { name };
        let parameters: Vec<_> = parameters
            .iter()
            .map(|&(name, value)| format!("{}={value:?}", python_name(name)))
            .collect();
        Self::from_text(&format!("{name}({})", parameters.join(", ")))
    }

    fn from_text(text: &str) -> PyResult<Self> {
        let activation: Result<AnyActivation, _> = text.parse();
        Ok(Self(activation.map_err(|error| {
            PyValueError::new_err(error.to_string())
        })?))
    }

    fn work(&self, form: Form, parallel: bool) -> Call {
        Call {
            activation: self.0,
            form,
            parallel,
        }
    }
}

#[pymethods]
impl Activation {
    #[new]
    #[pyo3(signature = (text, **parameters))]
    fn new(text: &str, parameters: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let mut given: Vec<(String, f64)> = vec![];
        for (name, value) in parameters.into_iter().flatten() {
            given.push((name.extract()?, value.extract()?));
        }
        let given: Vec<_> = given
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
            .collect();
        Self::with(text, &given)
    }

    /// The name, without parameters.
    #[getter]
    fn name(&self) -> &'static str {
        self.0.name()
    }

    /// The parameters and their values.
    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let parameters = PyDict::new(py);
        for (name, value) in self.0.parameters() {
            parameters.set_item(name, value)?;
        }
        Ok(parameters)
    }

    /// f(x) of each element x. As forward.
    #[pyo3(signature = (x, out=None, parallel=false))]
    fn __call__<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        parallel: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.forward(x, out, parallel)
    }

    /// f(x) of each element x. `out` may be `x`.
    #[pyo3(signature = (x, out=None, parallel=false))]
    pub(crate) fn forward<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        parallel: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let inputs = Inputs {
            arrays: [("x", x)],
            values: None,
        };
        let [y] = run(
            x.py(),
            &inputs,
            [("out", out)],
            &self.work(Form::Forward, parallel),
        )?;
        Ok(y)
    }

    /// The gradient of `x`, which is what forward was given, from that of its result. `out` may be `grad_output`.
    #[pyo3(signature = (x, grad_output, out=None, parallel=false))]
    fn backward<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        grad_output: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        parallel: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let inputs = Inputs {
            arrays: [("x", x), ("grad_output", grad_output)],
            values: None,
        };
        let [dx] = run(
            x.py(),
            &inputs,
            [("out", out)],
            &self.work(Form::Backward, parallel),
        )?;
        Ok(dx)
    }

    /// f(x + b) in one pass, where b is the value of `bias` for the element's index of `axis`. `out` may be `x`.
    #[pyo3(
        signature = (x, bias, axis=-1, out=None, parallel=false),
        text_signature = "($self, x, bias, axis=-1, out=None, parallel=False)"
    )]
    fn forward_bias<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        bias: &Bound<'py, PyAny>,
        axis: isize,
        out: Option<&Bound<'py, PyAny>>,
        parallel: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let axis = axis_of(("x", x), axis)?;
        let inputs = Inputs {
            arrays: [("x", x)],
            values: Some(bias_of(bias, axis)),
        };
        let [y] = run(
            x.py(),
            &inputs,
            [("out", out)],
            &self.work(Form::Bias(axis), parallel),
        )?;
        Ok(y)
    }

    /// The gradient of `x` in forward_bias. That of the bias is its sum over all axes but `axis`. `out` may be `grad_output`.
    #[pyo3(
        signature = (x, bias, grad_output, axis=-1, out=None, parallel=false),
        text_signature = "($self, x, bias, grad_output, axis=-1, out=None, parallel=False)"
    )]
    fn backward_bias<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        bias: &Bound<'py, PyAny>,
        grad_output: &Bound<'py, PyAny>,
        axis: isize,
        out: Option<&Bound<'py, PyAny>>,
        parallel: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let axis = axis_of(("x", x), axis)?;
        let inputs = Inputs {
            arrays: [("x", x), ("grad_output", grad_output)],
            values: Some(bias_of(bias, axis)),
        };
        let [dx] = run(
            x.py(),
            &inputs,
            [("out", out)],
            &self.work(Form::BackwardBias(axis), parallel),
        )?;
        Ok(dx)
    }

    /// f(x + residual) in one pass. `out` may be `x`.
    #[pyo3(signature = (x, residual, out=None, parallel=false))]
    fn forward_residual<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        residual: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        parallel: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let inputs = Inputs {
            arrays: [("residual", residual), ("x", x)],
            values: None,
        };
        let [y] = run(
            x.py(),
            &inputs,
            [("out", out)],
            &self.work(Form::Residual, parallel),
        )?;
        Ok(y)
    }

    /// The gradient of `x` in forward_residual, which is that of `residual`, too. `out` may be `grad_output`.
    #[pyo3(signature = (x, residual, grad_output, out=None, parallel=false))]
    fn backward_residual<'py>(
        &self,
        x: &Bound<'py, PyAny>,
        residual: &Bound<'py, PyAny>,
        grad_output: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        parallel: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let arrays = [
            ("x", x),
            ("residual", residual),
            ("grad_output", grad_output),
        ];
        let inputs = Inputs {
            arrays,
            values: None,
        };
        let [dx] = run(
            x.py(),
            &inputs,
            [("out", out)],
            &self.work(Form::BackwardResidual, parallel),
        )?;
        Ok(dx)
    }

    /// f(gate) * value in one pass: GLU, SwiGLU and GEGLU are those of sigmoid, silu and gelu. `out` may be `value`.
    #[pyo3(signature = (gate, value, out=None, parallel=false))]
    fn forward_gated<'py>(
        &self,
        gate: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
        parallel: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let inputs = Inputs {
            arrays: [("gate", gate), ("value", value)],
            values: None,
        };
        let [y] = run(
            gate.py(),
            &inputs,
            [("out", out)],
            &self.work(Form::Gated, parallel),
        )?;
        Ok(y)
    }

    /// The gradients of `gate` and `value` in forward_gated, as a pair. `out` is a pair of arrays, neither of them an input.
    #[pyo3(signature = (gate, value, grad_output, out=None, parallel=false))]
    fn backward_gated<'py>(
        &self,
        gate: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        grad_output: &Bound<'py, PyAny>,
        out: Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
        parallel: bool,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let arrays = [
            ("gate", gate),
            ("value", value),
            ("grad_output", grad_output),
        ];
        let inputs = Inputs {
            arrays,
            values: None,
        };
        let outputs = [
            ("out[0]", out.as_ref().map(|out| &out.0)),
            ("out[1]", out.as_ref().map(|out| &out.1)),
        ];
        let [dg, du] = run(
            gate.py(),
            &inputs,
            outputs,
            &self.work(Form::BackwardGated, parallel),
        )?;
        Ok((dg, du))
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("rectify.Activation('{}')", self.0)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> (Bound<'py, PyAny>, (String,)) {
        (slf.get_type().into_any(), (slf.get().__str__(),))
    }
}

fn bias_of<'a, 'py>(bias: &'a Bound<'py, PyAny>, axis: usize) -> Values<'a, 'py> {
    Values {
        argument: ("bias", bias),
        axis: Some(axis),
        shape_output: false,
    }
}

/// An activation, with what stands around it.
struct Call {
    activation: AnyActivation,
    form: Form,
    parallel: bool,
}

#[derive(Clone, Copy)]
enum Form {
    Forward,
    Backward,
    Bias(usize),
    BackwardBias(usize),
    Residual,
    BackwardResidual,
    Gated,
    BackwardGated,
}

impl Work for Call {
    fn compute<T: Element>(
        &self,
        inputs: &[ArrayViewD<'_, T>],
        outputs: &mut [ArrayViewMutD<'_, T>],
    ) {
        use rectify::Activation;
        if self.parallel {
            self.form.compute(self.activation.par(), inputs, outputs);
        } else {
            self.form.compute(self.activation, inputs, outputs);
        }
    }
}

impl Form {
    fn compute<'a, A: ActivationArrays<Formula: Gradient>, T: Element>(
        self,
        f: A,
        inputs: &[ArrayViewD<'a, T>],
        outputs: &mut [ArrayViewMutD<'_, T>],
    ) {
        let one_axis = |bias: &ArrayViewD<'a, T>| -> ArrayView1<'a, T> {
            bias.clone()
                .into_dimensionality()
                .expect("its shape was looked at")
        };
        match (self, inputs, outputs) {
            (Self::Forward, [x], [y]) => f.forward_array(x, y),
            (Self::Forward, [], [y]) => f.forward_array_in_place(y),
            (Self::Backward, [x, dy], [dx]) => f.backward_array(x, dy, dx),
            (Self::Backward, [x], [grad]) => f.backward_array_in_place(x, grad),
            (Self::Bias(axis), [x, b], [y]) => f.forward_bias_array(x, &one_axis(b), Axis(axis), y),
            (Self::Bias(axis), [b], [y]) => {
                f.forward_bias_array_in_place(&one_axis(b), Axis(axis), y)
            }
            (Self::BackwardBias(axis), [x, dy, b], [dx]) => {
                f.backward_bias_array(x, &one_axis(b), Axis(axis), dy, dx);
            }
            (Self::BackwardBias(axis), [x, b], [grad]) => {
                f.backward_bias_array_in_place(x, &one_axis(b), Axis(axis), grad);
            }
            (Self::Residual, [r, x], [y]) => f.forward_residual_array(x, r, y),
            (Self::Residual, [r], [y]) => f.forward_residual_array_in_place(r, y),
            (Self::BackwardResidual, [x, r, dy], [dx]) => f.backward_residual_array(x, r, dy, dx),
            (Self::BackwardResidual, [x, r], [grad]) => {
                f.backward_residual_array_in_place(x, r, grad)
            }
            (Self::Gated, [g, u], [y]) => f.forward_gated_array(g, u, y),
            (Self::Gated, [g], [y]) => f.forward_gated_array_in_place(g, y),
            (Self::BackwardGated, [g, u, dy], [dg, du]) => f.backward_gated_array(g, u, dy, dg, du),
            _ => unreachable!("`run` hands on what its callers say"),
        }
    }
}
