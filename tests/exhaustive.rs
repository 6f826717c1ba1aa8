//! All 2^32 `f32` inputs, forward, on every tier, by bits.

mod common;

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use common::{FEW_SLOPES, assert_same_bits};
use rectify::{Activation, Tier, scalar};

/// Values a chunk: in and out of place and the reference fit the L2 cache.
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
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
}

#[test]
fn every_f32_on_every_tier() {
    for_each_activation!(FEW_SLOPES, |activation| {
        for_every_f32(|x| {
            let mut expected = [0.0; CHUNK as usize];
            let mut y = [0.0; CHUNK as usize];
            scalar::forward(&activation, x, &mut expected);
            for tier in Tier::available() {
                activation.on(tier).forward(x, &mut y);
                assert_same_bits(&y, &expected, || format!("{activation:?} on {tier}"));
            }
        });
    });
}

/// The reference itself, against the contract put in terms of bits: nothing about it is taken on trust
/// from floating-point comparisons.
#[test]
fn relu_is_a_statement_about_bits() {
    for bits in 0..=u32::MAX {
        let negative_and_not_nan = bits > 0x8000_0000 && bits <= 0xff80_0000;
        let expected = if negative_and_not_nan { 0 } else { bits };
        let actual = rectify::Relu.eval(f32::from_bits(bits)).to_bits();
        assert!(actual == expected, "{bits:#x} became {actual:#x}");
    }
}
