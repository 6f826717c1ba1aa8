//! All 2^32 `f32` inputs, forward and backward, on every tier, by bits. Of the rectifiers: those of the smooth activations
//! have hashes, in `accuracy.rs`.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::{assert_same_bits, assert_same_gradient, on_all_cores, poison, tiers, values};
use crate::for_each_activation;

/// Values a chunk: `x`, `dy`, the result and the reference, of 64 KiB each, fit the L2 cache.
const CHUNK: u32 = 1 << 14;

/// On all cores: calls `check` with every `f32` there is, `CHUNK` at a time.
fn for_every_f32(check: impl Fn(&[f32]) + Sync) {
    let next = AtomicU32::new(0);
    let work = || {
        let mut x = vec![0.0; CHUNK as usize];
        loop {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            if chunk > u32::MAX / CHUNK {
                break;
            }
            for (x, low) in x.iter_mut().zip(0..) {
                *x = f32::from_bits(chunk * CHUNK + low);
            }
            check(&x);
        }
    };
    on_all_cores(work);
}

#[test]
fn every_f32_on_every_tier() {
    // Every chunk has the same gradient of the output, half of it special: each input meets one of its values.
    let dy: Vec<f32> = values(CHUNK as usize, 1);
    for_each_activation!(rectifiers, |activation| {
        for_every_f32(|x| {
            let mut expected = [0.0; CHUNK as usize];
            let mut y = [0.0; CHUNK as usize];
            scalar::forward(&activation, x, &mut expected);
            for tier in tiers() {
                y.fill(poison());
                activation.on(tier).forward(x, &mut y);
                assert_same_bits(&y, &expected, || format!("{activation:?} on {tier}"));
            }
            scalar::backward(&activation, x, &dy, &mut expected);
            for tier in tiers() {
                y.fill(poison());
                activation.on(tier).backward(x, &dy, &mut y);
                assert_same_gradient((x, &dy), &y, &expected, || {
                    format!("{activation:?} on {tier}, backward")
                });
            }
        });
    });
}

/// The reference itself, against the contract put in terms of bits: nothing about it is taken on trust
/// from floating-point comparisons.
#[test]
fn relu_is_a_statement_about_bits() {
    use rectify::{Activation, Relu};
    for bits in 0..=u32::MAX {
        let negative_and_not_nan = bits > 0x8000_0000 && bits <= 0xff80_0000;
        let expected = if negative_and_not_nan { 0 } else { bits };
        let actual = Relu.eval(f32::from_bits(bits)).to_bits();
        assert!(actual == expected, "{bits:#x} became {actual:#x}");
    }
}
