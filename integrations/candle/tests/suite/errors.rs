//! What is asked wrongly is an error of candle's, with what was wrong in its text, and no panic.

use crate::common::tensor;
use candle_core::{D, DType, Device, Result, Tensor};
use rectify::{AnyActivation, Gelu, Halves, Silu};
use rectify_candle::{LogSoftmaxLastDim, Op, PRelu, SoftmaxLastDim};

/// The text of an error, without the backtrace that candle adds with RUST_BACKTRACE.
#[track_caller]
fn text<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => panic!("this is no error"),
        Err(error) => error.to_string().lines().next().unwrap().to_owned(),
    }
}

#[test]
fn other_dtypes() -> Result<()> {
    for dtype in [DType::U8, DType::U32, DType::I64, DType::F16, DType::BF16] {
        let x = Tensor::ones((2, 2), dtype, &Device::Cpu)?;
        let vector = Tensor::ones(2, dtype, &Device::Cpu)?;
        for error in [
            text(Op(Gelu).forward(&x)),
            text(x.apply_op1(Op(Gelu))),
            text(x.apply(&Op(Gelu))),
            text(Op(Gelu).forward_only(&x)),
            text(Op(Gelu).forward_bias(&x, &vector, 1)),
            text(Op(Gelu).forward_residual(&x, &x)),
            text(Op(Silu).forward_gated(&x, &x)),
            text(Op(Silu).forward_gated_halves(&x, Halves::gate_first(1))),
            text(SoftmaxLastDim::new().forward(&x)),
            text(LogSoftmaxLastDim::new().forward(&x)),
            text(PRelu::new(vector.clone(), 1).forward(&x)),
        ] {
            assert_eq!(
                error,
                format!(
                    "rectify computes with F32 and F64, and the tensor has {dtype:?}: convert it with `to_dtype`"
                )
            );
        }
    }
    Ok(())
}

#[test]
fn different_dtypes() {
    let (x, y) = (tensor::<f32>(&[2], 1), tensor::<f64>(&[2], 1));
    for (op, result) in [
        ("forward_bias", Op(Gelu).forward_bias(&x, &y, 0)),
        ("forward_residual", Op(Gelu).forward_residual(&x, &y)),
        ("forward_gated", Op(Silu).forward_gated(&x, &y)),
        ("prelu", PRelu::new(y.clone(), 0).forward(&x)),
    ] {
        let error = text(result);
        assert_eq!(error, format!("dtype mismatch in {op}, lhs: F32, rhs: F64"));
    }
}

#[test]
fn shapes() {
    let (x, turned) = (tensor::<f32>(&[2, 3], 1), tensor::<f32>(&[3, 2], 1));
    assert_eq!(
        text(Op(Gelu).forward_residual(&x, &turned)),
        "shape mismatch in forward_residual, lhs: [2, 3], rhs: [3, 2]"
    );
    assert_eq!(
        text(Op(Silu).forward_gated(&x, &turned)),
        "shape mismatch in forward_gated, lhs: [2, 3], rhs: [3, 2]"
    );
    // Nothing is broadcast behind anybody's back.
    assert!(
        Op(Gelu)
            .forward_residual(&x, &tensor::<f32>(&[1, 3], 1))
            .is_err()
    );
    for bias in [
        tensor::<f32>(&[2], 1),
        tensor::<f32>(&[1, 3], 1),
        tensor::<f32>(&[], 1),
        tensor::<f32>(&[0], 1),
    ] {
        assert_eq!(
            text(Op(Gelu).forward_bias(&x, &bias, D::Minus1)),
            format!(
                "forward_bias: the bias has shape {:?}, and dimension 1 of [2, 3] needs one of [3]",
                bias.shape()
            )
        );
    }
    for slopes in [
        tensor::<f32>(&[2], 1),
        tensor::<f32>(&[1, 3], 1),
        tensor::<f32>(&[0], 1),
    ] {
        assert_eq!(
            text(PRelu::new(slopes.clone(), 1).forward(&x)),
            format!(
                "prelu: the slopes have shape {:?}, and dimension 1 of [2, 3] needs some of [3]",
                slopes.shape()
            )
        );
    }
    for width in [1, 2, 3, usize::MAX] {
        assert_eq!(
            text(Op(Silu).forward_gated_halves(&x, Halves::gate_first(width))),
            format!(
                "forward_gated_halves: the last dimension of [2, 3] is not two halves of {width} each"
            )
        );
    }
}

#[test]
fn dimensions_that_are_not_there() {
    let (x, scalar, bias) = (
        tensor::<f32>(&[2, 3], 1),
        tensor::<f32>(&[], 1),
        tensor::<f32>(&[3], 1),
    );
    for error in [
        text(Op(Gelu).forward_bias(&x, &bias, 2)),
        text(Op(Gelu).forward_bias(&x, &bias, D::Minus(3))),
        text(Op(Gelu).forward_bias(&scalar, &bias, D::Minus1)),
        text(Op(Gelu).forward_gated_halves(&scalar, Halves::gate_first(1))),
        text(PRelu::new(bias.clone(), 2).forward(&x)),
        text(SoftmaxLastDim::new().forward(&scalar)),
        text(scalar.apply_op1(LogSoftmaxLastDim::new())),
        text(SoftmaxLastDim::new().forward_in_place(&scalar)),
        text(scalar.inplace_op1(&LogSoftmaxLastDim::new())),
    ] {
        assert!(error.contains("out of range for shape"), "{error}");
    }
}

#[test]
fn texts() {
    let parse = |text: &str| -> Result<Op<AnyActivation>> { text.parse() };
    assert_eq!(
        text(parse("leaky_relu(slope=0.1)")),
        "`leaky_relu` has no `slope`: it has `negative_slope`"
    );
    let error = text(parse("leaky_relu(negative_slope=NaN)"));
    assert!(error.contains("is NaN"), "{error}");
}
