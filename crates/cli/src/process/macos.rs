//! macOS: a kqueue that reports the end of one process.
#![expect(unsafe_code, reason = "rustix asks for a promise about the descriptors in a change list")]

use std::cell::Cell;
use std::io;
use std::ptr::null_mut;
use std::time::{Duration, Instant};

use rustix::event::kqueue::{Event, EventFilter, EventFlags, ProcessEvents, kevent, kqueue};
use rustix::fd::OwnedFd;
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Signal, kill_process};
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
    /// No file descriptor is available.
    pub(crate) fn open(pid: Pid) -> io::Result<Option<Self>> {
        let pid = number(pid).ok_or(io::ErrorKind::InvalidInput)?;
        let queue = kqueue()?;
        let filter = EventFilter::Proc { pid, flags: ProcessEvents::EXIT };
        let wanted = [Event::new(filter, EventFlags::ADD, null_mut())];
        let mut none: [Event; 0] = [];
        // SAFETY: the change list names a process, not a descriptor that would have to stay open.
        match retry_on_intr(|| unsafe { kevent(&queue, &wanted, &mut none[..], None) }) {
            Ok(_) => Ok(Some(Self { pid, queue, ended: Cell::new(false) })),
            Err(Errno::SRCH) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends it `signal`, unless it has ended: another process may have its pid then.
    ///
    /// # Errors
    /// This user may not signal it.
    pub(crate) fn send(&self, signal: Signal) -> io::Result<()> {
        if self.ended_within(Duration::ZERO)? {
            return Ok(());
        }
        match kill_process(self.pid, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether it has ended; waits at most `patience` for that. A zombie has ended.
    ///
    /// # Errors
    /// The system cannot wait.
    pub(crate) fn ended_within(&self, patience: Duration) -> io::Result<bool> {
        if self.ended.get() {
            return Ok(true);
        }
        let mut told = Vec::with_capacity(1);
        let until = Instant::now() + patience;
        // A signal ends the call early, such as the one that continues a job after Ctrl-Z.
        let count = retry_on_intr(|| {
            let patience = Some(until.saturating_duration_since(Instant::now()));
            // SAFETY: the change list is empty.
            unsafe { kevent(&self.queue, &[], rustix::buffer::spare_capacity(&mut told), patience) }
        })?;
        // Reading the event takes it out of the queue, so the answer is kept for the next call.
        self.ended.set(self.ended.get() || count > 0);
        Ok(self.ended.get())
    }
}
