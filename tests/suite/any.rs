//! The activation that is chosen at run time: the same bits, and texts that come back as what they were.

use rectify::*;

#[cfg(feature = "parallel")]
use crate::common::in_time;
use crate::common::{At, GuardedBuffers, TestElement, tiers};
use crate::for_each_activation;

fn is_what_it_holds<T: TestElement>() {
    let mut buffers = GuardedBuffers::<T>::new(1_000);
    for_each_activation!(all, |activation| {
        let any = AnyActivation::from(activation);
        for len in [0, 1, 7, 64, 1_000] {
            buffers.check(&activation, &any, len, At::Offset(1), At::Back);
            for tier in tiers() {
                buffers.check(&activation, &any.on(tier), len, At::Back, At::Front);
            }
        }
    });
}

#[test]
fn it_is_the_activation_that_it_holds() {
    is_what_it_holds::<f32>();
    is_what_it_holds::<f64>();
}

#[cfg(feature = "parallel")]
#[test]
fn it_is_split_as_the_activation_that_it_holds() {
    in_time(|| {
        crate::common::case::in_pool(3, || {
            let mut buffers = GuardedBuffers::<f32>::new(300_000);
            for_each_activation!(few, |activation| {
                let any = AnyActivation::from(activation);
                buffers.check(&activation, &any.par(), 300_000, At::Offset(1), At::Front);
            });
        });
    });
}

#[test]
fn texts_come_back_as_what_they_were() {
    for_each_activation!(all, |activation| {
        let any = AnyActivation::from(activation);
        let text = any.to_string();
        let back: AnyActivation = text
            .parse()
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(back, any, "{text}");
        // Signs of zeros too, which compare equal.
        assert_eq!(back.to_string(), text);
    });
}

#[test]
fn texts_as_one_would_write_them() {
    let parse = |text: &str| text.parse::<AnyActivation>().unwrap();
    assert_eq!(parse("relu"), Relu.into());
    assert_eq!(parse(" relu ( ) "), Relu.into());
    assert_eq!(parse("leaky_relu"), LeakyRelu::default().into());
    assert_eq!(parse("leaky_relu()"), LeakyRelu::default().into());
    assert_eq!(
        parse("leaky_relu(negative_slope=0.2)"),
        LeakyRelu::new(0.2).into()
    );
    assert_eq!(
        parse("clip( max = 6 , min = -1e3 )"),
        Clip::new(-1e3, 6.0).into()
    );
    assert_eq!(
        parse("clip(min=-inf,max=inf)"),
        Clip::new(f64::NEG_INFINITY, f64::INFINITY).into()
    );
    assert_eq!(parse("hard_tanh(max=2)"), HardTanh::new(-1.0, 2.0).into());
    assert_eq!(parse("hard_sigmoid"), HardSigmoid::PYTORCH.into());
    assert_eq!(parse("hard_shrink"), HardShrink::default().into());
    assert_eq!(parse("soft_shrink(lambda=0)"), SoftShrink::new(0.0).into());
    assert_eq!(
        AnyActivation::from(LeakyRelu::default()).to_string(),
        "leaky_relu(negative_slope=0.01)"
    );
    assert_eq!(format!("{:>8}|", parse("relu6")), "   relu6|");
}

#[track_caller]
fn error(text: &str) -> String {
    text.parse::<AnyActivation>().expect_err(text).to_string()
}

