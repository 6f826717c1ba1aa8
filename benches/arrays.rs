//! Arrays of `ndarray` in layouts that are no slice, against the loops that they replace: `cargo bench --features ndarray
//! --bench arrays`.
//!
//! The loops are `Zip` with the definition of the activation, and for softmax one over lanes that are copied out and back.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use ndarray::{Array, Array1, Array2, Array4, ArrayView, ArrayViewMut, Axis, Dimension, Zip, s};
use rectify::{Activation, ActivationArrays, Gelu, Relu, Softmax};

fn numbers(index: usize) -> f32 {
    (index.wrapping_mul(2_654_435_761) % 12_007) as f32 / 1_000.0 - 6.0
}

fn matrix(rows: usize, columns: usize) -> Array2<f32> {
    Array::from_shape_fn((rows, columns), |(row, column)| {
        numbers(row * columns + column)
    })
}

fn forward(criterion: &mut Criterion) {
    for side in [64, 256, 2048] {
        let (x, mut y) = (matrix(side, side), matrix(side, side));
        let (wide, mut wide_y) = (matrix(side, 2 * side), matrix(side, 2 * side));
        case(
            criterion,
            &format!("row-major/{side}"),
            x.view(),
            y.view_mut(),
        );
        case(
            criterion,
            &format!("both transposed/{side}"),
            x.t(),
            y.view_mut().reversed_axes(),
        );
        case(
            criterion,
            &format!("transposed to row-major/{side}"),
            x.t(),
            y.view_mut(),
        );
        case(
            criterion,
            &format!("columns of a wider one/{side}"),
            wide.slice(s![.., ..side]),
            wide_y.slice_mut(s![.., ..side]),
        );
        case(
            criterion,
            &format!("every second column/{side}"),
            wide.slice(s![.., ..;2]),
            wide_y.slice_mut(s![.., ..;2]),
        );
    }
    // Rows that are so short that they are gathered, or a call each.
    for width in [4, 16, 31, 32, 64] {
        let (x, mut y) = (matrix(1024, 80), matrix(1024, 80));
        case(
            criterion,
            &format!("rows of {width}/1024"),
            x.slice(s![.., ..width]),
            y.slice_mut(s![.., ..width]),
        );
    }
}

fn case<D: Dimension>(
    criterion: &mut Criterion,
    name: &str,
    x: ArrayView<'_, f32, D>,
    mut y: ArrayViewMut<'_, f32, D>,
) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(x.len() as u64));
    group.bench_function("relu", |bencher| {
        bencher.iter(|| Relu.forward_array(black_box(&x), &mut y))
    });
    group.bench_function("relu, loop", |bencher| {
        bencher.iter(|| {
            Zip::from(&mut y)
                .and(black_box(&x))
                .for_each(|y, &x| *y = Relu.eval(x))
        });
    });
    group.bench_function("gelu", |bencher| {
        bencher.iter(|| Gelu.forward_array(black_box(&x), &mut y))
    });
}

fn around(criterion: &mut Criterion) {
    let x = Array4::from_shape_fn((8, 64, 28, 28), |(n, c, h, w)| {
        numbers(n * 50_176 + c * 784 + h * 28 + w)
    });
    let (mut y, bias) = (x.clone(), Array1::from_shape_fn(64, numbers));
    let mut group = criterion.benchmark_group("bias/NCHW");
    group.throughput(Throughput::Elements(x.len() as u64));
    group.bench_function("relu", |bencher| {
        bencher.iter(|| Relu.forward_bias_array(black_box(&x), &bias, Axis(1), &mut y));
    });
    group.bench_function("relu, loop", |bencher| {
        let bias = bias.view().insert_axis(Axis(1)).insert_axis(Axis(2));
        bencher.iter(|| {
            let zip = Zip::from(&mut y).and(black_box(&x)).and_broadcast(&bias);
            zip.for_each(|y, &x, &b| *y = Relu.eval(x + b));
        });
    });
    group.finish();

    let x = matrix(1000, 1000);
    let mut y = x.clone();
    let mut group = criterion.benchmark_group("softmax/1000");
    group.throughput(Throughput::Elements(x.len() as u64));
    for axis in [1, 0].map(Axis) {
        group.bench_function(format!("along {}", axis.index()), |bencher| {
            bencher.iter(|| Softmax::along(axis).forward(black_box(&x), &mut y));
        });
        group.bench_function(format!("along {}, loop", axis.index()), |bencher| {
            bencher.iter(|| {
                let lanes = black_box(&x).lanes(axis).into_iter();
                for (x, mut y) in lanes.zip(y.lanes_mut(axis)) {
                    let row = Softmax::rows(1000).forward_to_vec(&x.to_vec());
                    y.assign(&Array1::from(row));
                }
            });
        });
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    forward(&mut criterion);
    around(&mut criterion);
    criterion.final_summary();
}
