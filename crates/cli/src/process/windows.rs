//! Windows: process handles. While one is open, its pid is not reused.

use std::io;
use std::time::Duration;

use styxy_client::process::ProcessHandle;
use styxy_core::Pid;

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

    /// None: the handle says which process it is.
    #[expect(clippy::unused_self, reason = "the same signature as on Linux")]
    pub(crate) fn why_by_start(&self) -> Option<io::Error> {
        None
    }

    /// Does nothing: a program without a window cannot be asked to end here.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "the same signature as elsewhere")]
    pub(crate) fn ask(&self) -> io::Result<()> {
        Ok(())
    }

    /// Does nothing: a process is not stopped by a signal here.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "the same signature as elsewhere")]
    pub(crate) fn resume(&self) -> io::Result<()> {
        Ok(())
    }

    /// Does nothing, for the same reason.
    ///
    /// # Errors
    /// None.
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "the same signature as elsewhere")]
    pub(crate) fn freeze(&self) -> io::Result<()> {
        Ok(())
    }

    /// Terminates it. It is not an error if it has already ended.
    ///
    /// # Errors
    /// This user may not end it.
    pub(crate) fn kill(&self) -> io::Result<()> {
        self.0.end()
    }

    /// Whether it has ended; waits at most `patience` for that.
    ///
    /// # Errors
    /// The system cannot wait.
    pub(crate) fn ended_within(&self, patience: Duration) -> io::Result<bool> {
        self.0.ended_within(patience)
    }
}
