//! Leaky ReLU with learned slopes.

use candle_core::shape::Dim;
use candle_core::{
    CpuStorage, CustomOp2, CustomOp3, DType, Layout, Module, Result, Shape, Tensor, bail,
};
use rectify::{Channels, Element};

use crate::tensors::{Input, check, compute};

/// Leaky ReLU with a learned slope for each channel: `slopes[c] * x` for `x < 0`, else `x`, with the gradients of both.
/// See [`rectify::PRelu`].
///
/// The channels are the dimension `dim`: 1 for images of N x C x H x W, `D::Minus1` after a linear layer. One slope
/// alone is that of all channels.
///
/// ```
/// use candle_core::{D, Device, Tensor, Var};
/// use rectify_candle::PRelu;
///
/// let slopes = Var::new(&[0.5_f32, 0.25], &Device::Cpu)?;
/// let x = Tensor::new(&[[-1.0_f32, -1.0], [3.0, -8.0]], &Device::Cpu)?;
/// let y = PRelu::new(slopes.as_tensor().clone(), D::Minus1).forward(&x)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[-0.5, -0.25], [3.0, -2.0]]);
/// let gradients = y.sum_all()?.backward()?;
/// assert_eq!(gradients.get(&slopes).unwrap().to_vec1::<f32>()?, [-1.0, -9.0]);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PRelu<D> {
    slopes: Tensor,
    dim: D,
    parallel: bool,
}

impl<D: Dim> PRelu<D> {
    /// With these slopes for the channels that are dimension `dim`. On the caller's thread.
    #[must_use]
    pub const fn new(slopes: Tensor, dim: D) -> Self {
        Self {
            slopes,
            dim,
            parallel: false,
        }
    }

    /// Over the current Rayon pool.
    #[must_use]
    pub fn par(self) -> Self {
        let parallel = true;
        Self { parallel, ..self }
    }

    /// The slopes.
    #[must_use]
    pub const fn slopes(&self) -> &Tensor {
        &self.slopes
    }

    /// `f(x)` for each element.
    ///
    /// # Errors
    /// If there is no such dimension; unless there is one slope, or one dimension of slopes with one for each channel;
    /// for tensors that are neither F32 nor F64, of different dtypes, or on another device than the CPU.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (op, slopes) = ("prelu", &self.slopes);
        check(op, &[x, slopes])?;
        let dim = self.dim.to_index(x.shape(), op)?;
        let channels = x.dims()[dim];
        if slopes.elem_count() != 1 && slopes.dims() != [channels] {
            bail!(
                "{op}: the slopes have shape {:?}, and dimension {dim} of {:?} needs some of [{channels}]",
                slopes.shape(),
                x.shape()
            )
        }
        let inner = x.dims()[dim + 1..].iter().product();
        let parallel = self.parallel;
        x.apply_op2(slopes, Layer { inner, parallel })
    }
}

impl<D: Dim> Module for PRelu<D> {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward(x)
    }
}

/// Where the elements of a channel are, and on how many threads they are done.
#[derive(Clone, Copy)]
struct Layer {
    inner: usize,
    parallel: bool,
}

impl Layer {
    /// The kernel; `None` where there are no elements.
    fn kernel<'v, T: Element>(self, x: &[T], slopes: &'v [T]) -> Option<rectify::PRelu<'v, T>> {
        (!x.is_empty()).then(|| {
            // One slope is that of all, wherever they stand.
            let inner = if slopes.len() == 1 { 1 } else { self.inner };
            let prelu = rectify::PRelu::new(Channels::new(slopes, inner));
            if self.parallel { prelu.par() } else { prelu }
        })
    }
}

impl CustomOp2 for Layer {
    fn name(&self) -> &'static str {
        "prelu"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, slopes) = (Input(s1, l1), Input(s2, l2));
        let y = compute!(x, slopes => match self.kernel(&x, &slopes) {
            Some(prelu) => prelu.forward_to_vec(&x),
            None => Vec::new(),
        })?;
        Ok((y, l1.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        slopes: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dx = x.apply_op3_no_bwd(slopes, dy, &InputBackward(*self))?;
        let d_slopes = slopes
            .track_op()
            .then(|| x.apply_op3_no_bwd(slopes, dy, &SlopesBackward(*self)));
        Ok((Some(dx), d_slopes.transpose()?))
    }
}

/// The gradient of `x`, of `x`, the slopes and `dy`.
struct InputBackward(Layer);

impl CustomOp3 for InputBackward {
    fn name(&self) -> &'static str {
        "prelu backward"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, slopes, dy) = (Input(s1, l1), Input(s2, l2), Input(s3, l3));
        let dx = compute!(x, slopes, dy => match self.0.kernel(&x, &slopes) {
            Some(prelu) => prelu.backward_to_vec(&x, &dy),
            None => Vec::new(),
        })?;
        Ok((dx, l1.shape().clone()))
    }
}

/// The gradient of the slopes, of `x`, the slopes and `dy`.
struct SlopesBackward(Layer);

impl CustomOp3 for SlopesBackward {
    fn name(&self) -> &'static str {
        "prelu backward of the slopes"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, slopes, dy) = (Input(s1, l1), Input(s2, l2), Input(s3, l3));
        let d_slopes = compute!(x, slopes, dy => {
            let mut d_slopes = vec![Default::default(); slopes.len()];
            if let Some(prelu) = self.0.kernel(&x, &slopes) {
                prelu.backward_slopes(&x, &dy, &mut d_slopes);
            }
            d_slopes
        })?;
        Ok((d_slopes, l2.shape().clone()))
    }
}
