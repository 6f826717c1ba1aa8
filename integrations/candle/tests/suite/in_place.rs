//! In place: every layout is done right, nothing beside the tensor is written, and what must be refused is.

use crate::common::{Number, elements, layouts, same_bits, tensor};
use candle_core::{DType, Device, Result, Tensor, Var};
use rectify::{Activation, AnyActivation, Gelu, LogSoftmax, Relu, Softmax};
use rectify_candle::{LogSoftmaxLastDim, Op, SoftmaxLastDim};

const DIMS: [usize; 3] = [3, 5, 8];

fn each_layout<T: Number>(run: impl Fn(&Tensor) -> Result<()>, expected: impl Fn(&[T]) -> Vec<T>) {
    for (layout, x) in layouts::<T>(DIMS, 1) {
        let before = elements::<T>(&x);
        let done = run(&x);
        if layout.starts_with("repeated") || layout == "one number" {
            let error = done.expect_err(layout).to_string();
            assert!(error.contains("repeated elements"), "{error}");
            same_bits(&x, &before, layout);
        } else {
            done.unwrap();
            same_bits(&x, &expected(&before), layout);
        }
    }
}

#[test]
fn in_each_layout() {
    for text in ["relu", "gelu", "leaky_relu(negative_slope=0.2)", "softplus"] {
        let op: Op<AnyActivation> = text.parse().unwrap();
        each_layout::<f32>(|x| op.forward_in_place(x), |x| op.0.forward_to_vec(x));
        each_layout::<f64>(|x| x.inplace_op1(&op), |x| op.0.forward_to_vec(x));
    }
    let width = DIMS[2];
    let softmax = SoftmaxLastDim::new();
    each_layout::<f32>(
        |x| softmax.forward_in_place(x),
        |x| Softmax::rows(width).forward_to_vec(x),
    );
    each_layout::<f64>(
        |x| softmax.par().forward_in_place(x),
        |x| Softmax::rows(width).forward_to_vec(x),
    );
    let log_softmax = LogSoftmaxLastDim::new();
    each_layout::<f64>(
        |x| log_softmax.forward_in_place(x),
        |x| LogSoftmax::rows(width).forward_to_vec(x),
    );
}

#[test]
fn nothing_beside_it_is_written() -> Result<()> {
    let x = tensor::<f32>(&[4, 6], 2);
    let mut expected = x.to_vec2::<f32>()?;
    Op(Gelu).forward_in_place(&x.narrow(0, 1, 2)?.narrow(1, 2, 3)?.t()?)?;
    for row in &mut expected[1..3] {
        Gelu.forward_in_place(&mut row[2..5]);
    }
    same_bits(&x, &expected.concat(), "a block in the middle");
    let row = x.narrow(0, 3, 1)?;
    Op(Gelu).forward_in_place(&row)?;
    Gelu.forward_in_place(&mut expected[3]);
    same_bits(&x, &expected.concat(), "the last row");
    Ok(())
}

#[test]
fn what_gradients_come_from_is_refused() -> Result<()> {
    let x = Var::new(&[-1.0_f32, 2.0], &Device::Cpu)?;
    let y = (x.as_tensor() * 2.0)?;
    for tensor in [x.as_tensor(), &y] {
        let before = elements::<f32>(tensor);
        for done in [
            Op(Relu).forward_in_place(tensor),
            SoftmaxLastDim::new().forward_in_place(tensor),
        ] {
            let error = done.unwrap_err().to_string();
            assert!(error.contains("`detach`"), "{error}");
        }
        same_bits(tensor, &before, "refused");
    }
    Op(Relu).forward_in_place(&y.detach())?;
    assert_eq!(y.to_vec1::<f32>()?, [0.0, 4.0]);
    Ok(())
}

#[test]
fn other_dtypes_are_refused() -> Result<()> {
    for dtype in [DType::U8, DType::U32, DType::I64, DType::F16, DType::BF16] {
        let x = Tensor::ones((2, 2), dtype, &Device::Cpu)?;
        for done in [
            Op(Relu).forward_in_place(&x),
            x.inplace_op1(&Op(Relu)),
            SoftmaxLastDim::new().forward_in_place(&x),
            x.inplace_op1(&LogSoftmaxLastDim::new()),
        ] {
            let error = done.unwrap_err().to_string();
            assert!(
                error.contains(&format!("{dtype:?}")) && error.contains("F32 and F64"),
                "{error}"
            );
        }
        assert_eq!(x.to_dtype(DType::F32)?.sum_all()?.to_scalar::<f32>()?, 4.0);
    }
    Ok(())
}
