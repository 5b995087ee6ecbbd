//! The daemon's process, as a child of this one.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;

use crate::Environment;

/// A daemon that was started.
pub(super) struct Started(Child);

/// Starts `program` as the daemon: what it says, and its process. It inherits nothing else that is open.
///
/// # Errors
/// There is no such program, or it cannot be run.
pub(super) fn start(program: &Path, environment: &Environment) -> io::Result<(impl Read + use<>, Started)> {
    let mut command = Command::new(program);
    command.args(["daemon", "run", "--detached"]);
    command.env_clear().envs(environment);
    let (input, errors) = nothing()?;
    command.current_dir("/").stdin(input).stdout(Stdio::piped()).stderr(errors);
    // The command ends here, and with it its copy of the child's end of the pipe, which must be the only one.
    let mut child = command.spawn()?;
    let says = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok((says, Started(child)))
}

/// An input that is empty, and an output that nobody reads.
fn nothing() -> io::Result<(Stdio, Stdio)> {
    match File::options().read(true).write(true).open("/dev/null") {
        Ok(null) => Ok((null.try_clone()?.into(), null.into())),
        // A root folder that was made by hand may have no `/dev`. A pipe without its other end does the same.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let ((input, _), (_, errors)) = (io::pipe()?, io::pipe()?);
            Ok((input.into(), errors.into()))
        }
        Err(error) => Err(error),
    }
}

impl Started {
    /// Waits for its end, and says which signal ended it if somebody told it to end. A crash is not among these: it would
    /// happen again.
    pub(super) fn ended_by(mut self) -> Option<i32> {
        let told = [Signal::KILL, Signal::TERM];
        let signal = self.0.wait().ok()?.signal()?;
        told.iter().any(|told| told.as_raw() == signal).then_some(signal)
    }

    /// Waits for its end, so that it never stays as a zombie.
    pub(super) fn reap(mut self) {
        let _ = self.0.wait();
    }
}
