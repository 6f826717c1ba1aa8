//! An activation as an op of candle: alone, and with what stands around it.

use std::any::type_name;
use std::fmt::Display;
use std::str::FromStr;

use candle_core::shape::Dim;
use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, D, DType, Error, InplaceOp1, Layout, Module,
    Result, Shape, Tensor, bail,
};
use rectify::{Activation, Channels, Element, Gradient, Halves};

use crate::tensors::{Input, check, compute, in_place, not_tracked, same_shape, unsupported};

/// An activation as an op of candle: any of rectify's, a formula of yours, or either with where it runs, such as
/// `Op(Gelu.par())`. Without `par()` it runs on the caller's thread.
///
/// It is a [`Module`], so it goes into [`Sequential`](candle_nn::Sequential) and [`Tensor::apply`]. Results have the
/// bits of the crate `rectify`, whatever the layout of the tensors. Gradients are rectify's, too; there are none of
/// second order.
///
/// ```
/// use candle_core::{Device, Tensor, Var};
/// use rectify::{Activation, AnyActivation, Gelu, LeakyRelu, Relu};
/// use rectify_candle::Op;
///
/// let x = Var::new(&[[-3.0_f32, -0.5], [0.0, 2.0]], &Device::Cpu)?;
/// let y = Op(LeakyRelu::new(0.5)).forward(&x)?;
/// assert_eq!(y.to_vec2::<f32>()?, [[-1.5, -0.25], [0.0, 2.0]]);
/// let dx = y.sum_all()?.backward()?.remove(&x).unwrap();
/// assert_eq!(dx.to_vec2::<f32>()?, [[0.5, 0.5], [0.5, 1.0]]);
///
/// let chosen: Op<AnyActivation> = "gelu".parse()?;
/// assert_eq!(x.apply(&chosen)?.to_vec2::<f32>()?, Op(Gelu.par()).forward(&x)?.to_vec2::<f32>()?);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// # Errors
/// All methods return candle's error for a tensor that is neither F32 nor F64, tensors of different dtypes, and one
/// that is on another device than the CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Op<A>(
    /// The activation.
    pub A,
);

/// From a text such as `leaky_relu(negative_slope=0.1)`: see [`AnyActivation`](rectify::AnyActivation).
impl<A: FromStr<Err: Display>> FromStr for Op<A> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        text.parse().map(Op).map_err(Error::msg)
    }
}

