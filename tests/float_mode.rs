//! On threads whose floating-point mode is not the default one. Over a pool whose threads have another mode than the caller: the
//! caller's results, always. And what each mode changes, as `docs/tuning.md` says.
#![cfg(all(
    feature = "parallel",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
#![allow(unsafe_code)]

mod common;

use std::thread;

use common::{TestElement, assert_same_bits, assert_same_gradient, in_time, tiers, values};
use rectify::{
    Activation, Channels, Clip, Elu, Gelu, Gradient, HardShrink, HardSigmoid, HardSwish, HardTanh,
    LeakyRelu, PRelu, Relu, Relu6, Sigmoid, Silu, SoftShrink, SquaredRelu, Tanh, ThresholdedRelu,
    scalar,
};

/// Bits of the control register, MXCSR.
#[cfg(target_arch = "x86_64")]
mod mode {
    use std::arch::asm;

    /// Subnormal results become zeros.
    const FLUSH_TO_ZERO: u32 = 1 << 15;
    /// Subnormal inputs count as zeros.
    const DENORMALS_ARE_ZERO: u32 = 1 << 6;
    /// Both, as programs set them that were compiled with `-ffast-math`.
    pub(super) const FLUSH: u32 = FLUSH_TO_ZERO | DENORMALS_ARE_ZERO;

    /// What changes numbers next to zero.
    pub(super) const FLUSHING: [u32; 3] = [FLUSH_TO_ZERO, DENORMALS_ARE_ZERO, FLUSH];
    /// Those of them in which subnormal inputs count as zeros.
    pub(super) const FLUSHING_INPUTS: [u32; 2] = [DENORMALS_ARE_ZERO, FLUSH];
    /// Downwards, upwards, and towards zero.
    pub(super) const ROUNDING: [u32; 3] = [0b01 << 13, 0b10 << 13, 0b11 << 13];
    /// Where what only selects is exact.
    pub(super) const SELECTING_EXACTLY: [u32; 4] =
        [FLUSH_TO_ZERO, ROUNDING[0], ROUNDING[1], ROUNDING[2]];

    pub(super) fn get() -> u32 {
        let mut mode = 0;
        // SAFETY: writes these four bytes and nothing else.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut mode, options(nostack)) };
        mode
    }

    /// # Safety
    /// No exception is unmasked, and the mode is put back before the compiler takes the default one for granted.
    pub(super) unsafe fn set(mode: u32) {
        // SAFETY: as the caller says.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const mode, options(nostack)) };
    }
}

/// Bits of the control register, FPCR.
#[cfg(target_arch = "aarch64")]
mod mode {
    use std::arch::asm;

    /// Subnormal inputs and results are zeros: the two are one bit here.
    pub(super) const FLUSH: u32 = 1 << 24;

    /// What changes numbers next to zero.
    pub(super) const FLUSHING: [u32; 1] = [FLUSH];
    /// Those of them in which subnormal inputs count as zeros.
    pub(super) const FLUSHING_INPUTS: [u32; 1] = [FLUSH];
    /// Downwards, upwards, and towards zero.
    pub(super) const ROUNDING: [u32; 3] = [0b10 << 22, 0b01 << 22, 0b11 << 22];
    /// Where what only selects is exact.
    pub(super) const SELECTING_EXACTLY: [u32; 3] = ROUNDING;

    pub(super) fn get() -> u32 {
        let mode: u64;
        // SAFETY: reading the control register has no effect.
        unsafe { asm!("mrs {}, fpcr", out(reg) mode, options(nostack)) };
        mode as u32
    }

    /// # Safety
    /// No exception is unmasked, and the mode is put back before the compiler takes the default one for granted.
    pub(super) unsafe fn set(mode: u32) {
        // SAFETY: as the caller says.
        unsafe { asm!("msr fpcr, {}", in(reg) u64::from(mode), options(nostack)) };
    }
}

