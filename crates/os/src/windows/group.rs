//! Processes that the system keeps together: jobs that are found by their names, and what is sent to all that share a console.
#![expect(unsafe_code, reason = "the system has no safe calls for jobs, threads and consoles")]

use std::io;
use std::mem::{size_of, zeroed};
use std::os::windows::io::{AsRawHandle as _, BorrowedHandle, FromRawHandle as _, OwnedHandle};
use std::ptr::{null, null_mut};
use std::sync::Mutex;

use styxy_core::Pid;
use windows_sys::Win32::Foundation::{
    DUPLICATE_SAME_ACCESS, DuplicateHandle, ERROR_ALREADY_EXISTS, ERROR_FILE_NOT_FOUND, ERROR_MORE_DATA,
    GetLastError, HANDLE, INVALID_HANDLE_VALUE,
};
use windows_sys::Win32::System::Console::{
    AttachConsole, CTRL_BREAK_EVENT, FreeConsole, GenerateConsoleCtrlEvent, GetStdHandle, STD_ERROR_HANDLE,
    STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, SetStdHandle,
};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_BREAKAWAY_OK,
    JOBOBJECT_BASIC_PROCESS_ID_LIST, JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectBasicProcessIdList,
    JobObjectExtendedLimitInformation, OpenJobObjectW, QueryInformationJobObject, SetInformationJobObject,
};
use windows_sys::Win32::System::SystemServices::JOB_OBJECT_QUERY;
use windows_sys::Win32::System::Threading::{OpenThread, ResumeThread, THREAD_SUSPEND_RESUME};

use super::process::this_process;

/// A job with a name in this user's session. What is in it outlives the job's maker, and may leave it.
#[derive(Debug)]
pub struct NamedJob(OwnedHandle);

