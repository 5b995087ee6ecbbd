//! One start of a process that inherits three handles and nothing else that is open.
#![expect(
    unsafe_code,
    reason = "the standard library has no list of handles to inherit, and no other parent"
)]

use std::ffi::c_void;
use std::fs::File;
use std::io::{self, PipeWriter};
use std::mem::{size_of, size_of_val, zeroed};
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::ptr::{null, null_mut};

use styxy_os::{ProcessHandle, this_process};
use windows_sys::Win32::Foundation::{
    DUPLICATE_CLOSE_SOURCE, DUPLICATE_SAME_ACCESS, DuplicateHandle, HANDLE,
};
use windows_sys::Win32::System::Threading::{
    CREATE_NEW_PROCESS_GROUP, CREATE_UNICODE_ENVIRONMENT, CreateProcessW, DETACHED_PROCESS,
    DeleteProcThreadAttributeList, EXTENDED_STARTUPINFO_PRESENT, InitializeProcThreadAttributeList,
    PROC_THREAD_ATTRIBUTE_HANDLE_LIST, PROC_THREAD_ATTRIBUTE_PARENT_PROCESS, PROCESS_CREATION_FLAGS,
    PROCESS_INFORMATION, ResumeThread, STARTF_USESTDHANDLES, STARTUPINFOEXW, UpdateProcThreadAttribute,
};

/// The program, its command line and its variables, as the system reads them.
pub(super) struct Program {
    /// Closed with NUL, as the line is.
    pub(super) file: Vec<u16>,
    pub(super) line: Vec<u16>,
    /// Closed with two NULs.
    pub(super) block: Vec<u16>,
}

/// Its standard handles. No two of them are the same: the daemon closes some of them.
pub(super) struct Standard {
    stdin: File,
    stdout: PipeWriter,
    stderr: File,
}

impl Standard {
    pub(super) fn new(stdout: PipeWriter, stderr: File) -> io::Result<Self> {
        Ok(Self { stdin: File::open("NUL")?, stdout, stderr })
    }

    pub(super) fn all(&self) -> [HANDLE; 3] {
        [self.stdin.as_raw_handle(), self.stdout.as_raw_handle(), self.stderr.as_raw_handle()]
    }
}

/// A process that was started.
pub(super) struct Child {
    process: ProcessHandle,
    thread: OwnedHandle,
}

impl Child {
    /// Starts it as the child of `parent`, or else of this process.
    ///
    /// # Errors
    /// The system's refusal, such as `ERROR_ACCESS_DENIED` for `CREATE_BREAKAWAY_FROM_JOB` where a job forbids it.
    pub(super) fn start(
        program: &Program,
        standard: &Standard,
        parent: Option<&ProcessHandle>,
        flags: PROCESS_CREATION_FLAGS,
    ) -> io::Result<Self> {
        let attributes = Attributes::new(standard, parent)?;
        let [stdin, stdout, stderr] = *attributes.handles.all;
        // SAFETY: integers and pointers, for which zero is a value.
        let mut startup: STARTUPINFOEXW = unsafe { zeroed() };
        startup.StartupInfo.cb = u32::try_from(size_of::<STARTUPINFOEXW>()).map_err(io::Error::other)?;
        startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
        startup.StartupInfo.hStdInput = stdin;
        startup.StartupInfo.hStdOutput = stdout;
        startup.StartupInfo.hStdError = stderr;
        startup.lpAttributeList = attributes.list.as_ptr().cast_mut().cast();
        let flags = flags
            | DETACHED_PROCESS
            | CREATE_NEW_PROCESS_GROUP
            | CREATE_UNICODE_ENVIRONMENT
            | EXTENDED_STARTUPINFO_PRESENT;
        let mut line = program.line.clone();
        // SAFETY: as above.
        let mut started: PROCESS_INFORMATION = unsafe { zeroed() };
        // SAFETY: the texts end with NUL, the block with two, the line is writable, the list lives as long as `attributes`, and
        // both structures are of the kind that the flags say.
        done(unsafe {
            CreateProcessW(
                program.file.as_ptr(),
                line.as_mut_ptr(),
                null(),
                null(),
                1,
                flags,
                program.block.as_ptr().cast(),
                null(),
                (&raw const startup).cast(),
                &raw mut started,
            )
        })?;
        // SAFETY: both handles are new, open, and nobody else's.
        let [process, thread] =
            [started.hProcess, started.hThread].map(|handle| unsafe { OwnedHandle::from_raw_handle(handle) });
        Ok(Self { process: process.into(), thread })
    }

