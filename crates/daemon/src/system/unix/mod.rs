//! What Linux and macOS have in common.

mod access;
mod detach;
mod user;

use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, geteuid, getrlimit, setrlimit};
use styxy_core::{ProcessKey, Relation};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{DescriptorLimit, Inherited, Verdict};

pub(crate) use access::{
    FileId, UserId, check_writable, close_to_others, create_folder, create_private, is_of_the_system,
    mode_for_others_to_write, open_linked, open_ours, other_owner, own_home, own_uid, own_user,
};
pub(crate) use detach::{detach, let_go_of_output};
pub(super) use user::User;

/// What macOS allows at most, whatever it says its limit is.
const OPEN_MAX: u64 = 10_240;

pub(super) fn verdict(uid: u32) -> Verdict {
    match uid {
        uid if uid == geteuid().as_raw() => Verdict::Own,
        0 => Verdict::Root,
        other => Verdict::Other(other),
    }
}

/// Whose a process or a socket of this user is. Root itself is nobody's servant here.
pub(crate) fn relation(uid: u32) -> Relation {
    match verdict(uid) {
        Verdict::Own => Relation::Own,
        Verdict::Root => Relation::Root,
        Verdict::Other(_) | Verdict::Unknown | Verdict::NeedsToken => Relation::Other,
    }
}

/// How many descriptors this process may open.
#[must_use]
pub fn descriptor_limit() -> DescriptorLimit {
    let limit = getrlimit(Resource::Nofile);
    DescriptorLimit { soft: limit.current, hard: limit.maximum }
}

/// Raises the soft limit of descriptors to the hard one, for this process and those that it starts; gives the limit
/// then in force.
///
/// # Errors
/// The system's refusal; the limit is then as it was.
pub fn raise_descriptor_limit() -> io::Result<DescriptorLimit> {
    let limit = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    match (raised, limit.current) {
        (Err(_), Some(soft)) if cfg!(target_os = "macos") && soft < OPEN_MAX => {
            setrlimit(Resource::Nofile, Rlimit { current: Some(OPEN_MAX), maximum: limit.maximum })?;
        }
        (raised, _) => raised?,
    }
    Ok(descriptor_limit())
}

/// Raises this process' soft limits to the hard ones: of descriptors, memory, files, processes and processor time.
///
/// # Errors
/// The system's refusal of one of them; the others are raised.
pub fn raise_limits() -> io::Result<()> {
    let rest =
        [Resource::As, Resource::Cpu, Resource::Data, Resource::Fsize, Resource::Memlock, Resource::Nproc];
    let raise = |resource| {
        let limit = getrlimit(resource);
        if limit.current == limit.maximum {
            return Ok(());
        }
        Ok(setrlimit(resource, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
    };
    let raised = rest.map(raise).into_iter().collect::<io::Result<Vec<()>>>();
    raise_descriptor_limit().and(raised.map(drop))
}

/// What limits this process, by its starter's doing.
#[must_use]
pub fn inherited() -> Inherited {
    let limits = [
        (Resource::As, "address space"),
        (Resource::Cpu, "processor time"),
        (Resource::Data, "data"),
        (Resource::Fsize, "size of a file"),
    ];
    let limits = limits.into_iter().filter(|(resource, _)| getrlimit(*resource).current.is_some());
    let common = Inherited {
        nice: rustix::process::getpriority_process(None).unwrap_or_default(),
        descriptors: descriptor_limit().soft,
        limits: limits.map(|(_, name)| name).collect(),
        ..Inherited::default()
    };
    super::native::with_surroundings(common)
}

/// Whether the other end of this connection sends nothing more: it was closed, most often, whatever is still to be read.
#[must_use]
pub fn has_hung_up(connection: &impl AsFd) -> bool {
    #[cfg(target_os = "linux")]
    const CLOSED: PollFlags = PollFlags::RDHUP;
    #[cfg(not(target_os = "linux"))]
    const CLOSED: PollFlags = PollFlags::HUP;
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut asked = [PollFd::new(connection, CLOSED)];
    let answered = poll(&mut asked, Some(&at_once)).is_ok_and(|ready| ready > 0);
    answered && asked[0].revents().intersects(CLOSED | PollFlags::HUP)
}

/// Whether the error says that this process, or the system, has no descriptor or no memory left for another connection.
#[must_use]
pub fn is_exhausted(error: &io::Error) -> bool {
    const EXHAUSTED: [Errno; 4] = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| EXHAUSTED.contains(&errno))
}

/// How many descriptors this process has open; none where that is unknown. Takes 1 µs for each.
#[must_use]
pub fn descriptors_in_use() -> Option<usize> {
    let folder = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    // One of them is the folder being read.
    std::fs::read_dir(folder).ok().map(|entries| entries.count().saturating_sub(1))
}

/// Whether both keys are of one process, by the best identity that both have.
pub(super) fn same(one: &ProcessKey, other: &ProcessKey) -> bool {
    one.pid == other.pid
        && match (one.inode, other.inode) {
            (Some(one), Some(other)) => one == other,
            (None, _) | (_, None) => one.started == other.started,
        }
}

/// The name of a user, else the number, of whose process nothing else is known.
pub(crate) fn user_name(uid: u32) -> String {
    User::look_up(uid).name
}

/// Makes tokio watch a descriptor for something to read; within a runtime.
#[expect(unsafe_code, reason = "tokio asks for a promise about the descriptor")]
pub(super) fn register(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd is open, answers always with the same number, and is never replaced or closed while the
    // AsyncFd that owns it lives: nothing here hands out more than shared references to it.
    unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }.map_err(Into::into)
}

/// The name of this machine: several may share a home.
#[must_use]
pub fn machine_name() -> Option<String> {
    Some(rustix::system::uname().nodename().to_str().ok()?.to_owned())
}

/// How much freed memory glibc keeps at the end of each thread's heap. With its own 128 KiB, a thread that is just above them gives one
/// page back after each request, and gets it again with the next one.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: libc::c_int = 256 * 1024;

/// Lets a thread keep a little freed memory for its next request. For the start: it concerns all threads.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "glibc's own function")]
    // SAFETY: it takes numbers, and may be called by any thread at any time.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
    }
}

/// Gives freed memory back to the system: glibc keeps it for each thread that ever had much. Takes about 1 ms. Does
/// nothing where the allocator gives it back by itself.
pub fn give_back_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "glibc's own function")]
    // SAFETY: it has no preconditions and may be called by any thread at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}
