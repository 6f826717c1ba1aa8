//! Wrong calls panic at the caller's line, say what was wrong, and write nothing.

mod common;

use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Once;

use common::{LEAST_LARGE_BYTES, rerun, tiers};
use rectify::*;

thread_local! {
    static PANIC: RefCell<Option<(String, String, u32)>> = const { RefCell::new(None) };
}

/// `work` panics with `text` in its message, and is blamed for it: at its line here, or the few after it (where a
/// long call goes on).
#[track_caller]
fn refused(text: &str, work: impl FnOnce()) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let payload = info.payload();
            let message = payload
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| payload.downcast_ref::<&str>().map(|text| text.to_string()))
                .unwrap_or_default();
            let at = info.location().expect("a panic has a location");
            eprintln!("{at}: {message}");
            PANIC.set(Some((message, at.file().to_owned(), at.line())));
        }));
    });
    let line = Location::caller().line();
    panic::catch_unwind(AssertUnwindSafe(work)).expect_err("it should have panicked");
    let (message, file, panicked) = PANIC.take().expect("the hook was called");
    assert!(message.contains(text), "{message}");
    assert_eq!(file, file!());
    assert!(
        (line..line + 4).contains(&panicked),
        "line {panicked}, not {line}"
    );
}

#[test]
fn lengths_that_differ_panic_before_any_write() {
    let (x, dy) = ([-1.0_f32; 5], [1.0_f32; 4]);
    let mut out = [7.0_f32; 4];
    let mut raw = [MaybeUninit::uninit(); 4];
    let leaky = LeakyRelu::default();
    let two = "`input` has 5 elements, `output` has 4 elements";
    let three = "`input` has 5 elements, `grad_output` has 4 elements, `grad_input` has 4 elements";
    let in_place = "`input` has 5 elements, `grad` has 4 elements";

    refused(two, || Relu.forward(&x, &mut out));
    refused(two, || _ = Relu.forward_uninit(&x, &mut raw));
    refused(three, || Relu.backward(&x, &dy, &mut out));
    let text = "`grad_output` has 5 elements";
    refused(text, || Relu.backward(&dy, &x, &mut out));
    let text = "`grad_input` has 4 elements";
    refused(text, || Relu.backward(&x, &x, &mut out));
    refused(in_place, || leaky.backward_in_place(&x, &mut out));

    let on_best = Relu.on(Tier::best());
    refused(two, || on_best.forward(&x, &mut out));
    #[cfg(feature = "parallel")]
    refused(two, || on_best.par().forward(&x, &mut out));
    #[cfg(feature = "parallel")]
    refused(two, || Relu.par().on(Tier::best()).forward(&x, &mut out));

    refused(two, || scalar::forward(&Relu, &x, &mut out));
    refused(three, || scalar::backward(&Relu, &x, &dy, &mut out));
    refused(in_place, || scalar::backward_in_place(&Relu, &x, &mut out));

    let two_inputs = "`input` has 5 elements, `grad_output` has 4 elements";
    refused(two_inputs, || _ = Relu.backward_to_vec(&x, &dy));
    refused(two_inputs, || _ = on_best.backward_to_vec(&x, &dy));

    assert_eq!(out, [7.0; 4]);
}

#[derive(Clone, Copy)]
struct SumOfTwo;

#[derive(Clone, Copy)]
struct SumOfThree;

impl Map<2> for SumOfTwo {
    #[inline(always)]
    fn apply<V: Vector>(self, [a, b]: [V; 2]) -> V {
        a + b
    }
}

impl Map<3> for SumOfThree {
    #[inline(always)]
    fn apply<V: Vector>(self, [a, b, c]: [V; 3]) -> V {
        a + b + c
    }
}

