//! The functions of the module: one for each activation, and softmax.

use ndarray::{ArrayViewD, ArrayViewMutD, Axis};
use pyo3::prelude::*;
use rectify::{Along, Element, LogSoftmax, Softmax};

use crate::activation::Activation;
use crate::arrays::{Inputs, Work, axis_of, run};

/// A function for each activation, from its formula, its name and its parameters with their defaults; and where there are any, the
/// signature that Python shows: PyO3 tells neither defaults below 0 nor those that come through a macro. The tests compare all of them
/// with what `AnyActivation` knows.
macro_rules! functions {
    ($($(#[doc = $formula:literal])+ $name:ident($($parameter:ident $(= $default:literal)?),*) $($signature:literal)?;)+) => {
        $(
            $(#[doc = $formula])+
            ///
            /// x: a NumPy array of float32 or float64, of any shape and strides.
            /// out: the array that takes the result, and is returned: `x` itself, which is replaced then, or one that does not
            ///     overlap it. By default a new array.
            /// parallel: share large arrays out over the threads of a pool. The result has the same bits.
            ///
            /// The same activation as an object, with its gradient: rectify.Activation.
            #[pyfunction]
            #[pyo3(signature = (x, $($parameter $(= $default)?,)* out=None, parallel=false) $(, text_signature = $signature)?)]
            fn $name<'py>(
                x: &Bound<'py, PyAny>,
                $($parameter: f64,)*
                out: Option<&Bound<'py, PyAny>>,
                parallel: bool,
            ) -> PyResult<Bound<'py, PyAny>> {
                let parameters = [$((stringify!($parameter), $parameter)),*];
                Activation::with(stringify!($name), &parameters)?.forward(x, out, parallel)
            }
        )+

        fn add_activations(module: &Bound<'_, PyModule>) -> PyResult<()> {
            $(module.add_function(wrap_pyfunction!($name, module)?)?;)+
            Ok(())
        }
    };
}

functions! {
    /// The rectifier: 0 where x < 0, else x.
    relu();
    /// The leaky rectifier: negative_slope * x where x < 0, else x.
    leaky_relu(negative_slope = 0.01) "(x, negative_slope=0.01, out=None, parallel=False)";
    /// x, but at least min and at most max.
    clip(min, max) "(x, min, max, out=None, parallel=False)";
    /// x, but at least 0 and at most 6.
    relu6();
    /// x, but at least min and at most max.
    hard_tanh(min = -1.0, max = 1.0) "(x, min=-1.0, max=1.0, out=None, parallel=False)";
    /// 0 where x <= theta, else x.
    thresholded_relu(theta = 1.0) "(x, theta=1.0, out=None, parallel=False)";
    /// The square of the rectifier: 0 where x < 0, else x * x.
    squared_relu();
    /// alpha * x + beta, but at least 0 and at most 1.
    hard_sigmoid(alpha = 0.16666666666666666, beta = 0.5) "(x, alpha=0.16666666666666666, beta=0.5, out=None, parallel=False)";
    /// 0 where x <= -3, x where x >= 3, and x * (x / 6 + 1 / 2) between.
    hard_swish();
    /// 0 where -lambd <= x <= lambd, else x.
    hard_shrink(lambd = 0.5) "(x, lambd=0.5, out=None, parallel=False)";
    /// x - lambd where x > lambd, x + lambd where x < -lambd, else 0.
    soft_shrink(lambd = 0.5) "(x, lambd=0.5, out=None, parallel=False)";
    /// The logistic function: 1 / (1 + exp(-x)).
    sigmoid();
    /// The sigmoid linear unit: x * sigmoid(x).
    silu();
    /// x * sigmoid(beta * x).
    swish(beta = 1.0) "(x, beta=1.0, out=None, parallel=False)";
    /// The hyperbolic tangent.
    tanh();
    /// The exponential linear unit: alpha * (exp(x) - 1) where x < 0, else x.
    elu(alpha = 1.0) "(x, alpha=1.0, out=None, parallel=False)";
    /// The scaled exponential linear unit: elu, times 1.0507 and with an alpha of 1.6733.
    selu();
    /// The continuously differentiable exponential linear unit: alpha * (exp(x / alpha) - 1) where x < 0, else x.
    celu(alpha = 1.0) "(x, alpha=1.0, out=None, parallel=False)";
    /// The Gaussian error linear unit, exactly: x / 2 * (1 + erf(x / sqrt(2))).
    gelu();
    /// The Gaussian error linear unit as it is approximated by tanh: x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))).
    gelu_tanh();
    /// log(1 + exp(beta * x)) / beta.
    softplus(beta = 1.0) "(x, beta=1.0, out=None, parallel=False)";
    /// x * tanh(softplus(x)).
    mish();
    /// The logarithm of the logistic function: -log(1 + exp(-x)).
    log_sigmoid();
    /// x / (1 + abs(x)).
    softsign();
    /// x - tanh(x).
    tanh_shrink();
}

/// Softmax or its logarithm, along an axis.
struct Rows<S> {
    along: Along<S>,
    backward: bool,
    parallel: bool,
}

macro_rules! softmax {
    ($softmax:ty: $(#[doc = $formula:literal])+ $name:ident, $(#[doc = $gradient:literal])+ $backward:ident) => {
        $(#[doc = $formula])+
        ///
        /// x: a NumPy array of float32 or float64, of any shape and strides.
        /// axis: the axis whose elements make a distribution; from the end where it is negative.
        /// out: the array that takes the result, and is returned: `x` itself, which is replaced then, or one that does not
        ///     overlap it. By default a new array.
        /// parallel: share large arrays out over the threads of a pool. The result has the same bits.
        #[pyfunction]
        #[pyo3(signature = (x, axis=-1, out=None, parallel=false), text_signature = "(x, axis=-1, out=None, parallel=False)")]
        fn $name<'py>(
            x: &Bound<'py, PyAny>,
            axis: isize,
            out: Option<&Bound<'py, PyAny>>,
            parallel: bool,
        ) -> PyResult<Bound<'py, PyAny>> {
            let along = <$softmax>::along(Axis(axis_of(("x", x), axis)?));
            let inputs = Inputs { arrays: [("x", x)], values: None };
            let [y] = run(x.py(), &inputs, [("out", out)], &Rows { along, backward: false, parallel })?;
            Ok(y)
        }

        $(#[doc = $gradient])+
        ///
        /// output: what the function returned.
        /// grad_output: the gradient of that.
        /// axis: as it was there.
        /// out: the array that takes the result, and is returned: `grad_output` itself, which is replaced then, or one that
        ///     overlaps neither. By default a new array.
        /// parallel: share large arrays out over the threads of a pool. The result has the same bits.
        #[pyfunction]
        #[pyo3(
            signature = (output, grad_output, axis=-1, out=None, parallel=false),
            text_signature = "(output, grad_output, axis=-1, out=None, parallel=False)"
        )]
        fn $backward<'py>(
            output: &Bound<'py, PyAny>,
            grad_output: &Bound<'py, PyAny>,
            axis: isize,
            out: Option<&Bound<'py, PyAny>>,
            parallel: bool,
        ) -> PyResult<Bound<'py, PyAny>> {
            let along = <$softmax>::along(Axis(axis_of(("output", output), axis)?));
            let inputs = Inputs { arrays: [("output", output), ("grad_output", grad_output)], values: None };
            let [dx] = run(output.py(), &inputs, [("out", out)], &Rows { along, backward: true, parallel })?;
            Ok(dx)
        }

        impl Work for Rows<$softmax> {
            fn compute<T: Element>(
                &self,
                inputs: &[ArrayViewD<'_, T>],
                outputs: &mut [ArrayViewMutD<'_, T>],
            ) {
                let along = if self.parallel { self.along.par() } else { self.along };
                match (self.backward, inputs, outputs) {
                    (false, [x], [y]) => along.forward(x, y),
                    (false, [], [y]) => along.forward_in_place(y),
                    (true, [y, dy], [dx]) => along.backward_from_output(y, dy, dx),
                    (true, [y], [grad]) => along.backward_from_output_in_place(y, grad),
                    _ => unreachable!("`run` hands on what its callers say"),
                }
            }
        }
    };
}

softmax! { Softmax:
    /// exp(x) / sum(exp(x)) along an axis, with the largest x taken off all of them, so that nothing overflows.
    softmax,
    /// The gradient of the input of softmax, from its result.
    softmax_backward
}
softmax! { LogSoftmax:
    /// x - log(sum(exp(x))) along an axis: the logarithm of softmax, accurate where that is tiny, too.
    log_softmax,
    /// The gradient of the input of log_softmax, from its result.
    log_softmax_backward
}

pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    add_activations(module)?;
    module.add_function(wrap_pyfunction!(softmax, module)?)?;
    module.add_function(wrap_pyfunction!(softmax_backward, module)?)?;
    module.add_function(wrap_pyfunction!(log_softmax, module)?)?;
    module.add_function(wrap_pyfunction!(log_softmax_backward, module)?)
}
