//! Windows: process handles. While one is open, its pid is not reused.

use std::io;
use std::time::Duration;

use styxy_client::process::ProcessHandle;
use styxy_core::Pid;

use super::Act;

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

    /// Whether it has ended; waits at most `patience` for that.
    ///
    /// # Errors
    /// The system cannot wait.
    pub(crate) fn ended_within(&self, patience: Duration) -> io::Result<bool> {
        self.0.ended_within(patience)
    }
}
