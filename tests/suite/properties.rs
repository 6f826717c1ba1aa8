//! Calls drawn at random: any activation and parameters, tier, length, alignment, pool and values.

use std::fs;
use std::path::Path;

use arbitrary::{Arbitrary, Unstructured};
use proptest::prelude::{Strategy, any, prop, proptest};
use proptest::test_runner::{Config, TestRunner};

use crate::common::case::{Call, Case, MOST_BYTES, check_onnx, check_text};
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

/// Has `check` look at each input that the fuzzer keeps, since it reached code that nothing else did.
fn each_that_the_fuzzer_keeps(target: &str, check: impl Fn(Unstructured<'_>)) {
    let Ok(corpus) = fs::read_dir(Path::new("fuzz/corpus").join(target)) else {
        assert!(!Path::new("fuzz").exists(), "no corpus of {target}");
        // The package has none.
        return;
    };
    let mut inputs = 0;
    for file in corpus {
        let path = file.expect("a file").path();
        // Shown where the check fails.
        println!("{}", path.display());
        check(Unstructured::new(&fs::read(path).expect("its bytes")));
        inputs += 1;
    }
    assert!(inputs > 0, "an empty corpus of {target}");
}

#[test]
fn calls_that_the_fuzzer_keeps() {
    assert_large(LEAST_LARGE_BYTES);
    each_that_the_fuzzer_keeps("calls", |bytes| {
        let call = Call::arbitrary_take_rest(bytes).expect("missing bytes are 0");
        in_time(|| call.check());
    });
}

#[test]
fn texts_that_the_fuzzer_keeps() {
    each_that_the_fuzzer_keeps("texts", |bytes| {
        // Others are no input to the fuzzer, either.
        if let Ok((text, attributes)) = <(&str, Vec<_>)>::arbitrary_take_rest(bytes) {
            check_text(text);
            check_onnx(text, &attributes);
        }
    });
}

/// With the default thresholds few of the cases are large enough.
#[test]
fn any_call_streamed_and_split() {
    rerun_streamed_and_split("properties::any_call_f32");
    rerun_streamed_and_split("properties::any_call_f64");
    rerun_streamed_and_split("properties::calls_that_the_fuzzer_keeps");
}

proptest! {
    /// No text makes the parser panic, and what it takes comes back as the same.
    #[test]
    fn any_text(text in "[a-z0-9_]{0,14}[ (]{0,2}([a-z_]{0,14}[ =]{0,2}[-+.0-9a-z]{0,8}[ ,]{0,2}){0,3}[ )]{0,2}") {
        check_text(&text);
    }
}