/// Runs `work` with these bits of the control register set.
///
/// Rust takes the default mode for granted; what is computed meanwhile is a kernel's work on opaque numbers, and
/// not touched by the compiler.
fn in_mode<R>(bits: u32, work: impl FnOnce() -> R) -> R {
    let before = mode::get();
    // SAFETY: the mode of this thread, which is put back below; no exception is unmasked.
    unsafe { mode::set(before | bits) };
    let result = work();
    // SAFETY: as it was.
    unsafe { mode::set(before) };
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
    in_mode(mode::FLUSH, || {
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
    fn check(activation: impl Activation) {
        let x = numbers(LEN);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build();
        let pool = pool.expect("threads");
        for mode in mode::FLUSHING.into_iter().chain(mode::ROUNDING) {
            let mut serial = vec![0.0; LEN];
            in_mode(mode, || activation.forward(&x, &mut serial));
            let mut by_default = vec![0.0; LEN];
            activation.forward(&x, &mut by_default);
            assert_ne!(serial, by_default, "mode {mode:#x} changes nothing");
            in_time(|| {
                for _ in 0..20 {
                    // A thread of the pool that has this mode for the time of its call.
                    let y = pool.install(|| in_mode(mode, || activation.par().forward_to_vec(&x)));
                    assert_same_bits(&y, &serial, || format!("mode {mode:#x}"));
                }
            });
        }
    }

    check(LeakyRelu::new(0.01));
    check(Gelu);
}

/// As the documentation says: on one thread a kernel computes in the mode that it finds.
#[test]
fn a_serial_call_computes_in_the_mode_that_it_finds() {
    let x = vec![1e-20_f32; 100];
    let y = thread::spawn(move || in_mode(mode::FLUSH, || SquaredRelu.forward_to_vec(&x)));
    let y = y.join().expect("it does not panic");
    assert!(y.iter().all(|y| y.to_bits() == 0), "{y:?}");
}

/// Values to compute with: all that are special, and random ones.
fn inputs<T: TestElement>() -> (Vec<T>, Vec<T>) {
    let x = values::<T>(4096, 1);
    let dy = values::<T>(4096, 2);
    (x, dy)
}

fn forward<T: TestElement>(activation: impl Activation, mode: u32, x: &[T]) -> Vec<T> {
    let mut y = vec![T::ZERO; x.len()];
    in_mode(mode, || activation.forward(x, &mut y));
    y
}

fn backward<T: TestElement>(
    activation: impl Activation<Formula: Gradient>,
    mode: u32,
    x: &[T],
    dy: &[T],
) -> Vec<T> {
    let mut dx = vec![T::ZERO; x.len()];
    in_mode(mode, || activation.backward(x, dy, &mut dx));
    dx
}

fn is_subnormal<T: TestElement>(x: T) -> bool {
    let x: f64 = x.into();
    x != 0.0 && x.abs() < smallest_normal::<T>()
}

fn smallest_normal<T>() -> f64 {
    if size_of::<T>() == size_of::<f32>() {
        f32::MIN_POSITIVE.into()
    } else {
        f64::MIN_POSITIVE
    }
}

#[test]
fn what_only_selects_is_exact_however_the_thread_rounds_or_flushes() {
    fn check<T: TestElement>(activation: impl Activation<Formula: Gradient>) {
        let (x, dy) = inputs::<T>();
        for tier in tiers() {
            let on = activation.on(tier);
            for mode in mode::SELECTING_EXACTLY {
                let name = || format!("mode {mode:#x} on {tier}");
                assert_same_bits(&forward(on, mode, &x), &forward(on, 0, &x), name);
                assert_same_bits(
                    &backward(on, mode, &x, &dy),
                    &backward(on, 0, &x, &dy),
                    name,
                );
            }
        }
    }

    macro_rules! check {
        ($($activation:expr),*) => {$(check::<f32>($activation); check::<f64>($activation);)*};
    }
    check!(
        Relu,
        Relu6,
        Clip::new(-1.0, 2.5),
        HardTanh::default(),
        ThresholdedRelu::default()
    );
    check!(HardShrink::default());
}

#[test]
fn rectifiers_have_the_same_bits_on_every_tier_in_every_mode() {
    fn check<T: TestElement>(activation: impl Activation<Formula: Gradient>) {
        let (x, dy) = inputs::<T>();
        for mode in mode::FLUSHING.into_iter().chain(mode::ROUNDING) {
            let first = activation.on(tiers().next().expect("the portable tier"));
            let (y, dx) = (forward(first, mode, &x), backward(first, mode, &x, &dy));
            for tier in tiers() {
                let on = activation.on(tier);
                let name = || format!("mode {mode:#x} on {tier}");
                assert_same_bits(&forward(on, mode, &x), &y, name);
                assert_same_gradient((&x, &dy), &backward(on, mode, &x, &dy), &dx, name);
            }
        }
    }

    macro_rules! check {
        ($($activation:expr),*) => {$(check::<f32>($activation); check::<f64>($activation);)*};
    }
    check!(
        Relu,
        LeakyRelu::new(0.01),
        Clip::new(-1.0, 2.5),
        ThresholdedRelu::default()
    );
    check!(
        SquaredRelu,
        HardSigmoid::default(),
        HardSwish,
        HardShrink::new(0.0)
    );
    check!(SoftShrink::default());
}

#[test]
fn flushing_changes_nothing_but_what_is_next_to_zero() {
    fn check_forward<T: TestElement>(activation: impl Activation) {
        let x = inputs::<T>().0;
        for tier in tiers() {
            let on = activation.on(tier);
            let by_default = forward(on, 0, &x);
            for mode in mode::FLUSHING {
                for (y, by_default) in forward(on, mode, &x).into_iter().zip(&by_default) {
                    assert_close(y, *by_default, 2.0 * smallest_normal::<T>(), 0.0);
                }
            }
        }
    }

    /// Where inputs count as zeros, so do those that choose a gradient.
    fn check<T: TestElement>(activation: impl Activation<Formula: Gradient>) {
        check_forward::<T>(activation);
        let (x, dy) = inputs::<T>();
        let zero = |&x: &T| if is_subnormal(x) { T::ZERO } else { x };
        let flushed: Vec<T> = x.iter().map(zero).collect();
        let ones = vec![T::ONE; dy.len()];
        for tier in tiers() {
            let on = activation.on(tier);
            let by_default = backward(on, 0, &flushed, &ones);
            for mode in mode::FLUSHING_INPUTS {
                for (dx, by_default) in backward(on, mode, &x, &ones).into_iter().zip(&by_default) {
                    assert_close(dx, *by_default, 2.0 * smallest_normal::<T>(), 0.0);
                }
            }
        }
    }

    macro_rules! check {
        ($check:ident: $($activation:expr),*) => {$($check::<f32>($activation); $check::<f64>($activation);)*};
    }
    check!(check: Relu, LeakyRelu::new(0.01), Clip::new(-1.0, 2.5), ThresholdedRelu::default());
    check!(check: SquaredRelu, HardSigmoid::default(), HardSwish, HardShrink::new(0.0));
    check!(check: SoftShrink::default());
    check!(check_forward: Sigmoid, Silu, Gelu, Tanh, Elu::default());
}

#[test]
fn smooth_activations_stay_near_however_the_thread_rounds() {
    fn check<T: TestElement>(activation: impl Activation, most: f64) {
        let (mut x, _) = inputs::<T>();
        // Where the result is next to the largest number, another rounding may overflow.
        x.retain(|&x| !(1e30..f64::INFINITY).contains(&Into::<f64>::into(x).abs()));
        for tier in tiers() {
            let on = activation.on(tier);
            let by_default = forward(on, 0, &x);
            for mode in mode::ROUNDING {
                for (y, by_default) in forward(on, mode, &x).into_iter().zip(&by_default) {
                    assert_close(y, *by_default, most, most);
                }
            }
        }
    }

    macro_rules! check {
        ($($activation:expr),*) => {$(check::<f32>($activation, 2e-5); check::<f64>($activation, 1e-13);)*};
    }
    check!(Sigmoid, Silu, Gelu, Tanh, Elu::default());
}

/// NaN and infinity where they should be, and numbers no further away than `least`, or `relative` times what they should be.
#[track_caller]
fn assert_close<T: TestElement>(actual: T, expected: T, least: f64, relative: f64) {
    let (is, should): (f64, f64) = (actual.into(), expected.into());
    let close = is == should || (is - should).abs() <= least.max(relative * should.abs());
    assert!(
        close || (is.is_nan() && should.is_nan()),
        "{is:e} and not {should:e}"
    );
}
