use super::clip::{Clip, is_clip};

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

is_clip!(Relu6, |self| Clip::new(0.0, 6.0));
