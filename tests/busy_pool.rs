//! A call from outside of a pool whose threads are all busy: it finishes by itself. In a program of its own,
//! as the global pool is busy here.
#![cfg(feature = "parallel")]

mod common;

use std::sync::{Arc, Barrier, Condvar, Mutex};

use common::in_time;
use rectify::{Activation, Relu, scalar};

/// Closed until somebody opens it.
#[derive(Default)]
struct Door(Mutex<bool>, Condvar);

impl Door {
    fn wait(&self) {
        let open = self.0.lock().expect("nobody panics with the lock");
        let _open = self.1.wait_while(open, |open| !*open).expect("as above");
    }

    fn open(&self) {
        *self.0.lock().expect("nobody panics with the lock") = true;
        self.1.notify_all();
    }
}

#[test]
fn a_call_does_not_wait_for_threads_that_never_come() {
    in_time(|| {
        let threads = 2;
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global()
            .expect("nobody has built it yet");
        let door = Arc::new(Door::default());
        let busy = Arc::new(Barrier::new(threads + 1));
        for _ in 0..threads {
            let (door, busy) = (Arc::clone(&door), Arc::clone(&busy));
            rayon::spawn(move || {
                busy.wait();
                door.wait();
            });
        }
        busy.wait();

        let input: Vec<f32> = (0..3_000_001).map(|i| (i % 7) as f32 - 3.0).collect();
        let mut expected = vec![0.0; input.len()];
        scalar::forward(&Relu, &input, &mut expected);
        // Many calls, of which none is helped.
        let mut output = vec![0.0; input.len()];
        for _ in 0..50 {
            output.fill(f32::NAN);
            Relu.par().forward(&input, &mut output);
            assert_eq!(output, expected);
        }

        door.open();
        // The late helpers find that there is nothing left to do.
        output.fill(f32::NAN);
        Relu.par().forward(&input, &mut output);
        assert_eq!(output, expected);
    });
}
