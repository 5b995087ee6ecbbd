//! The daemon's process on Windows: it inherits three handles, and leaves the job of its starter if that job allows it.
//!
//! The standard library lets a child inherit every handle that can be inherited. One of them is often the caller's own
//! standard output, a pipe that somebody reads to its end: `for /f %p in ('styxy allocate -q')` would wait for the end of
//! the daemon. A list of handles prevents that, also in programs that have others, such as Node.
#![expect(unsafe_code, reason = "the standard library has no list of handles to inherit")]

use std::ffi::{OsStr, OsString, c_void};
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter};
use std::mem::{size_of, size_of_val, zeroed};
use std::os::windows::ffi::OsStrExt as _;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::path::{Path, PathBuf};
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, HANDLE, HANDLE_FLAG_INHERIT, SetHandleInformation,
};
use windows_sys::Win32::System::Threading::{
    CREATE_BREAKAWAY_FROM_JOB, CREATE_NEW_PROCESS_GROUP, CREATE_UNICODE_ENVIRONMENT, CreateProcessW,
    DETACHED_PROCESS, DeleteProcThreadAttributeList, EXTENDED_STARTUPINFO_PRESENT,
    InitializeProcThreadAttributeList, PROC_THREAD_ATTRIBUTE_HANDLE_LIST, PROCESS_INFORMATION,
    STARTF_USESTDHANDLES, STARTUPINFOEXW, UpdateProcThreadAttribute,
};

use crate::Environment;

/// A daemon that was started: nothing has to be waited for here.
pub(super) struct Started;

/// Starts `program` as the daemon: what it says, and its process. It inherits nothing else that is open.
///
/// # Errors
/// There is no such program, or it cannot be run.
pub(super) fn start(program: &Path, environment: &Environment) -> io::Result<(PipeReader, Started)> {
    let program = found(program, environment);
    // A path has no quotes here.
    let line = wide(&["\"".as_ref(), program.as_os_str(), "\" daemon run --detached".as_ref()])?;
    let program = wide(&[program.as_os_str()])?;
    let block = block(environment)?;
    let (says, stdout) = io::pipe()?;
    let handles = Inherited::new(stdout)?;
    // The job of a terminal or of a CI runner ends what is in it, and may forbid to leave it. Then the daemon ends with the job.
    let started = match handles.start(&program, line.clone(), &block, CREATE_BREAKAWAY_FROM_JOB) {
        Err(error) if error.raw_os_error() == i32::try_from(ERROR_ACCESS_DENIED).ok() => {
            handles.start(&program, line, &block, 0)
        }
        started => started,
    };
    // Our end of the pipe is closed with `handles`, so that its other end ends with the daemon.
    drop(handles);
    started.map(|()| (says, Started))
}

impl Started {
    /// Nothing: there are no signals.
    #[expect(clippy::unused_self, reason = "as on the other systems")]
    pub(super) const fn ended_by(self) -> Option<i32> {
        None
    }

    /// Nothing to do: there are no zombies.
    #[expect(clippy::unused_self, reason = "as on the other systems")]
    pub(super) const fn reap(self) {}
}

/// The handles that the child inherits, by the list that says so. No two of them are the same: the daemon closes some of them.
struct Inherited {
    stdin: File,
    stdout: PipeWriter,
    stderr: File,
    /// Read by the system through the list, so it stays where it is.
    all: Box<[HANDLE; 3]>,
    /// The list, as the system lays it out.
    list: Vec<usize>,
}

