//! Runs the command as a child: on Windows a process cannot become another program. This process stays its parent, and the
//! lease's owner, until it ends.
#![expect(unsafe_code, reason = "the system reports console control events by a callback")]

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

use windows_sys::Win32::System::Console::SetConsoleCtrlHandler;

use super::environment::Environment;
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
    let Some((program, args)) = words.split_first() else { return Ok(Exit::Done) };
    let mut command = Command::new(found(program, folders).as_deref().unwrap_or(Path::new(program)));
    command.args(args);
    environment.apply(&mut command);
    // SAFETY: the function exists as long as the process, and accesses nothing.
    unsafe { SetConsoleCtrlHandler(Some(leave_to_the_command), 1) };
    let status = command.status()?;
    std::process::exit(status.code().unwrap_or(1));
}

/// Ctrl-C and similar events reach the command by themselves; this process waits for it to end.
unsafe extern "system" fn leave_to_the_command(_: u32) -> i32 {
    1
}

/// The file of `program`, with the ending that is left out: npm is `npm.cmd`.
fn found(program: &OsStr, more: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    let endings = env::var("PATHEXT").unwrap_or_else(|_| ".COM;.EXE;.BAT;.CMD".to_owned());
    let path = Path::new(program);
    let folders: Vec<PathBuf> = if path.components().count() > 1 {
        vec![PathBuf::new()]
    } else {
        env::split_paths(&env::var_os("PATH")?).chain(more).collect()
    };
    let with = |folder: &PathBuf, ending: &str| {
        let mut file = folder.join(path).into_os_string();
        file.push(ending);
        PathBuf::from(file)
    };
    let has_ending = path.extension().is_some();
    let endings = std::iter::once("").filter(|_| has_ending).chain(endings.split(';'));
    let endings: Vec<&str> = endings.collect();
    folders
        .iter()
        .flat_map(|folder| endings.iter().map(move |ending| with(folder, ending)))
        .find(|file| file.is_file())
}