#[test]
fn maps_refuse_lengths_that_differ_before_any_write() {
    let (five, four) = ([-1.0_f32; 5], [1.0_f32; 4]);
    let (mut out, mut raw) = ([7.0_f32; 4], [MaybeUninit::uninit(); 4]);
    let three = "`inputs[0]` has 5 elements, `inputs[1]` has 4 elements, `output` has 4 elements";
    refused(three, || SumOfTwo.map([&five, &four], &mut out));
    refused(three, || _ = SumOfTwo.map_uninit([&five, &four], &mut raw));
    let text = "`inputs[0]` has 4 elements, `inputs[1]` has 5 elements, `output` has 4 elements";
    refused(text, || SumOfTwo.map([&four, &five], &mut out));
    let text = "`inputs[1]` has 5 elements, `output` has 4 elements";
    refused(text, || SumOfTwo.map([&five, &five], &mut out));
    let text = "`inputs[0]` has 5 elements, `buffer` has 4 elements";
    refused(text, || SumOfTwo.map_in_place([&five], &mut out));
    let text = "`inputs[0]` has 4 elements, `inputs[1]` has 5 elements, `buffer` has 4 elements";
    refused(text, || SumOfThree.map_in_place([&four, &five], &mut out));
    let text = "`inputs[0]` has 5 elements, `inputs[1]` has 4 elements";
    refused(text, || _ = SumOfTwo.map_to_vec([&five, &four]));
    let text = "`inputs[1]` has 4 elements, `inputs[2]` has 5 elements";
    refused(text, || _ = SumOfThree.map_to_vec([&four, &four, &five]));

    let on_best = SumOfTwo.on(Tier::best());
    refused(three, || on_best.map([&five, &four], &mut out));
    #[cfg(feature = "parallel")]
    refused(three, || SumOfTwo.par().map([&five, &four], &mut out));
    assert_eq!(out, [7.0; 4]);
}

#[test]
fn parameters_that_make_no_sense_panic_in_the_constructor() {
    let nan = "`negative_slope` is NaN";
    refused(nan, || _ = LeakyRelu::new(f64::NAN));
    refused("`min` is NaN", || _ = Clip::new(f64::NAN, 1.0));
    refused("`max` is NaN", || _ = Clip::new(1.0, f64::NAN));
    refused("`min` is NaN", || _ = HardTanh::new(f64::NAN, 1.0));
    refused("`max` is NaN", || _ = HardTanh::new(1.0, f64::NAN));
    refused("`theta` is NaN", || _ = ThresholdedRelu::new(f64::NAN));
    refused("`alpha` is NaN", || _ = HardSigmoid::new(f64::NAN, 0.5));
    refused("`beta` is NaN", || _ = HardSigmoid::new(0.2, f64::NAN));
    refused("`lambda` is NaN", || _ = HardShrink::new(f64::NAN));
    refused("`lambda` is negative", || _ = HardShrink::new(-0.5));
    refused("`lambda` is NaN", || _ = SoftShrink::new(f64::NAN));
    refused("`lambda` is negative", || {
        _ = SoftShrink::new(-f64::MIN_POSITIVE)
    });
    refused("there are no values", || _ = Channels::<f32>::last(&[]));
    refused("there are no values", || _ = Channels::<f64>::new(&[], 3));
    refused("`inner` is 0", || _ = Channels::new(&[0.5_f64], 0));
}

#[test]
fn there_is_no_other_channel() {
    let prelu = PRelu::new(Channels::last(&[0.5_f32, 0.25]));
    refused("index out of bounds", || _ = prelu.of_channel(2));
}

