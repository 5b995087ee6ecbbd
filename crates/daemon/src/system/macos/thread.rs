//! How soon a thread runs that is ready.
#![expect(unsafe_code, reason = "the system's own call")]

use std::io;

/// Lets this thread run before others that are ready too: somebody waits for what it answers. What it starts is scheduled as usual.
///
/// # Errors
/// The system's refusal.
pub fn prefer_this_thread() -> io::Result<()> {
    // SAFETY: it takes numbers, and concerns this thread alone.
    let error =
        unsafe { libc::pthread_set_qos_class_self_np(libc::qos_class_t::QOS_CLASS_USER_INITIATED, 0) };
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
}

/// Nothing more: below the usual class a thread may be kept to slow processors. The preferred thread runs before it anyway.
///
/// # Errors
/// None.
pub fn give_way_on_this_thread() -> io::Result<()> {
    Ok(())
}
