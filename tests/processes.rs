//! Calls where the process has lost its threads, or cannot start any.
#![cfg(all(feature = "parallel", target_os = "linux"))]
#![allow(unsafe_code)]

mod common;

use std::time::{Duration, Instant};
use std::{ptr, thread};

use common::{in_time, is_emulated, rerun};
use rectify::{Activation, Relu};

/// Large enough to be split from outside of a pool, too.
const LEN: usize = 2_000_003;

fn is_right() -> bool {
    let mut y = vec![-1.0_f32; LEN];
    Relu.par().forward_in_place(&mut y);
    y.iter().all(|&y| y == 0.0)
}

/// The threads of the parent's pool do not exist in a child, and a lock of theirs may be held for ever.
#[test]
fn a_forked_child_does_everything_itself() {
    in_time(|| {
        assert!(is_right());
        for round in 0..200 {
            // At different moments of a pool that goes to sleep.
            thread::sleep(Duration::from_micros(round * 7 % 500));
            if round % 2 == 0 {
                assert!(is_right());
            }
            // SAFETY: the child calls a kernel and ends, without running anything else of this program. (It allocates,
            // which the C library allows after a fork.)
            let child = unsafe { libc::fork() };
            assert!(child >= 0, "a process cannot be started");
            if child == 0 {
                let right = is_right();
                // SAFETY: ends the child at once.
                unsafe { libc::_exit(if right { 0 } else { 1 }) };
            }
            assert_eq!(wait(child), 0, "round {round}");
        }
    });
}

/// The status with which a child ends. It is killed if that takes long.
fn wait(child: libc::pid_t) -> libc::c_int {
    let start = Instant::now();
    loop {
        let mut status = 0;
        // SAFETY: a child of this process, which nobody else waits for.
        let ended = unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) };
        if ended == child {
            return status;
        }
        if start.elapsed() > Duration::from_secs(60) {
            // SAFETY: as above.
            unsafe {
                libc::kill(child, libc::SIGKILL);
                libc::waitpid(child, ptr::null_mut(), 0);
            }
            panic!("the child hangs");
        }
        thread::sleep(Duration::from_micros(200));
    }
}

/// In a process of its own, by the next test.
#[test]
fn without_a_pool() {
    if std::env::var_os("RECTIFY_TEST_NO_THREADS").is_none() {
        return;
    }
    // The thread that watches the time starts before there can be none.
    in_time(|| {
        let mut limit = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        let mut y = vec![-1.0_f32; LEN];
        // SAFETY: reads and sets a limit of this process. In half of what a thread's stack takes there is room for
        // what the calls allocate, and for no thread.
        unsafe {
            assert_eq!(libc::getrlimit(libc::RLIMIT_AS, &raw mut limit), 0);
            limit.rlim_cur = address_space_bytes() + (1 << 20);
            assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &raw const limit), 0);
            assert!(
                thread::Builder::new().spawn(|| ()).is_err(),
                "a thread could be started"
            );
            for _ in 0..10 {
                y.fill(-1.0);
                Relu.par().forward_in_place(&mut y);
                assert!(y.iter().all(|&y| y == 0.0));
            }
            limit.rlim_cur = limit.rlim_max;
            assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &raw const limit), 0);
            // Threads could be had again; the pool has failed for good, and calls still work.
            Relu.par().forward_in_place(&mut y);
        }
    });
    println!("no threads, and no panic");
}

/// What this process has of it.
fn address_space_bytes() -> libc::rlim_t {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux tells it");
    let pages = pages
        .split(' ')
        .next()
        .and_then(|pages| pages.parse::<libc::rlim_t>().ok());
    pages.expect("a number of pages") * region::page::size() as libc::rlim_t
}

#[test]
fn where_no_thread_can_be_started_the_caller_does_everything() {
    if is_emulated() {
        println!("not tested: an emulator keeps no limit of a process's memory");
        return;
    }
    let output = rerun("without_a_pool", &[("RECTIFY_TEST_NO_THREADS", "1")]);
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success() && out.contains("no threads, and no panic"),
        "{out}{err}"
    );
    assert!(!err.contains("panicked"), "{err}");
}
