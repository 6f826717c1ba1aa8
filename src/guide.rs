//! Pages to read: they hold no items.
//!
//! - [`activations`]: what each rectifier computes, its curve, its gradient, NaN, zeros and infinities, and what it
//!   is called elsewhere.
//! - [`smooth`]: the same of the smooth activations, and how far each is from the truth.
//! - [`recipes`]: `ndarray` arrays in any order, fresh memory, a value a channel, a layer in one pass, softmax, an operation of
//!   `candle`.
//! - [`tuning`]: how the tier is chosen, when to use `par()`, and which sizes can be set.
//! - [`performance`]: what to expect, beside what the machine can do and beside others.
//! - [`measurements`]: why the kernels are as they are, and what was tried and lost.
//! - [`verification`]: every promise, with the test that fails when it is broken.

/// A file of docs/, behind the addresses that its links have here.
macro_rules! pages {
    ($($(#[$attribute:meta])* $page:ident)*) => {
        $(
            $(#[$attribute])*
            #[doc = include_str!(concat!("../docs/embedded/", stringify!($page), ".md"))]
            #[doc = include_str!(concat!("../docs/", stringify!($page), ".md"))]
            pub mod $page {}
        )*
    };
}
pages! {
    activations
    smooth
    // Its code, which is tested, has arrays in it.
    #[cfg(any(not(doctest), feature = "ndarray"))]
    recipes
    tuning
    performance
    measurements
    verification
}
