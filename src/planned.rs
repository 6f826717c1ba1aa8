//! A formula with where it runs: the one adaptor that `on` and `par` return.

use crate::arch::Tier;
use crate::engine::Plan;

/// A formula with where it is to run: what [`Activation::on`](crate::Activation::on), its
/// `par` and their likes in [`MapSlices`](crate::MapSlices) return. It has all
/// methods of the trait that it came from; of two tiers, the one named last holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Planned<F> {
    pub(crate) formula: F,
    pub(crate) plan: Plan,
}

impl<F> Planned<F> {
    /// Whether `par` was asked for: what else belongs to a call, such as [`Channels::sum`](crate::Channels::sum) for the
    /// gradient of a bias, may then be done in parallel, too.
    ///
    /// ```
    /// use rectify::{Activation, Relu};
    ///
    /// assert!(!Relu.planned().is_parallel());
    /// # #[cfg(feature = "parallel")]
    /// assert!(Relu.par().is_parallel());
    /// ```
    #[inline]
    #[must_use]
    pub const fn is_parallel(&self) -> bool {
        self.plan.parallel
    }

    pub(crate) fn new(formula: F) -> Self {
        let plan = Plan::default();
        Self { formula, plan }
    }

    pub(crate) fn on(self, tier: Tier) -> Self {
        let plan = self.plan.on(tier);
        Self { plan, ..self }
    }

    #[cfg(feature = "parallel")]
    pub(crate) fn par(self) -> Self {
        let plan = self.plan.par();
        Self { plan, ..self }
    }
}
