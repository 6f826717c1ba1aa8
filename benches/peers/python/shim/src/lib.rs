//! What `compare.py` and `smooth.py` time, behind a C interface: this crate's operations, its peers in Rust, and the limit
//! of the machine.

use std::cell::RefCell;
use std::slice;

use rectify::{Activation, Gradient, LeakyRelu, Relu};

use peers::common::Slices;
use peers::common::copy::{self, Traffic};
use peers::common::operation::{Backward, Forward, ForwardInPlace, Operation};
use peers::common::turns::{time, times};

mod smooth;

/// In the order of `OPERATIONS` in `compare.py`.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Kind {
    Relu,
    ReluInPlace,
    LeakyRelu,
    LeakyReluInPlace,
    ReluBackward,
}

#[derive(Clone, Copy)]
#[repr(C)]
pub struct Work {
    kind: Kind,
    /// 1, or as many as the global pool has.
    threads: u32,
    negative_slope: f64,
}

/// As `Case` in `compare.py`: a call with one pointer is the fastest that `ctypes` can make.
#[repr(C)]
pub struct Case {
    work: Work,
    len: usize,
    input: *const f32,
    grad: *const f32,
    output: *mut f32,
}

impl Case {
    /// # Safety
    /// The buffers have `len` elements each, do not overlap, and nobody else uses them meanwhile.
    unsafe fn slices(&self) -> Slices<'_, f32> {
        // SAFETY: as the caller promises.
        unsafe {
            Slices {
                input: slice::from_raw_parts(self.input, self.len),
                grad: slice::from_raw_parts(self.grad, self.len),
                output: slice::from_raw_parts_mut(self.output, self.len),
            }
        }
    }
}

impl Work {
    fn run(self, slices: &mut Slices<'_, f32>, runs: u32) {
        let leaky = LeakyRelu::new(self.negative_slope);
        match self.kind {
            Kind::Relu => self.run_as(Forward, Relu, slices, runs),
            Kind::ReluInPlace => self.run_as(ForwardInPlace, Relu, slices, runs),
            Kind::LeakyRelu => self.run_as(Forward, leaky, slices, runs),
            Kind::LeakyReluInPlace => self.run_as(ForwardInPlace, leaky, slices, runs),
            Kind::ReluBackward => self.run_as(Backward, Relu, slices, runs),
        }
    }

    fn run_as(
        self,
        operation: impl Operation,
        activation: impl Activation<Formula: Gradient>,
        slices: &mut Slices<'_, f32>,
        runs: u32,
    ) {
        for _ in 0..runs {
            if self.threads == 1 {
                operation.kernel(activation, slices);
            } else {
                operation.kernel(activation.par(), slices);
            }
        }
    }

    fn nanoseconds(self, slices: &mut Slices<'_, f32>, runs: u32) -> u64 {
        time(1, || self.run(slices, runs)).as_nanos() as u64
    }

    fn traffic(self) -> Traffic {
        match self.kind {
            Kind::Relu | Kind::LeakyRelu => Forward::TRAFFIC,
            Kind::ReluInPlace | Kind::LeakyReluInPlace => ForwardInPlace::TRAFFIC,
            Kind::ReluBackward => Backward::TRAFFIC,
        }
    }
}

/// # Safety
/// As [`Case::slices`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn run(case: &Case) {
    // SAFETY: as the caller promises.
    let slices = &mut unsafe { case.slices() };
    case.work.run(slices, 1);
}

/// How long `runs` runs take that are called from outside of the pool.
///
/// # Safety
/// As [`Case::slices`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanoseconds(case: &Case, runs: u32) -> u64 {
    // SAFETY: as the caller promises.
    let slices = &mut unsafe { case.slices() };
    case.work.nanoseconds(slices, runs)
}

/// How long `runs` runs take that are called from a thread of the pool.
///
/// # Safety
/// As [`Case::slices`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanoseconds_in_pool(case: &Case, runs: u32) -> u64 {
    // SAFETY: as the caller promises.
    let slices = &mut unsafe { case.slices() };
    let work = case.work;
    rayon::scope(|_| work.nanoseconds(slices, runs))
}

/// How long this machine takes to move what a run reads and writes.
///
/// # Safety
/// As [`Case::slices`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ceiling_seconds(case: &Case) -> f64 {
    // SAFETY: as the caller promises.
    let slices = RefCell::new(unsafe { case.slices() });
    let mut ways = copy::contenders(case.work.traffic(), case.work.threads as usize, &slices);
    times(&mut ways, 1)
        .into_iter()
        .map(|time| time.seconds)
        .fold(f64::INFINITY, f64::min)
}
