//! Handles to activations.

use std::ffi::{CStr, CString, c_char};

use rectify::{Activation as _, AnyActivation, Planned};

use crate::flags::planned;
use crate::status::{Failure, Status, call};

/// An activation with its parameters. It does not change, so threads may share it.
pub struct Activation {
    activation: AnyActivation,
    text: CString,
}

/// Makes the activation that `text` names, and writes a handle to it to `*activation`: to be given back by
/// rectify_activation_free(). A text is a name, such as "relu", and parameters where they should have other values than their
/// defaults, such as "leaky_relu(negative_slope=0.1)". The message about a name that is none lists those that are.
///
/// RECTIFY_BAD_ACTIVATION: the text names none, or a parameter is NaN or out of its range.
///
/// # Safety
/// `text` is null or points to a string that ends with a zero; `activation` is null or points to memory for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_activation_new(
    text: *const c_char,
    activation: *mut *mut Activation,
) -> Status {
    call(|| {
        // SAFETY: as our caller says.
        let text = unsafe { string("text", text) }?;
        not_null("activation", activation)?;
        let bad = |message: String| Failure::new(Status::RectifyBadActivation, message);
        let of_text = text.to_str().map_err(|error| bad(error.to_string()))?;
        let new: AnyActivation = of_text
            .parse()
            .map_err(|error: rectify::ActivationError| bad(error.to_string()))?;
        let text = CString::new(new.to_string()).map_err(|error| bad(error.to_string()))?;
        let new = Activation {
            activation: new,
            text,
        };
        // SAFETY: our caller says that a pointer can be written there.
        unsafe { activation.write_unaligned(Box::into_raw(Box::new(new))) };
        Ok(())
    })
}

/// Gives back an activation, which nobody may use any more. Null is no activation, and nothing happens.
///
/// # Safety
/// `activation` is null or comes from rectify_activation_new(), was not given back, and no thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_activation_free(activation: *mut Activation) {
    if !activation.is_null() {
        // SAFETY: `rectify_activation_new` made a box into this pointer, and our caller says that it was not given back.
        drop(unsafe { Box::from_raw(activation) });
    }
}

/// The text of an activation, with all its parameters: rectify_activation_new() makes the same one of it. Valid as long
/// as the activation. Of null it is null.
///
/// # Safety
/// `activation` is null or a handle that was not given back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_activation_text(activation: *const Activation) -> *const c_char {
    // SAFETY: as our caller says.
    let activation = unsafe { activation.as_ref() };
    activation.map_or(std::ptr::null(), |activation| activation.text.as_ptr())
}

/// What a handle stands for, on the threads that `flags` say.
///
/// # Safety
/// `activation` is null or a handle that was not given back.
pub(crate) unsafe fn chosen(
    activation: *const Activation,
    flags: u32,
) -> Result<Planned<AnyActivation>, Failure> {
    not_null("activation", activation)?;
    // SAFETY: it is not null, and so a handle, as our caller says: `rectify_activation_new` made it of a box.
    let activation = unsafe { (*activation).activation };
    planned(activation.planned(), flags, Planned::par)
}

/// A caller's string.
///
/// # Safety
/// `text` is null or points to a string that ends with a zero and does not change meanwhile.
pub(crate) unsafe fn string<'a>(name: &str, text: *const c_char) -> Result<&'a CStr, Failure> {
    not_null(name, text)?;
    // SAFETY: it is not null, and so a string, as our caller says.
    Ok(unsafe { CStr::from_ptr(text) })
}

pub(crate) fn not_null<T>(name: &str, pointer: *const T) -> Result<(), Failure> {
    if pointer.is_null() {
        let message = format!("`{name}` is null");
        return Err(Failure::new(Status::RectifyNullPointer, message));
    }
    Ok(())
}
