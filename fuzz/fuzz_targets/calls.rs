//! Calls from the space of the property tests: every method against its definition.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use arbitrary::Arbitrary;
use common::case::Case;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
enum Call {
    F32(Case<f32>),
    F64(Case<f64>),
}

// All that can be streamed and split, is.
fuzz_target!(init: common::make_everything_large(), |call: Call| {
    match call {
        Call::F32(case) => case.check(),
        Call::F64(case) => case.check(),
    }
});
