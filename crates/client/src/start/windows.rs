//! The daemon's process on Windows: it inherits three handles, and is not in the job of its starter.
//!
//! The standard library lets a child inherit every handle that can be inherited. One of them is often the caller's own
//! standard output, a pipe that somebody reads to its end: `for /f %p in ('styxy allocate -q')` would wait for the end of
//! the daemon. A list of handles prevents that, also in programs that have others, such as Node.
//!
//! The job of a terminal, a CI runner or an agent's shell ends what is in it. Where it may not be left, the daemon becomes the
//! child of a process that is in no job. Only where there is none it is in the job, and says so in its status.

#[path = "windows/outside.rs"]
mod outside;
#[path = "windows/process.rs"]
mod process;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, PipeReader};
use std::os::windows::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use windows_sys::Win32::System::Threading::{CREATE_BREAKAWAY_FROM_JOB, CREATE_SUSPENDED};

use crate::Environment;
use process::{Child, Program, Standard};
use styxy_core::order::Order as _;

/// A daemon that was started: nothing has to be waited for here.
pub(super) struct Started;

/// Starts `program` as the daemon: what it says, and its process. It inherits nothing else that is open.
///
/// # Errors
/// There is no such program, or it cannot be run.
pub(super) fn start(program: &Path, environment: &Environment) -> io::Result<(PipeReader, Started)> {
    let words = ["daemon", "run", "--detached"].map(OsString::from);
    let nowhere = File::options().write(true).open("NUL")?;
    let says = start_detached(program, &words, environment, nowhere)?;
    Ok((says, Started))
}

/// Starts `program` with these words and variables, without a console and outside of every job if that is possible: what it says. It
/// inherits nothing else that is open than `errors`.
///
/// # Errors
/// There is no such program, or it cannot be run.
pub fn start_detached(
    program: &Path,
    words: &[OsString],
    environment: &Environment,
    errors: File,
) -> io::Result<PipeReader> {
    let program = found(program, environment);
    let mut line = quoted(program.as_os_str());
    for word in words {
        line.push(" ");
        line.push(quoted(word));
    }
    let program =
        Program { file: wide(&[program.as_os_str()])?, line: wide(&[&line])?, block: block(environment)? };
    let (says, stdout) = io::pipe()?;
    let standard = Standard::new(stdout, errors)?;
    start_outside(&program, &standard)?;
    // Our end of the pipe is closed with `standard`, so that its other end ends with the program.
    drop(standard);
    Ok(says)
}

/// A word as programs take a command line apart: a backslash only means something before a quote. No path has quotes here.
fn quoted(word: &OsStr) -> OsString {
    let backslashes = word.as_encoded_bytes().iter().rev().take_while(|byte| **byte == b'\\').count();
    let mut quoted = OsString::from("\"");
    quoted.push(word);
    quoted.push("\\".repeat(backslashes));
    quoted.push("\"");
    quoted
}

/// Starts it outside of every job, or else in this process' own.
fn start_outside(program: &Program, standard: &Standard) -> io::Result<()> {
    if !styxy_os::is_this_in_job().unwrap_or(true) {
        return Child::start(program, standard, None, 0).map(drop);
    }
    // A job around the innermost one may forbid what that allows: then the child is in the outer one. So it does not run yet.
    let leaving = Child::start(program, standard, None, CREATE_BREAKAWAY_FROM_JOB | CREATE_SUSPENDED);
    if let Ok(child) = leaving.as_ref()
        && child.is_outside()
    {
        return child.resume();
    }
    let below = |parent| Child::start(program, standard, Some(&parent), 0).ok();
    let is_below_another = outside::parents().find_map(below).is_some();
    match leaving {
        Ok(child) if is_below_another => {
            // If that fails it is never resumed.
            let _ = child.end();
            Ok(())
        }
        Ok(child) => child.resume(),
        Err(_) if is_below_another => Ok(()),
        Err(_) => Child::start(program, standard, None, 0).map(drop),
    }
}

/// Whether a daemon that is started here would end with the job of this process.
#[must_use]
pub fn ends_with_job() -> bool {
    styxy_os::is_bound_to_job() && outside::parents().next().is_none()
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
    variables.order_by_key(|(name, _)| name.to_ascii_uppercase());
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
    fn a_word_is_quoted_with_the_backslashes_at_its_end() {
        for (word, expected) in [("run", r#""run""#), (r"C:\a b", r#""C:\a b""#), ("C:\\", r#""C:\\""#)] {
            assert_eq!(quoted(OsStr::new(word)), OsStr::new(expected));
        }
    }

    #[test]
    fn no_standard_handle_of_the_daemon_is_another_one_too() {
        let (_says, stdout) = io::pipe().unwrap();
        let nowhere = File::options().write(true).open("NUL").unwrap();
        let [stdin, stdout, stderr] = Standard::new(stdout, nowhere).unwrap().all();
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
