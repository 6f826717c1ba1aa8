//! Tensors as slices: all that the ops need of candle's storage.

use std::borrow::Cow;

use candle_core::backend::BackendStorage;
use candle_core::{
    CpuStorage, DType, DeviceLocation, Error, Layout, Result, Tensor, WithDType, bail,
};
use rectify::Element;

/// A number that candle stores and rectify computes with: `f32`, `f64`.
pub(crate) trait Number: Element + WithDType {}

impl Number for f32 {}
impl Number for f64 {}

/// An input of an op: where it is stored, and how it lies there.
#[derive(Clone, Copy)]
pub(crate) struct Input<'s>(pub(crate) &'s CpuStorage, pub(crate) &'s Layout);

impl<'s> Input<'s> {
    pub(crate) fn dtype(self) -> DType {
        self.0.dtype()
    }

    /// The elements, one after the other: as they lie, or in a copy where they lie in another order, with gaps or
    /// repeated.
    pub(crate) fn elements<T: Number>(self) -> Result<Cow<'s, [T]>> {
        let Self(storage, layout) = self;
        if let Some((start, end)) = layout.contiguous_offsets() {
            return Ok(Cow::Borrowed(
                &T::cpu_storage_as_slice(storage)?[start..end],
            ));
        }
        let zeros = vec![T::ZERO; layout.shape().elem_count()];
        let mut copy = T::to_cpu_storage_owned(zeros);
        storage.copy_strided_src(&mut copy, 0, layout)?;
        T::cpu_storage_data(copy).map(Cow::Owned)
    }
}

/// Evaluates to candle's storage of what `$result`, a vector, is, where each `$input` is a slice of its elements.
macro_rules! compute {
    (in $number:ident, $($input:ident),+ => $result:expr) => {{
        $(let $input = $input.elements::<$number>()?;)+
        Ok(<$number as candle_core::WithDType>::to_cpu_storage_owned($result))
    }};
    ($first:ident $(, $input:ident)* => $result:expr) => {
        match $first.dtype() {
            DType::F32 => compute!(in f32, $first $(, $input)* => $result),
            DType::F64 => compute!(in f64, $first $(, $input)* => $result),
            other => Err($crate::tensors::unsupported(other)),
        }
    };
}
pub(crate) use compute;

/// Runs `run` on the elements of a tensor, in place: as they lie, or on a copy that is then put back.
pub(crate) fn in_place<T: Number>(elements: &mut [T], layout: &Layout, run: impl FnOnce(&mut [T])) {
    if let Some((start, end)) = layout.contiguous_offsets() {
        return run(&mut elements[start..end]);
    }
    let indices = indices(layout);
    let mut copy: Vec<T> = indices.iter().map(|&index| elements[index]).collect();
    run(&mut copy);
    for (index, element) in indices.into_iter().zip(copy) {
        elements[index] = element;
    }
}

/// Where each element of a tensor is stored, in order.
fn indices(layout: &Layout) -> Vec<usize> {
    let dims = layout.dims().iter().zip(layout.stride());
    dims.fold(vec![layout.start_offset()], |starts, (&len, &stride)| {
        let starts = starts.into_iter();
        starts
            .flat_map(|start| (0..len).map(move |i| start + i * stride))
            .collect()
    })
}

/// That an op can take these tensors together: of one dtype that is computed with, and on the CPU.
pub(crate) fn check(op: &'static str, tensors: &[&Tensor]) -> Result<()> {
    for tensor in tensors {
        on_cpu(op, tensor.device().location())?;
        let (lhs, rhs) = (tensors[0].dtype(), tensor.dtype());
        if !matches!(rhs, DType::F32 | DType::F64) {
            return Err(unsupported(rhs));
        }
        if lhs != rhs {
            return Err(Error::DTypeMismatchBinaryOp { lhs, rhs, op }.bt());
        }
    }
    Ok(())
}

fn on_cpu(op: &'static str, location: DeviceLocation) -> Result<()> {
    match location {
        DeviceLocation::Cpu => Ok(()),
        other => {
            bail!("{op} runs on the CPU, and the tensor is on {other:?}: move it with `to_device`")
        }
    }
}

#[cold]
pub(crate) fn unsupported(dtype: DType) -> Error {
    Error::msg(format!(
        "rectify computes with F32 and F64, and the tensor has {dtype:?}: convert it with `to_dtype`"
    ))
}

/// That two tensors have the same shape.
pub(crate) fn same_shape(op: &'static str, lhs: &Tensor, rhs: &Tensor) -> Result<()> {
    if lhs.shape() == rhs.shape() {
        return Ok(());
    }
    let (lhs, rhs) = (lhs.shape().clone(), rhs.shape().clone());
    Err(Error::ShapeMismatchBinaryOp { lhs, rhs, op }.bt())
}

/// That nothing waits for a gradient of a tensor that is about to be overwritten.
pub(crate) fn not_tracked(op: &'static str, tensor: &Tensor) -> Result<()> {
    if tensor.track_op() {
        bail!(
            "{op} would overwrite what gradients come from: the tensor is a variable, or made of one; `detach` it where \
             none is wanted"
        )
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_cpu() {
        assert!(on_cpu("forward", DeviceLocation::Cpu).is_ok());
        let error = on_cpu("forward", DeviceLocation::Cuda { gpu_id: 1 }).unwrap_err();
        // With RUST_BACKTRACE, candle adds one.
        assert_eq!(
            error.to_string().lines().next().unwrap(),
            "forward runs on the CPU, and the tensor is on Cuda { gpu_id: 1 }: move it with `to_device`"
        );
    }
}
