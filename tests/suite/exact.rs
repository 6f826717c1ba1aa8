//! Every kernel gives the bits of the scalar definition: on every tier, at every length and alignment,
//! serial and parallel.

use rectify::{Activation, LeakyRelu, Relu};

use crate::common::{
    At, GuardedBuffers, TestElement, assert_same_bits, assert_same_gradient, in_time, places,
    tiers, values,
};
use crate::for_each_activation;

/// Past several bodies of four registers of 16 lanes.
const SHORT: usize = 4 * 64 + 40;

/// Every method of every activation: with the output at every offset and the inputs up against a page that
/// cannot be touched, in front and behind, and with the output itself there.
fn every_length_and_offset<T: TestElement>() {
    let lanes_of_a_line = 64 / size_of::<T>();
    let mut buffers = GuardedBuffers::<T>::new(SHORT);
    for_each_activation!(all, |activation| {
        for tier in tiers() {
            let on_tier = activation.on(tier);
            in_time(|| {
                for len in 0..=SHORT {
                    for side in [At::Front, At::Back] {
                        for offset in places(0..lanes_of_a_line, len) {
                            buffers.check(&activation, &on_tier, len, At::Offset(offset), side);
                        }
                        let inputs = At::Offset(len * 5 % lanes_of_a_line);
                        buffers.check(&activation, &on_tier, len, side, inputs);
                    }
                }
            });
        }
    });
}

#[test]
fn f32_at_every_length_and_offset() {
    every_length_and_offset::<f32>();
}

#[test]
fn f64_at_every_length_and_offset() {
    every_length_and_offset::<f64>();
}

/// Sizes about a power of two, from the cache to well past it: the last ones stream. (That every tier streams right at every length is tested beside the loops,
/// whatever the machine's cache.)
fn large<T: TestElement>() {
    let sizes = [1 << 15, 1 << 17, 1 << 19, 1 << 21, 5 << 20];
    let mut buffers = GuardedBuffers::<T>::new((5 << 20) + 7);
    for size in sizes {
        in_time(|| {
            for (len, offset) in [(size - 1, 4), (size, 0), (size + 7, 1)] {
                for tier in tiers() {
                    for side in [At::Front, At::Back] {
                        let offset = At::Offset(offset);
                        buffers.check(&Relu, &Relu.on(tier), len, offset, side);
                        #[cfg(feature = "parallel")]
                        buffers.check(&Relu, &Relu.on(tier).par(), len, offset, side);
                    }
                }
            }
            let len = size + 7;
            for_each_activation!(few, |activation| {
                buffers.check(&activation, &activation, len, At::Offset(1), At::Back);
                #[cfg(feature = "parallel")]
                buffers.check(&activation, &activation.par(), len, At::Back, At::Front);
            });
        });
    }
}

#[test]
fn f32_at_large_sizes() {
    large::<f32>();
}

#[test]
fn f64_at_large_sizes() {
    large::<f64>();
}

/// The reference kernels that work in place are those that do not.
#[test]
fn references_in_place() {
    let (x, dy) = (values::<f32>(1_000, 1), values::<f32>(1_000, 2));
    for_each_activation!(all, |activation| {
        let what = || format!("{activation:?}");
        let (mut expected, mut actual) = (vec![0.0; x.len()], x.clone());
        scalar::forward(&activation, &x, &mut expected);
        scalar::forward_in_place(&activation, &mut actual);
        assert_same_bits(&actual, &expected, what);
        actual.copy_from_slice(&dy);
        scalar::backward(&activation, &x, &dy, &mut expected);
        scalar::backward_in_place(&activation, &x, &mut actual);
        assert_same_gradient((&x, &dy), &actual, &expected, what);
    });
}

/// The definition itself, value by value, as the written contract has it.
#[test]
fn the_definition_at_special_values() {
    let inf = f32::INFINITY;
    // Signalling and quiet, with payloads, both signs.
    for bits in [0x7f80_0001_u32, 0xff80_0001, 0x7fc0_1234, 0xffc0_1234] {
        let nan = f32::from_bits(bits);
        assert_eq!(Relu.eval(nan).to_bits(), bits);
        assert_eq!(LeakyRelu::new(-2.0).eval(nan).to_bits(), bits);
        // The gradient passes at a NaN input, and a NaN gradient keeps its bits where it passes.
        assert_eq!(Relu.eval_backward(nan, 5.0_f32), 5.0);
        assert_eq!(LeakyRelu::new(0.5).eval_backward(nan, 5.0_f32), 5.0);
        assert_eq!(Relu.eval_backward(1.0, nan).to_bits(), bits);
        // ... and does not leak where it does not.
        assert_eq!(Relu.eval_backward(-1.0, nan).to_bits(), 0);
    }
    let table: [(f64, f32, f32); 12] = [
        // slope, x, f(x)
        (0.0, -1.0, -0.0),
        (0.0, 0.0, 0.0),
        (-0.0, -1.0, 0.0),
        (-0.5, -0.0, -0.0),
        (-0.5, 0.0, 0.0),
        (-0.5, -4.0, 2.0),
        (-0.5, 4.0, 4.0),
        (2.5, -4.0, -10.0),
        (2.5, 4.0, 4.0),
        (f64::INFINITY, -1.0, -inf),
        (f64::INFINITY, -0.0, -0.0),
        (0.01, -inf, -inf),
    ];
    for (slope, x, expected) in table {
        let actual = LeakyRelu::new(slope).eval(x);
        assert_eq!(actual.to_bits(), expected.to_bits(), "slope {slope}, x {x}");
    }
    assert!(LeakyRelu::new(0.0).eval(-inf).is_nan());
    assert_eq!(LeakyRelu::new(0.5).eval_backward(-0.0_f32, 8.0), 4.0);
    assert_eq!(LeakyRelu::new(0.5).eval_backward(0.0_f32, 8.0), 4.0);
    assert_eq!(Relu.eval_backward(-0.0_f32, inf).to_bits(), 0);
}

/// The examples that tutorials give, through the kernels.
#[test]
fn the_tutorials_values_on_every_tier() {
    for tier in tiers() {
        let mut y = [2.0_f32, -3.0];
        Relu.on(tier).forward_in_place(&mut y);
        assert_eq!(y, [2.0, 0.0]);

        let mut y = [-3.0_f64, -1.0];
        LeakyRelu::new(0.001).on(tier).forward_in_place(&mut y);
        assert_eq!(y, [-0.003, -0.001]);

        let x = [-2.0_f64, 0.0, 2.0];
        let mut y = [f64::NAN; 3];
        LeakyRelu::new(0.01).on(tier).forward(&x, &mut y);
        assert_eq!(y, [-0.02, 0.0, 2.0]);

        // Units whose inputs are all negative stop learning; with a leak they go on.
        let (x, dy) = ([-0.1_f32, -5.0, -1e30], [1.0, -2.0, 3.0]);
        let mut dx = [f32::NAN; 3];
        Relu.on(tier).backward(&x, &dy, &mut dx);
        assert_eq!(dx, [0.0; 3]);
        LeakyRelu::new(0.5).on(tier).backward(&x, &dy, &mut dx);
        assert_eq!(dx, [0.5, -1.0, 1.5]);
    }
}

/// Adaptors change where a kernel runs, never what it is.
#[test]
fn an_adaptor_is_the_activation_that_it_holds() {
    let leaky = LeakyRelu::new(0.25);
    let tier = tiers().next().expect("portable is always there");
    assert_eq!(leaky.on(tier).eval(-4.0), -1.0);
    assert_eq!(leaky.on(tier).derivative(-4.0), 0.25);
}
