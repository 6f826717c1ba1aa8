//! Where gate and value stand in a row that holds both.

/// Where gate and value stand in a row that holds both, one after the other, and how wide each is.
///
/// Projections that make both at once leave them so. The two orders in use:
///
/// | | row | `y` |
/// |---|---|---|
/// | [`gate_first`](Halves::gate_first): the fused gate-and-up projection of Llama (SwiGLU) | `g, u` | `f(g) * u` |
/// | [`value_first`](Halves::value_first): PyTorch's `glu`, with [`Sigmoid`](crate::Sigmoid) | `u, g` | `u * f(g)` |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Halves {
    width: usize,
    gate_first: bool,
}

impl Halves {
    /// Rows of `width` elements of the gate and then `width` of the value.
    ///
    /// # Panics
    /// If `width` is 0.
    #[must_use]
    #[track_caller]
    pub const fn gate_first(width: usize) -> Self {
        Self::new(width, true)
    }

    /// Rows of `width` elements of the value and then `width` of the gate.
    ///
    /// # Panics
    /// If `width` is 0.
    #[must_use]
    #[track_caller]
    pub const fn value_first(width: usize) -> Self {
        Self::new(width, false)
    }

    #[track_caller]
    const fn new(width: usize, gate_first: bool) -> Self {
        assert!(width > 0, "`width` is 0: a half has one element at least");
        Self { width, gate_first }
    }

    /// Elements of a half, and so of a row of the result.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// # Panics
    /// Unless `both`, the name and the length of what holds both halves, are whole rows, and `one` has a half of each.
    #[track_caller]
    pub(crate) fn check(&self, both: (&str, usize), ones: &[(&str, usize)]) {
        let (name, len) = both;
        let width = self.width;
        assert!(
            len.is_multiple_of(width) && (len / width).is_multiple_of(2),
            "`{name}` has {len} elements: not a multiple of two halves of {width} each"
        );
        for (one, one_len) in ones {
            assert!(
                *one_len == len / 2,
                "`{one}` has {one_len} elements: `{name}` has {len}, which are {} of gate and value each",
                len / 2
            );
        }
    }

    /// The gate and the value of a row.
    pub(super) fn split<'r, T>(&self, row: &'r [T]) -> (&'r [T], &'r [T]) {
        let (first, second) = row.split_at(self.width);
        if self.gate_first {
            (first, second)
        } else {
            (second, first)
        }
    }

    /// The same, to write to.
    pub(super) fn split_mut<'r, T>(&self, row: &'r mut [T]) -> (&'r mut [T], &'r mut [T]) {
        let (first, second) = row.split_at_mut(self.width);
        if self.gate_first {
            (first, second)
        } else {
            (second, first)
        }
    }
}
