use crate::formula::{Formula, Gradient, GradientFromOutput, Run};
use crate::named::{Named, Operator, Parameter};
use crate::element::Element;
use crate::vector::Vector;

/// The leaky rectified linear unit: `f(x) = negative_slope * x` for `x < 0`, else `x`.
///
/// `f'(x) = negative_slope` for `x <= 0`, else 1, so no unit stops learning while the slope is not 0. NaN
/// and -0.0 pass as they are. `f(-inf)` is `negative_slope * -inf`: -inf for a positive slope, NaN for a
/// slope of 0. With that slope it is not quite [`Relu`](crate::Relu): other negative numbers become -0.0.
///
/// The slope is held as `f64` and rounded once to the element type, so one value serves both types and an
/// `f32` slope keeps its value.
///
/// Source: Maas, Hannun and Ng, *Rectifier Nonlinearities Improve Neural Network Acoustic Models*, 2013.
///
/// ```
/// use rectify::{Activation, LeakyRelu};
///
/// let mut y = [-3.0_f64, -1.0, 2.0];
/// LeakyRelu::new(0.001).forward_in_place(&mut y);
/// assert_eq!(y, [-0.003, -0.001, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeakyRelu {
    negative_slope: f64,
}

impl LeakyRelu {
    /// The default of PyTorch's `torch.nn.LeakyReLU` and `torch.nn.functional.leaky_relu`.
    pub const PYTORCH_SLOPE: f64 = 0.01;
    /// The default of ONNX's `LeakyRelu` operator (there called `alpha`).
    pub const ONNX_SLOPE: f64 = 0.01;
    /// The default of JAX's `jax.nn.leaky_relu`.
    pub const JAX_SLOPE: f64 = 0.01;
    /// The default of TensorFlow's `tf.nn.leaky_relu` (there called `alpha`).
    pub const TENSORFLOW_SLOPE: f64 = 0.2;
    /// The default of `keras.activations.leaky_relu`, the function.
    pub const KERAS_FUNCTION_SLOPE: f64 = 0.2;
    /// The default of `keras.layers.LeakyReLU`, the layer.
    pub const KERAS_LAYER_SLOPE: f64 = 0.3;
    /// The mean slope of `torch.nn.RReLU` with its defaults, which is what it computes in evaluation: 11/48.
    pub const RRELU_EVALUATION_SLOPE: f64 = 11.0 / 48.0;

    /// With the given slope for negative inputs: any number, 0, negative, above 1 and infinite included.
    ///
    /// # Panics
    /// If `negative_slope` is NaN.
    #[inline]
    #[must_use]
    #[track_caller]
    pub const fn new(negative_slope: f64) -> Self {
        assert!(!negative_slope.is_nan(), "`negative_slope` is NaN");
        Self { negative_slope }
    }

    /// With a slope that is data, as those of [`PRelu`](crate::PRelu) are: it may be NaN.
    #[inline]
    pub(crate) const fn with_learned(negative_slope: f64) -> Self {
        Self { negative_slope }
    }

    /// The slope for negative inputs.
    #[inline]
    #[must_use]
    pub const fn negative_slope(self) -> f64 {
        self.negative_slope
    }
}

/// A slope of 0.01.
impl Default for LeakyRelu {
    fn default() -> Self {
        Self::new(Self::PYTORCH_SLOPE)
    }
}

impl Formula for LeakyRelu {
    const MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        let slope = V::constant(self.negative_slope);
        x.select_lt(V::constant(0.0), slope * x, x)
    }

    #[inline]
    fn scalar<T: Element>(self, x: T) -> T {
        if x < T::ZERO {
            T::from_f64(self.negative_slope) * x
        } else {
            x
        }
    }

    #[inline]
    fn choose<R: Run>(self, run: R) -> R::Done {
        // Not 0 in `f32` either, which is then so in `f64`.
        if self.negative_slope <= 1.0 && self.negative_slope as f32 != 0.0 {
            run.run(ByMax(self))
        } else {
            run.run(self)
        }
    }
}

/// Leaky ReLU for slopes up to 1 but 0: the greater of `slope * x` and `x`.
///
/// Saves the comparison, which in AVX-512 takes one and a half cycles a register, more than the store. It
/// is exact: below 0 the product is not the lesser one (and where it is equal, it is `x`), above 0 it is
/// not the greater one, and `max` returns `x` where the product is NaN (a NaN `x`, or infinity times 0)
/// and where both are zeros. A slope of 0 is left out because 0 * -inf has to stay NaN.
#[derive(Clone, Copy)]
struct ByMax(LeakyRelu);

impl Formula for ByMax {
    const MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        (V::constant(self.0.negative_slope) * x).max(x)
    }
}

impl Gradient for LeakyRelu {
    const GRADIENT_MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        let slope = V::constant(self.negative_slope);
        x.select_le(V::constant(0.0), slope * grad_output, grad_output)
    }

    #[inline]
    fn scalar_gradient<T: Element>(self, x: T, grad_output: T) -> T {
        if x <= T::ZERO {
            T::from_f64(self.negative_slope) * grad_output
        } else {
            grad_output
        }
    }
}

/// For slopes above 0.
impl GradientFromOutput for LeakyRelu {
    #[inline(always)]
    fn gradient_from_output<V: Vector>(self, output: V, grad_output: V) -> V {
        // The output is 0 or less, where the input is.
        self.gradient(output, grad_output)
    }

    #[track_caller]
    fn check_parameters(self) {
        let slope = self.negative_slope;
        assert!(
            slope > 0.0,
            "`negative_slope` is {slope:?}: the gradient from the output needs a slope above 0"
        );
    }
}

impl Named for LeakyRelu {
    const NAME: &'static str = "leaky_relu";
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::new("negative_slope", Self::PYTORCH_SLOPE)];
    const OPERATORS: &'static [Operator<Self>] = &[
        Operator {
            name: "LeakyRelu",
            attributes: &[Parameter::new("alpha", Self::ONNX_SLOPE)],
            condition: "",
            build: |values| Some(Self::with(values)),
        },
        // With one slope.
        Operator {
            name: "PRelu",
            attributes: &[Parameter::required("slope")],
            condition: "",
            build: |values| Some(Self::with(values)),
        },
    ];

    fn with(values: &[f64]) -> Self {
        Self::new(values[0])
    }

    fn values(self) -> Vec<f64> {
        vec![self.negative_slope]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;

    #[test]
    fn the_tutorials_values() {
        let leaky = LeakyRelu::new(0.001);
        assert_eq!(leaky.eval(-3.0_f64), -0.003);
        assert_eq!(leaky.eval(-1.0_f64), -0.001);
        assert_eq!(leaky.eval(-3.0_f32), -0.003);
        assert_eq!(leaky.eval(-1.0_f32), -0.001);
        for x in [0.0, 1.0, 2.5] {
            assert_eq!(LeakyRelu::default().eval(x), x);
            assert_eq!(LeakyRelu::default().eval(-x), 0.01 * -x);
        }
        assert_eq!(LeakyRelu::default().derivative(-3.0), 0.01);
        assert_eq!(LeakyRelu::default().derivative(3.0), 1.0);
    }

    #[test]
    fn an_f32_slope_keeps_its_value() {
        for slope in [0.01_f32, f32::MIN_POSITIVE, f32::MAX, f32::from_bits(1)] {
            assert_eq!(LeakyRelu::new(slope.into()).derivative(-1.0_f32), slope);
        }
    }

    #[test]
    #[should_panic(expected = "`negative_slope` is NaN")]
    fn a_nan_slope_panics() {
        let _ = LeakyRelu::new(f64::NAN);
    }
}
