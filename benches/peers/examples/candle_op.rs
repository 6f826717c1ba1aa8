//! Activations of rectify as operations of `candle`: in place, and with a gradient for training.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml --example candle_op
//! ```

use candle_core::{
    CpuStorage, CustomOp1, Device, InplaceOp1, Layout, Result, Shape, Tensor, Var, bail,
};
use rectify::{Activation, Gradient, LeakyRelu, SquaredRelu};

/// An activation as an operation. A tensor without gaps is a slice, for the kernel; one with gaps, such as a transposed
/// one, is refused: `contiguous` makes it one without.
struct Rectified<A>(A);

/// Where the elements of the tensor are in its storage.
fn range(layout: &Layout) -> Result<std::ops::Range<usize>> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(start..end),
        None => bail!("the tensor has gaps: make it contiguous first"),
    }
}

impl<A: Activation> InplaceOp1 for Rectified<A> {
    fn name(&self) -> &'static str {
        "rectified in place"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let range = range(layout)?;
        match storage {
            CpuStorage::F32(elements) => self.0.forward_in_place(&mut elements[range]),
            CpuStorage::F64(elements) => self.0.forward_in_place(&mut elements[range]),
            _ => bail!("only f32 and f64"),
        }
        Ok(())
    }
}

impl<A: Activation<Formula: Gradient>> CustomOp1 for Rectified<A> {
    fn name(&self) -> &'static str {
        "rectified"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let range = range(layout)?;
        // A fresh vector is written once, and the tensor takes it as it is.
        let output = match storage {
            CpuStorage::F32(elements) => CpuStorage::F32(self.0.forward_to_vec(&elements[range])),
            CpuStorage::F64(elements) => CpuStorage::F64(self.0.forward_to_vec(&elements[range])),
            _ => bail!("only f32 and f64"),
        };
        Ok((output, layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, dy: &Tensor) -> Result<Option<Tensor>> {
        let (x, dy) = (x.contiguous()?, dy.contiguous()?);
        x.apply_op2_no_bwd(&dy, &Backward(self.0)).map(Some)
    }
}

/// The gradient of the input, from the input and the gradient of the output.
struct Backward<A>(A);

impl<A: Activation<Formula: Gradient>> candle_core::CustomOp2 for Backward<A> {
    fn name(&self) -> &'static str {
        "rectified backward"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        dy: &CpuStorage,
        dy_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x_range, dy_range) = (range(x_layout)?, range(dy_layout)?);
        let dx = match (x, dy) {
            (CpuStorage::F32(x), CpuStorage::F32(dy)) => {
                CpuStorage::F32(self.0.backward_to_vec(&x[x_range], &dy[dy_range]))
            }
            (CpuStorage::F64(x), CpuStorage::F64(dy)) => {
                CpuStorage::F64(self.0.backward_to_vec(&x[x_range], &dy[dy_range]))
            }
            _ => bail!("only f32 and f64, and both the same"),
        };
        Ok((dx, x_layout.shape().clone()))
    }
}

fn main() -> Result<()> {
    let device = Device::Cpu;
    let numbers = [-2.0_f32, -1.0, -0.5, 0.5, 1.0, 2.0];

    let x = Tensor::from_slice(&numbers, (2, 3), &device)?;
    x.inplace_op1(&Rectified(LeakyRelu::new(0.5)))?;
    assert_eq!(
        x.flatten_all()?.to_vec1::<f32>()?,
        [-1.0, -0.5, -0.25, 0.5, 1.0, 2.0]
    );

    // A view into a larger storage: its own elements, and no others.
    let x = Tensor::from_slice(&numbers, (2, 3), &device)?;
    x.narrow(0, 1, 1)?.inplace_op1(&Rectified(SquaredRelu))?;
    assert_eq!(
        x.flatten_all()?.to_vec1::<f32>()?,
        [-2.0, -1.0, -0.5, 0.25, 1.0, 4.0]
    );

    // With gaps it is refused, and nothing is written.
    let x = Tensor::from_slice(&numbers, (2, 3), &device)?;
    assert!(x.t()?.inplace_op1(&Rectified(SquaredRelu)).is_err());
    assert_eq!(x.flatten_all()?.to_vec1::<f32>()?, numbers);

    // The gradient of the sum of 3 * x^2 where x > 0: 6 * x there, and 0 elsewhere.
    let x = Var::from_slice(&numbers, (2, 3), &device)?;
    let y = x.apply_op1(Rectified(SquaredRelu))?;
    assert_eq!(
        y.flatten_all()?.to_vec1::<f32>()?,
        [0.0, 0.0, 0.0, 0.25, 1.0, 4.0]
    );
    let gradients = (y * 3.0)?.sum_all()?.backward()?;
    let dx = gradients.get(&x).expect("x is a variable");
    assert_eq!(
        dx.flatten_all()?.to_vec1::<f32>()?,
        [0.0, 0.0, 0.0, 3.0, 6.0, 12.0]
    );

    println!("As an operation of candle: in place, in a view, and with a gradient.");
    Ok(())
}