#[test]
fn prelu_refuses_lengths_before_any_write() {
    let slopes = [0.5_f32, 0.25];
    let prelu = PRelu::new(Channels::new(&slopes, 3));
    let (x, short) = ([-1.0_f32; 12], [1.0_f32; 6]);
    let (mut out, mut raw, mut part) = ([7.0_f32; 6], [MaybeUninit::uninit(); 6], [7.0_f32; 8]);
    let (mut grad, mut more) = ([7.0_f32; 2], [7.0_f32; 3]);
    refused("`input` has 12 elements, `output` has 6 elements", || {
        prelu.forward(&x, &mut out)
    });
    refused("`input` has 12 elements, `output` has 6 elements", || {
        _ = prelu.forward_uninit(&x, &mut raw)
    });
    refused(
        "`input` has 12 elements, `grad_output` has 6 elements",
        || prelu.backward(&x, &short, &mut out),
    );
    refused("`input` has 12 elements, `grad` has 6 elements", || {
        prelu.backward_in_place(&x, &mut out)
    });
    refused(
        "`buffer` has 8 elements: not a multiple of 2 channels of 3 elements",
        || prelu.forward_in_place(&mut part),
    );
    refused("`input` has 8 elements: not a multiple", || {
        prelu.forward(&x[..8], &mut part)
    });
    refused("`input` has 8 elements: not a multiple", || {
        prelu.backward_in_place(&x[..8], &mut part)
    });
    refused(
        "`input` has 12 elements, `grad_output` has 6 elements",
        || prelu.backward_slopes(&x, &short, &mut grad),
    );
    refused(
        "`slopes` has 2 elements, `grad_slopes` has 3 elements",
        || prelu.backward_slopes(&x, &x, &mut more),
    );
    refused("`input` has 8 elements: not a multiple", || {
        prelu.backward_slopes(&x[..8], &x[..8], &mut grad)
    });
    refused("`input` has 8 elements: not a multiple", || {
        _ = prelu.forward_to_vec(&x[..8])
    });
    refused("`input` has 8 elements: not a multiple", || {
        _ = prelu.backward_to_vec(&x[..8], &x[..8])
    });
    refused(
        "`input` has 12 elements, `grad_output` has 6 elements",
        || _ = prelu.backward_to_vec(&x, &short),
    );
    refused("`input` has 8 elements: not a multiple", || {
        scalar::prelu_forward(&prelu, &x[..8], &mut part)
    });
    refused("`input` has 8 elements: not a multiple", || {
        scalar::prelu_backward(&prelu, &x[..8], &x[..8], &mut part)
    });
    refused("`input` has 8 elements: not a multiple", || {
        scalar::prelu_backward_slopes(&prelu, &x[..8], &x[..8], &mut grad)
    });
    assert_eq!((out, part), ([7.0; 6], [7.0; 8]));
    assert_eq!((grad, more), ([7.0; 2], [7.0; 3]));
}

#[test]
fn a_slope_may_be_any_number() {
    for slope in [0.0, -0.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
        assert_eq!(LeakyRelu::new(slope).negative_slope(), slope);
    }
}

/// What `RECTIFY_MAX_TIER` allows, in whatever environment the test runs: the next test sets it.
#[test]
fn tiers_obey_the_environment() {
    let names: Vec<_> = tiers().map(|tier| tier.to_string()).collect();
    println!("tiers: {names:?}, best: {}", Tier::best());
    assert!(names[0].starts_with("portable"), "{names:?}");
    assert!(Tier::available().is_sorted());
    assert_eq!(Tier::available().last(), Some(Tier::best()));
    let cap = std::env::var("RECTIFY_MAX_TIER").unwrap_or_default();
    assert_eq!(
        names.len(),
        most_tiers(&cap).min(tiers_of_this_cpu()),
        "{names:?}"
    );
}

/// Of any CPU, under that cap.
fn most_tiers(cap: &str) -> usize {
    match cap.to_lowercase().as_str() {
        "portable" => 1,
        "avx2" => 2,
        _ => 3,
    }
}

#[cfg(target_arch = "x86_64")]
fn tiers_of_this_cpu() -> usize {
    let avx2 = is_x86_feature_detected!("avx2");
    let avx512 = is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512vbmi2");
    1 + usize::from(avx2) + usize::from(avx2 && avx512)
}

#[cfg(not(target_arch = "x86_64"))]
fn tiers_of_this_cpu() -> usize {
    1
}

/// The test of tiers with that cap, in a process that has to find as many as the CPU has up to it.
fn under_cap(cap: &str) -> std::process::Output {
    let portable = tiers().next().expect("it is always there").to_string();
    let all = [portable.as_str(), "AVX2", "AVX-512"];
    let expected = all[..most_tiers(cap).min(tiers_of_this_cpu())].join(", ");
    let environment = [("RECTIFY_MAX_TIER", cap), ("RECTIFY_TEST_TIERS", &expected)];
    rerun("tiers_obey_the_environment", &environment)
}

