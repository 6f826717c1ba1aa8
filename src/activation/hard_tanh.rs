use super::clip::{Clip, is_clip};

/// The hard hyperbolic tangent: [`Clip`] to `min` and `max`, by default -1 and 1.
///
/// `f'(x) = 0` for `x <= min` and for `x >= max`, else 1. NaN passes as it is, and so does -0.0 where 0 is
/// within the bounds; infinities become the bounds.
///
/// Source: Collobert, *Large Scale Machine Learning*, 2004; `torch.nn.Hardtanh`.
///
/// ```
/// use rectify::{Activation, HardTanh};
///
/// let mut y = [-3.0_f32, 0.5, 9.0];
/// HardTanh::default().forward_in_place(&mut y);
/// assert_eq!(y, [-1.0, 0.5, 1.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HardTanh(Clip);

impl HardTanh {
    /// What `default()` returns.
    pub(crate) const DEFAULT: Self = Self::new(-1.0, 1.0);

    /// With the given bounds.
    ///
    /// # Panics
    /// If `min` or `max` is NaN.
    #[inline]
    #[must_use]
    #[track_caller]
    pub const fn new(min: f64, max: f64) -> Self {
        Self(Clip::new(min, max))
    }

    /// The lower bound.
    #[inline]
    #[must_use]
    pub const fn min(self) -> f64 {
        self.0.min()
    }

    /// The upper bound.
    #[inline]
    #[must_use]
    pub const fn max(self) -> f64 {
        self.0.max()
    }
}

/// Bounds of -1 and 1, as in PyTorch and Keras.
impl Default for HardTanh {
    fn default() -> Self {
        Self::DEFAULT
    }
}

is_clip!(HardTanh, |self| self.0);
