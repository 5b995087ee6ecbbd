//! Handles of processes, made safe: while one is open, its number is not given to another process.
#![expect(unsafe_code, reason = "the system's calls on processes have no safe wrapper")]

use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};

use styxy_core::Pid;
use windows_sys::Win32::Foundation::{ERROR_INVALID_PARAMETER, FILETIME, WAIT_OBJECT_0};
use windows_sys::Win32::System::Threading::{
    GetProcessTimes, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, WaitForSingleObject,
};

/// One process, running or ended.
#[derive(Debug)]
pub(super) struct ProcessHandle(OwnedHandle);

impl ProcessHandle {
    /// # Errors
    /// `NotFound` if there is no such process; `PermissionDenied` for some of other users.
    pub(super) fn open(pid: Pid) -> io::Result<Self> {
        let rights = PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE;
        // SAFETY: takes numbers, gives a new handle or null.
        let handle = unsafe { OpenProcess(rights, 0, pid.get()) };
        if !handle.is_null() {
            // SAFETY: the handle is new, open, and nobody else's.
            return Ok(Self(unsafe { OwnedHandle::from_raw_handle(handle) }));
        }
        let error = io::Error::last_os_error();
        let absent = i32::try_from(ERROR_INVALID_PARAMETER).ok();
        Err(if error.raw_os_error() == absent { io::ErrorKind::NotFound.into() } else { error })
    }

    /// When it started, in units of 100 ns since 1601.
    pub(super) fn started(&self) -> io::Result<u64> {
        let zero = FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 };
        let (mut created, mut ended, mut kernel, mut user) = (zero, zero, zero, zero);
        // SAFETY: the handle is open and may be asked; the four times are writable.
        let done = unsafe {
            GetProcessTimes(
                self.0.as_raw_handle(),
                &raw mut created,
                &raw mut ended,
                &raw mut kernel,
                &raw mut user,
            )
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(u64::from(created.dwHighDateTime) << 32 | u64::from(created.dwLowDateTime))
    }

    /// Whether its end was seen. A wait that fails says nothing, so the process counts as running.
    pub(super) fn has_ended(&self) -> bool {
        // SAFETY: the handle is open and may be waited for; no time is spent.
        unsafe { WaitForSingleObject(self.0.as_raw_handle(), 0) == WAIT_OBJECT_0 }
    }

    pub(super) fn raw(&self) -> *mut core::ffi::c_void {
        self.0.as_raw_handle()
    }
}

/// The handle that always means this process; not to be closed.
pub(super) fn this_process() -> *mut core::ffi::c_void {
    // SAFETY: takes nothing, gives a constant.
    let handle = unsafe { windows_sys::Win32::System::Threading::GetCurrentProcess() };
    debug_assert!(!handle.is_null());
    handle
}
