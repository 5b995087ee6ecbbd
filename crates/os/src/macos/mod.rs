//! macOS: libproc.

pub mod libproc;

use std::io;

use rustix::io::Errno;
use rustix::process::{Pid as Number, test_kill_process};
use styxy_core::{Link, Pid};

/// The process' parent. Takes some microseconds.
///
/// The kernel gives the children of a process that ends to another one, so the parent that it names runs: no start is needed
/// to compare. There would be none for other users' processes, and the clock that it is taken from can be set.
///
/// # Errors
/// `NotFound` if there is no such process.
pub fn link(pid: Pid) -> io::Result<Link> {
    // Of processes of every user: `sudo` is one of root's, and the agent is above it.
    let info = libproc::info::<libproc::ShortInfo>(pid)?;
    Ok(Link { parent: Pid::new(info.pbsi_ppid), started: None })
}

/// Whether there is a process with this pid, of any user.
#[must_use]
pub fn runs(pid: Pid) -> bool {
    let number = i32::try_from(pid.get()).ok().and_then(Number::from_raw);
    number.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}
