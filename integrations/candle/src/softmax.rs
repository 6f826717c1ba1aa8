//! Softmax and its logarithm over the last dimension.

use candle_core::shape::Dim;
use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, D, DType, InplaceOp1, Layout, Module, Result, Shape, Tensor,
};
use rectify::{LogSoftmax, Softmax};

use crate::tensors::{Input, check, compute, in_place, not_tracked, unsupported};

macro_rules! last_dim {
    ($(#[$doc:meta])* $name:ident by $rows:ident, $backward:ident, $op:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            parallel: bool,
        }

        impl $name {
            /// On the caller's thread.
            #[must_use]
            pub const fn new() -> Self {
                Self { parallel: false }
            }

            /// Rows shared out over the current Rayon pool.
            #[must_use]
            pub const fn par(self) -> Self {
                Self { parallel: true }
            }

            /// The result of each row.
            ///
            /// # Errors
            /// If the tensor has no dimension, is neither F32 nor F64, or is on another device than the CPU.
            pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
                check($op, &[x])?;
                D::Minus1.to_index(x.shape(), $op)?;
                x.apply_op1(*self)
            }

            /// Replaces each row by its result, in every tensor that shares its storage. Without a gradient.
            ///
            /// # Errors
            /// As [`forward`](Self::forward); if elements are repeated, as `broadcast_as` leaves them; and if the
            /// tensor is a variable or comes from one, whose gradients would be wrong. The tensor is then as it was.
            pub fn forward_in_place(&self, x: &Tensor) -> Result<()> {
                check($op, &[x])?;
                D::Minus1.to_index(x.shape(), $op)?;
                not_tracked($op, x)?;
                // candle takes some tensors without elements for ones whose elements are repeated.
                if x.elem_count() == 0 {
                    return Ok(());
                }
                x.inplace_op1(self)
            }

            /// The kernel for rows of this shape; `None` where there are no elements.
            fn rows(self, shape: &Shape) -> Result<Option<$rows>> {
                let dim = D::Minus1.to_index(shape, $op)?;
                Ok((shape.elem_count() > 0).then(|| {
                    let rows = $rows::rows(shape.dims()[dim]);
                    if self.parallel { rows.par() } else { rows }
                }))
            }
        }

        impl Module for $name {
            fn forward(&self, x: &Tensor) -> Result<Tensor> {
                self.forward(x)
            }
        }

        impl CustomOp1 for $name {
            fn name(&self) -> &'static str {
                $op
            }

            fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
                let x = Input(storage, layout);
                let rows = self.rows(layout.shape())?;
                let y = compute!(x => rows.map_or_else(Vec::new, |rows| rows.forward_to_vec(&x)))?;
                Ok((y, layout.shape().clone()))
            }

            fn bwd(&self, _: &Tensor, y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
                y.apply_op2_no_bwd(dy, &$backward(*self)).map(Some)
            }
        }

        impl InplaceOp1 for $name {
            fn name(&self) -> &'static str {
                $op
            }

            fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
                let Some(rows) = self.rows(layout.shape())? else {
                    return Ok(());
                };
                match storage {
                    CpuStorage::F32(elements) => in_place(elements, layout, |x| rows.forward_in_place(x)),
                    CpuStorage::F64(elements) => in_place(elements, layout, |x| rows.forward_in_place(x)),
                    other => return Err(unsupported(Input(other, layout).dtype())),
                }
                Ok(())
            }
        }

        /// The gradient of the input, of the result and `dy`.
        struct $backward($name);

        impl CustomOp2 for $backward {
            fn name(&self) -> &'static str {
                concat!($op, " backward")
            }

            fn cpu_fwd(
                &self,
                s1: &CpuStorage,
                l1: &Layout,
                s2: &CpuStorage,
                l2: &Layout,
            ) -> Result<(CpuStorage, Shape)> {
                let (y, dy) = (Input(s1, l1), Input(s2, l2));
                let rows = self.0.rows(l1.shape())?;
                let dx = compute!(y, dy => {
                    let mut dx = vec![Default::default(); y.len()];
                    if let Some(rows) = rows {
                        rows.backward_from_output(&y, &dy, &mut dx);
                    }
                    dx
                })?;
                Ok((dx, l1.shape().clone()))
            }
        }
    };
}

last_dim! {
    /// The softmax over the last dimension, with its gradient: see [`Softmax`].
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use rectify_candle::SoftmaxLastDim;
    ///
    /// let logits = Tensor::new(&[[1.0_f32, 1.0], [0.0, f32::NEG_INFINITY]], &Device::Cpu)?;
    /// let y = SoftmaxLastDim::new().par().forward(&logits)?;
    /// assert_eq!(y.to_vec2::<f32>()?, [[0.5, 0.5], [1.0, 0.0]]);
    /// # Ok::<(), candle_core::Error>(())
    /// ```
    SoftmaxLastDim by Softmax, SoftmaxBackward, "softmax over the last dimension"
}

last_dim! {
    /// The logarithm of the softmax over the last dimension, with its gradient: see [`LogSoftmax`].
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use rectify_candle::LogSoftmaxLastDim;
    ///
    /// let logits = Tensor::new(&[0.0_f64, 0.0], &Device::Cpu)?;
    /// let y = LogSoftmaxLastDim::new().forward(&logits)?;
    /// assert_eq!(y.to_vec1::<f64>()?, [-std::f64::consts::LN_2; 2]);
    /// # Ok::<(), candle_core::Error>(())
    /// ```
    LogSoftmaxLastDim by LogSoftmax, LogSoftmaxBackward, "log-softmax over the last dimension"
}
