//! Becoming the command. Nothing of this process is left behind but its pid, and with it the lease.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::environment::Environment;
use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// Runs `words` with `environment` changed; does not return if that works.
///
/// # Errors
/// There is no such program, or it cannot be run.
pub(super) fn start(words: &[OsString], environment: &Environment) -> Result<Exit, Failure> {
    let Some((program, args)) = words.split_first() else { return Ok(Exit::Done) };
    let mut command = Command::new(program);
    command.args(args);
    environment.apply(&mut command);
    Err(Failure::not_run(program, &command.exec()))
}
