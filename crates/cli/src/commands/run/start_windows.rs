//! Runs the command as a child: on Windows a process cannot become another program. This process stays its parent, and the
//! lease's owner, until it ends.
//!
//! Both are in one job. If this process is ended from outside, the system ends the job, so that no server stays behind whose
//! lease has ended. If the command ends by itself, what it left running stays.
#![expect(
    unsafe_code,
    reason = "the system reports console control events by a callback, and has no safe calls for jobs"
)]

use std::ffi::OsString;
use std::mem::{size_of, zeroed};
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::path::{Path, PathBuf};
use std::ptr::null;
use std::{env, io, thread};

use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, CTRL_C_EVENT, SetConsoleCtrlHandler};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT, JOB_OBJECT_LIMIT_BREAKAWAY_OK,
    JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows_sys::Win32::System::Threading::GetCurrentProcess;

use super::environment::Environment;
use crate::process;
use crate::say::exit::Exit;

/// Runs `words` with a changed `environment`, and ends with the command's exit code. A program that is not in `PATH` is looked
/// for in `folders`.
///
/// # Errors
/// There is no such program, or it cannot be run.
pub(super) fn start(
    words: &[OsString],
    environment: &Environment,
    folders: impl Iterator<Item = PathBuf>,
) -> io::Result<Exit> {
    if words.is_empty() {
        return Ok(Exit::Done);
    }
    let path = env::var_os("PATH");
    let mut command = process::command(words, path.as_deref(), folders, Path::new(""))?;
    environment.apply(&mut command);
    // SAFETY: the function exists as long as the process, and accesses nothing.
    unsafe { SetConsoleCtrlHandler(Some(leave_to_the_command), 1) };
    // Some jobs that this process may be in already forbid another one. The command runs all the same.
    let job = Job::of_this_process().ok();
    let status = command.status();
    if let Some(job) = job {
        job.keep_what_runs();
    }
    std::process::exit(status?.code().unwrap_or(1));
}

/// A job with this process and all that it starts from now on. Its end is the end of all of them.
struct Job(OwnedHandle);

impl Job {
    /// Puts this process in a job of its own: a child is then born in it, before it runs.
    fn of_this_process() -> io::Result<Self> {
        // SAFETY: asks for no name and no access list, and gives a new handle or null.
        let handle = unsafe { CreateJobObjectW(null(), null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle is new and open, and nothing else owns it. No child inherits it.
        let job = Self(unsafe { OwnedHandle::from_raw_handle(handle) });
        // SAFETY: the handle is open, and the other one always means this process.
        if unsafe { AssignProcessToJobObject(job.0.as_raw_handle(), GetCurrentProcess()) } == 0 {
            return Err(io::Error::last_os_error());
        }
        // A daemon that a command starts leaves the job.
        job.limit(JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_BREAKAWAY_OK)?;
        Ok(job)
    }

    fn limit(&self, flags: JOB_OBJECT_LIMIT) -> io::Result<()> {
        // SAFETY: numbers, for which zero is a value.
        let mut limits: JOBOBJECT_EXTENDED_LIMIT_INFORMATION = unsafe { zeroed() };
        limits.BasicLimitInformation.LimitFlags = flags;
        let size =
            u32::try_from(size_of::<JOBOBJECT_EXTENDED_LIMIT_INFORMATION>()).map_err(io::Error::other)?;
        // SAFETY: the handle is open, and the structure is of the kind and the size that the call names.
        let done = unsafe {
            SetInformationJobObject(
                self.0.as_raw_handle(),
                JobObjectExtendedLimitInformation,
                (&raw const limits).cast(),
                size,
            )
        };
        if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Lets what the command left running live on, so that a server keeps its lease; and this process, which is in the job too.
    fn keep_what_runs(self) {
        // The system refuses a limit only to those who may not set it, and this process has set one before.
        let _ = self.limit(JOB_OBJECT_LIMIT_BREAKAWAY_OK);
    }
}

/// Ctrl-C and similar events reach the command by themselves; this process waits for it to end.
///
/// The system calls this on a thread of its own.
unsafe extern "system" fn leave_to_the_command(event: u32) -> i32 {
    // After these the system ends this process, and with it the job, as soon as this function returns. It waits some seconds for
    // that, and the command may need them to clean up. Its end is the end of this process and of this thread.
    while ends_the_process(event) {
        thread::park();
    }
    1
}

/// Whether the system ends the process whatever its handler says: the console is closed, the user logs off, or the machine shuts
/// down.
const fn ends_the_process(event: u32) -> bool {
    !matches!(event, CTRL_C_EVENT | CTRL_BREAK_EVENT)
}

#[cfg(test)]
mod tests {
    use windows_sys::Win32::System::Console::{CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT};

    use super::*;

    #[test]
    fn only_a_key_leaves_the_process_running() {
        for key in [CTRL_C_EVENT, CTRL_BREAK_EVENT] {
            // SAFETY: it accesses nothing.
            assert_eq!(unsafe { leave_to_the_command(key) }, 1);
        }
        for end in [CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT] {
            assert!(ends_the_process(end), "{end}");
        }
    }
}
