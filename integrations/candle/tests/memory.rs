//! A contiguous tensor is read where it is: a call allocates its result, and little beside it.

use std::alloc::System;

use candle_core::{Device, Result, Tensor};
use rectify::{Gelu, Silu};
use rectify_candle::{Op, SoftmaxLastDim};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const LEN: usize = 1 << 16;
const BYTES: usize = LEN * size_of::<f32>();

/// Shapes, names and the graph.
const BESIDE_BYTES: usize = 4096;

fn allocated(run: impl Fn() -> Result<()>) -> usize {
    run().unwrap();
    let region = Region::new(ALLOCATOR);
    run().unwrap();
    region.change().bytes_allocated
}

#[test]
fn only_the_result_is_allocated() -> Result<()> {
    let x = Tensor::ones((256, 256), candle_core::DType::F32, &Device::Cpu)?;
    let bias = Tensor::ones(256, candle_core::DType::F32, &Device::Cpu)?;
    let part = x.narrow(0, 128, 128)?;
    for (what, results, bytes) in [
        ("alone", BYTES, allocated(|| Op(Gelu).forward(&x).map(drop))),
        (
            "a part",
            BYTES / 2,
            allocated(|| Op(Gelu).forward(&part).map(drop)),
        ),
        (
            "bias",
            BYTES,
            allocated(|| Op(Gelu).forward_bias(&x, &bias, 1).map(drop)),
        ),
        (
            "residual",
            BYTES,
            allocated(|| Op(Gelu).forward_residual(&x, &x).map(drop)),
        ),
        (
            "gate",
            BYTES,
            allocated(|| Op(Silu).forward_gated(&x, &x).map(drop)),
        ),
        (
            "softmax",
            BYTES,
            allocated(|| SoftmaxLastDim::new().forward(&x).map(drop)),
        ),
        ("in place", 0, allocated(|| Op(Gelu).forward_in_place(&x))),
        (
            "a part in place",
            0,
            allocated(|| SoftmaxLastDim::new().forward_in_place(&part)),
        ),
    ] {
        assert!(
            (results..results + BESIDE_BYTES).contains(&bytes),
            "{what}: {bytes} bytes, of which the result takes {results}"
        );
    }
    // And a transposed one in one copy.
    let turned = x.t()?;
    let bytes = allocated(|| Op(Gelu).forward(&turned).map(drop));
    assert!(
        (2 * BYTES..2 * BYTES + BESIDE_BYTES).contains(&bytes),
        "{bytes}"
    );
    Ok(())
}
