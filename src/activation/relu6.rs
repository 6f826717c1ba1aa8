use super::clip::Clip;
use crate::named::{Named};
use crate::element::Element;
use crate::formula::{Formula, Gradient};
use crate::vector::Vector;

/// ReLU with a ceiling of 6: [`Clip`] to 0 and 6.
///
/// `f'(x) = 0` for `x <= 0` and for `x >= 6`, else 1. NaN and -0.0 pass as they are, `f(inf) = 6`. For networks
/// that run quantised: its results have a known range.
///
/// Source: Krizhevsky, *Convolutional Deep Belief Networks on CIFAR-10*, 2010.
///
/// ```
/// use rectify::{Activation, Relu6};
///
/// let mut y = [-3.0_f32, 4.5, 9.0];
/// Relu6.forward_in_place(&mut y);
/// assert_eq!(y, [0.0, 4.5, 6.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Relu6;

const CLIP: Clip = Clip::new(0.0, 6.0);

impl Formula for Relu6 {
    const MEMORY_BOUND: bool = Clip::MEMORY_BOUND;

    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        CLIP.value(x)
    }

    #[inline]
    fn scalar<T: Element>(self, x: T) -> T {
        CLIP.scalar(x)
    }
}

impl Gradient for Relu6 {
    const GRADIENT_MEMORY_BOUND: bool = Clip::GRADIENT_MEMORY_BOUND;

    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        CLIP.gradient(x, grad_output)
    }

    #[inline]
    fn scalar_gradient<T: Element>(self, x: T, grad_output: T) -> T {
        CLIP.scalar_gradient(x, grad_output)
    }
}

impl Named for Relu6 {
    const NAME: &'static str = "relu6";

    fn with(_: &[f64]) -> Self {
        Self
    }
}
