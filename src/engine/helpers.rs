//! Work that is shared with the threads of a Rayon pool that are free: the helper threads.
#![allow(unsafe_code)]

use std::any::Any;
use std::error::Error;
use std::hint;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, OnceLock, PoisonError};

use crate::arch::float_mode::FloatMode;

/// The current Rayon pool, as one call sees it: the pool that the caller is in, else the global one.
pub(crate) struct Pool {
    threads: usize,
    caller_is_outside: bool,
    requests: Arc<AtomicUsize>,
}

thread_local! {
    /// Requests for help of this thread of a pool that nobody has answered yet.
    static OF_THIS_THREAD: Arc<AtomicUsize> = Arc::default();
}

/// The same of all callers outside of a pool together, since their threads may come and go while the pool is busy.
static OF_ALL_OUTSIDE: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

impl Pool {
    /// `None` where nobody can help, so that the caller does everything:
    /// - in a process that was forked from the one that first asked, where the pool's threads do not exist,
    ///   and one of its locks may be held for ever;
    /// - where the global pool could not start its threads;
    /// - in the destructor of a thread-local of a pool's thread.
    pub(crate) fn current() -> Option<Self> {
        let caller_is_outside = rayon::current_thread_index().is_none();
        if is_forked() || (caller_is_outside && !global_pool_runs()) {
            return None;
        }
        let requests = if caller_is_outside {
            Arc::clone(&OF_ALL_OUTSIDE)
        } else {
            OF_THIS_THREAD.try_with(Arc::clone).ok()?
        };
        Some(Self {
            threads: rayon::current_num_threads(),
            caller_is_outside,
            requests,
        })
    }

    /// The most threads that can help.
    pub(crate) fn helpers(&self) -> usize {
        self.threads - 1
    }

    /// Which of `helpers + 1` shares is that of this thread, the caller or a helper: the same in each call.
    pub(crate) fn share_of_this_thread(&self, helpers: usize) -> usize {
        match rayon::current_thread_index() {
            // The last one is that of a caller from outside.
            None => helpers,
            Some(index) if self.caller_is_outside => index % helpers.max(1),
            Some(index) => index % (helpers + 1),
        }
    }

    /// Runs `work` on this thread and, as they come free, on up to `helpers` threads of the pool. Returns when
    /// nobody runs it any more; what has to be done, `work` shares out among its callers. If it panics anywhere,
    /// this panics with what it panicked with.
    ///
    /// Rayon's own scopes wait for each task that they spawned. From outside of the pool that means to sleep until
    /// one of its threads is free, though nothing be left to do; from inside, to run other tasks of the pool
    /// meanwhile, which may want a lock that the caller holds. Here helpers that come too late find a closed
    /// gate, and the caller waits only for those that are at work.
    ///
    /// A thread whose floating-point mode is another than the caller's would compute other results: it does not
    /// help.
    pub(crate) fn share(&self, helpers: usize, work: &(dyn Fn() + Sync)) {
        // A pool that did not answer earlier requests is busy: more would only pile up.
        let open = self.requests.load(Ordering::Relaxed);
        let helpers = helpers.min((2 * helpers).saturating_sub(open));
        let mode = FloatMode::current();
        let gate = Arc::new(Gate::default());
        let closing = Closing(&gate);
        // SAFETY: this only erases the lifetime of the borrow; where it is used it says why it still lives.
        let work_for_helpers = WorkPointer(unsafe {
            mem::transmute::<*const (dyn Fn() + Sync + '_), *const (dyn Fn() + Sync)>(work)
        });
        for _ in 0..helpers {
            let (gate, request) = (Arc::clone(&gate), Request::new(&self.requests));
            rayon::spawn(move || {
                drop(request);
                if FloatMode::current() != mode {
                    return;
                }
                let Some(_inside) = gate.enter() else { return };
                // SAFETY: a helper inside of the gate keeps `closing` from being dropped, and so the
                // function that borrows `work` from returning or unwinding.
                let work = || unsafe { (*work_for_helpers.get())() };
                // Caught, since the pool might swallow a panic, or abort.
                if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(work)) {
                    gate.keep(payload);
                }
            });
        }
        work();
        drop(closing);
        if let Some(payload) = gate.panic() {
            panic::resume_unwind(payload);
        }
    }
}

/// Whether this is not the process that first called this.
fn is_forked() -> bool {
    // WebAssembly has no processes, and would panic when asked for their number.
    if cfg!(target_family = "wasm") {
        return false;
    }
    static FIRST: AtomicU32 = AtomicU32::new(0);
    is_another(&FIRST, process::id())
}

/// Whether `this` process is not the `first` one to ask, which is remembered; 0 stands for none.
fn is_another(first: &AtomicU32, this: u32) -> bool {
    match first.compare_exchange(0, this, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => false,
        Err(first) => first != this,
    }
}

