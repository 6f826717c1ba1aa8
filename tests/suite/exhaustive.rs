//! All 2^32 `f32` inputs, forward and backward, on every tier, by bits. Of the rectifiers: those of the smooth activations
//! have hashes, in `accuracy.rs`. Under an emulator it would take a day: a sample, then; `RECTIFY_TEST_EVERY=31` asks for another, of
//! every 31st. A prime number meets all last bits.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::common::{
    assert_same_bits, assert_same_gradient, every, on_all_cores, poison, tiers, values,
};
use crate::every_f32::{BLOCK, SAMPLE, block, blocks};
use crate::for_each_activation;

/// On all cores: calls `check` with every `f32` there is, or the sample of them, a block at a time.
fn for_every_f32(check: impl Fn(&[f32]) + Sync) {
    let next = AtomicU64::new(0);
    let every = every(SAMPLE);
    println!("every {every}th f32");
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= blocks(every) {
                break;
            }
            check(&block(every, index));
        }
    };
    on_all_cores(work);
}

#[test]
fn every_f32_on_every_tier() {
    // Every block has the same gradient of the output, half of it special: each input meets one of its values.
    let dy: Vec<f32> = values(BLOCK as usize, 1);
    for_each_activation!(rectifiers, |activation| {
        for_every_f32(|x| {
            let dy = &dy[..x.len()];
            let (mut expected, mut y) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            scalar::forward(&activation, x, &mut expected);
            for tier in tiers() {
                y.fill(poison());
                activation.on(tier).forward(x, &mut y);
                assert_same_bits(&y, &expected, || format!("{activation:?} on {tier}"));
            }
            scalar::backward(&activation, x, dy, &mut expected);
            for tier in tiers() {
                y.fill(poison());
                activation.on(tier).backward(x, dy, &mut y);
                assert_same_gradient((x, dy), &y, &expected, || {
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
    for bits in (0..1_u64 << 32).step_by(every(SAMPLE) as usize) {
        let bits = bits as u32;
        let negative_and_not_nan = bits > 0x8000_0000 && bits <= 0xff80_0000;
        let expected = if negative_and_not_nan { 0 } else { bits };
        let actual = Relu.eval(f32::from_bits(bits)).to_bits();
        assert!(actual == expected, "{bits:#x} became {actual:#x}");
    }
}
