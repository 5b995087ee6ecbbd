//! The end of processes that are not our children, by kqueue: no polling.
#![expect(unsafe_code, reason = "rustix asks for a promise about the descriptors in a change list")]

use std::io;
use std::ptr::null_mut;

use rustix::event::kqueue::{Event, EventFilter, EventFlags, ProcessEvents, kevent, kqueue};
use rustix::fd::OwnedFd;
use rustix::io::{Errno, retry_on_intr};
use rustix::process::Pid;
use styxy_core::ProcessKey;
use tokio::io::unix::AsyncFd;

use super::process::is_alive;
use crate::system::unix::register;

/// Waits for the end of one process. One descriptor.
#[derive(Debug)]
pub struct ExitWatch {
    queue: AsyncFd<OwnedFd>,
}

impl ExitWatch {
    /// Begins to watch the process of this key; must be called within a tokio runtime.
    ///
    /// # Errors
    /// `NotFound` if it is gone, a zombie, or another process has its number. Otherwise most often no descriptor was
    /// left: ask [`is_alive`](super::is_alive) from time to time then.
    pub fn open(key: &ProcessKey) -> io::Result<Self> {
        let number = i32::try_from(key.pid.get()).ok().and_then(Pid::from_raw);
        let pid = number.ok_or(io::ErrorKind::InvalidInput)?;
        let queue = kqueue()?;
        let filter = EventFilter::Proc { pid, flags: ProcessEvents::EXIT };
        let wanted = [Event::new(filter, EventFlags::ADD, null_mut())];
        let mut none: [Event; 0] = [];
        // SAFETY: the change list names a process, no descriptor that would have to stay open.
        match retry_on_intr(|| unsafe { kevent(&queue, &wanted, &mut none[..], None) }) {
            Ok(_) => {}
            Err(Errno::SRCH) => return Err(io::ErrorKind::NotFound.into()),
            Err(error) => return Err(error.into()),
        }
        // Asked after the watch began: if it is the right one now, it is the one being watched.
        if !is_alive(key) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(Self { queue: register(queue)? })
    }

    /// Resolves when the process has ended, whether it has been reaped or not; at once if it has ended already. Nothing
    /// else changes the answer.
    ///
    /// # Errors
    /// The runtime is shutting down.
    pub async fn exited(&self) -> io::Result<()> {
        // The one event that makes the queue readable stays in it, so that the queue stays readable.
        self.queue.readable().await.map(|mut ready| ready.retain_ready())
    }
}
