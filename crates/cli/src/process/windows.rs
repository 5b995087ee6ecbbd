//! Windows: process handles. While one is open, its pid is not reused.
#![expect(unsafe_code, reason = "the system's calls on processes have no safe wrapper")]

use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::time::Duration;

use styxy_core::Pid;
use windows_sys::Win32::Foundation::{ERROR_INVALID_PARAMETER, WAIT_OBJECT_0};
use windows_sys::Win32::System::Threading::{
    OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, PROCESS_TERMINATE, TerminateProcess,
    WaitForSingleObject,
};

/// One process, running or ended.
#[derive(Debug)]
pub(crate) struct Handle(OwnedHandle);

fn open(pid: Pid, rights: u32) -> io::Result<Option<OwnedHandle>> {
    // SAFETY: takes numbers, returns a new handle or null.
    let handle = unsafe { OpenProcess(rights, 0, pid.get()) };
    if !handle.is_null() {
        // SAFETY: the handle is new and open, and nothing else owns it.
        return Ok(Some(unsafe { OwnedHandle::from_raw_handle(handle) }));
    }
    let error = io::Error::last_os_error();
    let absent = i32::try_from(ERROR_INVALID_PARAMETER).ok();
    if error.raw_os_error() == absent { Ok(None) } else { Err(error) }
}

impl Handle {
    /// None if there is no such process.
    ///
    /// # Errors
    /// This user may not end it.
    pub(crate) fn open(pid: Pid) -> io::Result<Option<Self>> {
        let handle =
            open(pid, PROCESS_TERMINATE | PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE)?.map(Self);
        Ok(handle.filter(|handle| !handle.has_ended(0)))
    }

    /// None: the handle says which process it is.
    #[expect(clippy::unused_self, reason = "the same signature as on Linux")]
    pub(crate) fn why_by_start(&self) -> Option<io::Error> {
        None
    }

    /// Does nothing: a program without a window cannot be asked to end here.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "the same signature as elsewhere")]
    pub(crate) fn ask(&self) -> io::Result<()> {
        Ok(())
    }

    /// Does nothing: a process is not stopped by a signal here.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "the same signature as elsewhere")]
    pub(crate) fn resume(&self) -> io::Result<()> {
        Ok(())
    }

    /// Does nothing, for the same reason.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "the same signature as elsewhere")]
    pub(crate) fn freeze(&self) -> io::Result<()> {
        Ok(())
    }

    /// Terminates it. It is not an error if it has already ended.
    ///
    /// # Errors
    /// This user may not end it.
    pub(crate) fn kill(&self) -> io::Result<()> {
        // SAFETY: the handle is open and may end the process.
        let done = unsafe { TerminateProcess(self.0.as_raw_handle(), 1) };
        if done == 0 && !self.has_ended(0) { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Whether it has ended; waits at most `patience` for that.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unnecessary_wraps, reason = "the same signature as elsewhere")]
    pub(crate) fn ended_within(&self, patience: Duration) -> io::Result<bool> {
        Ok(self.has_ended(u32::try_from(patience.as_millis()).unwrap_or(u32::MAX - 1)))
    }

    fn has_ended(&self, patience_ms: u32) -> bool {
        // SAFETY: the handle is open and may be waited for.
        unsafe { WaitForSingleObject(self.0.as_raw_handle(), patience_ms) == WAIT_OBJECT_0 }
    }
}
