//! Over Rayon: the same bits, whatever the pool, from inside it and from outside, whatever else it does; and an
//! end, always.
#![cfg(feature = "parallel")]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Once};
use std::thread;

use common::case::{POOLS, pool};
use common::{
    At, GuardedBuffers, TestElement, assert_large, in_time, places, rerun_streamed_and_split, tiers,
};
use rectify::{Activation, Channels, LeakyRelu, PRelu, Relu};

/// From well below the size that is split to well past it, whole chunks and their neighbours among them.
const LENGTHS: [usize; 8] = [0, 1, 32_768, 131_071, 131_072, 140_001, 262_145, 1_200_001];

/// Fewer, for tests of many callers.
const FEW_LENGTHS: [usize; 3] = [131_072, 262_145, 550_001];

/// Gives the global pool, which serves callers from outside, more threads than this machine may have.
fn build_global_pool() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3);
        pool.build_global().expect("nobody has built it yet");
    });
}

fn check_all<T: TestElement>(lengths: &[usize]) {
    let longest = *lengths.last().expect("there are lengths");
    assert_large(longest * size_of::<T>());
    let mut buffers = GuardedBuffers::<T>::new(longest);
    let leaky = LeakyRelu::new(0.1);
    for (i, &len) in places(lengths.iter().enumerate(), 1) {
        buffers.check(&Relu, &Relu.par(), len, At::Offset(i % 8), At::side(i));
        buffers.check(
            &leaky,
            &leaky.par(),
            len,
            At::side(i),
            At::Offset(3 * i % 8),
        );

        let slopes = [0.5, -2.0, 3.0].map(T::from_f64);
        let (serial, len) = (PRelu::new(Channels::last(&slopes)), len / 3 * 3);
        buffers.check_kernel(&serial.par(), len, At::Offset(i % 8), At::side(i));
        buffers.check_slopes(&serial.par(), &serial, len, At::side(i));
    }
}

#[test]
fn pools_of_any_size_give_the_same_bits() {
    for threads in POOLS {
        in_time(|| {
            pool(threads).install(|| {
                check_all::<f32>(&LENGTHS);
                check_all::<f64>(&LENGTHS);
            });
        });
    }
}

#[test]
fn pools_of_any_size_give_the_same_bits_streamed_and_split() {
    rerun_streamed_and_split("pools_of_any_size_give_the_same_bits");
}

#[test]
fn callers_outside_the_pool_give_the_same_bits() {
    build_global_pool();
    in_time(|| {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| check_all::<f32>(&LENGTHS));
            }
        });
    });
}

#[test]
fn callers_outside_the_pool_give_the_same_bits_streamed_and_split() {
    rerun_streamed_and_split("callers_outside_the_pool_give_the_same_bits");
}

#[test]
fn adaptors_compose_in_any_order() {
    build_global_pool();
    let len = 1_200_000;
    let mut buffers = GuardedBuffers::<f32>::new(len);
    let leaky = LeakyRelu::new(0.25);
    in_time(|| {
        for tier in tiers() {
            buffers.check(&leaky, &leaky.on(tier).par(), len, At::Offset(4), At::Back);
            buffers.check(&leaky, &leaky.par().on(tier), len, At::Back, At::Offset(4));
        }
    });
    let least = tiers().next().expect("portable is always there");
    assert_eq!(leaky.par().on(least).eval(-4.0), -1.0);
}

/// A call from a thread of one pool that runs in another, both ways and three deep.
#[test]
fn nested_pools_give_the_same_bits() {
    for (outer, inner) in [(1, 1), (2, 3), (3, 2), (8, 64), (64, 8), (2, 2)] {
        in_time(|| {
            pool(outer).install(|| {
                check_all::<f32>(&FEW_LENGTHS);
                pool(inner).install(|| {
                    check_all::<f32>(&FEW_LENGTHS);
                    pool(outer).install(|| check_all::<f32>(&FEW_LENGTHS));
                });
                check_all::<f64>(&FEW_LENGTHS);
            });
        });
    }
}

/// More callers than threads, inside of one pool, all at once, and others from outside meanwhile.
#[test]
fn many_callers_at_once_give_the_same_bits() {
    build_global_pool();
    for threads in [1, 3, 64] {
        in_time(|| {
            thread::scope(|outside| {
                for _ in 0..3 {
                    outside.spawn(|| check_all::<f32>(&FEW_LENGTHS));
                    outside.spawn(|| pool(threads).install(|| check_all::<f64>(&FEW_LENGTHS)));
                }
                pool(threads).scope(|inside| {
                    for _ in 0..6 {
                        inside.spawn(|_| check_all::<f32>(&FEW_LENGTHS));
                    }
                });
            });
        });
    }
}

/// Says that somebody is done, even if by a panic.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// All other threads of the pool wait for the caller: it does everything itself.
#[test]
fn a_call_inside_of_a_busy_pool_ends() {
    for threads in [2, 3, 8] {
        let (done, busy) = (AtomicBool::new(false), Barrier::new(threads));
        in_time(|| {
            pool(threads).scope(|scope| {
                for _ in 1..threads {
                    scope.spawn(|_| {
                        busy.wait();
                        while !done.load(Ordering::Acquire) {
                            thread::yield_now();
                        }
                    });
                }
                scope.spawn(|_| {
                    let _done = Done(&done);
                    busy.wait();
                    check_all::<f32>(&FEW_LENGTHS);
                });
            });
        });
    }
}

/// Tasks of the same scope panic before, while and after others call. The calls give what they should, the
/// panic comes out of the scope, and the pool is as good as before.
#[test]
fn a_panic_in_another_task_of_the_scope_harms_no_call() {
    for threads in POOLS {
        in_time(|| {
            let checked = AtomicUsize::new(0);
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                pool(threads).scope(|scope| {
                    for _ in 0..4 {
                        scope.spawn(|_| resume_unwind(Box::new("a task's own panic")));
                        scope.spawn(|_| {
                            check_all::<f32>(&FEW_LENGTHS);
                            checked.fetch_add(1, Ordering::Relaxed);
                        });
                    }
                });
            }));
            let panic = outcome.expect_err("a panic comes out of its scope");
            assert_eq!(panic.downcast_ref(), Some(&"a task's own panic"));
            assert_eq!(checked.into_inner(), 4);
            pool(threads).install(|| check_all::<f32>(&FEW_LENGTHS));
        });
    }
}

/// A call that panics itself, for lengths that differ, while others are at work in the same pool.
#[test]
fn a_call_that_panics_harms_no_other() {
    in_time(|| {
        pool(3).scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|_| check_all::<f32>(&FEW_LENGTHS));
                scope.spawn(|_| {
                    let (x, mut y) = (vec![-1.0_f32; 2_000_000], vec![7.0; 1_999_999]);
                    let call = AssertUnwindSafe(|| Relu.par().forward(&x, &mut y));
                    catch_unwind(call).expect_err("the lengths differ");
                    assert!(y.iter().all(|&y| y == 7.0));
                });
            }
        });
    });
}
