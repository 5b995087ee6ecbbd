//! Which file is open, by the number that the file system gave it.
#![expect(unsafe_code, reason = "the standard library does not show a file's number")]

use std::fs::File;
use std::io;
use std::mem::zeroed;
use std::os::windows::io::AsRawHandle as _;

use windows_sys::Win32::Storage::FileSystem::{BY_HANDLE_FILE_INFORMATION, GetFileInformationByHandle};

/// The volume, and the number of the file there: no other one has both, as long as something has it open.
///
/// # Errors
/// The system does not say.
pub fn file_number(file: &File) -> io::Result<(u64, u64)> {
    // SAFETY: the structure has only numbers, for which zero is a value.
    let mut found: BY_HANDLE_FILE_INFORMATION = unsafe { zeroed() };
    // SAFETY: the handle is open while `file` is borrowed, and `found` is writable.
    let done = unsafe { GetFileInformationByHandle(file.as_raw_handle(), &raw mut found) };
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    let number = u64::from(found.nFileIndexHigh) << 32 | u64::from(found.nFileIndexLow);
    Ok((u64::from(found.dwVolumeSerialNumber), number))
}
