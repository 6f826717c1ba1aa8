//! Formulas that panic: at any register, on the caller's thread and on others. The panic reaches the caller, what was
//! written until then is right, and the next call is as good as ever. In a program of its own, where everything from
//! 256 KiB on is large.

#![cfg_attr(not(feature = "parallel"), allow(dead_code))]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use common::{
    Is, Kernel, MARGIN, OutputMemory, as_uninit, check_kernel, in_time, make_everything_large,
    poison, tiers,
};
use rectify::{Activation, Formula, Gradient, Map, MapSlices, Vector};

/// Twice the number. Its gradient is none, but a sum that depends on both numbers.
#[derive(Clone, Copy, Debug)]
struct Double;

impl Formula for Double {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        x + x
    }
}

impl Gradient for Double {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        x + grad_output
    }
}

/// The same, unless the fuse says otherwise.
#[derive(Clone, Copy, Debug)]
struct Fused<'a>(&'a Fuse);

impl Formula for Fused<'_> {
    #[inline(always)]
    fn value<V: Vector>(self, x: V) -> V {
        self.0.burn();
        Double.value(x)
    }
}

impl Gradient for Fused<'_> {
    #[inline(always)]
    fn gradient<V: Vector>(self, x: V, grad_output: V) -> V {
        self.0.burn();
        Double.gradient(x, grad_output)
    }
}

/// Where a formula panics.
#[derive(Clone, Copy, Debug)]
enum Panics {
    /// At the register with this number, counted over all threads.
    At(usize),
    /// At that and at all that follow, on whatever threads.
    From(usize),
    /// On every thread but the caller's, which gives the first of them time to come. There may be none, where the pool
    /// has something else to do.
    OnHelpers,
    /// On the caller's, once another one is at work, if any comes.
    OnCaller,
}

/// Counts the registers of a call, interleaved ones as one, and panics where it is told to.
#[derive(Debug)]
struct Fuse {
    panics: Panics,
    registers: AtomicUsize,
    caller: ThreadId,
    helper_came: AtomicBool,
    gave_up: AtomicBool,
}

const PANIC: &str = "a formula's own panic";

impl Fuse {
    /// For calls of this thread.
    fn new(panics: Panics) -> Self {
        Self {
            panics,
            registers: AtomicUsize::new(0),
            caller: thread::current().id(),
            helper_came: AtomicBool::new(false),
            gave_up: AtomicBool::new(false),
        }
    }

    fn burn(&self) {
        let register = self.registers.fetch_add(1, Ordering::Relaxed);
        let panics = match self.panics {
            Panics::At(this) => register == this,
            Panics::From(first) => register >= first,
            Panics::OnHelpers | Panics::OnCaller => {
                let is_caller = thread::current().id() == self.caller;
                let both = if is_caller {
                    self.waits_for_helper(register)
                } else {
                    self.helper_came.store(true, Ordering::Relaxed);
                    true
                };
                both && is_caller == matches!(self.panics, Panics::OnCaller)
            }
        };
        if panics {
            // Without the message that `panic!` prints.
            resume_unwind(Box::new(PANIC));
        }
    }

    /// Whether another thread is at work, which may take its time.
    fn waits_for_helper(&self, register: usize) -> bool {
        /// What is in front of the output's first page takes fewer, and is done before anybody is asked to help.
        const FIRST_PAGE: usize = 2_000;
        let start = Instant::now();
        let came = || self.helper_came.load(Ordering::Relaxed);
        if register >= FIRST_PAGE && !self.gave_up.load(Ordering::Relaxed) {
            while !came() && start.elapsed() < Duration::from_millis(20) {
                thread::yield_now();
            }
            self.gave_up.store(!came(), Ordering::Relaxed);
        }
        came()
    }

    fn registers(&self) -> usize {
        self.registers.load(Ordering::Relaxed)
    }
}

/// A method, with its name.
type Method = (
    &'static str,
    fn(&dyn Kernel<f32>, &[f32], &[f32], &mut [f32]),
);

