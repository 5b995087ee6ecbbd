//! How soon a thread runs that is ready.
#![expect(unsafe_code, reason = "the system's own calls")]

use std::io;

use windows_sys::Win32::System::Threading::{
    GetCurrentThread, SetThreadPriority, THREAD_PRIORITY_ABOVE_NORMAL,
};

/// Lets this thread run before others that are ready too. What it starts is scheduled as usual.
///
/// # Errors
/// The system's refusal.
pub fn prefer_this_thread() -> io::Result<()> {
    // SAFETY: the handle means this thread, needs no closing, and is always valid.
    let done = unsafe { SetThreadPriority(GetCurrentThread(), THREAD_PRIORITY_ABOVE_NORMAL) };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Nothing more: below the usual priority a thread gets nothing at all while others are busy. The preferred thread runs before it
/// anyway.
///
/// # Errors
/// None.
pub fn give_way_on_this_thread() -> io::Result<()> {
    Ok(())
}
