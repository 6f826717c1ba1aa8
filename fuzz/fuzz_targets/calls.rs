//! Calls from the space of the property tests: every method against its definition.
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use common::case::Call;
use libfuzzer_sys::fuzz_target;

// All that can be streamed and split, is.
fuzz_target!(init: common::make_everything_large(), |call: Call| call.check());
