//! The cores of this machine, and pools that keep to them.

use std::thread;

use rayon::ThreadPoolBuilder;

/// A thread a core, and there it stays: without, the kernel may keep two threads that sleep in turn on one
/// core, for as long as a process lives, and all would be as slow as one thread.
pub fn pin(pool: ThreadPoolBuilder) -> ThreadPoolBuilder {
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    pool.start_handler(move |thread| {
        if let Some(&core) = cores.get(thread) {
            core_affinity::set_for_current(core);
        }
    })
}

pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// 1, 2, 4 and so on up to all cores.
pub fn thread_counts() -> Vec<usize> {
    let all = cores();
    let mut counts: Vec<_> = (0..).map(|i| 1 << i).take_while(|&n| n < all).collect();
    counts.push(all);
    counts
}
