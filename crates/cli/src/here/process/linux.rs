//! Linux: pidfds.

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use styxy_core::Pid;

/// One process, running or ended.
#[derive(Debug)]
pub(crate) struct Handle(OwnedFd);

impl Handle {
    /// None if there is no such process.
    ///
    /// # Errors
    /// The kernel has no pidfds (before Linux 5.3), or a sandbox refuses them.
    pub(crate) fn open(pid: Pid) -> io::Result<Option<Self>> {
        let number = i32::try_from(pid.get()).ok().and_then(rustix::process::Pid::from_raw);
        match pidfd_open(number.ok_or(io::ErrorKind::InvalidInput)?, PidfdFlags::empty()) {
            Ok(pidfd) => Ok(Some(Self(pidfd))),
            // EINVAL and ENOENT: the id of a thread.
            Err(Errno::SRCH | Errno::INVAL | Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks it to end (SIGTERM). It is not an error if it has already ended.
    ///
    /// # Errors
    /// This user may not signal it.
    pub(crate) fn ask(&self) -> io::Result<()> {
        self.send(Signal::TERM)
    }

    /// Lets it go on if it is stopped (SIGCONT), so that it receives what it was sent.
    ///
    /// # Errors
    /// Those of [`Handle::ask`].
    pub(crate) fn resume(&self) -> io::Result<()> {
        self.send(Signal::CONT)
    }

    /// Kills it (SIGKILL).
    ///
    /// # Errors
    /// Those of [`Handle::ask`].
    pub(crate) fn kill(&self) -> io::Result<()> {
        self.send(Signal::KILL)
    }

    /// Sends it `signal`.
    ///
    /// # Errors
    /// Those of [`Handle::ask`].
    pub(crate) fn send(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(&self.0, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether it has ended; waits at most `patience` for that. A zombie has ended.
    ///
    /// # Errors
    /// The system cannot wait.
    pub(crate) fn ended_within(&self, patience: Duration) -> io::Result<bool> {
        let patience = Timespec::try_from(patience).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut asked = [PollFd::new(&self.0, PollFlags::IN)];
        Ok(retry_on_intr(|| poll(&mut asked, Some(&patience)))? > 0)
    }
}

/// When the process with this pid started, in clock ticks, if there is one: with the pid this identifies it.
pub(crate) fn started(pid: Pid) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name may contain spaces and parentheses: it ends at the last one. The start is field 22, the state field 3.
    let after = stat.iter().rposition(|byte| *byte == b')')? + 1;
    std::str::from_utf8(&stat[after..]).ok()?.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}

/// Whether the process with this pid that started at `then` still runs.
pub(crate) fn runs(pid: Pid, then: u64) -> bool {
    started(pid) == Some(then)
}
