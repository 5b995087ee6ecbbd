//! macOS: a queue that is told of one process' end.
#![expect(unsafe_code, reason = "rustix asks for a promise about the descriptors in a change list")]

use std::cell::Cell;
use std::io;
use std::ptr::null_mut;
use std::time::Duration;

use rustix::event::kqueue::{Event, EventFilter, EventFlags, ProcessEvents, kevent, kqueue};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::{Signal, kill_process, test_kill_process};
use styxy_core::Pid;

/// One process, running or ended.
#[derive(Debug)]
pub(crate) struct Handle {
    pid: rustix::process::Pid,
    queue: OwnedFd,
    ended: Cell<bool>,
}

fn number(pid: Pid) -> Option<rustix::process::Pid> {
    i32::try_from(pid.get()).ok().and_then(rustix::process::Pid::from_raw)
}

impl Handle {
    /// None if there is no such process.
    ///
    /// # Errors
    /// No descriptor was left.
    pub(crate) fn open(pid: Pid) -> io::Result<Option<Self>> {
        let pid = number(pid).ok_or(io::ErrorKind::InvalidInput)?;
        let queue = kqueue()?;
        let filter = EventFilter::Proc { pid, flags: ProcessEvents::EXIT };
        let wanted = [Event::new(filter, EventFlags::ADD, null_mut())];
        let mut none: [Event; 0] = [];
        // SAFETY: the change list names a process, no descriptor that would have to stay open.
        match unsafe { kevent(&queue, &wanted, &mut none[..], None) } {
            Ok(_) => Ok(Some(Self { pid, queue, ended: Cell::new(false) })),
            Err(Errno::SRCH) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks it to end; that it has ended already is no error.
    ///
    /// # Errors
    /// It is not ours to end.
    pub(crate) fn ask(&self) -> io::Result<()> {
        self.send(Signal::TERM)
    }

    /// Ends it without asking.
    ///
    /// # Errors
    /// As [`Handle::ask`].
    pub(crate) fn kill(&self) -> io::Result<()> {
        self.send(Signal::KILL)
    }

    /// Sends it `signal`, unless it has ended: its number may be another's then.
    ///
    /// # Errors
    /// As [`Handle::ask`].
    pub(crate) fn send(&self, signal: Signal) -> io::Result<()> {
        if self.ended_within(Duration::ZERO)? {
            return Ok(());
        }
        match kill_process(self.pid, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether it has ended, waiting for that for `patience` at most. A zombie has ended.
    ///
    /// # Errors
    /// The system cannot wait.
    pub(crate) fn ended_within(&self, patience: Duration) -> io::Result<bool> {
        if self.ended.get() {
            return Ok(true);
        }
        let patience = patience.try_into().map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut told = Vec::with_capacity(1);
        // SAFETY: the change list is empty.
        let count =
            unsafe { kevent(&self.queue, &[], rustix::buffer::spare_capacity(&mut told), Some(patience)) }?;
        // Reading the event takes it out of the queue; whoever asks next must be told too.
        self.ended.set(self.ended.get() || count > 0);
        Ok(self.ended.get())
    }
}

/// When the process was looked at: its number is all that tells it from others here.
pub(crate) fn started(pid: Pid) -> Option<u64> {
    runs(pid, 0).then_some(0)
}

/// Whether there is a process of this number; one of another user is there too.
pub(crate) fn runs(pid: Pid, _: u64) -> bool {
    number(pid).is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}
