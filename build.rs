//! Tells the crate what its portable tier became: `wide` picks its instructions when it is compiled,
//! from the target's features, and offers no way to ask it which ones it took.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(x86_tiers)");

    let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets the target's architecture");
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    let has = |feature| features.split(',').any(|f| f == feature);

    // In the order in which `wide`'s `f32x4` and `f64x2` look for them. The registers have 128 bits with
    // each; AVX gives them better instructions.
    let portable = if has("avx") {
        "AVX"
    } else if has("sse2") {
        "SSE2"
    } else if has("simd128") {
        "simd128"
    } else if has("neon") && arch == "aarch64" {
        "NEON"
    } else {
        "no SIMD"
    };
    println!("cargo::rustc-env=RECTIFY_PORTABLE_SIMD={portable}");
    if arch == "wasm32" && portable == "no SIMD" {
        println!(
            "cargo::warning=rectify is built without SIMD: add `-C target-feature=+simd128` to RUSTFLAGS"
        );
    }

    if arch == "x86_64" {
        println!("cargo::rustc-cfg=x86_tiers");
    }
}