impl<A: Activation<Formula: Gradient> + 'static> Op<A> {
    /// `f(x)` for each element.
    ///
    /// # Errors
    /// See [`Op`].
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        check("forward", &[x])?;
        x.apply_op1(*self)
    }

    /// `f(x + b[c])` for each element, in one pass. The channels of `x` are its dimension `dim`, and `bias` has one
    /// element for each: `D::Minus1` after a linear layer, 1 for images of N x C x H x W. The gradient of the bias is
    /// summed in one fixed order: see [`Channels::sum`].
    ///
    /// ```
    /// use candle_core::{D, Device, Tensor};
    /// use rectify::Relu;
    /// use rectify_candle::Op;
    ///
    /// let x = Tensor::new(&[[-2.0_f32, 1.0, 3.0], [0.5, -4.0, 1.0]], &Device::Cpu)?;
    /// let bias = Tensor::new(&[1.0_f32, 2.0, -5.0], &Device::Cpu)?;
    /// let y = Op(Relu).forward_bias(&x, &bias, D::Minus1)?;
    /// assert_eq!(y.to_vec2::<f32>()?, [[0.0, 3.0, 0.0], [1.5, 0.0, 0.0]]);
    /// # Ok::<(), candle_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such dimension, or `bias` is not of one dimension with an element for each channel; and see
    /// [`Op`].
    pub fn forward_bias(&self, x: &Tensor, bias: &Tensor, dim: impl Dim) -> Result<Tensor> {
        let op = "forward_bias";
        check(op, &[x, bias])?;
        let dim = dim.to_index(x.shape(), op)?;
        let channels = x.dims()[dim];
        if bias.dims() != [channels] {
            bail!(
                "{op}: the bias has shape {:?}, and dimension {dim} of {:?} needs one of [{channels}]",
                bias.shape(),
                x.shape()
            )
        }
        let inner = x.dims()[dim + 1..].iter().product();
        x.apply_op2(bias, Bias(self.0, inner))
    }

    /// `f(x + r)` for each element, in one pass.
    ///
    /// # Errors
    /// If the shapes differ; and see [`Op`].
    pub fn forward_residual(&self, x: &Tensor, residual: &Tensor) -> Result<Tensor> {
        let op = "forward_residual";
        check(op, &[x, residual])?;
        same_shape(op, x, residual)?;
        x.apply_op2(residual, Residual(self.0))
    }

    /// `f(gate) * value` for each element, in one pass: with [`Silu`](rectify::Silu) SwiGLU, with
    /// [`Gelu`](rectify::Gelu) GEGLU. Both gradients are computed in one pass, too.
    ///
    /// # Errors
    /// If the shapes differ; and see [`Op`].
    pub fn forward_gated(&self, gate: &Tensor, value: &Tensor) -> Result<Tensor> {
        let op = "forward_gated";
        check(op, &[gate, value])?;
        same_shape(op, gate, value)?;
        gate.apply_op2(value, Gated(self.0))
    }

    /// As [`forward_gated`](Op::forward_gated), where gate and value are the halves of the last dimension, as a
    /// projection leaves them that makes both at once. The result has one half there.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use rectify::{Halves, Relu};
    /// use rectify_candle::Op;
    ///
    /// let x = Tensor::new(&[[2.0_f32, -1.0, 5.0, 7.0], [1.0, 3.0, 2.0, 0.5]], &Device::Cpu)?;
    /// let y = Op(Relu).forward_gated_halves(&x, Halves::gate_first(2))?;
    /// assert_eq!(y.to_vec2::<f32>()?, [[10.0, 0.0], [2.0, 1.5]]);
    /// # Ok::<(), candle_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the last dimension is not two halves; and see [`Op`].
    pub fn forward_gated_halves(&self, x: &Tensor, halves: Halves) -> Result<Tensor> {
        let op = "forward_gated_halves";
        check(op, &[x])?;
        let (dim, width) = (D::Minus1.to_index(x.shape(), op)?, halves.width());
        if Some(x.dims()[dim]) != width.checked_mul(2) {
            bail!(
                "{op}: the last dimension of {:?} is not two halves of {width} each",
                x.shape()
            )
        }
        x.apply_op1(GatedHalves(self.0, halves))
    }
}

impl<A: Activation + 'static> Op<A> {
    /// As [`forward`](Op::forward), without a gradient: for formulas that have none, and where none is wanted. Asked
    /// for one, candle has none beyond here.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use rectify::{Formula, Vector};
    /// use rectify_candle::Op;
    ///
    /// /// A bell: e^(-x²)
    /// #[derive(Clone, Copy)]
    /// struct Bell;
    ///
    /// impl Formula for Bell {
    ///     #[inline(always)]
    ///     fn value<V: Vector>(self, x: V) -> V {
    ///         (-(x * x)).exp()
    ///     }
    /// }
    ///
    /// let x = Tensor::new(&[f32::NEG_INFINITY, 0.0], &Device::Cpu)?;
    /// assert_eq!(Op(Bell).forward_only(&x)?.to_vec1::<f32>()?, [0.0, 1.0]);
    /// # Ok::<(), candle_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// See [`Op`].
    pub fn forward_only(&self, x: &Tensor) -> Result<Tensor> {
        check("forward_only", &[x])?;
        x.apply_op1_no_bwd(&ForwardOnly(self.0))
    }

    /// Replaces each element `x` by `f(x)`, in every tensor that shares its storage. Without a gradient.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use rectify::Relu;
    /// use rectify_candle::Op;
    ///
    /// let x = Tensor::new(&[[-3.0_f32, -0.5], [-1.0, 2.0]], &Device::Cpu)?;
    /// Op(Relu).forward_in_place(&x.narrow(1, 1, 1)?)?;
    /// assert_eq!(x.to_vec2::<f32>()?, [[-3.0, 0.0], [-1.0, 2.0]]);
    /// # Ok::<(), candle_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// If elements are repeated, as `broadcast_as` leaves them; if the tensor is a variable or comes from one, whose
    /// gradients would be wrong; and see [`Op`]. The tensor is then as it was. [`Tensor::inplace_op1`] with this op
    /// does not look for variables.
    pub fn forward_in_place(&self, x: &Tensor) -> Result<()> {
        let op = "forward_in_place";
        check(op, &[x])?;
        not_tracked(op, x)?;
        // candle takes some tensors without elements for ones whose elements are repeated.
        if x.elem_count() == 0 {
            return Ok(());
        }
        x.inplace_op1(self)
    }
}

