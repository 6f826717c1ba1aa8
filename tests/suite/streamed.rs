//! Streaming stores between pages that cannot be touched. Calls stream from 256 KiB on at the least, so the
//! lengths are large, and the process has its own thresholds.

use crate::common::{
    At, GuardedBuffers, LEAST_LARGE_BYTES, TestElement, assert_large, in_time, places,
    rerun_streamed_and_split, tiers,
};
use crate::for_each_activation;

/// Several turns of the loop, from where calls may stream.
fn every_remainder<T: TestElement>() {
    let lanes_of_a_line = 64 / size_of::<T>();
    // Forward touches two buffers, and backward three.
    let least = LEAST_LARGE_BYTES / size_of::<T>() / 2;
    assert_large(2 * least * size_of::<T>());
    let several_turns = 2 * 4 * lanes_of_a_line + 10;
    let mut buffers = GuardedBuffers::<T>::new(least + several_turns);
    for_each_activation!(few, |activation| {
        for tier in tiers() {
            let on_tier = activation.on(tier);
            in_time(|| {
                for more in places(0..several_turns, 0) {
                    let len = least + more;
                    let offset = At::Offset(more * 5 % lanes_of_a_line);
                    buffers.check(&activation, &on_tier, len, offset, At::side(more));
                    buffers.check(&activation, &on_tier, len, At::side(more), offset);
                }
            });
        }
    });
}

#[test]
fn every_remainder_f32() {
    every_remainder::<f32>();
}

#[test]
fn every_remainder_f64() {
    every_remainder::<f64>();
}

#[test]
fn every_remainder_streamed() {
    rerun_streamed_and_split("streamed::every_remainder_f32");
    rerun_streamed_and_split("streamed::every_remainder_f64");
}
