//! Handles of processes, made safe: while one is open, its number is not given to another process.
#![expect(unsafe_code, reason = "the system's calls on processes have no safe wrapper")]

use std::ffi::c_void;
use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::time::Duration;

use styxy_core::{Link, Pid};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};
use windows_sys::Win32::Foundation::{ERROR_INVALID_PARAMETER, FILETIME, WAIT_OBJECT_0, WAIT_TIMEOUT};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetExitCodeProcess, GetProcessTimes, INFINITE, OpenProcess, PROCESS_ACCESS_RIGHTS,
    PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, PROCESS_TERMINATE, TerminateProcess,
    WaitForSingleObject,
};

/// The process' parent, which may have ended, and its start. Takes some milliseconds.
///
/// # Errors
/// `NotFound` if there is no such process; `PermissionDenied` for some of other users.
pub fn link(pid: Pid) -> io::Result<Link> {
    // Held open to the end, so that all of it is of one process.
    let handle = ProcessHandle::open(pid)?;
    let started = handle.started()?;
    let mut system = System::new().map_err(io::Error::other)?;
    let number = sysinfo::Pid::from_u32(pid.get());
    let wanted = ProcessRefreshKind::nothing().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[number]), true, wanted);
    let parent = system.process(number).and_then(sysinfo::Process::parent);
    Ok(Link { parent: parent.and_then(|parent| Pid::new(parent.as_u32())), started: Some(started) })
}

/// Whether a process with this pid runs; one that may not be opened does.
#[must_use]
pub fn runs(pid: Pid) -> bool {
    match ProcessHandle::open(pid) {
        Ok(handle) => !handle.has_ended(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// The handle that always means this process; not to be closed.
#[must_use]
pub fn this_process() -> *mut c_void {
    // SAFETY: takes nothing, gives a constant.
    let handle = unsafe { GetCurrentProcess() };
    debug_assert!(!handle.is_null());
    handle
}

/// One process, running or ended.
#[derive(Debug)]
pub struct ProcessHandle(OwnedHandle);

impl ProcessHandle {
    /// Opens it to look at it and to wait for its end.
    ///
    /// # Errors
    /// `NotFound` if there is no such process; `PermissionDenied` for some of other users.
    pub fn open(pid: Pid) -> io::Result<Self> {
        Self::open_for(pid, 0)
    }

    /// Opens it to end it too.
    ///
    /// # Errors
    /// `NotFound` if there is no such process; `PermissionDenied` if this user may not end it.
    pub fn open_to_end(pid: Pid) -> io::Result<Self> {
        Self::open_for(pid, PROCESS_TERMINATE)
    }

    /// Opens it to look at it, to wait for its end, and for what these rights allow.
    ///
    /// # Errors
    /// `NotFound` if there is no such process; `PermissionDenied` if this user has not all of these rights.
    pub fn open_for(pid: Pid, rights: PROCESS_ACCESS_RIGHTS) -> io::Result<Self> {
        let rights = PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE | rights;
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
    ///
    /// # Errors
    /// The system's refusal.
    pub fn started(&self) -> io::Result<u64> {
        let zero = FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 };
        let (mut created, mut ended, mut kernel, mut user) = (zero, zero, zero, zero);
        // SAFETY: the handle is open and may be asked; the four times are writable.
        let done = unsafe {
            GetProcessTimes(self.raw(), &raw mut created, &raw mut ended, &raw mut kernel, &raw mut user)
        };
        if done == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(u64::from(created.dwHighDateTime) << 32 | u64::from(created.dwLowDateTime))
    }

    /// Whether its end was seen. A wait that fails shows nothing, so the process counts as running.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended_within(Duration::ZERO).unwrap_or(false)
    }

    /// Whether it has ended; waits at most `patience` for that.
    ///
    /// # Errors
    /// The system cannot wait, so nothing is known.
    pub fn ended_within(&self, patience: Duration) -> io::Result<bool> {
        let millis = u32::try_from(patience.as_millis()).unwrap_or(INFINITE - 1);
        // SAFETY: the handle is open and may be waited for.
        match unsafe { WaitForSingleObject(self.raw(), millis) } {
            WAIT_OBJECT_0 => Ok(true),
            WAIT_TIMEOUT => Ok(false),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The code that it has ended with; none if it runs, or the system does not say.
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        let mut code = 0;
        // SAFETY: the handle is open and may be asked; the code is writable.
        let done = unsafe { GetExitCodeProcess(self.raw(), &raw mut code) };
        (done != 0 && self.has_ended()).then_some(code)
    }

    /// Ends it. It is not an error if it has ended already.
    ///
    /// # Errors
    /// It was not opened for that.
    pub fn end(&self) -> io::Result<()> {
        // SAFETY: the handle is open; whether it may end the process is for the call to say.
        let done = unsafe { TerminateProcess(self.raw(), 1) };
        let error = io::Error::last_os_error();
        if done == 0 && !self.has_ended() { Err(error) } else { Ok(()) }
    }

    /// Open as long as `self`.
    #[must_use]
    pub fn raw(&self) -> *mut c_void {
        self.0.as_raw_handle()
    }
}

impl From<OwnedHandle> for ProcessHandle {
    fn from(process: OwnedHandle) -> Self {
        Self(process)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_wait_that_fails_is_not_an_end() {
        // A handle that may not wait.
        // SAFETY: takes numbers, gives a new handle or null.
        let no_wait = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, std::process::id()) };
        // SAFETY: the handle is new, open, and nobody else's.
        let own = ProcessHandle(unsafe { OwnedHandle::from_raw_handle(no_wait) });
        assert!(own.ended_within(Duration::ZERO).is_err() && !own.has_ended());
    }

    #[test]
    fn an_end_is_seen_and_may_be_asked_for_twice() {
        let mut child = Command::new("findstr").arg("x").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let handle = ProcessHandle::open_to_end(Pid::new(child.id()).unwrap()).unwrap();
        assert!(!handle.ended_within(Duration::ZERO).unwrap());
        handle.end().unwrap();
        assert!(handle.ended_within(Duration::from_secs(30)).unwrap());
        assert_eq!(handle.code(), Some(1));
        handle.end().unwrap();
        child.wait().unwrap();
    }
}
