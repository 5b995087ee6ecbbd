//! Whether a process runs.

#[cfg(any(unix, test))]
use styxy_core::Pid;

/// Whether there is a process with this pid, of any user.
#[cfg(target_os = "linux")]
#[must_use]
pub fn runs(pid: Pid) -> bool {
    std::path::Path::new(&format!("/proc/{pid}/stat")).exists()
}

/// Whether there is a process with this pid, of any user.
#[cfg(all(unix, not(target_os = "linux")))]
#[must_use]
pub fn runs(pid: Pid) -> bool {
    use rustix::io::Errno;
    use rustix::process::{Pid as Number, test_kill_process};

    let number = i32::try_from(pid.get()).ok().and_then(Number::from_raw);
    number.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

#[cfg(windows)]
#[expect(unsafe_code, reason = "the system's calls on processes have no safe wrapper")]
mod windows {
    use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};

    use styxy_core::Pid;
    use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, GetLastError, WAIT_OBJECT_0};
    use windows_sys::Win32::System::Threading::{OpenProcess, PROCESS_SYNCHRONIZE, WaitForSingleObject};

    /// Whether a process with this pid runs; one that may not be opened does.
    #[must_use]
    pub fn runs(pid: Pid) -> bool {
        // SAFETY: takes numbers, returns a new handle or null.
        let handle = unsafe { OpenProcess(PROCESS_SYNCHRONIZE, 0, pid.get()) };
        if handle.is_null() {
            // SAFETY: takes nothing, and reads this thread's last error.
            return unsafe { GetLastError() } == ERROR_ACCESS_DENIED;
        }
        // SAFETY: the handle is new and open, and nothing else owns it.
        let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
        // SAFETY: the handle is open and may be waited for.
        unsafe { WaitForSingleObject(handle.as_raw_handle(), 0) != WAIT_OBJECT_0 }
    }
}
#[cfg(windows)]
pub use windows::runs;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_and_one_that_never_was_does_not() {
        assert!(runs(Pid::new(std::process::id()).unwrap()));
        assert!(!runs(Pid::new(2_147_483_000).unwrap()));
    }
}
