//! Running the command as a child: Windows has no way to become another program. This process stays as its parent, and
//! as the lease's owner, until it ends.
#![expect(unsafe_code, reason = "the console's control events are told by a callback of the system")]

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use windows_sys::Win32::System::Console::SetConsoleCtrlHandler;

use super::environment::Environment;
use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// Runs `words` with `environment` changed and ends as the command does.
///
/// # Errors
/// There is no such program, or it cannot be run.
pub(super) fn start(words: &[OsString], environment: &Environment) -> Result<Exit, Failure> {
    let Some((program, args)) = words.split_first() else { return Ok(Exit::Done) };
    let mut command = Command::new(found(program).as_deref().unwrap_or(Path::new(program)));
    command.args(args);
    environment.apply(&mut command);
    // SAFETY: the function is there as long as the process, and touches nothing.
    unsafe { SetConsoleCtrlHandler(Some(leave_to_the_command), 1) };
    let status = command.status().map_err(|error| Failure::not_run(program, &error))?;
    std::process::exit(status.code().unwrap_or(1));
}

/// Ctrl-C and its like reach the command by themselves; this process waits for what it makes of them.
unsafe extern "system" fn leave_to_the_command(_: u32) -> i32 {
    1
}

/// The file that `program` means, with the ending that it is written without: npm is `npm.cmd`.
fn found(program: &OsStr) -> Option<PathBuf> {
    let endings = env::var("PATHEXT").unwrap_or_else(|_| ".COM;.EXE;.BAT;.CMD".to_owned());
    let path = Path::new(program);
    let folders: Vec<PathBuf> = if path.components().count() > 1 {
        vec![PathBuf::new()]
    } else {
        env::split_paths(&env::var_os("PATH")?).collect()
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
