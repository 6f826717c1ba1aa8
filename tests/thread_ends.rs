//! Calls at the ends of threads and pools, and what they leave behind of the caller's thread.
#![cfg(feature = "parallel")]

mod common;

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use common::in_time;
use rectify::{Activation, Relu};

/// Large enough to be split from outside of a pool, too.
const LEN: usize = 2_000_003;

fn build_global_pool() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3);
        pool.build_global().expect("nobody has built it yet");
    });
}

/// A parallel call, checked.
fn call() {
    let mut y = vec![-1.0_f32; LEN];
    Relu.par().forward_in_place(&mut y);
    assert!(y.iter().all(|&y| y == 0.0));
}

/// Calls when it is dropped, and counts that it was right.
struct CallsAtTheEnd(Arc<AtomicUsize>);

impl Drop for CallsAtTheEnd {
    fn drop(&mut self) {
        call();
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

thread_local! {
    static LAST: RefCell<Option<CallsAtTheEnd>> = const { RefCell::new(None) };
}

#[test]
fn from_the_destructor_of_a_thread_local() {
    build_global_pool();
    let right = Arc::new(AtomicUsize::new(0));
    in_time(|| {
        for calls_before in [false, true] {
            let right = Arc::clone(&right);
            let thread = thread::spawn(move || {
                // Which of the thread-locals is destroyed first depends on which was used first.
                if calls_before {
                    call();
                }
                LAST.set(Some(CallsAtTheEnd(right)));
                call();
            });
            thread.join().expect("no destructor panics");
        }
        assert_eq!(right.load(Ordering::SeqCst), 2);
    });
}

#[test]
fn from_the_destructor_of_a_thread_local_of_a_pools_thread() {
    build_global_pool();
    let right = Arc::new(AtomicUsize::new(0));
    in_time(|| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build();
        let pool = pool.expect("threads");
        pool.broadcast(|_| {
            call();
            LAST.set(Some(CallsAtTheEnd(Arc::clone(&right))));
        });
        drop(pool);
        // The pool's threads end by themselves.
        while right.load(Ordering::SeqCst) < 2 {
            thread::yield_now();
        }
    });
}

#[test]
fn while_a_pool_is_dropped() {
    in_time(|| {
        for threads in [1, 2, 3] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.expect("threads");
            let (done, is_done) = mpsc::channel();
            for _ in 0..2 * threads {
                let done = done.clone();
                pool.spawn(move || {
                    thread::sleep(Duration::from_millis(5));
                    call();
                    done.send(()).expect("the test waits");
                });
            }
            drop(pool);
            for _ in 0..2 * threads {
                is_done.recv().expect("each task says so");
            }
        }
    });
}

/// A token by which the program wakes its own thread is neither taken nor left behind. One test, as tests on one thread
/// would share the tokens.
#[test]
fn the_callers_park_tokens_stay_as_they_are() {
    build_global_pool();
    in_time(|| {
        for _ in 0..200 {
            thread::current().unpark();
            call();
            let start = Instant::now();
            thread::park_timeout(Duration::from_secs(20));
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "the token was taken"
            );
        }
        let mut woken = 0;
        for _ in 0..200 {
            call();
            let start = Instant::now();
            thread::park_timeout(Duration::from_millis(1));
            woken += usize::from(start.elapsed() < Duration::from_millis(1));
        }
        // A thread may wake by itself, once in a while.
        assert!(woken < 5, "{woken} tokens were left behind");
    });
}

/// Threads that come and go while the pool is busy leave no more behind than one.
#[test]
fn short_lived_callers_leave_nothing_behind_in_a_busy_pool() {
    build_global_pool();
    in_time(|| {
        let door = Arc::new(Mutex::new(()));
        let closed = door.lock().expect("nobody panics with the lock");
        let (begun, has_begun) = mpsc::channel();
        let ended = Arc::new(AtomicUsize::new(0));
        for _ in 0..3 {
            let (door, begun, ended) = (Arc::clone(&door), begun.clone(), Arc::clone(&ended));
            rayon::spawn(move || {
                begun.send(()).expect("the test waits");
                drop(door.lock());
                ended.fetch_add(1, Ordering::SeqCst);
            });
        }
        for _ in 0..3 {
            has_begun.recv().expect("each task says so");
        }
        for _ in 0..100 {
            thread::spawn(call).join().expect("it does not panic");
        }
        drop(closed);
        while ended.load(Ordering::SeqCst) < 3 {
            thread::yield_now();
        }
        call();
    });
}
