//! Return codes, and the message of a thread's last failure.

use std::any::Any;
use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::panic::{self, AssertUnwindSafe};

/// What a function returns. All but RECTIFY_OK are failures: then nothing was written to any buffer or handle, and
/// rectify_last_error() says what was wrong.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is done.
    RectifyOk = 0,
    /// A pointer is null. That of a buffer without elements may be.
    RectifyNullPointer = 1,
    /// The address of a buffer is no multiple of its element's size.
    RectifyMisaligned = 2,
    /// A buffer has more bytes than memory can hold.
    RectifyTooLong = 3,
    /// A length is no multiple of what it should be, or a width, a number of channels or `inner` is 0.
    RectifyBadShape = 4,
    /// An output overlaps another buffer, and is not the one that the function says it may be.
    RectifyOverlap = 5,
    /// A text names no activation, or a parameter is not allowed, as NaN never is.
    RectifyBadActivation = 6,
    /// A text names no instruction set that this machine runs.
    RectifyBadTier = 7,
    /// A flag that the function does not know.
    RectifyBadFlag = 8,
    /// The instruction set or the number of threads is settled already.
    RectifyTooLate = 9,
    /// The library panicked: an environment variable of rectify cannot be read, or it has a fault.
    RectifyPanic = 10,
}

/// A status that is no success, and its message.
pub(crate) struct Failure {
    pub(crate) status: Status,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(status: Status, message: impl ToString) -> Self {
        let message = message.to_string();
        Self { status, message }
    }
}

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// Does the work of a function of the interface: remembers the message where it fails, and lets no panic out.
pub(crate) fn call(work: impl FnOnce() -> Result<(), Failure>) -> Status {
    let result = panic::catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|payload| Err(Failure::new(Status::RectifyPanic, text_of(&*payload))));
    let Err(Failure { status, message }) = result else {
        return Status::RectifyOk;
    };
    let message = CString::new(message.replace('\0', "\\0")).unwrap_or_default();
    // Where the thread is ending, and its message is gone, the code has to do.
    let _ = LAST.try_with(|last| last.replace(message));
    status
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message")
}

/// What was wrong in the last call of this thread that failed, as a sentence with the sizes or values. Empty where none has.
/// Valid until the next call of this thread that fails, or the thread's end. Calls that do not fail leave it.
#[unsafe(no_mangle)]
pub extern "C" fn rectify_last_error() -> *const c_char {
    let message = LAST.try_with(|last| last.borrow().as_ptr());
    message.unwrap_or(c"".as_ptr())
}
