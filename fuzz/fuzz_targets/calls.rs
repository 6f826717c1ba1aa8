//! Calls from the space of the property tests: every method against its definition.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use common::case::Case;
use libfuzzer_sys::fuzz_target;

/// All that can be streamed and split, is.
fn lower_thresholds() {
    for (variable, value) in common::EVERYTHING_IS_LARGE {
        // SAFETY: no other thread has begun.
        unsafe { std::env::set_var(variable, value) };
    }
}

fuzz_target!(init: lower_thresholds(), |data: &[u8]| {
    match data.split_first() {
        None => {}
        Some((element, data)) if element.is_multiple_of(2) => Case::<f32>::from_bytes(data).check(),
        Some((_, data)) => Case::<f64>::from_bytes(data).check(),
    }
});
