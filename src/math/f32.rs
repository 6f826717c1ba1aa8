//! The functions of `f32`.

pub(super) mod exp;