/// All of them, to the output `y`. Those in place find their input there.
const METHODS: [Method; 7] = [
    ("forward", |kernel, x, _, y| kernel.forward(x, y)),
    ("forward_in_place", |kernel, _, _, y| {
        kernel.forward_in_place(y)
    }),
    ("forward_uninit", |kernel, x, _, y| {
        kernel.forward_uninit(x, as_uninit(y));
    }),
    ("forward_to_vec", |kernel, x, _, y| {
        y.copy_from_slice(&kernel.forward_to_vec(x))
    }),
    ("backward", |kernel, x, dy, dx| kernel.backward(x, dy, dx)),
    ("backward_in_place", |kernel, x, _, dx| {
        kernel.backward_in_place(x, dx)
    }),
    ("backward_to_vec", |kernel, x, dy, dx| {
        dx.copy_from_slice(&kernel.backward_to_vec(x, dy))
    }),
];

/// Inputs of which nothing is what becomes of it.
fn inputs(len: usize) -> (Vec<f32>, Vec<f32>) {
    let numbers = |period| (0..len).map(|i| (1 + i % period) as f32).collect();
    (numbers(1_000), numbers(7))
}

/// The output of a method, in the middle of some memory, and what was and what should be there.
struct Output {
    memory: Vec<f32>,
    before: Vec<f32>,
    after: Vec<f32>,
}

impl Output {
    fn new((name, _): Method, x: &[f32], dy: &[f32]) -> Self {
        let before = match name {
            "forward_in_place" => x.to_vec(),
            "backward_in_place" => dy.to_vec(),
            _ => vec![poison(); x.len()],
        };
        let after = if name.starts_with("forward") {
            x.iter().map(|x| x + x).collect()
        } else {
            x.iter().zip(dy).map(|(x, dy)| x + dy).collect()
        };
        let margin = [poison(); MARGIN];
        let memory = [&margin[..], &before, &margin].concat();
        Self {
            memory,
            before,
            after,
        }
    }

    fn slice(&mut self) -> &mut [f32] {
        let end = self.memory.len() - MARGIN;
        &mut self.memory[MARGIN..end]
    }

    /// That each element is as it was or as it should be, and nothing else was touched. How many are new.
    fn written(&mut self, what: &str) -> usize {
        let (before, after) = (self.before.clone(), self.after.clone());
        let mut new = 0;
        for (i, &is) in self.slice().iter().enumerate() {
            assert!(is == before[i] || is == after[i], "{what}: {i} is {is}");
            new += usize::from(is == after[i]);
        }
        let end = self.memory.len() - MARGIN;
        let margins = self.memory[..MARGIN].iter().chain(&self.memory[end..]);
        assert!(margins.into_iter().all(|&x| x == poison()), "{what}");
        new
    }
}

/// Runs a method that may panic with the panic of its formula, and says whether it did.
fn panics(method: Method, kernel: &dyn Kernel<f32>, x: &[f32], dy: &[f32]) -> bool {
    let (name, run) = method;
    let mut output = Output::new(method, x, dy);
    let call = || run(kernel, x, dy, output.slice());
    let outcome = catch_unwind(AssertUnwindSafe(call));
    let new = output.written(name);
    match &outcome {
        Ok(()) => assert_eq!(new, x.len()),
        Err(panic) => {
            assert_eq!(panic.downcast_ref(), Some(&PANIC), "{name}");
            // Its vector is gone with the panic.
            assert!(!name.ends_with("to_vec") || new == 0);
        }
    }
    outcome.is_err()
}

/// How many registers the method takes.
fn registers(
    (name, run): Method,
    kernel: &dyn Kernel<f32>,
    fuse: &Fuse,
    x: &[f32],
    dy: &[f32],
) -> usize {
    let mut output = Output::new((name, run), x, dy);
    let before = fuse.registers();
    run(kernel, x, dy, output.slice());
    assert_eq!(output.written(name), x.len());
    fuse.registers() - before
}

