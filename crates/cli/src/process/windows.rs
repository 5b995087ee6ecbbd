//! Windows: process handles, jobs, and how a command line finds its program. While a handle is open, its pid is not reused.

#[path = "windows/command.rs"]
mod command;
#[path = "windows/together.rs"]
mod together;

use std::io;
use std::time::Duration;

use styxy_client::process::ProcessHandle;
use styxy_core::Pid;

use super::Act;
use super::table::Entry;

pub(crate) use command::command;
pub(crate) use together::Together;

/// Sends Ctrl-Break to the group of `leader`, at its console; nobody can be interrupted alone. Says whether that can reach any.
pub(crate) fn interrupt(_: &[Entry], leader: u32) -> bool {
    Pid::new(leader).is_some_and(|leader| styxy_client::process::interrupt(leader).is_ok())
}

/// One process, running or ended.
#[derive(Debug)]
pub(crate) struct Handle(ProcessHandle);

impl Handle {
    /// None if there is no such process.
    ///
    /// # Errors
    /// This user may not end it.
    pub(crate) fn open(pid: Pid) -> io::Result<Option<Self>> {
        match ProcessHandle::open_to_end(pid) {
            Ok(handle) => Ok(Some(Self(handle)).filter(|handle| !handle.0.has_ended())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Terminates it, or does nothing. It is not an error if it has already ended.
    ///
    /// # Errors
    /// This user may not end it.
    pub(crate) fn act(&self, act: Act) -> io::Result<()> {
        match act {
            Act::Kill => self.0.end(),
            Act::Ask | Act::Resume | Act::Freeze => Ok(()),
        }
    }

    /// The code that it has ended with.
    pub(crate) fn code(&self) -> Option<i32> {
        self.0.code().map(u32::cast_signed)
    }

    /// Whether it has ended; waits at most `patience` for that.
    ///
    /// # Errors
    /// The system cannot wait.
    pub(crate) fn ended_within(&self, patience: Duration) -> io::Result<bool> {
        self.0.ended_within(patience)
    }
}
