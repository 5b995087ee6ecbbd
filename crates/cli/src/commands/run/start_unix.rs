//! Becomes the command (`exec`). Of this process only the pid remains, and with it the lease.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use super::environment::Environment;
use crate::say::exit::Exit;

/// Runs `words` with a changed `environment`; does not return if that succeeds. A program that is not in `PATH` is looked for
/// in `folders`.
///
/// # Errors
/// There is no such program, or it cannot be run.
pub(super) fn start(
    words: &[OsString],
    environment: &Environment,
    mut folders: impl Iterator<Item = PathBuf>,
) -> io::Result<Exit> {
    let Some((program, args)) = words.split_first() else { return Ok(Exit::Done) };
    let become_it = |file: &OsStr| {
        let mut command = Command::new(file);
        command.arg0(program).args(args);
        environment.apply(&mut command);
        command.exec()
    };
    let error = become_it(program);
    let is_name = !program.as_encoded_bytes().contains(&b'/');
    match folders.find_map(|folder| Some(folder.join(program)).filter(|file| is_name && file.is_file())) {
        Some(file) if error.kind() == io::ErrorKind::NotFound => Err(become_it(file.as_os_str())),
        Some(_) | None => Err(error),
    }
}
