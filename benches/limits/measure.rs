//! How long every contender takes for one size, all in turns.

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;

use bytemuck::Pod;
use rayon::ThreadPoolBuilder;
use rectify::{Activation, Element, Gradient, Tier};

use crate::common::operation::Operation;
use crate::common::plain::{Definition, Loop};
use crate::common::threads::{cores, pin, thread_counts};
use crate::common::turns::{Contender, Time, time_threads, times};
use crate::common::{Buffers, USUAL_OFFSET_BYTES, copy, is_only_a_test};

pub(crate) const INSIDE: &str = "inside";
pub(crate) const OUTSIDE: &str = "outside";

/// From this size on `par()` is measured: a good deal before it splits anything.
const PAR_FROM: usize = 1 << 15;

#[derive(Clone)]
pub(crate) struct Measured {
    pub(crate) elements: usize,
    pub(crate) threads: usize,
    pub(crate) who: String,
    pub(crate) is_copy: bool,
    pub(crate) time: Time,
}

impl Measured {
    pub(crate) fn gelems(&self) -> f64 {
        self.elements as f64 / self.time.seconds / 1e9
    }
}

/// One operation of one activation at one size.
pub(crate) fn measure<T: Element + Pod, O: Operation>(
    activation: impl Activation<Formula: Gradient>,
    operation: O,
    elements: usize,
) -> Vec<Measured> {
    let mut buffers = Buffers::<T>::new(elements);
    let slices = &RefCell::new(buffers.slices(USUAL_OFFSET_BYTES));
    // A slope that the compiler knew, it could compute with: a loop that multiplies by 1 is none.
    let activation = black_box(activation);

    // With the number of threads and whether it is a copy.
    let mut contenders: Vec<(usize, bool, Contender<'_>)> = vec![];
    let copies = |threads| {
        let ways = copy::contenders(O::TRAFFIC, threads, slices);
        ways.into_iter().map(move |way| (threads, true, way))
    };
    contenders.extend(copies(1));
    let plain = Definition(activation);
    let scalar = move || operation.plain(Loop::<_, true>(plain), &mut slices.borrow_mut());
    contenders.push((1, false, Contender::new("scalar", scalar)));
    let vectorised = move || operation.plain(Loop::<_, false>(plain), &mut slices.borrow_mut());
    contenders.push((1, false, Contender::new("loop", vectorised)));
    for tier in Tier::available() {
        let kernel = move || operation.kernel(activation.on(tier), &mut slices.borrow_mut());
        contenders.push((1, false, Contender::new(tier.to_string(), kernel)));
    }
    for threads in thread_counts() {
        if threads == 1 || elements < PAR_FROM {
            continue;
        }
        contenders.extend(copies(threads));
        let pool = pin(ThreadPoolBuilder::new().num_threads(threads));
        let pool = Rc::new(pool.build().expect("threads"));
        let inside = Rc::clone(&pool);
        let inside = move |runs| {
            let slices = &mut *slices.borrow_mut();
            inside.install(|| time_threads(runs, || operation.kernel(activation.par(), slices)))
        };
        contenders.push((threads, false, Contender::timing(INSIDE, inside)));
        // The pool of a call from outside is the global one, which has a thread for each core.
        if threads == cores() {
            let outside = move |runs| {
                let slices = &mut *slices.borrow_mut();
                time_threads(runs, || operation.kernel(activation.par(), slices))
            };
            contenders.push((threads, false, Contender::timing(OUTSIDE, outside)));
        }
    }

    let rounds = if is_only_a_test() {
        1
    } else if elements < 1 << 22 {
        15
    } else {
        5
    };
    let times = times(
        contenders.iter_mut().map(|(.., contender)| contender),
        rounds,
    );
    contenders
        .into_iter()
        .zip(times)
        .map(|((threads, is_copy, contender), time)| Measured {
            elements,
            threads,
            who: contender.name,
            is_copy,
            time,
        })
        .collect()
}
