//! What is timed: a method of `Activation`, and the plain loops that it replaces.

use rectify::{Activation, Element, Gradient};

use super::Slices;
use super::copy::Traffic;
use super::plain::{Loop, Plain};

/// A method of `Activation`.
pub trait Operation: Copy + Sync {
    const NAME: &'static str;
    const TRAFFIC: Traffic;

    /// A loop that does the same.
    fn plain<T: Element, P: Plain<T>, const ONE_BY_ONE: bool>(
        self,
        plain: Loop<P, ONE_BY_ONE>,
        slices: &mut Slices<'_, T>,
    );

    fn kernel<T: Element>(
        self,
        activation: impl Activation<Formula: Gradient>,
        slices: &mut Slices<'_, T>,
    );
}

macro_rules! operations {
    ($($operation:ident: $method:ident($($slice:ident),*) is $traffic:ident;)*) => {$(
        #[derive(Clone, Copy)]
        pub struct $operation;

        impl Operation for $operation {
            const NAME: &'static str = stringify!($method);
            const TRAFFIC: Traffic = Traffic::$traffic;

            #[inline(always)]
            fn plain<T: Element, P: Plain<T>, const ONE_BY_ONE: bool>(
                self,
                plain: Loop<P, ONE_BY_ONE>,
                slices: &mut Slices<'_, T>,
            ) {
                plain.$method(slices);
            }

            // A call more would be a part of what is timed.
            #[inline(always)]
            fn kernel<T: Element>(
                self,
                activation: impl Activation<Formula: Gradient>,
                slices: &mut Slices<'_, T>,
            ) {
                activation.$method($(slices.$slice),*);
            }
        }
    )*};
}

operations! {
    Forward: forward(input, output) is Copy;
    ForwardInPlace: forward_in_place(output) is Update;
    Backward: backward(input, grad, output) is Merge;
    BackwardInPlace: backward_in_place(input, output) is MergeUpdate;
}
