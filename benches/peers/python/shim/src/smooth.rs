//! Every way that Rust crates have for a function of [`peers::smooth`], in the order in which that has them.

use std::ffi::{CStr, c_char};
use std::slice;
use std::time::{Duration, Instant};

use peers::common::{self, Slices};
use peers::smooth::{Function, Ready, copy_seconds};
use rectify::{Activation, AnyActivation};

/// What a way works on: `len` elements each.
#[repr(C)]
pub struct Memory<T> {
    len: usize,
    input: *const T,
    other: *const T,
    output: *mut T,
}

impl<T> Memory<T> {
    /// # Safety
    /// The buffers do not overlap, live as long as what comes of it, and nobody else uses them meanwhile.
    unsafe fn slices<'a>(&self) -> Slices<'a, T> {
        // SAFETY: as the caller promises.
        unsafe {
            Slices {
                input: slice::from_raw_parts(self.input, self.len),
                grad: slice::from_raw_parts(self.other, self.len),
                output: slice::from_raw_parts_mut(self.output, self.len),
            }
        }
    }
}

/// Writes `text` and a zero to `to`, which has room for `room` bytes.
///
/// # Safety
/// `to` can be written, and nobody else uses it.
unsafe fn write(text: &str, to: *mut u8, room: usize) {
    // SAFETY: as the caller promises.
    let to = unsafe { slice::from_raw_parts_mut(to, room) };
    to[..text.len()].copy_from_slice(text.as_bytes());
    to[text.len()] = 0;
}

/// The name of the CPU.
///
/// # Safety
/// As [`write`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cpu(to: *mut u8, room: usize) {
    // SAFETY: as the caller promises.
    unsafe { write(&common::cpu(), to, room) }
}

/// The directory of its measurements in `docs/`.
///
/// # Safety
/// As [`write`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn directory(to: *mut u8, room: usize) {
    // SAFETY: as the caller promises.
    unsafe { write(&common::directory(), to, room) }
}

/// The name of a function; says whether there is one.
///
/// # Safety
/// As [`write`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn function_name(function: usize, to: *mut u8, room: usize) -> bool {
    let Some(function) = Function::ALL.get(function) else {
        return false;
    };
    // SAFETY: as the caller promises.
    unsafe { write(&function.name(), to, room) }
    true
}

/// The name of a way to do a function; says whether there is one.
///
/// # Safety
/// As [`write`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn way_name(function: usize, way: usize, to: *mut u8, room: usize) -> bool {
    let ways = Function::ALL[function].ways();
    let Some(way) = ways.get(way) else {
        return false;
    };
    // SAFETY: as the caller promises.
    unsafe { write(way.name, to, room) }
    true
}

/// # Safety
/// As [`Memory::slices`], until it is dropped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn way_new(
    function: usize,
    way: usize,
    memory: &Memory<f32>,
) -> Box<Ready<'static>> {
    // SAFETY: as the caller promises.
    let slices = unsafe { memory.slices() };
    Box::new(Ready::new(&Function::ALL[function].ways()[way], slices))
}

/// How long `runs` calls take.
#[unsafe(no_mangle)]
pub extern "C" fn way_nanoseconds(ready: &mut Ready<'static>, runs: u32) -> u64 {
    ready.time(runs).as_nanos() as u64
}

/// Leaves the result in the output.
#[unsafe(no_mangle)]
pub extern "C" fn way_run(ready: &mut Ready<'static>) {
    ready.run();
}

#[unsafe(no_mangle)]
pub extern "C" fn way_drop(ready: Box<Ready<'static>>) {
    drop(ready);
}

/// How long this machine takes to move the bytes of a function.
///
/// # Safety
/// As [`Memory::slices`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn function_copy_seconds(function: usize, memory: &Memory<f32>) -> f64 {
    // SAFETY: as the caller promises.
    let slices = unsafe { memory.slices() };
    copy_seconds(Function::ALL[function], slices)
}

/// How long `runs` calls of an activation of this crate take, in place, in `f64`. The buffer is filled anew before each, outside
/// of the clock.
///
/// # Panics
/// If `name` is no activation.
///
/// # Safety
/// As [`Memory::slices`]; `name` ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn f64_nanoseconds(
    name: *const c_char,
    memory: &Memory<f64>,
    runs: u32,
) -> u64 {
    // SAFETY: as the caller promises.
    let (name, slices) = unsafe { (CStr::from_ptr(name), memory.slices()) };
    let activation: AnyActivation = name.to_str().map(str::parse).unwrap().unwrap();
    let mut took = Duration::ZERO;
    for _ in 0..runs {
        slices.output.copy_from_slice(slices.input);
        let start = Instant::now();
        activation.forward_in_place(slices.output);
        took += start.elapsed();
    }
    took.as_nanos() as u64
}