#[test]
fn the_environment_caps_the_tier() {
    // In any case, as it is printed, and nothing where it is empty.
    for cap in [
        "portable", "avx2", "avx512", "Portable", "AVX2", "AVX-512", "",
    ] {
        let output = under_cap(cap);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{cap}: {text}"
        );
        if most_tiers(cap) == 1 {
            assert!(text.contains("best: portable"), "{text}");
        }
    }
}

#[test]
fn a_wrong_cap_panics_naming_the_right_ones() {
    for cap in ["avx3", "none", "sse2", "avx 512"] {
        let output = under_cap(cap);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{cap:?} was accepted");
        assert!(
            text.contains(&format!("RECTIFY_MAX_TIER is {cap:?}")),
            "{text}"
        );
        assert!(text.contains("`portable`, `AVX2`, `AVX-512`"), "{text}");
    }
}

/// Runs a test in a process of its own, where the environment variable says `how`; it has to pass.
fn passes_alone(test: &str, how: &str, environment: &[(&str, &str)]) {
    let output = rerun(test, &[&[(HOW, how)], environment].concat());
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let passed = output.status.success() && out.contains(&format!("{how} passed"));
    assert!(passed, "{test}, {how}: {out}{err}");
}

const HOW: &str = "RECTIFY_TEST_HOW";

/// How it is to be run, where it has a process of its own.
fn how() -> Option<String> {
    std::env::var(HOW).ok()
}

const TIER_ERROR: &str = "the greatest tier is settled: it can be set once, before tiers are asked for and before the first use of a kernel";

/// In a process of its own, by the next test.
#[test]
fn the_greatest_tier_alone() {
    let Some(how) = how() else { return };
    let detected: Vec<_> = Tier::detected().collect();
    assert_eq!(detected.len(), tiers_of_this_cpu());
    match how.as_str() {
        // To look at all tiers does not settle which is the greatest.
        "before any use" => {
            for (i, &tier) in detected.iter().enumerate() {
                let outcome = Tier::set_max(tier);
                match outcome {
                    Ok(()) => assert_eq!(i, 0),
                    Err(error) => assert_eq!(error.to_string(), TIER_ERROR),
                }
                // The first one holds.
                assert_eq!(Tier::best(), detected[0]);
                assert_eq!(Tier::available().collect::<Vec<_>>(), detected[..1]);
            }
            assert_eq!(Relu.forward_to_vec(&[-1.0_f32, 2.0]), [0.0, 2.0]);
            // A tier that was named runs all the same.
            for &tier in &detected {
                assert_eq!(Relu.on(tier).forward_to_vec(&[-1.0_f32, 2.0]), [0.0, 2.0]);
            }
        }
        "to the widest" => {
            let widest = detected[detected.len() - 1];
            Tier::set_max(widest).expect("nothing came before");
            assert_eq!(Tier::available().collect::<Vec<_>>(), detected);
            assert_eq!(Tier::best(), widest);
        }
        "after a call" | "after a question" => {
            if how == "after a call" {
                Relu.forward_in_place(&mut [-1.0_f32]);
            } else {
                let _ = Tier::available();
            }
            let before = Tier::best();
            for tier in detected {
                let error = Tier::set_max(tier).expect_err("it is settled");
                assert_eq!(error.to_string(), TIER_ERROR);
            }
            assert_eq!(Tier::best(), before);
        }
        _ => unreachable!("{how}"),
    }
    println!("{how} passed");
}

#[test]
fn the_greatest_tier_can_be_set_once_before_any_use() {
    let test = "the_greatest_tier_alone";
    for how in [
        "before any use",
        "to the widest",
        "after a call",
        "after a question",
    ] {
        passes_alone(test, how, &[]);
    }
    // What is set counts, whatever the environment says: it is not even read.
    for environment in ["portable", "avx512", "nonsense"] {
        let environment = [("RECTIFY_MAX_TIER", environment)];
        passes_alone(test, "before any use", &environment);
        passes_alone(test, "to the widest", &environment);
    }
}

