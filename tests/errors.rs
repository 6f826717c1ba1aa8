//! Wrong calls panic at the caller's line, say what was wrong, and write nothing.

mod common;

use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use common::{rerun, tiers};
use rectify::{Activation, LeakyRelu, Relu, Thresholds, Tier, scalar};

thread_local! {
    static PANIC: RefCell<Option<(String, String, u32)>> = const { RefCell::new(None) };
}

/// The message of the panic that `work` must end in, after checking that it is blamed on this file, at
/// `line` or the few after it (where a long call goes on).
#[track_caller]
fn message(line: u32, work: impl FnOnce()) -> String {
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
    panic::catch_unwind(AssertUnwindSafe(work)).expect_err("it should have panicked");
    let (message, file, panicked) = PANIC.take().expect("the hook was called");
    assert_eq!(file, file!());
    assert!(
        (line..line + 4).contains(&panicked),
        "line {panicked}, not {line}"
    );
    message
}

#[test]
fn lengths_that_differ_panic_before_any_write() {
    let (x, dy) = ([-1.0_f32; 5], [1.0_f32; 4]);
    let mut out = [7.0_f32; 4];
    let mut raw = [MaybeUninit::uninit(); 4];

    let text = message(line!(), || Relu.forward(&x, &mut out));
    assert!(
        text.contains("`input` has 5 elements, `output` has 4 elements"),
        "{text}"
    );
    let text = message(line!(), || {
        Relu.forward_uninit(&x, &mut raw);
    });
    assert!(
        text.contains("`input` has 5 elements, `output` has 4 elements"),
        "{text}"
    );
    let text = message(line!(), || Relu.backward(&x, &dy, &mut out));
    let lengths =
        "`input` has 5 elements, `grad_output` has 4 elements, `grad_input` has 4 elements";
    assert!(text.contains(lengths), "{text}");
    let text = message(line!(), || Relu.backward(&dy, &x, &mut out));
    assert!(text.contains("`grad_output` has 5 elements"), "{text}");
    let text = message(line!(), || Relu.backward(&x, &x, &mut out));
    assert!(text.contains("`grad_input` has 4 elements"), "{text}");
    let text = message(line!(), || {
        LeakyRelu::default().backward_in_place(&x, &mut out)
    });
    assert!(
        text.contains("`input` has 5 elements, `grad` has 4 elements"),
        "{text}"
    );

    let text = message(line!(), || Relu.on(Tier::best()).forward(&x, &mut out));
    assert!(text.contains("`input` has 5 elements"), "{text}");
    #[cfg(feature = "parallel")]
    {
        let text = message(line!(), || {
            Relu.par().on(Tier::best()).forward(&x, &mut out)
        });
        assert!(text.contains("`input` has 5 elements"), "{text}");
    }

    let text = message(line!(), || scalar::forward(&Relu, &x, &mut out));
    assert!(text.contains("`input` has 5 elements"), "{text}");
    let text = message(line!(), || scalar::backward(&Relu, &x, &dy, &mut out));
    assert!(text.contains("`input` has 5 elements"), "{text}");
    let text = message(line!(), || scalar::backward_in_place(&Relu, &x, &mut out));
    assert!(text.contains("`input` has 5 elements"), "{text}");

    assert_eq!(out, [7.0; 4]);
}

#[test]
fn a_nan_slope_panics_in_the_constructor() {
    let text = message(line!(), || {
        let _ = LeakyRelu::new(f64::NAN);
    });
    assert!(text.contains("`negative_slope` is NaN"), "{text}");
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

fn under_cap(cap: &str) -> std::process::Output {
    rerun("tiers_obey_the_environment", &[("RECTIFY_MAX_TIER", cap)])
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
