//! Over a pool whose threads have another floating-point mode than the caller: the caller's results, always.
#![cfg(all(feature = "parallel", target_arch = "x86_64"))]
#![allow(unsafe_code)]

mod common;

use std::arch::asm;
use std::thread;

use common::{assert_same_bits, in_time};
use rectify::{Activation, Channels, LeakyRelu, PRelu, scalar};

/// Subnormal results become zeros, and so do subnormal inputs.
const FLUSH: u32 = 1 << 15 | 1 << 6;
/// Rounding upwards.
const UPWARDS: u32 = 0b10 << 13;

/// Runs `work` with these bits of the control register set.
///
/// Rust takes the default mode for granted; what is computed meanwhile is a kernel's work on opaque numbers, and
/// not touched by the compiler.
fn in_mode<R>(bits: u32, work: impl FnOnce() -> R) -> R {
    let mut before = 0_u32;
    // SAFETY: reads and writes the control register of this thread, which is put back below.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut before, options(nostack)) };
    let changed = before | bits;
    // SAFETY: as above; no exception is unmasked.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const changed, options(nostack)) };
    let result = work();
    // SAFETY: as above.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const before, options(nostack)) };
    result
}

/// Numbers whose products with a slope are subnormal, or round.
fn numbers(len: usize) -> Vec<f32> {
    let number = |i: usize| match i % 4 {
        0 => -1e-38 * (1.0 + (i % 100) as f32),
        1 => -f32::from_bits(1 + i as u32 % 1000),
        2 => -1.0 / (1.0 + i as f32),
        _ => i as f32,
    };
    (0..len).map(number).collect()
}

/// Large enough to be split from outside of a pool, too.
const LEN: usize = 2_000_003;

#[test]
fn a_caller_in_the_default_mode_gets_default_results() {
    // The global pool's threads inherit the mode of the thread that starts it.
    in_mode(FLUSH, || {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3);
        pool.build_global().expect("nobody has built it yet");
    });
    let leaky = LeakyRelu::new(0.01);
    let slopes = [0.01_f32, -0.5, 0.3];
    let prelu = PRelu::new(Channels::last(&slopes));
    let x = numbers(LEN / 3 * 3);
    let (mut expected, mut y) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    scalar::forward(&leaky, &x, &mut expected);
    let (mut serial, mut grad) = ([0.0; 3], [0.0; 3]);
    prelu.backward_slopes(&x, &x, &mut serial);
    in_time(|| {
        for _ in 0..100 {
            leaky.par().forward(&x, &mut y);
            assert_same_bits(&y, &expected, || "flushed".to_owned());
            prelu.par().backward_slopes(&x, &x, &mut grad);
            assert_same_bits(&grad, &serial, || "flushed gradient".to_owned());
        }
    });
}

#[test]
fn a_caller_in_another_mode_gets_the_results_of_that_mode() {
    let leaky = LeakyRelu::new(0.01);
    let x = numbers(LEN);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build();
    let pool = pool.expect("threads");
    for mode in [FLUSH, UPWARDS] {
        let mut serial = vec![0.0; LEN];
        in_mode(mode, || leaky.forward(&x, &mut serial));
        let mut by_default = vec![0.0; LEN];
        leaky.forward(&x, &mut by_default);
        assert_ne!(serial, by_default, "the mode changes nothing");
        in_time(|| {
            for _ in 0..50 {
                // A thread of the pool that has this mode for the time of its call.
                let y = pool.install(|| in_mode(mode, || leaky.par().forward_to_vec(&x)));
                assert_same_bits(&y, &serial, || format!("mode {mode:#x}"));
            }
        });
    }
}

/// As the documentation says: on one thread a kernel computes in the mode that it finds.
#[test]
fn a_serial_call_computes_in_the_mode_that_it_finds() {
    let x = vec![-1e-38_f32; 100];
    let y = thread::spawn(move || in_mode(FLUSH, || LeakyRelu::new(0.01).forward_to_vec(&x)));
    let y = y.join().expect("it does not panic");
    assert!(
        y.iter().all(|y| y.to_bits() == (-0.0_f32).to_bits()),
        "{y:?}"
    );
}
