//! Leaving the process that started this one. Its flags for the start (no console, a group of its own) did the rest.

use std::io;

use styxy_core::order::Order as _;

/// Moves to the system's folder: a folder that some process works in cannot be removed, nor its drive unmounted.
pub(crate) fn detach() -> io::Result<()> {
    std::env::set_current_dir(std::env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into()))
}

/// Closes the handles that the process that started the daemon may be reading, and the one that it may have given as input.
#[expect(unsafe_code, reason = "the standard handles can only be replaced by number")]
pub(crate) fn let_go_of_output() -> io::Result<()> {
    use std::os::windows::io::IntoRawHandle;
    use windows_sys::Win32::Foundation::CloseHandle;
    use windows_sys::Win32::System::Console::{
        GetStdHandle, STD_ERROR_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, SetStdHandle,
    };

    let mut old = Vec::with_capacity(3);
    for which in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        let null = std::fs::File::options().read(true).write(true).open("NUL")?.into_raw_handle();
        // SAFETY: `null` is a handle that nobody else owns from here on.
        unsafe {
            old.push(GetStdHandle(which));
            if SetStdHandle(which, null) == 0 {
                return Err(io::Error::last_os_error());
            }
        }
    }
    // Older clients give one handle twice. Closed twice, it could be another file's by then.
    old.order();
    old.dedup();
    for handle in old {
        // SAFETY: this was a standard handle of this process, and is none any more. std looks them up again for every write
        // and keeps them nowhere.
        unsafe { CloseHandle(handle) };
    }
    Ok(())
}
