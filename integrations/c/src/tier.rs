//! The version, the instruction set and the threads.

use std::ffi::{CString, c_char};
use std::sync::OnceLock;

use rectify::{ParseTierError, Tier};

use crate::activation::{not_null, string};
use crate::status::{Failure, Status, call};

/// The version of the library, such as "0.1.0". Always valid.
#[unsafe(no_mangle)]
pub extern "C" fn rectify_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// Writes to `*name` the instruction set of calls, such as "AVX2". It is settled by the first call that needs it, and the
/// name stays valid.
///
/// # Safety
/// `name` is null or points to memory for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_tier(name: *mut *const c_char) -> Status {
    static NAME: OnceLock<CString> = OnceLock::new();
    call(|| {
        not_null("name", name)?;
        let text = NAME.get_or_init(|| {
            CString::new(Tier::best().to_string()).expect("a name has no zero in it")
        });
        // SAFETY: our caller says that a pointer can be written there.
        unsafe { name.write_unaligned(text.as_ptr()) };
        Ok(())
    })
}

/// Lets calls use the instruction set `name` at most, in place of the environment variable RECTIFY_MAX_TIER: "portable",
/// "AVX2" or "AVX-512", in any case. To be called once, before anything else but rectify_activation_new().
///
/// RECTIFY_BAD_TIER: there is none of this name, or this machine does not run it. RECTIFY_TOO_LATE: it is settled.
///
/// # Safety
/// `name` is null or points to a string that ends with a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rectify_set_max_tier(name: *const c_char) -> Status {
    call(|| {
        // SAFETY: as our caller says.
        let name = unsafe { string("name", name) }?.to_string_lossy();
        let tier: Tier = name
            .parse()
            .map_err(|error: ParseTierError| Failure::new(Status::RectifyBadTier, error))?;
        Tier::set_max(tier).map_err(|error| Failure::new(Status::RectifyTooLate, error))
    })
}

/// Sets how many threads calls with RECTIFY_PARALLEL are shared out over, in place of the environment variable
/// RAYON_NUM_THREADS; 0 means one for each core. To be called once, before the first such call.
///
/// RECTIFY_TOO_LATE: they are started already, or could not be.
#[unsafe(no_mangle)]
pub extern "C" fn rectify_set_threads(threads: usize) -> Status {
    call(|| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let built = pool.build_global();
        built.map_err(|error| Failure::new(Status::RectifyTooLate, error))
    })
}
