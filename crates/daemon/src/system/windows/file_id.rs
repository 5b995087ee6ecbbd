//! Which file this is, by the number that the file system gave it.
#![expect(unsafe_code, reason = "the standard library does not show a file's number")]

use std::fs::File;
use std::io;
use std::mem::zeroed;
use std::os::windows::io::AsRawHandle as _;
use std::path::Path;

use windows_sys::Win32::Storage::FileSystem::{BY_HANDLE_FILE_INFORMATION, GetFileInformationByHandle};

/// Which file this is, whatever its name: no other one has this, as long as something has it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId {
    volume: u32,
    number: (u32, u32),
}

impl FileId {
    /// Of an open file.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        // SAFETY: the structure has only numbers, for which zero is a value.
        let mut found: BY_HANDLE_FILE_INFORMATION = unsafe { zeroed() };
        // SAFETY: the handle is open while `file` is borrowed, and `found` is writable.
        let done = unsafe { GetFileInformationByHandle(file.as_raw_handle(), &raw mut found) };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        let number = (found.nFileIndexHigh, found.nFileIndexLow);
        Ok(Self { volume: found.dwVolumeSerialNumber, number })
    }

    /// Of what is at `path` now.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        Self::of(&File::open(path)?)
    }
}