impl NamedJob {
    /// Makes a new one.
    ///
    /// # Errors
    /// There is one of this name already, or the system refuses it.
    pub fn new(name: &str) -> io::Result<Self> {
        let name = wide(name);
        // SAFETY: the name ends with NUL; without an access list this user's own is taken.
        let handle = unsafe { CreateJobObjectW(null(), name.as_ptr()) };
        // SAFETY: reads a number of this thread's.
        let was_there = unsafe { GetLastError() } == ERROR_ALREADY_EXISTS;
        let job = Self::owned(handle)?;
        if was_there {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        // SAFETY: numbers, for which zero is a value.
        let mut limits: JOBOBJECT_EXTENDED_LIMIT_INFORMATION = unsafe { zeroed() };
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_BREAKAWAY_OK;
        let size =
            u32::try_from(size_of::<JOBOBJECT_EXTENDED_LIMIT_INFORMATION>()).map_err(io::Error::other)?;
        // SAFETY: the handle is open, and the structure is of the kind and the size that the call names.
        done(unsafe {
            SetInformationJobObject(
                job.raw(),
                JobObjectExtendedLimitInformation,
                (&raw const limits).cast(),
                size,
            )
        })?;
        Ok(job)
    }

    /// The job of this name; none if nobody holds one any more.
    ///
    /// # Errors
    /// It is another user's.
    pub fn find(name: &str) -> io::Result<Option<Self>> {
        let name = wide(name);
        // SAFETY: the name ends with NUL.
        let handle = unsafe { OpenJobObjectW(JOB_OBJECT_QUERY, 0, name.as_ptr()) };
        match Self::owned(handle) {
            Ok(job) => Ok(Some(job)),
            Err(error) if is(&error, ERROR_FILE_NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn owned(handle: HANDLE) -> io::Result<Self> {
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle is new and open, and nothing else owns it. No child inherits it.
        Ok(Self(unsafe { OwnedHandle::from_raw_handle(handle) }))
    }

    /// Puts a process into it, with all that it starts from now on, and lets the process hold the job: Windows forgets the name of a
    /// job that nobody holds, whoever is in it.
    ///
    /// # Errors
    /// The process is in a job that forbids that.
    pub fn take_in(&self, process: BorrowedHandle<'_>) -> io::Result<()> {
        // SAFETY: both handles are open.
        done(unsafe { AssignProcessToJobObject(self.raw(), process.as_raw_handle()) })?;
        let mut copy = null_mut();
        // SAFETY: the handles are open, and the copy is the process' own: it is closed with its end.
        done(unsafe {
            DuplicateHandle(
                this_process(),
                self.raw(),
                process.as_raw_handle(),
                &raw mut copy,
                0,
                0,
                DUPLICATE_SAME_ACCESS,
            )
        })
    }

    /// The processes that are in it now.
    ///
    /// # Errors
    /// The system does not say.
    pub fn pids(&self) -> io::Result<Vec<u32>> {
        let mut room = 64;
        loop {
            // Two numbers of 32 bits, and then one of 64 for each process.
            let mut list = vec![0_usize; 1 + room];
            let size = u32::try_from(list.len() * size_of::<usize>()).map_err(io::Error::other)?;
            // SAFETY: the handle is open; the list is as large as the call is told, and aligned as the structure.
            let asked = done(unsafe {
                QueryInformationJobObject(
                    self.raw(),
                    JobObjectBasicProcessIdList,
                    list.as_mut_ptr().cast(),
                    size,
                    null_mut(),
                )
            });
            let head = list.as_ptr().cast::<JOBOBJECT_BASIC_PROCESS_ID_LIST>();
            // SAFETY: the list begins with these two numbers.
            let (all, here) =
                unsafe { ((*head).NumberOfAssignedProcesses, (*head).NumberOfProcessIdsInList) };
            match asked {
                Err(error) if !is(&error, ERROR_MORE_DATA) => return Err(error),
                Ok(()) if all <= here => {
                    let pids = list[1..].iter().take(usize::try_from(here).unwrap_or_default());
                    return Ok(pids.filter_map(|pid| u32::try_from(*pid).ok()).collect());
                }
                Ok(()) | Err(_) => room *= 4,
            }
        }
    }

    fn raw(&self) -> HANDLE {
        self.0.as_raw_handle()
    }
}

/// Lets a process run that was started suspended.
///
/// # Errors
/// It has ended, or the system refuses it.
pub fn resume(pid: Pid) -> io::Result<()> {
    // SAFETY: takes numbers, gives a new handle or an invalid one.
    let threads = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0) };
    if threads == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle is new, open, and nobody else's.
    let threads = unsafe { OwnedHandle::from_raw_handle(threads) };
    // SAFETY: numbers, for which zero is a value.
    let mut entry: THREADENTRY32 = unsafe { zeroed() };
    entry.dwSize = u32::try_from(size_of::<THREADENTRY32>()).map_err(io::Error::other)?;
    // SAFETY: the handle is open, and the entry says how large it is.
    let mut there = unsafe { Thread32First(threads.as_raw_handle(), &raw mut entry) };
    let mut found = false;
    while there != 0 {
        if entry.th32OwnerProcessID == pid.get() {
            resume_thread(entry.th32ThreadID)?;
            found = true;
        }
        // SAFETY: as above.
        there = unsafe { Thread32Next(threads.as_raw_handle(), &raw mut entry) };
    }
    if found { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
}

fn resume_thread(id: u32) -> io::Result<()> {
    // SAFETY: takes numbers, gives a new handle or null.
    let thread = unsafe { OpenThread(THREAD_SUSPEND_RESUME, 0, id) };
    if thread.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle is new, open, and nobody else's.
    let thread = unsafe { OwnedHandle::from_raw_handle(thread) };
    // SAFETY: the handle is open and may resume the thread.
    match unsafe { ResumeThread(thread.as_raw_handle()) } {
        u32::MAX => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// A process can be at one console at a time.
static CONSOLE: Mutex<()> = Mutex::new(());

/// Sends Ctrl-Break to the processes of the group that `leader` leads, at its console: programs may end by themselves then. For a
/// process without a console of its own.
///
/// # Errors
/// The leader has ended, or has no console, or this process has one.
pub fn interrupt(leader: Pid) -> io::Result<()> {
    const STANDARD: [u32; 3] = [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE];
    let _one = CONSOLE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // SAFETY: only numbers and handles that are this process' own.
    unsafe {
        let before = STANDARD.map(|which| GetStdHandle(which));
        done(AttachConsole(leader.get()))?;
        // The group alone is meant, which this process is not in.
        let sent = done(GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, leader.get()));
        FreeConsole();
        for (which, handle) in STANDARD.into_iter().zip(before) {
            SetStdHandle(which, handle);
        }
        sent
    }
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == i32::try_from(code).ok()
}

fn done(result: i32) -> io::Result<()> {
    if result == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::os::windows::io::AsHandle as _;
    use std::os::windows::process::CommandExt as _;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    const CREATE_SUSPENDED: u32 = 4;

    #[test]
    fn a_job_is_found_by_its_name_as_long_as_a_process_holds_it() {
        let name = format!(r"Local\styxy-test-{}", std::process::id());
        let job = NamedJob::new(&name).unwrap();
        assert_eq!(NamedJob::new(&name).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        let mut command = Command::new("findstr");
        command.arg("x").stdin(Stdio::piped()).stdout(Stdio::null()).creation_flags(CREATE_SUSPENDED);
        let mut child = command.spawn().unwrap();
        job.take_in(child.as_handle()).unwrap();
        resume(Pid::new(child.id()).unwrap()).unwrap();
        assert_eq!(job.pids().unwrap(), [child.id()]);
        drop(job);
        assert_eq!(NamedJob::find(&name).unwrap().expect("it is held").pids().unwrap(), [child.id()]);
        drop(child.stdin.take());
        child.wait().unwrap();
        drop(child);
        // What an ended process held is let go of a moment later.
        let deadline = Instant::now() + Duration::from_secs(30);
        while NamedJob::find(&name).unwrap().is_some() {
            assert!(Instant::now() < deadline, "somebody still holds it");
            std::thread::yield_now();
        }
    }
}
