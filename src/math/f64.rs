//! The functions of `f64`.

pub(super) mod exp;
