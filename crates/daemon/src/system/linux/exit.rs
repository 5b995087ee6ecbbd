//! The end of processes that are not our children, by pidfd: no polling.

use std::io;

use rustix::fd::OwnedFd;
use styxy_core::ProcessKey;
use tokio::io::unix::AsyncFd;

use super::process::{Handle, has_ended, is_of, open_pidfd};
use crate::system::Life;
use crate::system::unix::{register, same};

/// Waits for the end of one process. One descriptor.
#[derive(Debug)]
pub struct ExitWatch {
    pidfd: AsyncFd<OwnedFd>,
}

impl ExitWatch {
    /// Begins to watch the process of this key; must be called within a tokio runtime.
    ///
    /// Takes about 3 µs where the kernel names processes (Linux 6.9), else 15 µs.
    ///
    /// # Errors
    /// `NotFound` if it has ended, is a zombie, or another process has its pid; `Unsupported` if the system has no
    /// pidfds: then ask [`is_alive`](super::is_alive) from time to time. Otherwise most often no descriptor was left.
    pub fn open(key: &ProcessKey) -> io::Result<Self> {
        if let Some(pidfd) = open_pidfd(key.pid)?
            && let Some(is_this) = is_of(&pidfd, key)
        {
            let is_alive = is_this && !has_ended(&pidfd);
            let pidfd = is_alive.then_some(pidfd).ok_or(io::ErrorKind::NotFound)?;
            return Ok(Self { pidfd: register(pidfd)? });
        }
        let Handle { identified, folder: _, pidfd } = Handle::open(key.pid)?;
        // The key was read after the pidfd was opened, and the process still ran after that: both are of one process.
        if identified.life == Life::Zombie || !same(key, &identified.process.key) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let pidfd = pidfd.ok_or(io::ErrorKind::Unsupported)?;
        Ok(Self { pidfd: register(pidfd)? })
    }

    /// Resolves when every thread of the process has ended, whether it has been reaped or not; at once if they have
    /// ended already. Nothing else changes the answer.
    ///
    /// # Errors
    /// The runtime is shutting down.
    pub async fn exited(&self) -> io::Result<()> {
        loop {
            let mut ready = self.pidfd.readable().await?;
            if has_ended(self.pidfd.get_ref()) {
                return Ok(());
            }
            ready.clear_ready();
        }
    }
}