#[test]
fn wrong_texts_say_what_is_wrong_and_what_is_known() {
    let unknown = error("gelo");
    assert!(
        unknown.starts_with("`gelo` is no activation: there are `relu`, `leaky_relu`"),
        "{unknown}"
    );
    assert!(unknown.contains("`soft_shrink`, `"), "{unknown}");
    assert!(error("").starts_with("`` is no activation"));
    assert!(error("Relu").starts_with("`Relu` is no activation"));
    assert_eq!(
        error("clip(min=0"),
        "`clip(min=0` has no closing parenthesis"
    );
    assert_eq!(
        error("relu(0.1)"),
        "`0.1` in `relu(...)` is not of the form `parameter=number`"
    );
    assert_eq!(
        error("relu(slope=1)"),
        "`relu` has no `slope`: it has no parameters"
    );
    assert_eq!(
        error("clip(low=0)"),
        "`clip` has no `low`: it has `min`, `max`"
    );
    assert_eq!(
        error("clip(min=0)"),
        "`clip` needs `max`, which has no default"
    );
    assert_eq!(
        error("clip(min=0, min=1, max=2)"),
        "`min` of `clip` is given twice"
    );
    assert_eq!(
        error("clip(min=0,, max=2)"),
        "`` in `clip(...)` is not of the form `parameter=number`"
    );
    assert_eq!(
        error("leaky_relu(negative_slope=)"),
        "`negative_slope` of `leaky_relu` is ``: it must be a number"
    );
    assert_eq!(
        error("leaky_relu(negative_slope=a)"),
        "`negative_slope` of `leaky_relu` is `a`: it must be a number"
    );
    assert_eq!(
        error("leaky_relu(negative_slope=NaN)"),
        "`negative_slope` of `leaky_relu` is NaN"
    );
    assert_eq!(
        error("soft_shrink(lambda=-1)"),
        "`lambda` of `soft_shrink` is -1.0: it must be at least 0.0"
    );
}

#[test]
fn nothing_follows_the_closing_parenthesis() {
    for text in ["relu() x", "relu())", "relu()()", "relu(), relu()"] {
        assert_eq!(
            error(text),
            format!("`{text}` does not end with its closing parenthesis")
        );
    }
    // White space around a text is no part of it.
    assert_eq!("\trelu()\r\n".parse(), Ok(AnyActivation::from(Relu)));
}

/// What is written as a number is meant as one: infinity has its own name.
#[test]
fn numbers_that_are_too_large_are_refused() {
    for number in ["1e999", "-1e999", "1e309"] {
        assert_eq!(
            error(&format!("thresholded_relu(theta={number})")),
            format!(
                "`theta` of `thresholded_relu` is `{number}`: it is too large, and infinity is `inf`"
            )
        );
    }
    for infinity in ["inf", "+inf", "infinity", "INF"] {
        let text = format!("thresholded_relu(theta={infinity})");
        let expected = AnyActivation::from(ThresholdedRelu::new(f64::INFINITY));
        assert_eq!(text.parse(), Ok(expected), "{text}");
    }
    // What is too small to be told from 0 is 0, as elsewhere in Rust.
    let zero = AnyActivation::from(ThresholdedRelu::new(0.0));
    assert_eq!("thresholded_relu(theta=1e-999)".parse(), Ok(zero));
}

/// A text from anywhere, in a log of one's own: one short line.
#[test]
fn errors_quote_a_little_without_control_characters() {
    let long = "x".repeat(1_000_000);
    let sixty = format!("`{}...`", "x".repeat(60));
    assert!(error(&long).starts_with(&format!("{sixty} is no activation")));
    assert_eq!(
        error(&format!("{long}(")),
        format!("{sixty} has no closing parenthesis")
    );
    assert_eq!(
        error(&format!("relu({long})")),
        format!("{sixty} in `relu(...)` is not of the form `parameter=number`")
    );
    assert_eq!(
        error(&format!("relu({long}=1)")),
        format!("`relu` has no {sixty}: it has no parameters")
    );
    assert_eq!(
        error(&format!("leaky_relu(negative_slope={long})")),
        format!("`negative_slope` of `leaky_relu` is {sixty}: it must be a number")
    );
    let onnx = AnyActivation::from_onnx(&long, &[]).unwrap_err();
    assert!(onnx.to_string().starts_with(&format!("{sixty} is no")));
    let onnx = AnyActivation::from_onnx("Relu", &[(&long, 1.0)]).unwrap_err();
    assert_eq!(
        onnx.to_string(),
        format!("`Relu` has no {sixty}: it has no parameters")
    );

    // Sixty letters are quoted whole, whatever their bytes.
    let letters = "\u{1f980}".repeat(60);
    assert!(error(&letters).starts_with(&format!("`{letters}` is")));
    assert!(error("a\nb\u{1b}[31m").starts_with("`a\\nb\\u{1b}[31m` is no activation"));
}

