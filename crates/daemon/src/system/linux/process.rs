//! Processes by their pid: their identity, and whether they still run.

use std::fmt::Write as _;
use std::io;
use std::sync::OnceLock;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, fstat, fstatfs, openat, readlinkat};
use rustix::io::{Errno, retry_on_intr};
use rustix::param::clock_ticks_per_second;
use rustix::process::{PidfdFlags, pidfd_open};
use styxy_core::{Link, Pid, Process, ProcessKey, WallTime};
use styxy_os::Stat;

use super::machine;
use crate::system::unix::{relation, same};
use crate::system::{Identified, Life};

/// `PID_FS_MAGIC`: only in this file system do pidfds have inodes of their own (Linux 6.9).
const PIDFS: u64 = 0x5049_4446;

/// The process that has this pid now.
///
/// Takes about 10 µs and reads only /proc.
///
/// # Errors
/// `NotFound` if there is none, or if the number is a thread's.
pub fn identify(pid: Pid) -> io::Result<Identified> {
    Ok(Handle::open(pid)?.identified)
}

/// Whether this very process still runs: another one with its pid does not count, nor does a zombie. Once false, it
/// stays false.
///
/// Takes about 3 µs where the kernel names processes (Linux 6.9), else 10 µs. A process that cannot be inspected for
/// lack of descriptors counts as alive.
#[must_use]
pub fn is_alive(key: &ProcessKey) -> bool {
    let pidfd = match open_pidfd(key.pid) {
        Ok(pidfd) => pidfd,
        Err(error) => return error.kind() != io::ErrorKind::NotFound,
    };
    if let Some(pidfd) = &pidfd
        && let Some(is_this) = is_of(pidfd, key)
    {
        return is_this && !has_ended(pidfd);
    }
    match identify(key.pid) {
        Ok(found) => found.life == Life::Running && same(key, &found.process.key),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Whether the process of this handle is the one of `key`; none if the kernel does not name it, or did not when the key was made.
pub(super) fn is_of(pidfd: &OwnedFd, key: &ProcessKey) -> Option<bool> {
    Some(pidfs_inode(pidfd)? == key.inode?)
}

/// Its parent, and its start, which that has too.
pub(in crate::system) fn link(of: &Identified) -> Link {
    Link { parent: of.parent, started: Some(of.process.key.started) }
}

/// One process, its folder in /proc held open: everything read through it is of this process or fails.
pub(super) struct Handle {
    pub(super) identified: Identified,
    pub(super) folder: OwnedFd,
    /// None on systems that refuse them.
    pub(super) pidfd: Option<OwnedFd>,
}

impl Handle {
    pub(super) fn open(pid: Pid) -> io::Result<Self> {
        let pidfd = open_pidfd(pid)?;
        let mut path = String::with_capacity(16);
        let _ = write!(path, "/proc/{pid}");
        let folder = openat(CWD, &path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(not_found)?;
        let uid = fstat(&folder).map_err(not_found)?.st_uid;
        let mut buffer = [0; 1024];
        let stat = super::read_some(&folder, "stat", &mut buffer).map_err(not_found)?;
        let stat = Stat::parse(stat).ok_or(io::ErrorKind::InvalidData)?;
        // The pid cannot have been reused while the process that we hold still ran.
        let ended = pidfd.as_ref().map_or_else(|| stat.has_ended(), has_ended);
        let life = if ended { Life::Zombie } else { Life::Running };
        if life == Life::Zombie && !stat.has_ended() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let key = ProcessKey { pid, inode: pidfd.as_ref().and_then(pidfs_inode), started: stat.started };
        let process =
            Process { key, name: full_name(&folder, stat.name).into(), started_at: started_at(stat.started) };
        let user = relation(uid);
        Ok(Self {
            identified: Identified { process, parent: stat.parent, uid: Some(uid), user, life },
            folder,
            pidfd,
        })
    }
}

/// None where the system has no pidfds or a sandbox refuses them.
pub(super) fn open_pidfd(pid: Pid) -> io::Result<Option<OwnedFd>> {
    let number = i32::try_from(pid.get()).ok().and_then(rustix::process::Pid::from_raw);
    let number = number.ok_or(io::ErrorKind::InvalidInput)?;
    match pidfd_open(number, PidfdFlags::empty()) {
        Ok(pidfd) => Ok(Some(pidfd)),
        Err(Errno::NOSYS | Errno::PERM) => Ok(None),
        // EINVAL and ENOENT: a thread's number.
        Err(Errno::SRCH | Errno::INVAL | Errno::NOENT) => Err(io::ErrorKind::NotFound.into()),
        Err(error) => Err(error.into()),
    }
}

/// Why there are no pidfds here; none if there are.
#[must_use]
pub fn no_handles() -> Option<io::Error> {
    match pidfd_open(rustix::process::getpid(), PidfdFlags::empty()) {
        Err(error @ (Errno::NOSYS | Errno::PERM)) => Some(error.into()),
        Ok(_) | Err(_) => None,
    }
}

fn not_found(error: Errno) -> io::Error {
    match error {
        Errno::SRCH | Errno::NOENT => io::ErrorKind::NotFound.into(),
        error => error.into(),
    }
}

/// The kernel's number for the process, never reused within a boot; none before Linux 6.9.
pub(super) fn pidfs_inode(pidfd: &OwnedFd) -> Option<u64> {
    static IS_PIDFS: OnceLock<bool> = OnceLock::new();
    let is_pidfs = *IS_PIDFS.get_or_init(|| {
        fstatfs(pidfd).is_ok_and(|system| u64::try_from(system.f_type).is_ok_and(|kind| kind == PIDFS))
    });
    if is_pidfs { fstat(pidfd).ok().map(|stat| stat.st_ino) } else { None }
}

/// Whether every thread of the process has ended; it may not have been reaped yet.
pub(super) fn has_ended(pidfd: &impl AsFd) -> bool {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut asked = [PollFd::new(pidfd, PollFlags::IN)];
    retry_on_intr(|| poll(&mut asked, Some(&at_once))).is_ok_and(|ready| ready > 0)
}

/// The kernel cuts names to 15 bytes, and Node ≥ 24 calls its first thread `MainThread`: then the program's file
/// names it better.
fn full_name(folder: &OwnedFd, short: String) -> String {
    let renamed = short.ends_with("MainThread");
    if !renamed && short.len() < 15 {
        return short;
    }
    let Ok(program) = readlinkat(folder, "exe", Vec::new()) else { return short };
    let program = program.to_string_lossy();
    let file = program.rsplit('/').next().unwrap_or_default();
    let file = file.strip_suffix(" (deleted)").unwrap_or(file);
    if !file.is_empty() && (renamed || file.starts_with(&short)) { file.to_owned() } else { short }
}

fn started_at(ticks: u64) -> WallTime {
    let millis = ticks.saturating_mul(1000) / clock_ticks_per_second().max(1);
    WallTime(machine::booted_at().0.saturating_add(millis))
}

#[cfg(test)]
mod tests;