/// Starts the global pool, if nobody has yet. Rayon itself would panic where that fails, and at every later
/// use.
fn global_pool_runs() -> bool {
    static RUNS: OnceLock<bool> = OnceLock::new();
    *RUNS.get_or_init(|| {
        // Without threads at all, Rayon has a pool of its own for these targets.
        if !cfg!(target_family = "wasm") {
            let built = rayon::ThreadPoolBuilder::new().build_global();
            // An error without a source says that there was a pool already.
            if built.is_err_and(|error| error.source().is_some()) {
                return false;
            }
        }
        // Somebody may have tried before, and failed.
        panic::catch_unwind(rayon::current_num_threads).is_ok()
    })
}

/// A request for help, until it is answered or given up.
struct Request(Arc<AtomicUsize>);

impl Request {
    fn new(requests: &Arc<AtomicUsize>) -> Self {
        requests.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(requests))
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The work of a call that may have ended: used inside of its gate alone.
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

type Payload = Box<dyn Any + Send>;

/// Lets helpers in until it is closed, and knows how many are inside.
#[derive(Default)]
struct Gate {
    /// How many are inside, and [`CLOSED`].
    state: AtomicUsize,
    /// For the caller to sleep on, and to be woken when the last one leaves a closed gate. Not by parking: those
    /// tokens are the program's own.
    last_leaves: (Mutex<()>, Condvar),
    /// What a helper panicked with.
    panic: Mutex<Option<Payload>>,
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

    fn keep(&self, payload: Payload) {
        let mut first = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_none() {
            *first = Some(payload);
        } else {
            // Not dropped: that may panic again, where nobody catches it.
            mem::forget(payload);
        }
    }

    fn panic(&self) -> Option<Payload> {
        self.panic
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// Somebody inside of the gate, who leaves when this is dropped.
struct Inside<'a>(&'a Gate);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        // Whatever was done inside happens before what the caller does once it sees this.
        if self.0.state.fetch_sub(1, Ordering::Release) == CLOSED + 1 {
            let (lock, last_leaves) = &self.0.last_leaves;
            // The caller is asleep, or has yet to look.
            drop(lock.lock().unwrap_or_else(PoisonError::into_inner));
            last_leaves.notify_one();
        }
    }
}

/// Closes the gate when dropped, and waits until nobody is inside.
struct Closing<'a>(&'a Gate);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        /// Longer than a helper mostly takes for its last chunk, shorter than falling asleep and waking.
        const SPINS: usize = 2_000;
        let gate = self.0;
        let mut state = gate.state.fetch_or(CLOSED, Ordering::Acquire) | CLOSED;
        for _ in 0..SPINS {
            if state == CLOSED {
                return;
            }
            hint::spin_loop();
            state = gate.state.load(Ordering::Acquire);
        }
        let (lock, last_leaves) = &gate.last_leaves;
        let mut guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        while gate.state.load(Ordering::Acquire) != CLOSED {
            guard = last_leaves
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The global pool for one test at a time, with no request of another open.
#[cfg(all(test, not(target_family = "wasm")))]
pub(super) fn quiet_global_pool() -> std::sync::MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    while OF_ALL_OUTSIDE.load(Ordering::Relaxed) > 0 {
        std::thread::yield_now();
    }
    one
}

