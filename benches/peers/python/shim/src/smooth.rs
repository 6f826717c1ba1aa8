//! Every way that Rust crates have for a function of [`peers::smooth`], in the order in which that has them.

use std::slice;

use peers::common::{self, Slices};
use peers::smooth::{Function, Ready, copy_seconds};

/// What a way works on: `len` elements each.
#[repr(C)]
pub struct Memory {
    len: usize,
    input: *const f32,
    other: *const f32,
    output: *mut f32,
}

impl Memory {
    /// # Safety
    /// The buffers do not overlap, live as long as what comes of it, and nobody else uses them meanwhile.
    unsafe fn slices<'a>(&self) -> Slices<'a, f32> {
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
    memory: &Memory,
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
pub unsafe extern "C" fn function_copy_seconds(function: usize, memory: &Memory) -> f64 {
    // SAFETY: as the caller promises.
    let slices = unsafe { memory.slices() };
    copy_seconds(Function::ALL[function], slices)
}
