//! Work that is shared with whoever of the Rayon pool is free.
#![allow(unsafe_code)]

use std::hint;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Thread};

/// Runs `work` on this thread and, as they come free, on up to `helpers` threads of the current Rayon pool.
/// Returns when nobody runs it any more: what has to be done, `work` finds among its callers.
pub(crate) fn share(helpers: usize, work: &(dyn Fn() + Sync)) {
    if rayon::current_thread_index().is_some() {
        // A thread of the pool runs itself what nobody took, so it never waits for a busy one.
        rayon::in_place_scope(|scope| {
            for _ in 0..helpers {
                scope.spawn(|_| work());
            }
            work();
        });
    } else {
        share_from_outside(helpers, work);
    }
}

/// Helpers that were asked for from outside and have not begun. Only the global pool is ever asked from
/// outside, so there is one count.
static ASKED: AtomicUsize = AtomicUsize::new(0);

/// From outside, Rayon's scopes sleep until a thread of the pool has taken up each task, even where all are
/// busy with something else and nothing is left to do. Here those that come too late find a closed gate,
/// and the caller waits only for those that are at work.
fn share_from_outside(helpers: usize, work: &(dyn Fn() + Sync)) {
    // A pool that did not come to what it was asked before is busy: asking again would only pile up.
    let helpers = helpers.min((2 * helpers).saturating_sub(ASKED.load(Ordering::Relaxed)));
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
        let gate = Arc::clone(&gate);
        ASKED.fetch_add(1, Ordering::Relaxed);
        rayon::spawn(move || {
            ASKED.fetch_sub(1, Ordering::Relaxed);
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
        for _ in 0..1_000 {
            let begun = AtomicUsize::new(0);
            let ended = AtomicUsize::new(0);
            share(3, &|| {
                begun.fetch_add(1, Ordering::Relaxed);
                thread::yield_now();
                ended.fetch_add(1, Ordering::Relaxed);
            });
            // Nobody is between the two, and nobody begins any more.
            assert_eq!(begun.into_inner(), ended.into_inner());
        }
    }
}
