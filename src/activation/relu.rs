use crate::named::{Named, Operator};
use crate::element::Element;
use crate::formula::{Formula, Gradient, GradientFromOutput};
use crate::vector::Vector;

/// The rectified linear unit: `f(x) = 0` for `x < 0`, else `x`.
///
/// `f'(x) = 0` for `x <= 0`, else 1; so 0 at the kink, as in PyTorch and TensorFlow. NaN and -0.0 pass as
/// they are, `f(-inf) = +0`, `f(inf) = inf`. A unit whose inputs are all negative gets no gradient and
/// stops learning, for which [`LeakyRelu`](crate::LeakyRelu) is the remedy.
///
/// Source: Nair and Hinton, *Rectified Linear Units Improve Restricted Boltzmann Machines*, 2010.
///
/// ```
/// use rectify::{Activation, Relu};
///
/// let x = [2.0_f32, -3.0, 0.5];
/// let mut y = [0.0; 3];
/// Relu.forward(&x, &mut y);
/// assert_eq!(y, [2.0, 0.0, 0.5]);
///
/// let mut dx = [0.0; 3];
/// Relu.backward(&x, &[10.0, 20.0, 30.0], &mut dx);
/// assert_eq!(dx, [10.0, 0.0, 30.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Relu;

impl Formula for Relu {
    const MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        // In this order: `max` returns its second operand where either is NaN and where both are zeros.
        V::constant(0.0).max(x)
    }

    #[inline]
    fn scalar<T: Element>(self, x: T) -> T {
        if x < T::ZERO { T::ZERO } else { x }
    }
}

impl Gradient for Relu {
    const GRADIENT_MEMORY_BOUND: bool = true;

    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        let zero = V::constant(0.0);
        x.select_le(zero, zero, grad_output)
    }

    #[inline]
    fn scalar_gradient<T: Element>(self, x: T, grad_output: T) -> T {
        if x <= T::ZERO { T::ZERO } else { grad_output }
    }
}

impl GradientFromOutput for Relu {
    #[inline(always)]
    fn gradient_from_output<V: Vector>(self, output: V, grad_output: V) -> V {
        // The output is 0 or less, where the input is.
        self.gradient(output, grad_output)
    }
}

impl Named for Relu {
    const NAME: &'static str = "relu";
    const OPERATORS: &'static [Operator<Self>] = &[Operator {
        name: "Relu",
        attributes: &[],
        condition: "",
        build: |_| Some(Self),
    }];

    fn with(_: &[f64]) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;

    #[test]
    fn the_tutorials_values() {
        assert_eq!(Relu.eval(2.0_f32), 2.0);
        assert_eq!(Relu.eval(-3.0_f32), 0.0);
        assert_eq!(Relu.derivative(-3.0_f64), 0.0);
        assert_eq!(Relu.derivative(0.0_f64), 0.0);
        assert_eq!(Relu.derivative(2.0_f64), 1.0);
    }

    #[test]
    fn zeros_and_infinities() {
        assert_eq!(Relu.eval(-0.0_f32).to_bits(), (-0.0_f32).to_bits());
        assert_eq!(
            Relu.eval(f64::NEG_INFINITY).to_bits(),
            0.0_f64.to_bits()
        );
        assert_eq!(Relu.eval(f64::INFINITY), f64::INFINITY);
        // A gradient of 0 selects: infinity times 0 would be NaN.
        assert_eq!(
            Relu.eval_backward(-1.0_f32, f32::NEG_INFINITY).to_bits(),
            0
        );
    }
}