impl<A: Activation<Formula: Gradient> + 'static> Module for Op<A> {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.forward(x)
    }
}

impl<A: Activation> InplaceOp1 for Op<A> {
    fn name(&self) -> &'static str {
        type_name::<A::Formula>()
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        match storage {
            CpuStorage::F32(elements) => in_place(elements, layout, |x| self.0.forward_in_place(x)),
            CpuStorage::F64(elements) => in_place(elements, layout, |x| self.0.forward_in_place(x)),
            other => return Err(unsupported(Input(other, layout).dtype())),
        }
        Ok(())
    }
}

/// What an op of candle returns: a contiguous storage, and its shape.
type Output = Result<(CpuStorage, Shape)>;

fn forward<A: Activation>(activation: A, storage: &CpuStorage, layout: &Layout) -> Output {
    let x = Input(storage, layout);
    let y = compute!(x => activation.forward_to_vec(&x))?;
    Ok((y, layout.shape().clone()))
}

impl<A: Activation<Formula: Gradient> + 'static> CustomOp1 for Op<A> {
    fn name(&self) -> &'static str {
        type_name::<A::Formula>()
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Output {
        forward(self.0, storage, layout)
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        x.apply_op2_no_bwd(dy, &Backward(self.0)).map(Some)
    }
}

/// `f(x)` of a formula that need not have a gradient.
struct ForwardOnly<A>(A);

impl<A: Activation> CustomOp1 for ForwardOnly<A> {
    fn name(&self) -> &'static str {
        type_name::<A::Formula>()
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Output {
        forward(self.0, storage, layout)
    }
}

/// The gradient of `x`, of `x` and `dy`.
struct Backward<A>(A);

impl<A: Activation<Formula: Gradient>> CustomOp2 for Backward<A> {
    fn name(&self) -> &'static str {
        "backward"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Output {
        let (x, dy) = (Input(s1, l1), Input(s2, l2));
        let dx = compute!(x, dy => self.0.backward_to_vec(&x, &dy))?;
        Ok((dx, l1.shape().clone()))
    }
}

/// `f(x + b[c])`, of `x` and `b`, where a channel has so many elements in a row.
struct Bias<A>(A, usize);

impl<A: Activation<Formula: Gradient> + 'static> CustomOp2 for Bias<A> {
    fn name(&self) -> &'static str {
        "forward_bias"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Output {
        let (x, bias) = (Input(s1, l1), Input(s2, l2));
        let y = compute!(x, bias => match channels(&x, &bias, self.1) {
            Some(bias) => self.0.forward_bias_to_vec(&x, bias),
            None => Vec::new(),
        })?;
        Ok((y, l1.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let &Self(activation, inner) = self;
        let dx = x.apply_op3_no_bwd(bias, dy, &BiasBackward(activation, inner))?;
        let sums = SumByChannels {
            inner,
            parallel: activation.planned().is_parallel(),
        };
        let d_bias = bias.track_op().then(|| dx.apply_op2_no_bwd(bias, &sums));
        Ok((Some(dx), d_bias.transpose()?))
    }
}

/// Which elements of `x` share a value; `None` where there are no elements.
pub(crate) fn channels<'v, T: Element>(
    x: &[T],
    values: &'v [T],
    inner: usize,
) -> Option<Channels<'v, T>> {
    (!x.is_empty()).then(|| Channels::new(values, inner))
}

/// The gradient of `x`, of `x`, `b` and `dy`.
struct BiasBackward<A>(A, usize);

impl<A: Activation<Formula: Gradient>> CustomOp3 for BiasBackward<A> {
    fn name(&self) -> &'static str {
        "backward_bias"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Output {
        let (x, bias, dy) = (Input(s1, l1), Input(s2, l2), Input(s3, l3));
        let dx = compute!(x, bias, dy => match channels(&x, &bias, self.1) {
            Some(bias) => self.0.backward_bias_to_vec(&x, bias, &dy),
            None => Vec::new(),
        })?;
        Ok((dx, l1.shape().clone()))
    }
}

/// The gradient of `b`, of that of `x + b` and of `b`, of which only the number counts.
struct SumByChannels {
    inner: usize,
    parallel: bool,
}

