//! Calls drawn at random: any activation and parameters, tier, length, alignment, pool and values.

use std::fs;
use std::path::Path;

use arbitrary::{Arbitrary, Unstructured};
use proptest::prelude::{Strategy, any, prop, proptest};
use proptest::test_runner::{Config, TestRunner};

use crate::common::case::{Call, Case, MOST_BYTES, check_text};
use crate::common::{
    LEAST_LARGE_BYTES, TestElement, assert_large, in_time, rerun_streamed_and_split,
};

/// Cases of each test, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 2_000;

fn any_call<T: TestElement>() {
    // About there and beyond are many of them.
    assert_large(LEAST_LARGE_BYTES);
    let mut config = Config {
        // Cases that failed are kept beside it, and tried first.
        source_file: Some(file!()),
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    let cases = prop::collection::vec(any::<u8>(), 0..=MOST_BYTES).prop_map(|bytes| {
        Case::<T>::arbitrary(&mut Unstructured::new(&bytes)).expect("missing bytes are 0")
    });
    let outcome = TestRunner::new(config).run(&cases, |case| {
        in_time(|| case.check());
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn any_call_f32() {
    any_call::<f32>();
}

#[test]
fn any_call_f64() {
    any_call::<f64>();
}

/// What the fuzzer keeps since it reaches code that nothing else did (`fuzz/corpus`, which the package leaves out).
#[test]
fn every_call_that_the_fuzzer_keeps() {
    let Ok(corpus) = fs::read_dir("fuzz/corpus/calls") else {
        assert!(!Path::new("fuzz").exists(), "no corpus");
        return;
    };
    let mut calls = 0;
    for file in corpus {
        let bytes = fs::read(file.expect("a file").path()).expect("bytes");
        let call = Call::arbitrary_take_rest(Unstructured::new(&bytes));
        in_time(|| call.expect("missing bytes are 0").check());
        calls += 1;
    }
    assert!(calls > 500, "{calls} calls are not what it keeps");
}

/// With the default thresholds few of the cases are large enough.
#[test]
fn any_call_streamed_and_split() {
    rerun_streamed_and_split("properties::any_call_f32");
    rerun_streamed_and_split("properties::any_call_f64");
}

proptest! {
    /// No text makes the parser panic, and what it takes comes back as the same.
    #[test]
    fn any_text(text in "[a-z0-9_]{0,14}[ (]{0,2}([a-z_]{0,14}[ =]{0,2}[-+.0-9a-z]{0,8}[ ,]{0,2}){0,3}[ )]{0,2}") {
        check_text(&text);
    }
}