// WebAssembly has no threads to test with.
#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use std::collections::HashSet;
    use std::panic::{catch_unwind, resume_unwind};
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// Longer than anything here takes, but for a deadlock.
    const LONG: Duration = Duration::from_secs(60);

    /// Fails if `work` does not end in time: a caller whom nobody wakes would hang the tests.
    fn in_time(work: impl FnOnce() + Send + 'static) {
        let (ended, has_ended) = mpsc::channel();
        let thread = thread::spawn(move || {
            work();
            ended.send(()).expect("the test waits");
        });
        match has_ended.recv_timeout(LONG) {
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("not ended after {LONG:?}: a deadlock?"),
            // It ended, or panicked.
            _ => thread
                .join()
                .unwrap_or_else(|payload| resume_unwind(payload)),
        }
    }

    fn pool(threads: usize) -> rayon::ThreadPool {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.expect("threads")
    }

    fn share(helpers: usize, work: &(dyn Fn() + Sync)) {
        Pool::current()
            .expect("there are threads")
            .share(helpers, work);
    }

    /// Work that is only done when so many are at it.
    fn takes(all: usize) -> impl Fn() + Sync {
        let (at_work, joined) = (Mutex::new(0), Condvar::new());
        move || {
            let mut at_work = at_work.lock().expect("nobody panics with the lock");
            *at_work += 1;
            joined.notify_all();
            let waited = joined
                .wait_timeout_while(at_work, LONG, |at_work| *at_work < all)
                .expect("nobody panics with the lock");
            assert!(!waited.1.timed_out(), "not {all} at work");
        }
    }

    #[test]
    fn all_who_are_asked_help() {
        in_time(|| {
            for helpers in [1, 2, 4] {
                pool(helpers + 1).install(|| share(helpers, &takes(helpers + 1)));
            }
            // From outside the global pool helps, which has a thread at least.
            let _quiet = quiet_global_pool();
            share(1, &takes(2));
        });
    }

    #[test]
    fn each_thread_has_its_share() {
        in_time(|| {
            for threads in [1, 2, 3, 5] {
                pool(threads).install(|| {
                    let here = Pool::current().expect("there are threads");
                    let shares = rayon::broadcast(|_| here.share_of_this_thread(threads - 1));
                    assert_eq!(shares, Vec::from_iter(0..threads));
                });
            }
            let here = Pool::current().expect("there are threads");
            let helpers = here.helpers();
            assert_eq!(here.share_of_this_thread(helpers), helpers);
            let shares = rayon::broadcast(|_| here.share_of_this_thread(helpers));
            let others: HashSet<_> = shares.into_iter().collect();
            // One thread of the pool is not asked, and would go on with another's share.
            assert_eq!(others, HashSet::from_iter(0..helpers.max(1)));
        });
    }

    #[test]
    fn who_helps_is_waited_for() {
        in_time(|| {
            let _quiet = quiet_global_pool();
            let helped = AtomicUsize::new(0);
            for _ in 0..if cfg!(miri) { 10 } else { 1_000 } {
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
        });
    }

    /// A helper that is asleep when the gate is closed has the caller asleep, too.
    #[test]
    fn a_caller_asleep_is_woken() {
        in_time(|| {
            let _quiet = quiet_global_pool();
            let (both, caller) = (takes(2), thread::current().id());
            share(1, &|| {
                both();
                if thread::current().id() != caller {
                    thread::sleep(Duration::from_millis(100));
                }
            });
        });
    }

    /// Wherever it happens: the caller panics with the same, everybody is waited for, and the pool works on. The pool's
    /// own handler never sees it.
    #[test]
    fn a_panic_reaches_the_caller() {
        in_time(|| {
            let swallowed = Arc::new(AtomicBool::new(false));
            let handler = Arc::clone(&swallowed);
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(2)
                .panic_handler(move |_| handler.store(true, Ordering::Relaxed))
                .build()
                .expect("threads");
            for by_helper in [false, true] {
                pool.install(|| {
                    let (both, caller) = (takes(2), thread::current().id());
                    let at_work = AtomicUsize::new(0);
                    let work = || {
                        at_work.fetch_add(1, Ordering::Relaxed);
                        both();
                        let is_helper = thread::current().id() != caller;
                        if is_helper != by_helper {
                            thread::sleep(Duration::from_millis(10));
                        }
                        at_work.fetch_sub(1, Ordering::Relaxed);
                        if is_helper == by_helper {
                            resume_unwind(Box::new("a formula's own panic"));
                        }
                    };
                    let outcome = catch_unwind(AssertUnwindSafe(|| share(1, &work)));
                    let payload = outcome.expect_err("it panicked");
                    assert_eq!(payload.downcast_ref(), Some(&"a formula's own panic"));
                    assert_eq!(at_work.load(Ordering::Relaxed), 0);
                    share(1, &takes(2));
                });
            }
            assert!(!swallowed.load(Ordering::Relaxed));
        });
    }

    /// Lets the busy thread go, even by a panic.
    struct Free<'a>(&'a AtomicBool);

    impl Drop for Free<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    /// With the only other thread of the pool busy, nothing helps, and requests do not pile up.
    #[test]
    fn a_busy_pool_is_not_asked_again_and_again() {
        in_time(|| {
            let pool = pool(2);
            let (free, begun) = (AtomicBool::new(false), AtomicUsize::new(0));
            pool.in_place_scope(|scope| {
                scope.spawn(|_| {
                    while !free.load(Ordering::Relaxed) {
                        thread::yield_now();
                    }
                });
                scope.spawn(|_| {
                    let _free = Free(&free);
                    let calls = if cfg!(miri) { 10 } else { 1_000 };
                    for _ in 0..calls {
                        share(1, &|| {
                            begun.fetch_add(1, Ordering::Relaxed);
                        });
                    }
                    assert_eq!(begun.load(Ordering::Relaxed), calls);
                    assert_eq!(OF_THIS_THREAD.with(|open| open.load(Ordering::Relaxed)), 2);
                });
            });
        });
    }

    #[test]
    fn only_the_first_process_asks() {
        let first = AtomicU32::new(0);
        assert!(!is_another(&first, 7));
        assert!(!is_another(&first, 7));
        assert!(is_another(&first, 8));
        assert!(!is_another(&first, 7));
    }

    /// A request that is given up, as where the pool cannot be asked, is open no more.
    #[test]
    fn a_request_is_closed_when_it_is_dropped() {
        let requests = Arc::new(AtomicUsize::new(0));
        let request = Request::new(&requests);
        assert_eq!(requests.load(Ordering::Relaxed), 1);
        drop(request);
        assert_eq!(requests.load(Ordering::Relaxed), 0);
    }

    /// A caller that holds a lock never runs another task of the pool, which may want the same one.
    #[test]
    fn a_caller_inside_does_nothing_else_meanwhile() {
        in_time(|| {
            let lock = Mutex::new(());
            pool(4).scope(|scope| {
                for _ in 0..if cfg!(miri) { 10 } else { 300 } {
                    scope.spawn(|_| {
                        let _guard = lock.lock().expect("nobody panics with the lock");
                        share(3, &|| thread::sleep(Duration::from_micros(20)));
                    });
                }
            });
        });
    }
}
