//! Over Rayon: the same bits, whatever the pool, from inside it and from outside.
#![cfg(feature = "parallel")]

mod common;

use common::{Bench, TestElement};
use rayon::ThreadPoolBuilder;
use rectify::{Activation, LeakyRelu, Relu, Tier};

/// From well below the size that is split to well past it, one chunk and its neighbours among them.
const LENGTHS: [usize; 9] = [
    0, 1, 32_768, 131_071, 131_072, 140_001, 262_145, 1_000_003, 3_145_728,
];

fn check_all<T: TestElement>() {
    let mut bench = Bench::<T>::new(LENGTHS[8]);
    for (i, len) in LENGTHS.into_iter().enumerate() {
        bench.check(&Relu, &Relu.par(), len, i % 8, 0);
        let leaky = LeakyRelu::new(0.1);
        bench.check(&leaky, &leaky.par(), len, (3 * i + 1) % 8, 2);
    }
}

#[test]
fn pools_of_any_size_give_the_same_bits() {
    for threads in [1, 2, 3, 8] {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            check_all::<f32>();
            check_all::<f64>();
        });
    }
}

#[test]
fn callers_outside_the_pool_give_the_same_bits() {
    // More threads than this machine may have, so that it is split here too.
    ThreadPoolBuilder::new()
        .num_threads(3)
        .build_global()
        .unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(check_all::<f32>);
        }
    });
}

#[test]
fn adaptors_compose_in_any_order() {
    let len = 1_200_000;
    let mut bench = Bench::<f32>::new(len);
    let leaky = LeakyRelu::new(0.25);
    for tier in Tier::available() {
        bench.check(&leaky, &leaky.on(tier).par(), len, 4, 0);
        bench.check(&leaky, &leaky.par().on(tier), len, 4, 0);
    }
    let least = Tier::available().next().unwrap();
    assert_eq!(leaky.par().on(least).eval(-4.0), -1.0);
}