/// Large enough to ask for the thresholds, in place and not.
fn large_calls() {
    let mut buffer = vec![-1.0_f64; 300_000];
    Relu.forward_in_place(&mut buffer);
    assert_eq!(buffer, [0.0; 300_000]);
    Relu.forward(&vec![-1.0; 300_000], &mut buffer);
    assert_eq!(buffer, [0.0; 300_000]);
}

/// In whatever environment the test runs: the next one sets it.
#[test]
fn thresholds_obey_the_environment() {
    println!("{:?}", Thresholds::current());
    large_calls();
}

/// What the test above prints of them.
fn thresholds_under(variable: &str, value: &str) -> String {
    let output = rerun("thresholds_obey_the_environment", &[(variable, value)]);
    assert!(output.status.success(), "{variable}={value:?} was refused");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.contains("Thresholds {"));
    line.expect("the test prints them").to_owned()
}

#[test]
fn the_environment_sets_thresholds() {
    let (most, too_much) = (usize::MAX.to_string(), format!("{}0", usize::MAX));
    let least = LEAST_LARGE_BYTES.to_string();
    for (variable, field) in [
        ("RECTIFY_STREAM_BYTES", "stream_bytes"),
        ("RECTIFY_SPLIT_BYTES", "split_bytes"),
        ("RECTIFY_SPLIT_OUTSIDE_BYTES", "split_outside_bytes"),
    ] {
        for (value, read) in [
            ("0", least.as_str()),
            ("262143", &least),
            ("262144", "262144"),
            ("1234567", "1234567"),
            ("0001234567", "1234567"),
            (&most, &most),
        ] {
            let output = rerun("thresholds_obey_the_environment", &[(variable, value)]);
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{variable}={value}: {text}");
            assert!(text.contains(&format!(" {field}: {read}")), "{text}");
        }
        // As if it were not set.
        assert_eq!(
            thresholds_under(variable, ""),
            thresholds_under("RECTIFY_NOTHING", "")
        );
        for value in ["1e6", "-1", "+5", " 5", "4 MiB", &too_much] {
            let output = rerun("thresholds_obey_the_environment", &[(variable, value)]);
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(
                !output.status.success(),
                "{variable}={value:?} was accepted"
            );
            let what = format!("{variable} is {value:?}: it must be a number of bytes");
            assert!(text.contains(&what), "{text}");
        }
    }
}

/// In a process of its own, by the next test.
#[test]
fn thresholds_alone() {
    let Some(how) = how() else { return };
    let mut of_environment = Thresholds::from_environment();
    let mut set = of_environment;
    for bytes in [
        &mut of_environment.stream_bytes,
        &mut of_environment.split_bytes,
        &mut of_environment.split_outside_bytes,
    ] {
        *bytes = LEAST_LARGE_BYTES.max(*bytes);
    }
    set.stream_bytes = 1 << 30;
    set.split_bytes = 0;
    set.split_outside_bytes = 1_234_567;
    let too_late = |set: Thresholds| {
        let error = set.set().expect_err("they are settled");
        assert_eq!(
            error.to_string(),
            "the thresholds are settled: they can be set once, before they are asked for and before the first large call"
        );
    };
    match how.as_str() {
        "before any call" => {
            // Short calls do not ask for them.
            Relu.forward_in_place(&mut [-1.0_f32; 1_000]);
            set.set().expect("no large call came before");
            let mut expected = set;
            expected.split_bytes = LEAST_LARGE_BYTES;
            assert_eq!(Thresholds::current(), expected);
            large_calls();
            too_late(set);
            assert_eq!(Thresholds::current(), expected);
        }
        "after a call" | "after a question" => {
            if how == "after a call" {
                large_calls();
            } else {
                let _ = Thresholds::current();
            }
            too_late(set);
            assert_eq!(Thresholds::current(), of_environment);
        }
        _ => unreachable!("{how}"),
    }
    println!("{how} passed");
}

#[test]
fn thresholds_can_be_set_once_before_any_large_call() {
    for environment in [&[][..], &[("RECTIFY_STREAM_BYTES", "5000000")]] {
        for how in ["before any call", "after a call", "after a question"] {
            passes_alone("thresholds_alone", how, environment);
        }
    }
}
