//! What is timed: a method of `Activation`, and its scalar reference.

use rectify::{Activation, Element, Gradient, scalar};

use super::Slices;
use super::ceiling::Traffic;

/// A method of `Activation`.
pub trait Operation: Copy + Sync {
    const NAME: &'static str;
    const TRAFFIC: Traffic;
    fn scalar<T: Element>(
        self,
        activation: impl Activation<Formula: Gradient>,
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
            fn scalar<T: Element>(
                self,
                activation: impl Activation<Formula: Gradient>,
                slices: &mut Slices<'_, T>,
            ) {
                scalar::$method(&activation, $(slices.$slice),*);
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