    /// Whether it is in no job at all.
    pub(super) fn is_outside(&self) -> bool {
        matches!(self.process.is_in_job(), Ok(false))
    }

    /// Lets it run that was started suspended.
    pub(super) fn resume(&self) -> io::Result<()> {
        // SAFETY: the handle is open and may resume the thread.
        match unsafe { ResumeThread(self.thread.as_raw_handle()) } {
            u32::MAX => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// Ends it before it has run.
    pub(super) fn end(&self) -> io::Result<()> {
        self.process.end()
    }
}

/// What a start says beside the program: which handles are inherited, and from whom.
struct Attributes<'a> {
    /// As the system lays it out. It points to the two below.
    list: Vec<usize>,
    handles: Handles<'a>,
    parent: Option<Box<HANDLE>>,
}

impl<'a> Attributes<'a> {
    fn new(standard: &Standard, parent: Option<&'a ProcessHandle>) -> io::Result<Self> {
        let handles = Handles::new(standard, parent)?;
        let parent = parent.map(|parent| Box::new(parent.raw()));
        let count = 1 + u32::from(parent.is_some());
        let mut bytes = 0;
        // SAFETY: with no list the call only says how long one is, and "fails".
        unsafe { InitializeProcThreadAttributeList(null_mut(), count, 0, &raw mut bytes) };
        let mut list = vec![0_usize; bytes.div_ceil(size_of::<usize>())];
        // SAFETY: the list has as many bytes as the call asked for, aligned as a pointer.
        done(unsafe {
            InitializeProcThreadAttributeList(list.as_mut_ptr().cast(), count, 0, &raw mut bytes)
        })?;
        // From here on the list is deleted with the value.
        let mut attributes = Self { list, handles, parent };
        let all = (attributes.handles.all.as_ptr().cast(), size_of_val(&*attributes.handles.all));
        attributes.set(PROC_THREAD_ATTRIBUTE_HANDLE_LIST, all)?;
        if let Some(parent) = &attributes.parent {
            let parent = ((&raw const **parent).cast(), size_of::<HANDLE>());
            attributes.set(PROC_THREAD_ATTRIBUTE_PARENT_PROCESS, parent)?;
        }
        Ok(attributes)
    }

    fn set(&mut self, which: u32, (value, size): (*const c_void, usize)) -> io::Result<()> {
        let which = usize::try_from(which).map_err(io::Error::other)?;
        // SAFETY: the list was initialised for these attributes, and the value lives in a box as long as the list.
        done(unsafe {
            UpdateProcThreadAttribute(
                self.list.as_mut_ptr().cast(),
                0,
                which,
                value,
                size,
                null_mut(),
                null(),
            )
        })
    }
}

impl Drop for Attributes<'_> {
    fn drop(&mut self) {
        // SAFETY: the list was initialised, and is not used again.
        unsafe { DeleteProcThreadAttributeList(self.list.as_mut_ptr().cast()) };
    }
}

/// Copies of the standard handles that can be inherited, in the process that they are inherited from.
struct Handles<'a> {
    /// Read by the system through a list, so they stay where they are.
    all: Box<[HANDLE; 3]>,
    parent: Option<&'a ProcessHandle>,
}

impl<'a> Handles<'a> {
    fn new(standard: &Standard, parent: Option<&'a ProcessHandle>) -> io::Result<Self> {
        // What was made so far is closed again if the next one fails.
        let mut handles = Self { all: Box::new([null_mut(); 3]), parent };
        for (handle, copy) in standard.all().into_iter().zip(0..) {
            let to = handles.holder();
            // SAFETY: both processes' handles and the handle are open; the copy is writable.
            done(unsafe {
                DuplicateHandle(
                    this_process(),
                    handle,
                    to,
                    &raw mut handles.all[copy],
                    0,
                    1,
                    DUPLICATE_SAME_ACCESS,
                )
            })?;
        }
        Ok(handles)
    }

    fn holder(&self) -> HANDLE {
        self.parent.map_or_else(this_process, ProcessHandle::raw)
    }
}

impl Drop for Handles<'_> {
    fn drop(&mut self) {
        for handle in self.all.iter().filter(|handle| !handle.is_null()) {
            // SAFETY: the process' handle is open, and the copy in it is this struct's own. It goes nowhere: it is closed.
            unsafe {
                DuplicateHandle(self.holder(), *handle, null_mut(), null_mut(), 0, 0, DUPLICATE_CLOSE_SOURCE)
            };
        }
    }
}

fn done(result: i32) -> io::Result<()> {
    if result == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
