//! Wrong calls panic at the caller's line, say what was wrong, and write nothing.

mod common;

use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::Once;

use common::{rerun, tiers};
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
    refused("`slopes` is empty", || _ = PRelu::<f32>::channels_last(&[]));
    refused("`inner` is 0", || _ = PRelu::new(&[0.5_f64], 0));
    refused("`slopes[1]` is NaN", || _ = PRelu::new(&[0.5, f32::NAN], 1));
}

#[test]
fn prelu_refuses_lengths_before_any_write() {
    let slopes = [0.5_f32, 0.25];
    let prelu = PRelu::new(&slopes, 3);
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
    let most = match std::env::var("RECTIFY_MAX_TIER").as_deref() {
        Ok("portable") => 1,
        Ok("avx2") => 2,
        _ => 3,
    };
    assert_eq!(names.len(), most.min(tiers_of_this_cpu()), "{names:?}");
}

#[cfg(target_arch = "x86_64")]
fn tiers_of_this_cpu() -> usize {
    let avx2 = is_x86_feature_detected!("avx2");
    let avx512 = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vbmi2");
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
    let most = ["portable", "avx2"].iter().position(|&name| name == cap);
    let expected = all[..most.map_or(3, |at| at + 1).min(tiers_of_this_cpu())].join(", ");
    let environment = [("RECTIFY_MAX_TIER", cap), ("RECTIFY_TEST_TIERS", &expected)];
    rerun("tiers_obey_the_environment", &environment)
}

#[test]
fn the_environment_caps_the_tier() {
    for cap in ["portable", "avx2", "avx512"] {
        let output = under_cap(cap);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{cap}: {text}"
        );
        if cap == "portable" {
            assert!(text.contains("best: portable"), "{text}");
        }
    }
}

#[test]
fn a_wrong_cap_panics_naming_the_right_ones() {
    for cap in ["avx3", "", "AVX2", "avx512 "] {
        let output = under_cap(cap);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{cap:?} was accepted");
        assert!(
            text.contains(&format!("RECTIFY_MAX_TIER is {cap:?}")),
            "{text}"
        );
        assert!(text.contains("`portable`, `avx2`, `avx512`"), "{text}");
    }
}

/// In whatever environment the test runs: the next one sets it.
#[test]
fn thresholds_obey_the_environment() {
    println!("{:?}", Thresholds::current());
    // Large enough to ask for the thresholds, in place and not.
    let mut buffer = vec![-1.0_f64; 300_000];
    Relu.forward_in_place(&mut buffer);
    assert_eq!(buffer, [0.0; 300_000]);
    Relu.forward(&vec![-1.0; 300_000], &mut buffer);
    assert_eq!(buffer, [0.0; 300_000]);
}

#[test]
fn the_environment_sets_thresholds() {
    for (variable, field) in [
        ("RECTIFY_STREAM_BYTES", "stream_bytes"),
        ("RECTIFY_SPLIT_BYTES", "split_bytes"),
        ("RECTIFY_SPLIT_OUTSIDE_BYTES", "split_outside_bytes"),
    ] {
        for value in ["0", "1234567", "18446744073709551615"] {
            let output = rerun("thresholds_obey_the_environment", &[(variable, value)]);
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{variable}={value}: {text}");
            assert!(text.contains(&format!(" {field}: {value}")), "{text}");
        }
        for value in ["", "1e6", "-1", "4 MiB", "18446744073709551616"] {
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