impl CustomOp2 for SumByChannels {
    fn name(&self) -> &'static str {
        "sum by channels"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Output {
        let (dx, bias) = (Input(s1, l1), Input(s2, l2));
        let sums = compute!(dx, bias => {
            let mut sums = vec![Default::default(); bias.len()];
            match channels(&dx, &bias, self.inner) {
                Some(channels) if self.parallel => channels.par_sum(&dx, &mut sums),
                Some(channels) => channels.sum(&dx, &mut sums),
                None => {}
            }
            sums
        })?;
        Ok((sums, l2.shape().clone()))
    }
}

/// `f(x + r)`, of `x` and `r`.
struct Residual<A>(A);

impl<A: Activation<Formula: Gradient> + 'static> CustomOp2 for Residual<A> {
    fn name(&self) -> &'static str {
        "forward_residual"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Output {
        let (x, residual) = (Input(s1, l1), Input(s2, l2));
        let y = compute!(x, residual => self.0.forward_residual_to_vec(&x, &residual))?;
        Ok((y, l1.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        residual: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let dx = x.apply_op3_no_bwd(residual, dy, &ResidualBackward(self.0))?;
        Ok((Some(dx.clone()), Some(dx)))
    }
}

/// The gradient of `x` and that of `r`, which are the same, of `x`, `r` and `dy`.
struct ResidualBackward<A>(A);

impl<A: Activation<Formula: Gradient>> CustomOp3 for ResidualBackward<A> {
    fn name(&self) -> &'static str {
        "backward_residual"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Output {
        let (x, residual, dy) = (Input(s1, l1), Input(s2, l2), Input(s3, l3));
        let dx = compute!(x, residual, dy => self.0.backward_residual_to_vec(&x, &residual, &dy))?;
        Ok((dx, l1.shape().clone()))
    }
}

/// `f(g) * u`, of `g` and `u`.
struct Gated<A>(A);

impl<A: Activation<Formula: Gradient> + 'static> CustomOp2 for Gated<A> {
    fn name(&self) -> &'static str {
        "forward_gated"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Output {
        let (gate, value) = (Input(s1, l1), Input(s2, l2));
        let y = compute!(gate, value => self.0.forward_gated_to_vec(&gate, &value))?;
        Ok((y, l1.shape().clone()))
    }

    fn bwd(
        &self,
        gate: &Tensor,
        value: &Tensor,
        _: &Tensor,
        dy: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let both = gate.apply_op3_no_bwd(value, dy, &GatedBackward(self.0))?;
        Ok((Some(both.get(0)?), Some(both.get(1)?)))
    }
}

/// The gradients of `g` and of `u`, one after the other, of `g`, `u` and `dy`.
struct GatedBackward<A>(A);

impl<A: Activation<Formula: Gradient>> CustomOp3 for GatedBackward<A> {
    fn name(&self) -> &'static str {
        "backward_gated"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Output {
        let (gate, value, dy) = (Input(s1, l1), Input(s2, l2), Input(s3, l3));
        let both = compute!(gate, value, dy => {
            let mut both = vec![Default::default(); 2 * gate.len()];
            let (d_gate, d_value) = both.split_at_mut(gate.len());
            self.0.backward_gated(&gate, &value, &dy, d_gate, d_value);
            both
        })?;
        let dims = [&[2], l1.dims()].concat();
        Ok((both, dims.into()))
    }
}

/// `f(g) * u`, of the halves of the last dimension.
struct GatedHalves<A>(A, Halves);

impl<A: Activation<Formula: Gradient> + 'static> CustomOp1 for GatedHalves<A> {
    fn name(&self) -> &'static str {
        "forward_gated_halves"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Output {
        let x = Input(storage, layout);
        let y = compute!(x => self.0.forward_gated_halves_to_vec(&x, self.1))?;
        let rows = &layout.dims()[..layout.dims().len() - 1];
        Ok((y, [rows, &[self.1.width()]].concat().into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        x.apply_op2_no_bwd(dy, &GatedHalvesBackward(self.0, self.1))
            .map(Some)
    }
}

/// The gradient of both halves, of these and `dy`.
struct GatedHalvesBackward<A>(A, Halves);

impl<A: Activation<Formula: Gradient>> CustomOp2 for GatedHalvesBackward<A> {
    fn name(&self) -> &'static str {
        "backward_gated_halves"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Output {
        let (x, dy) = (Input(s1, l1), Input(s2, l2));
        let dx = compute!(x, dy => {
            let mut dx = vec![Default::default(); x.len()];
            self.0.backward_gated_halves(&x, self.1, &dy, &mut dx);
            dx
        })?;
        Ok((dx, l1.shape().clone()))
    }
}
