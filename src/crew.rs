//! Work that is shared with whoever of the Rayon pool is free.
#![allow(unsafe_code)]

use std::hint;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};

thread_local! {
    /// How many helpers this thread has asked for that have not come yet.
    static ASKED: Arc<AtomicUsize> = Arc::default();
}

/// Runs `work` on this thread and, as they come free, on up to `helpers` threads of the current Rayon pool.
/// Returns when nobody runs it any more: what has to be done, `work` finds among its callers. It must not
/// panic: on a helper that would abort the process.
///
/// Rayon's own scopes wait for each task that they spawned. From outside of the pool that means to sleep until
/// one of its threads is free, though nothing be left to do; from inside, to run other tasks of the pool
/// meanwhile, which may want a lock that the caller holds. Here helpers that come too late find a closed
/// gate, and the caller waits only for those that are at work.
pub(crate) fn share(helpers: usize, work: &(dyn Fn() + Sync)) {
    let asked = ASKED.with(Arc::clone);
    // A pool that did not come to what it was asked before is busy: asking again would only pile up.
    let helpers = helpers.min((2 * helpers).saturating_sub(asked.load(Ordering::Relaxed)));
    let gate = Arc::new(Gate {
        state: AtomicUsize::new(0),
        caller: thread::current(),
    });
    let closing = Closing(&gate);
    // SAFETY: the pointer only forgets how long `work` is borrowed; who uses it says why it still is.
    let work_for_helpers = WorkPointer(unsafe {
        mem::transmute::<*const (dyn Fn() + Sync + '_), *const (dyn Fn() + Sync)>(work)
    });
    for _ in 0..helpers {
        let (gate, asked) = (Arc::clone(&gate), Arc::clone(&asked));
        asked.fetch_add(1, Ordering::Relaxed);
        rayon::spawn(move || {
            asked.fetch_sub(1, Ordering::Relaxed);
            if let Some(_inside) = gate.enter() {
                // SAFETY: who is inside of the gate keeps `closing` from being dropped, and so the
                // function that borrows `work` from returning or unwinding.
                unsafe { (*work_for_helpers.get())() };
            }
        });
    }
    work();
    drop(closing);
}

/// The work of a call that may be over, behind its gate.
#[derive(Clone, Copy)]
struct WorkPointer(*const (dyn Fn() + Sync));

// SAFETY: what it points to may be shared between threads.
unsafe impl Send for WorkPointer {}

impl WorkPointer {
    /// A method, so that a closure captures the whole and not the bare pointer.
    fn get(self) -> *const (dyn Fn() + Sync) {
        self.0
    }
}

/// Lets helpers in until it is closed, and knows how many are inside.
struct Gate {
    /// How many are inside, and [`CLOSED`].
    state: AtomicUsize,
    /// Who is woken when the last one leaves a closed gate.
    caller: Thread,
}

const CLOSED: usize = 1 << (usize::BITS - 1);

impl Gate {
    fn enter(&self) -> Option<Inside<'_>> {
        let one_more = |state| (state & CLOSED == 0).then_some(state + 1);
        self.state
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, one_more)
            .ok()
            .map(|_| Inside(self))
    }
}

/// Somebody inside of the gate, who leaves when this is dropped.
struct Inside<'a>(&'a Gate);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        // Whatever was done inside happens before what the caller does once it sees this.
        if self.0.state.fetch_sub(1, Ordering::Release) == CLOSED + 1 {
            self.0.caller.unpark();
        }
    }
}

/// Closes the gate when dropped, and waits until nobody is inside.
struct Closing<'a>(&'a Gate);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        /// Longer than a helper mostly takes for its last chunk, shorter than falling asleep and waking.
        const SPINS: usize = 2_000;
        let mut state = self.0.state.fetch_or(CLOSED, Ordering::Acquire) | CLOSED;
        for _ in 0..SPINS {
            if state == CLOSED {
                return;
            }
            hint::spin_loop();
            state = self.0.state.load(Ordering::Acquire);
        }
        while self.0.state.load(Ordering::Acquire) != CLOSED {
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::sync::{Condvar, Mutex};
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(30);

    /// Work that is only done when two are at it.
    fn takes_two() -> impl Fn() + Sync {
        let (at_work, joined) = (Mutex::new(0), Condvar::new());
        move || {
            let mut at_work = at_work.lock().expect("nobody panics with the lock");
            *at_work += 1;
            joined.notify_all();
            let waited = joined
                .wait_timeout_while(at_work, LONG, |at_work| *at_work < 2)
                .expect("nobody panics with the lock");
            assert!(!waited.1.timed_out(), "nobody came to help");
        }
    }

    #[test]
    fn somebody_helps() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build();
        pool.expect("threads").install(|| share(1, &takes_two()));
        // From outside the global pool helps, which has a thread at least.
        share(1, &takes_two());
    }

    #[test]
    fn who_helps_is_waited_for() {
        let helped = AtomicUsize::new(0);
        for _ in 0..1_000 {
            let (begun, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let caller = thread::current().id();
            share(3, &|| {
                begun.fetch_add(1, Ordering::Relaxed);
                if thread::current().id() == caller {
                    // Helpers have time to come, and are still at it when the caller is done.
                    thread::sleep(Duration::from_micros(50));
                } else {
                    helped.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_micros(200));
                }
                ended.fetch_add(1, Ordering::Relaxed);
            });
            // Nobody is between the two, and nobody begins any more.
            assert_eq!(begun.into_inner(), ended.into_inner());
        }
        assert_ne!(helped.into_inner(), 0);
    }

    /// Lets the busy thread go, even by a panic.
    struct Free<'a>(&'a AtomicBool);

    impl Drop for Free<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// With the only other thread of the pool busy, nothing helps, and what was asked for does not pile up.
    #[test]
    fn a_busy_pool_is_not_asked_again_and_again() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build();
        let pool = pool.expect("threads");
        let (free, begun) = (AtomicBool::new(false), AtomicUsize::new(0));
        pool.in_place_scope(|scope| {
            scope.spawn(|_| {
                while !free.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
            });
            scope.spawn(|_| {
                let _free = Free(&free);
                let calls = 1_000;
                for _ in 0..calls {
                    share(1, &|| {
                        begun.fetch_add(1, Ordering::Relaxed);
                    });
                }
                assert_eq!(begun.load(Ordering::Relaxed), calls);
                assert_eq!(ASKED.with(|asked| asked.load(Ordering::Relaxed)), 2);
            });
        });
    }

    /// A caller that holds a lock never runs another task of the pool, which may want the same one.
    #[test]
    fn a_caller_inside_does_nothing_else_meanwhile() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build();
        let lock = Mutex::new(());
        pool.expect("threads").scope(|scope| {
            for _ in 0..300 {
                scope.spawn(|_| {
                    let _guard = lock.lock().expect("nobody panics with the lock");
                    share(3, &|| thread::sleep(Duration::from_micros(20)));
                });
            }
        });
    }
}