/// The calls that come after a panic give what they should.
fn calls_are_right(kernel: &dyn Kernel<f32>, len: usize) {
    let (x, dy) = inputs(len);
    let (mut memory, mut expected) = (vec![0.0; len], vec![0.0; len]);
    let output = OutputMemory {
        memory: &mut memory,
        start: 0,
        expected: &mut expected,
    };
    check_kernel(kernel, (&x, &dy), output);
}

/// At the start of every test, as there is one process for all.
fn everything_is_large() {
    static ONCE: Once = Once::new();
    ONCE.call_once(make_everything_large);
}

/// Several chunks of what is split, and a rest.
const LARGE: usize = 200_003;

#[test]
fn at_any_register_of_a_short_call() {
    everything_is_large();
    for tier in tiers() {
        in_time(|| {
            for len in [1, 2, 3, 4, 7, 8, 15, 16, 17, 33, 64, 100, 150, 300] {
                let (x, dy) = inputs(len);
                for method in METHODS {
                    let never = Fuse::new(Panics::At(usize::MAX));
                    let fused = Fused(&never).on(tier);
                    let registers = registers(method, &Is::new(&Double, &fused), &never, &x, &dy);
                    assert_ne!(registers, 0);
                    for register in 0..registers {
                        let fuse = Fuse::new(Panics::At(register));
                        let fused = Fused(&fuse).on(tier);
                        assert!(panics(method, &Is::new(&Double, &fused), &x, &dy));
                        assert_eq!(fuse.registers(), register + 1);
                    }
                }
                calls_are_right(&Is::new(&Double, &Double.on(tier)), len);
            }
        });
    }
}

/// Where what is out of place is streamed.
#[test]
fn at_any_point_of_a_large_call() {
    everything_is_large();
    let (x, dy) = inputs(LARGE);
    for tier in tiers() {
        in_time(|| {
            for method in METHODS {
                let never = Fuse::new(Panics::At(usize::MAX));
                let fused = Fused(&never).on(tier);
                let registers = registers(method, &Is::new(&Double, &fused), &never, &x, &dy);
                for register in [0, 1, 2, 3, registers / 2, registers - 2, registers - 1] {
                    let fuse = Fuse::new(Panics::At(register));
                    let fused = Fused(&fuse).on(tier);
                    assert!(panics(method, &Is::new(&Double, &fused), &x, &dy));
                }
            }
            calls_are_right(&Is::new(&Double, &Double.on(tier)), LARGE);
        });
    }
}

/// The sum of three numbers, unless the fuse says otherwise.
#[derive(Clone, Copy)]
struct FusedSum<'a>(&'a Fuse);

impl Map<3> for FusedSum<'_> {
    #[inline(always)]
    fn apply<V: Vector>(self, [a, b, c]: [V; 3]) -> V {
        self.0.burn();
        a + b + c
    }
}

