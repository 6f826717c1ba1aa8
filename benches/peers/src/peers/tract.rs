//! `tract-linalg` works in place. It has leaky ReLU, and for ReLU the kernel that takes the maximum with a
//! number, on its own tensors. It has no gradients.

use std::sync::LazyLock;

use tract_data::prelude::{DatumType, Tensor, tensor0, tensor1};
use tract_linalg::element_wise::ElementWise;
use tract_linalg::reduce::{MapReduce, Reduce};
use tract_linalg::{BinOp, Func};

use crate::common::Slices;
use crate::operation::{Operation, slope_in_place};
use crate::smooth::Function;
use crate::way::{InPlace, Threads, Way};

static LEAKY_RELU: LazyLock<Box<dyn ElementWise<f32, f32>>> = LazyLock::new(|| {
    Func::LeakyRelu
        .ew_f32_param()
        .expect("a kernel for any machine")
});

pub fn ways(operation: Operation) -> Vec<Way> {
    match operation {
        Operation::ReluInPlace => vec![Way::tensors("tract-linalg max", Threads::One, |s| {
            let max = Func::BinByScalar(BinOp::Max)
                .bin(DatumType::F32)
                .expect("a kernel for any machine");
            let zero = tensor0(0.0_f32);
            Box::new(InPlace {
                tensor: tensor1(s.output),
                work: move |x: &mut Tensor| {
                    max(&mut x.view_mut(), &zero.view()).expect("matching types")
                },
                read: |x| x.view().as_slice().expect("f32").to_vec(),
            })
        })],
        Operation::LeakyReluInPlace => vec![Way::serial("tract-linalg leaky_relu", |s| {
            LEAKY_RELU
                .run_with_params(s.output, slope_in_place())
                .expect("no failing case");
        })],
        Operation::Relu | Operation::LeakyRelu | Operation::ReluBackward => vec![],
    }
}

pub fn smooth(function: Function) -> Vec<Way> {
    macro_rules! kernel {
        ($function:ident) => {
            vec![Way::serial("tract", |s| {
                static KERNEL: LazyLock<Box<dyn ElementWise<f32>>> =
                    LazyLock::new(|| Func::$function.ew_f32().expect("a kernel for any machine"));
                KERNEL.run(s.output).expect("no failing case");
            })]
        };
    }
    match function {
        Function::Exp => kernel!(Exp),
        Function::Sigmoid => kernel!(Sigmoid),
        Function::Tanh => kernel!(Tanh),
        Function::Silu => kernel!(Silu),
        // The approximation by tanh, in spite of its name: the exact one is composed from `Erf`.
        Function::GeluTanh => kernel!(Gelu),
        Function::Softmax(128) => vec![Way::serial("tract", softmax::<128>)],
        Function::Softmax(1_000) => vec![Way::serial("tract", softmax::<1_000>)],
        Function::Softmax(_) => vec![Way::serial("tract", softmax::<4_096>)],
        _ => vec![],
    }
}

/// In the three steps of which tract's own operator consists on this CPU.
fn softmax<const ROW: usize>(s: &mut Slices<'_, f32>) {
    const ANY: &str = "a kernel for any machine";
    static MAX: LazyLock<Box<dyn Reduce<f32>>> =
        LazyLock::new(|| Func::ReduceMax.reduce_f32().expect(ANY));
    static EXP: LazyLock<Box<dyn MapReduce<f32, f32>>> =
        LazyLock::new(|| Func::Softmax2.map_reduce_f32().expect(ANY));
    static SCALE: LazyLock<Box<dyn ElementWise<f32, f32>>> =
        LazyLock::new(|| Func::MulByScalar.ew_f32_param().expect(ANY));
    for row in s.output.chunks_mut(ROW) {
        let max = MAX.run(row).expect("no failing case");
        let sum = EXP.run_with_params(row, max).expect("no failing case");
        SCALE
            .run_with_params(row, 1.0 / sum)
            .expect("no failing case");
    }
}