/// An activation prints itself as it is read.
#[test]
fn activations_print_themselves_as_their_texts() {
    for_each_activation!(all, |activation| {
        let any = AnyActivation::from(activation);
        assert_eq!(activation.to_string(), any.to_string());
    });
    assert_eq!(
        Clip::new(-1.0, 1e30).to_string(),
        "clip(min=-1.0, max=1e30)"
    );
    assert_eq!(
        format!("{Relu:>6}|{HardSwish:<12}|"),
        "  relu|hard_swish  |"
    );
}

#[test]
fn operators_of_onnx() {
    let onnx = |name: &str, attributes: &[(&str, f64)]| AnyActivation::from_onnx(name, attributes);
    let ok = |name: &str, attributes: &[(&str, f64)]| onnx(name, attributes).unwrap();
    assert_eq!(ok("Relu", &[]), Relu.into());
    assert_eq!(ok("LeakyRelu", &[]), LeakyRelu::new(0.01).into());
    assert_eq!(ok("PRelu", &[("slope", 0.25)]), LeakyRelu::new(0.25).into());
    assert_eq!(
        ok("Clip", &[]),
        Clip::new(f64::NEG_INFINITY, f64::INFINITY).into()
    );
    assert_eq!(
        ok("Clip", &[("max", 6.0)]),
        Clip::new(f64::NEG_INFINITY, 6.0).into()
    );
    assert_eq!(ok("ThresholdedRelu", &[]), ThresholdedRelu::new(1.0).into());
    assert_eq!(
        ok("ThresholdedRelu", &[("alpha", 2.0)]),
        ThresholdedRelu::new(2.0).into()
    );
    assert_eq!(ok("HardSigmoid", &[]), HardSigmoid::new(0.2, 0.5).into());
    assert_eq!(
        ok("HardSigmoid", &[("beta", 0.6)]),
        HardSigmoid::new(0.2, 0.6).into()
    );
    assert_eq!(ok("HardSwish", &[]), HardSwish.into());
    assert_eq!(ok("Shrink", &[]), HardShrink::new(0.5).into());
    assert_eq!(
        ok("Shrink", &[("lambd", 1.5), ("bias", 1.5)]),
        SoftShrink::new(1.5).into()
    );

    assert_eq!(ok("Gelu", &[]), Gelu.into());
    assert_eq!(ok("Gelu", &[("approximate", 1.0)]), GeluTanh.into());
    assert_eq!(ok("Elu", &[]), Elu::new(1.0).into());
    assert_eq!(ok("Celu", &[("alpha", 2.0)]), Celu::new(2.0).into());
    assert_eq!(ok("Selu", &[]), Selu.into());
    assert_eq!(ok("Softplus", &[]), Softplus::new(1.0).into());
    assert_eq!(ok("Swish", &[("alpha", 1.5)]), Swish::new(1.5).into());
    assert_eq!(ok("Sigmoid", &[]), Sigmoid.into());
    assert_eq!(ok("Tanh", &[]), Tanh.into());
    assert_eq!(ok("Softsign", &[]), Softsign.into());
    assert_eq!(ok("Mish", &[]), Mish.into());

    let error =
        |name: &str, attributes: &[(&str, f64)]| onnx(name, attributes).unwrap_err().to_string();
    let unknown = error("Gelo", &[]);
    assert!(
        unknown.contains("`Gelo`") && unknown.contains("`Relu`, `LeakyRelu`"),
        "{unknown}"
    );
    assert_eq!(
        error("PRelu", &[]),
        "`PRelu` needs `slope`, which has no default"
    );
    assert_eq!(
        error("LeakyRelu", &[("slope", 0.1)]),
        "`LeakyRelu` has no `slope`: it has `alpha`"
    );
    assert_eq!(
        error("LeakyRelu", &[("alpha", f64::NAN)]),
        "`alpha` of `LeakyRelu` is NaN"
    );
    assert_eq!(
        error("Relu", &[("alpha", 0.1)]),
        "`Relu` has no `alpha`: it has no parameters"
    );
    let shrink = error("Shrink", &[("bias", 0.1)]);
    assert!(shrink.contains("`lambd` 0.5 and `bias` 0.1"), "{shrink}");
    assert_eq!(
        error("Shrink", &[("lambd", -1.0)]),
        "`lambd` of `Shrink` is -1.0: it must be at least 0.0"
    );
}