#[test]
fn maps_panic_as_formulas_do() {
    everything_is_large();
    for len in [1, 100, LARGE] {
        let (x, dy) = inputs(len);
        type Call = fn(FusedSum<'_>, &[f32], &[f32]);
        let calls: [Call; 4] = [
            |sum, x, dy| sum.map([x, dy, x], &mut vec![0.0; x.len()]),
            |sum, x, dy| sum.map_in_place([x, dy], &mut vec![0.0; x.len()]),
            |sum, x, dy| {
                sum.map_uninit([x, dy, x], &mut Box::new_uninit_slice(x.len()));
            },
            |sum, x, dy| {
                let _ = sum.map_to_vec([x, dy, x]);
            },
        ];
        in_time(|| {
            for call in calls {
                let never = Fuse::new(Panics::At(usize::MAX));
                call(FusedSum(&never), &x, &dy);
                let registers = never.registers();
                // Memory that lies otherwise than the last call's may take some fewer.
                for register in [0, registers / 2, registers.saturating_sub(6)] {
                    let fuse = Fuse::new(Panics::At(register));
                    let call = AssertUnwindSafe(|| call(FusedSum(&fuse), &x, &dy));
                    let panic = catch_unwind(call).expect_err("a formula panics");
                    assert_eq!(panic.downcast_ref(), Some(&PANIC));
                }
            }
        });
    }
}

#[cfg(feature = "parallel")]
mod over_rayon {
    use std::sync::Arc;

    use super::*;
    use crate::common::case::pool;

    /// Gives the global pool, which serves callers from outside, more threads than this machine may have.
    fn build_global_pool() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(3);
            pool.build_global().expect("nobody has built it yet");
        });
    }

    /// Every method panics as `panic` says, from this thread over the current pool; then calls are right.
    fn every_method_panics(panic: Panics) {
        let (x, dy) = inputs(LARGE);
        for method in METHODS {
            let panics = || {
                let fuse = Fuse::new(panic);
                panics(method, &Is::new(&Double, &Fused(&fuse).par()), &x, &dy)
            };
            // Until a helper comes, if there has to be one.
            while !panics() {
                let needs_helper = matches!(panic, Panics::OnHelpers | Panics::OnCaller);
                assert!(needs_helper, "{} did not panic", method.0);
            }
        }
        calls_are_right(&Is::new(&Double, &Double.par()), LARGE);
    }

    /// Wherever it happens to be.
    fn anywhere() {
        // Sixteen lanes are the most that a register has, and four the most that are interleaved as one.
        let least_registers = LARGE / (4 * 16);
        for register in [0, 1, least_registers / 2, least_registers - 1] {
            every_method_panics(Panics::At(register));
            every_method_panics(Panics::From(register));
        }
    }

    /// On each kind of thread. Helpers have to come again and again, so none may be lost to a panic.
    fn on_each_side() {
        for _ in 0..5 {
            every_method_panics(Panics::OnHelpers);
            every_method_panics(Panics::OnCaller);
        }
    }

    #[test]
    fn inside_of_a_pool() {
        everything_is_large();
        for threads in [1, 2, 3, 8] {
            in_time(|| {
                pool(threads).install(|| {
                    anywhere();
                    if threads > 1 {
                        on_each_side();
                    }
                });
            });
        }
    }

    #[test]
    fn from_outside_over_the_global_pool() {
        everything_is_large();
        build_global_pool();
        in_time(|| {
            anywhere();
            on_each_side();
        });
    }

    /// It is the caller's panic: the pool, which would swallow it, does not hear of it.
    #[test]
    fn in_a_pool_that_handles_panics_itself() {
        everything_is_large();
        let handled = Arc::new(AtomicBool::new(false));
        let handler = {
            let handled = Arc::clone(&handled);
            move |_| handled.store(true, Ordering::Relaxed)
        };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(3)
            .panic_handler(handler)
            .build()
            .expect("threads");
        in_time(|| {
            pool.install(|| {
                anywhere();
                on_each_side();
            });
            // In tasks of the pool that nobody waits for, each of which catches its own panic.
            let (done, is_done) = std::sync::mpsc::channel();
            for _ in 0..4 {
                let done = done.clone();
                pool.spawn(move || {
                    anywhere();
                    done.send(()).expect("the test waits");
                });
            }
            for _ in 0..4 {
                is_done.recv().expect("each task says so");
            }
        });
        assert!(!handled.load(Ordering::Relaxed), "the pool saw a panic");
    }

    /// Calls that panic, inside of a pool and outside, while others in the same pools do not.
    #[test]
    fn others_at_the_same_time_are_right() {
        everything_is_large();
        build_global_pool();
        in_time(|| {
            thread::scope(|outside| {
                for _ in 0..2 {
                    outside.spawn(anywhere);
                    outside.spawn(|| calls_are_right(&Is::new(&Double, &Double.par()), LARGE));
                }
                pool(3).scope(|inside| {
                    for _ in 0..4 {
                        inside.spawn(|_| anywhere());
                        inside.spawn(|_| calls_are_right(&Is::new(&Double, &Double.par()), LARGE));
                    }
                });
            });
        });
    }
}
