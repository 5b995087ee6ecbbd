//! Signals, on Linux and macOS.

use rustix::process::Signal;
use styxy_core::Pid;

use super::table::Entry;
use super::{Act, Handle};

impl Handle {
    /// Sends it the signal. It is not an error if it has already ended.
    ///
    /// # Errors
    /// This user may not signal it.
    pub(crate) fn act(&self, act: Act) -> std::io::Result<()> {
        self.send(match act {
            Act::Ask => Signal::TERM,
            Act::Resume => Signal::CONT,
            Act::Freeze => Signal::STOP,
            Act::Kill => Signal::KILL,
        })
    }
}

/// Interrupts these processes as a Ctrl-C in the terminal of `leader` would: its group, or all of them where that is empty. Says whether
/// that can reach any here.
pub(crate) fn interrupt(members: &[Entry], leader: u32) -> bool {
    let in_front = |entry: &&Entry| entry.group == Some(leader);
    let has_front = members.iter().any(|entry| in_front(&entry));
    for entry in members.iter().filter(|entry| !has_front || in_front(entry)) {
        // What has ended since, or may not be signalled, is found again.
        if let Some(handle) = Pid::new(entry.pid).and_then(|pid| Handle::open(pid).ok().flatten()) {
            let _ = handle.send(Signal::INT);
        }
    }
    true
}

/// Processes that the system keeps together. Only Windows does that, with jobs.
#[derive(Debug)]
pub(crate) enum Together {}

impl Together {
    /// Those of a service that was started with this mark; none if the system does not know them.
    pub(crate) const fn of(_: &str) -> Option<Self> {
        None
    }

    /// Those that run now.
    pub(crate) const fn pids(&self) -> Vec<u32> {
        match *self {}
    }
}
