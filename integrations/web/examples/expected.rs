//! What the page in `tests/` has to find: a line for each activation, with its text, and a hash of what it makes of a sample of all
//! `f32`. To be run natively.

use rectify::{Activation, AnyActivation};

/// The page has it, too. Prime, so that the sample meets all last bits.
const EVERY: usize = 16381;

const ALL: [&str; 27] = [
    "celu",
    "clip(min=-0.5, max=3)",
    "elu",
    "elu(alpha=0.5)",
    "gelu",
    "gelu_tanh",
    "hard_shrink",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "leaky_relu(negative_slope=0.2)",
    "log_sigmoid",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softplus(beta=2)",
    "softsign",
    "squared_relu",
    "swish(beta=1.702)",
    "tanh",
    "tanh_shrink",
    "thresholded_relu",
];

fn main() {
    let x: Vec<f32> = (0..=u32::MAX).step_by(EVERY).map(f32::from_bits).collect();
    for text in ALL {
        let activation = text.parse::<AnyActivation>();
        let y = activation
            .unwrap_or_else(|error| panic!("{text}: {error}"))
            .forward_to_vec(&x);
        println!("{:08x} {text}", hash(&y));
    }
}

/// FNV-1a by words. Rust says neither the sign nor the payload of a NaN: all are one.
fn hash(values: &[f32]) -> u32 {
    values.iter().fold(0x811c_9dc5, |hash, value| {
        let bits = if value.is_nan() {
            0x7fc0_0000
        } else {
            value.to_bits()
        };
        (hash ^ bits).wrapping_mul(0x0100_0193)
    })
}
