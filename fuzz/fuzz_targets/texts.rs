//! Texts and operators of ONNX from anywhere: refused, or taken for what comes back as the same.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use common::case::{check_onnx, check_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, Vec<(&str, f64)>)| {
    let (text, attributes) = input;
    check_text(text);
    check_onnx(text, &attributes);
});
