//! Leaving the process that started this one. Its flags for the start (no console, a group of its own) did the rest.

use std::io;

/// Moves to the system's folder: a folder that some process works in cannot be removed, nor its drive unmounted.
pub(crate) fn detach() -> io::Result<()> {
    std::env::set_current_dir(std::env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into()))
}

/// Closes the handles that the process that started the daemon may be reading.
#[expect(unsafe_code, reason = "the standard handles can only be replaced by number")]
pub(crate) fn let_go_of_output() -> io::Result<()> {
    use std::os::windows::io::IntoRawHandle;
    use windows_sys::Win32::Foundation::CloseHandle;
    use windows_sys::Win32::System::Console::{
        GetStdHandle, STD_ERROR_HANDLE, STD_OUTPUT_HANDLE, SetStdHandle,
    };

    for which in [STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
        let null = std::fs::File::options().write(true).open("NUL")?.into_raw_handle();
        // SAFETY: `null` is a handle that nobody else owns from here on. The old one is this process' standard handle,
        // which std looks up again for every write and keeps nowhere.
        unsafe {
            let old = GetStdHandle(which);
            if SetStdHandle(which, null) == 0 {
                return Err(io::Error::last_os_error());
            }
            CloseHandle(old);
        }
    }
    Ok(())
}