impl Inherited {
    fn new(stdout: PipeWriter) -> io::Result<Self> {
        let (stdin, stderr) = (File::open("NUL")?, File::options().write(true).open("NUL")?);
        let all = Box::new([stdin.as_raw_handle(), stdout.as_raw_handle(), stderr.as_raw_handle()]);
        for handle in *all {
            // SAFETY: the handle is open while its owner lives.
            done(unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) })?;
        }
        let mut bytes = 0;
        // SAFETY: with no list the call only says how long one is, and "fails".
        unsafe { InitializeProcThreadAttributeList(null_mut(), 1, 0, &raw mut bytes) };
        let mut list = vec![0_usize; bytes.div_ceil(size_of::<usize>())];
        // SAFETY: the list has as many bytes as the call asked for, aligned as a pointer.
        done(unsafe { InitializeProcThreadAttributeList(list.as_mut_ptr().cast(), 1, 0, &raw mut bytes) })?;
        // From here on the list is deleted with the value.
        let mut inherited = Self { stdin, stdout, stderr, all, list };
        // SAFETY: the list was initialised for one attribute. The handles live in a box that lives as long as the list.
        done(unsafe {
            UpdateProcThreadAttribute(
                inherited.list.as_mut_ptr().cast(),
                0,
                usize::try_from(PROC_THREAD_ATTRIBUTE_HANDLE_LIST).map_err(io::Error::other)?,
                inherited.all.as_ptr().cast::<c_void>(),
                size_of_val(&*inherited.all),
                null_mut(),
                null(),
            )
        })?;
        Ok(inherited)
    }

    fn start(&self, program: &[u16], mut line: Vec<u16>, block: &[u16], job: u32) -> io::Result<()> {
        let flags = DETACHED_PROCESS
            | CREATE_NEW_PROCESS_GROUP
            | CREATE_UNICODE_ENVIRONMENT
            | EXTENDED_STARTUPINFO_PRESENT;
        // SAFETY: integers and pointers, for which zero is a value.
        let mut startup: STARTUPINFOEXW = unsafe { zeroed() };
        startup.StartupInfo.cb = u32::try_from(size_of::<STARTUPINFOEXW>()).map_err(io::Error::other)?;
        startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
        startup.StartupInfo.hStdInput = self.stdin.as_raw_handle();
        startup.StartupInfo.hStdOutput = self.stdout.as_raw_handle();
        startup.StartupInfo.hStdError = self.stderr.as_raw_handle();
        startup.lpAttributeList = self.list.as_ptr().cast_mut().cast();
        // SAFETY: as above.
        let mut process: PROCESS_INFORMATION = unsafe { zeroed() };
        // SAFETY: the texts end with NUL, the block with two, the line is writable, the list lives as long as `self`, and
        // both structures are of the kind that the flags say.
        done(unsafe {
            CreateProcessW(
                program.as_ptr(),
                line.as_mut_ptr(),
                null(),
                null(),
                1,
                flags | job,
                block.as_ptr().cast(),
                null(),
                (&raw const startup).cast(),
                &raw mut process,
            )
        })?;
        for handle in [process.hThread, process.hProcess] {
            // SAFETY: the handle is new, open, and nobody else's.
            drop(unsafe { OwnedHandle::from_raw_handle(handle) });
        }
        Ok(())
    }
}

impl Drop for Inherited {
    fn drop(&mut self) {
        // SAFETY: the list was initialised, and is not used again.
        unsafe { DeleteProcThreadAttributeList(self.list.as_mut_ptr().cast()) };
    }
}

fn done(result: i32) -> io::Result<()> {
    if result == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The file of a program that may be named without a folder and without `.exe`. The current folder is not looked in.
fn found(program: &Path, environment: &Environment) -> PathBuf {
    let is_name = program.components().count() < 2;
    let path = environment.iter().find(|(name, _)| name.eq_ignore_ascii_case("PATH")).map(|(_, path)| path);
    let folders = path.filter(|_| is_name).into_iter().flat_map(std::env::split_paths);
    let files = folders.map(|folder| folder.join(program)).chain([program.to_owned()]);
    let both = files.flat_map(|file| {
        let mut ending = file.clone().into_os_string();
        ending.push(".exe");
        [file, ending.into()]
    });
    let mut there = both.filter(|file| file.is_file());
    there.next().unwrap_or_else(|| program.to_owned())
}

/// The parts as one text, as the system reads it: closed with NUL.
fn wide(parts: &[&OsStr]) -> io::Result<Vec<u16>> {
    let mut units: Vec<u16> = parts.iter().flat_map(|part| part.encode_wide()).collect();
    if units.contains(&0) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a NUL in the program's path or a variable"));
    }
    units.push(0);
    Ok(units)
}

/// The variables as the system reads them: sorted by name, each closed with NUL, one more at the end.
fn block(environment: &Environment) -> io::Result<Vec<u16>> {
    let mut variables: Vec<(&OsString, &OsString)> = environment.iter().collect();
    variables.sort_unstable_by_key(|(name, _)| name.to_ascii_uppercase());
    let mut block = Vec::new();
    for (name, value) in variables {
        block.extend(wide(&[name, "=".as_ref(), value])?);
    }
    // A block without variables has two as well.
    if block.is_empty() {
        block.push(0);
    }
    block.push(0);
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn variables_are_sorted_whatever_the_case_of_their_names() {
        let given = environment(&[("b", "2"), ("A", "1"), ("C", "")]);
        assert_eq!(String::from_utf16(&block(&given).unwrap()).unwrap(), "A=1\0b=2\0C=\0\0");
        assert_eq!(block(&Environment::new()).unwrap(), [0, 0]);
        assert!(block(&environment(&[("A", "1\0B=2")])).is_err());
    }

    #[test]
    fn no_standard_handle_of_the_daemon_is_another_one_too() {
        let (_says, stdout) = io::pipe().unwrap();
        let [stdin, stdout, stderr] = *Inherited::new(stdout).unwrap().all;
        assert!(stdin != stdout && stdout != stderr && stderr != stdin);
    }

    #[test]
    fn a_program_without_a_folder_is_looked_up_in_the_given_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("styxy.exe");
        std::fs::write(&file, "").unwrap();
        let given = environment(&[("Path", folder.path().to_str().unwrap())]);
        assert_eq!(found(Path::new("styxy"), &given), file);
        assert_eq!(found(Path::new("other"), &given), Path::new("other"));
        assert_eq!(found(&folder.path().join("styxy"), &Environment::new()), file);
    }
}
