//! Processes by their pid: their identity, and whether they still run.

use std::io;
use std::path::PathBuf;

use styxy_core::{Link, Pid, Process, ProcessKey, Relation, WallTime};
use styxy_os::ProcessHandle;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use crate::system::{Identified, Life};

/// From 1601 to 1970, in units of 100 ns.
const UNIX_EPOCH: u64 = 116_444_736_000_000_000;

/// The process that has this pid now. Its start is in units of 100 ns since 1601.
///
/// Takes some milliseconds.
///
/// # Errors
/// `NotFound` if there is none; `PermissionDenied` for some of other users.
pub fn identify(pid: Pid) -> io::Result<Identified> {
    // Held open to the end, so that all of it is of one process.
    let handle = ProcessHandle::open(pid)?;
    let started = handle.started()?;
    let life = if handle.has_ended() { Life::Zombie } else { Life::Running };
    let (number, own) = (sysinfo::Pid::from_u32(pid.get()), sysinfo::Pid::from_u32(std::process::id()));
    let mut system = System::new().map_err(|error| io::Error::other(error.to_string()))?;
    let wanted = ProcessRefreshKind::nothing().without_tasks().with_user(UpdateKind::Always);
    // Named twice, a process is forgotten by the second look.
    let both = [number, own];
    let pids = if number == own { &both[..1] } else { &both[..] };
    system.refresh_processes_specifics(ProcessesToUpdate::Some(pids), true, wanted);
    let found = system.process(number);
    let user = found.and_then(sysinfo::Process::user_id);
    let ours = system.process(own).and_then(sysinfo::Process::user_id);
    let key = ProcessKey { pid, inode: None, started };
    let name = found.map(|found| found.name().to_string_lossy().into_owned()).unwrap_or_default();
    let started_at = WallTime(started.saturating_sub(UNIX_EPOCH) / 10_000);
    Ok(Identified {
        process: Process { key, name: name.into(), started_at },
        parent: found.and_then(sysinfo::Process::parent).and_then(|parent| Pid::new(parent.as_u32())),
        uid: None,
        user: if user.is_some() && user == ours { Relation::Own } else { Relation::Other },
        life,
    })
}

/// Whether this very process still runs: another one with its pid does not count. Once false, it stays false. A
/// process that cannot be inspected counts as alive. Takes some microseconds.
#[must_use]
pub fn is_alive(key: &ProcessKey) -> bool {
    match ProcessHandle::open(key.pid) {
        Ok(handle) => !handle.has_ended() && handle.started().is_ok_and(|started| started == key.started),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Its parent, and its start, which that has too.
pub(in crate::system) fn link(of: &Identified) -> Link {
    Link { parent: of.parent, started: Some(of.process.key.started) }
}

/// The name of a process' user, known of our own only, and its home folder.
pub(in crate::system) fn user(of: &Identified) -> (Option<String>, Option<PathBuf>) {
    match of.user {
        Relation::Own => (std::env::var("USERNAME").ok(), None),
        Relation::Root | Relation::Other => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_known_and_this_users() {
        let own = identify(Pid::new(std::process::id()).unwrap()).unwrap();
        assert_eq!((own.user, own.life), (Relation::Own, Life::Running));
        assert!(!own.process.name.is_empty() && own.parent.is_some(), "{own:?}");
    }
}
