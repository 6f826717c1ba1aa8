//! The functions of `f64`.

pub(super) mod erf;
pub(super) mod exp;
pub(super) mod exp_m1;
pub(super) mod gelu;
pub(super) mod gelu_tanh;
pub(super) mod ln_1p;
pub(super) mod mish;
pub(super) mod power;
pub(super) mod sigmoid;
pub(super) mod silu;
pub(super) mod softplus;
pub(super) mod tanh;
pub(super) mod tanh_shrink;
