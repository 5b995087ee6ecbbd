//! Jobs: what is in one may end with it.
#![expect(unsafe_code, reason = "the system has no safe calls for jobs")]

use std::io;
use std::mem::{size_of, zeroed};
use std::ptr::null_mut;

use windows_sys::Win32::System::JobObjects::{
    IsProcessInJob, JOB_OBJECT_LIMIT, JOB_OBJECT_LIMIT_BREAKAWAY_OK, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK, JOBOBJECT_BASIC_LIMIT_INFORMATION, JobObjectBasicLimitInformation,
    QueryInformationJobObject,
};

use super::process::{ProcessHandle, this_process};

/// Whether this process is in a job that ends all that is in it, and that its children may not leave. Of nested jobs the innermost
/// counts: Windows shows no other.
#[must_use]
pub fn is_bound_to_job() -> bool {
    limits().is_some_and(bind)
}

fn bind(limits: JOB_OBJECT_LIMIT) -> bool {
    let may_be_left = JOB_OBJECT_LIMIT_BREAKAWAY_OK | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
    limits & JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE != 0 && limits & may_be_left == 0
}

/// The limits of the innermost job of this process; none if it is in no job.
fn limits() -> Option<JOB_OBJECT_LIMIT> {
    let size = u32::try_from(size_of::<JOBOBJECT_BASIC_LIMIT_INFORMATION>()).ok()?;
    // SAFETY: numbers, for which zero is a value.
    let mut limits: JOBOBJECT_BASIC_LIMIT_INFORMATION = unsafe { zeroed() };
    // SAFETY: no handle means the job of this process, and the structure is of the kind and the size that the call names.
    let done = unsafe {
        QueryInformationJobObject(
            null_mut(),
            JobObjectBasicLimitInformation,
            (&raw mut limits).cast(),
            size,
            null_mut(),
        )
    };
    (done != 0).then_some(limits.LimitFlags)
}

/// Whether this process is in any job.
///
/// # Errors
/// The system's refusal.
pub fn is_this_in_job() -> io::Result<bool> {
    // SAFETY: the handle always means this process.
    unsafe { in_job(this_process()) }
}

impl ProcessHandle {
    /// Whether it is in any job.
    ///
    /// # Errors
    /// The system's refusal.
    pub fn is_in_job(&self) -> io::Result<bool> {
        // SAFETY: the handle is open as long as `self`.
        unsafe { in_job(self.raw()) }
    }
}

/// Whether a process is in any job.
///
/// # Safety
/// The handle is open.
unsafe fn in_job(process: *mut std::ffi::c_void) -> io::Result<bool> {
    let mut is_in = 0;
    // SAFETY: the handle is open, no job means any, and the answer is writable.
    let done = unsafe { IsProcessInJob(process, null_mut(), &raw mut is_in) };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(is_in != 0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_binds_if_it_ends_what_may_not_leave_it() {
        assert!(bind(0x2000));
        for harmless in [0, 0x0800, 0x1000, 0x2800, 0x3000] {
            assert!(!bind(harmless), "{harmless:x}");
        }
    }

    #[test]
    fn a_process_asks_about_itself_and_about_others_alike() {
        // PROCESS_QUERY_INFORMATION, which Wine wants for others.
        let own = ProcessHandle::open_for(styxy_core::Pid::new(std::process::id()).unwrap(), 0x400).unwrap();
        assert_eq!(own.is_in_job().unwrap(), is_this_in_job().unwrap());
    }
}
