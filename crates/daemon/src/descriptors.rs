//! Who may have how many of this process' descriptors.
//!
//! Without a plan the processes that are watched would take them all, and the daemon could not accept a connection any
//! more, or would take a process that it cannot inspect for a dead one.

use std::fs::File;
use std::sync::{Mutex, MutexGuard, PoisonError};

use styxy_door::Limits;

use crate::system;

/// Opened by the daemon itself after it has looked at how many it has; the guard's socket and its thread have four of them.
const OWN: usize = 12;
/// Clients of the guard that are heard at once, at most: an eighth of what is left, and one in any case. Only Linux has a guard.
const GUARD: usize = 256;
/// Kept for connections and files, whatever is watched.
const RESERVE: usize = 32;
/// Kept for files, however many connections there are: a look at a process needs three at once.
const FILES: usize = 8;
/// Connections that are tried even if there seems to be no descriptor for them.
const LEAST: usize = 4;

/// The lowest limit with which a daemon can serve anybody.
pub(crate) const MINIMUM: u64 = 32;

/// How many descriptors are left for what the daemon serves.
#[derive(Debug)]
pub(crate) struct Descriptors {
    /// None if nothing limits them.
    left: Option<usize>,
    guard: usize,
    /// Given up when there is no other one left, to accept a connection and say so.
    spare: Mutex<Option<File>>,
}

impl Descriptors {
    /// By the limit in force, and those in use now.
    pub(crate) fn now() -> Self {
        let limit = system::descriptor_limit().soft.and_then(|limit| usize::try_from(limit).ok());
        Self::of(limit, system::descriptors_in_use().unwrap_or_default())
    }

    fn of(limit: Option<usize>, in_use: usize) -> Self {
        let left = limit.map(|limit| limit.saturating_sub(in_use + OWN));
        let guard = left.map_or(GUARD, |left| GUARD.min((left / 8).max(1)));
        let guard = if cfg!(target_os = "linux") { guard } else { 0 };
        let left = left.map(|left| left.saturating_sub(guard));
        let descriptors = Self { left, guard, spare: Mutex::default() };
        descriptors.keep_spare();
        descriptors
    }

    /// How many processes may be watched through a handle. The others are polled.
    pub(crate) fn for_handles(&self) -> usize {
        self.left.map_or(usize::MAX, |left| left.saturating_sub(RESERVE))
    }

    /// How many connections there may be, beside so many handles.
    pub(crate) fn for_connections(&self, handles: usize) -> usize {
        self.left.map_or(usize::MAX, |left| left.saturating_sub(handles + FILES).max(LEAST))
    }

    /// How many programs the guard may hear at once.
    #[cfg_attr(not(any(target_os = "linux", test)), expect(dead_code, reason = "there is no guard"))]
    pub(crate) const fn for_guard(&self) -> usize {
        self.guard
    }

    /// How much may go through the door at once: each connection needs a descriptor, and its server's another one.
    pub(crate) fn for_door(&self) -> Limits {
        let usual = Limits::default();
        let Some(left) = self.left else { return usual };
        let connections = usual.connections.min((left.saturating_sub(RESERVE) / 4).max(LEAST));
        Limits { connections, per_server: usual.per_server.min(connections), ..usual }
    }

    /// Closes the spare descriptor, so that one can be opened; false if it is in use.
    pub(crate) fn give_up_spare(&self) -> bool {
        self.spare().take().is_some()
    }

    /// Opens the spare descriptor again, if that is possible.
    pub(crate) fn keep_spare(&self) {
        let mut spare = self.spare();
        if spare.is_none() {
            *spare = File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).ok();
        }
    }

    fn spare(&self) -> MutexGuard<'_, Option<File>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_leave_a_reserve_for_connections_and_files() {
        let descriptors = Descriptors::of(Some(1024), 20);
        let left = 1024 - 20 - OWN - descriptors.for_guard();
        assert_eq!(descriptors.for_handles(), left - RESERVE);
        assert_eq!(descriptors.for_connections(descriptors.for_handles()), RESERVE - FILES);
        assert_eq!(descriptors.for_connections(0), left - FILES);
        assert_eq!(descriptors.for_guard(), GUARD.min((1024 - 20 - OWN) / 8));
    }

    #[test]
    fn with_few_descriptors_every_process_is_polled_and_some_clients_are_served() {
        for limit in [0, 16, 24, 64] {
            let descriptors = Descriptors::of(Some(limit), 20);
            assert!(descriptors.for_handles() <= limit.saturating_sub(20 + OWN + RESERVE));
            assert!(descriptors.for_connections(descriptors.for_handles()) >= LEAST);
            assert_eq!(descriptors.for_guard(), GUARD.min((limit.saturating_sub(20 + OWN) / 8).max(1)));
        }
        let unlimited = Descriptors::of(None, 20);
        assert_eq!((unlimited.for_handles(), unlimited.for_connections(9)), (usize::MAX, usize::MAX));
    }
}
