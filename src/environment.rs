//! The environment variables that this crate reads.

use std::env;
use std::ffi::OsString;

/// The value of a variable. One that is set to nothing is not set: so scripts take it back.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}
