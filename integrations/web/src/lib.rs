//! What `rectify.js` calls: two buffers in WebAssembly's memory, one of them for texts and one for values, and `forward`.
#![cfg(target_family = "wasm")]

use std::cell::UnsafeCell;
use std::fmt::{Display, Write};

use rectify::{Activation, AnyActivation};

/// Bytes of the longest text of an activation, and of the longest message.
const TEXT_BYTES: usize = 1024;

/// Values that are copied at once: in and out of the caches.
const BLOCK: usize = 16 << 10;

/// Memory that JavaScript and Rust write in turns.
struct Shared<T>(UnsafeCell<T>);

// SAFETY: a module that is compiled without atomics has one thread.
#[cfg(not(target_feature = "atomics"))]
unsafe impl<T> Sync for Shared<T> {}

static TEXT: Shared<[u8; TEXT_BYTES]> = Shared(UnsafeCell::new([0; TEXT_BYTES]));
static VALUES: Shared<[f32; BLOCK]> = Shared(UnsafeCell::new([0.0; BLOCK]));

/// Where an activation's text is put, and a message is found.
#[unsafe(no_mangle)]
pub extern "C" fn text() -> *mut u8 {
    TEXT.0.get().cast()
}

/// How many bytes of text there is room for.
#[unsafe(no_mangle)]
pub extern "C" fn text_bytes() -> usize {
    TEXT_BYTES
}

/// Where values are put, and their results are found.
#[unsafe(no_mangle)]
pub extern "C" fn values() -> *mut f32 {
    VALUES.0.get().cast()
}

/// How many values there is room for.
#[unsafe(no_mangle)]
pub extern "C" fn values_length() -> usize {
    BLOCK
}

/// Makes f(x) of the first `length` of [`values`], where f is the activation whose text, such as `gelu` or `elu(alpha=0.5)`, takes the
/// first `text_length` bytes of [`text`]. Returns 0, or the length of a message in [`text`] that says what is wrong with that.
#[unsafe(no_mangle)]
pub extern "C" fn forward(text_length: usize, length: usize) -> usize {
    // SAFETY: nobody else has a reference to either: there is one thread, and this function, which does not call itself, keeps
    // none.
    let (text, values) = unsafe { (&mut *TEXT.0.get(), &mut *VALUES.0.get()) };
    let Some(values) = values.get_mut(..length) else {
        return message(text, format_args!("{length} values: {BLOCK} are the most"));
    };
    let Some(name) = text.get(..text_length) else {
        return message(
            text,
            format_args!("an activation's text of {text_length} bytes: {TEXT_BYTES} are the most"),
        );
    };
    match String::from_utf8_lossy(name).parse::<AnyActivation>() {
        Err(error) => message(text, error),
        Ok(activation) => {
            activation.forward_in_place(values);
            0
        }
    }
}

/// Writes as much of it as there is room for, and returns its length.
fn message(text: &mut [u8], what: impl Display) -> usize {
    let mut message = String::new();
    let _ = write!(message, "{what}");
    let length = message.len().min(text.len());
    text[..length].copy_from_slice(&message.as_bytes()[..length]);
    length
}
