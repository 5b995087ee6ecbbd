//! Which process has a socket, found by the socket's inode among the descriptors in /proc.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::mem::MaybeUninit;
use std::time::Instant;

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags, RawDir, openat, readlinkat_raw};
use styxy_core::Pid;
use styxy_core::order::Order as _;

use crate::system::ListeningSocket;

/// How many descendants of hinted processes are searched before all of /proc is.
const MOST_DESCENDANTS: usize = 1024;

/// A process that has this socket open: one of `hints`, else one of their descendants, else any whose descriptors this
/// user may read, lowest pid first.
///
/// Takes about 0.1 ms if a hint is right and 10 µs for each process of the machine if not; blocks on nothing but
/// /proc. None as well if `deadline` passes first.
#[must_use]
pub fn find_holder(socket: &ListeningSocket, hints: &[Pid], deadline: Instant) -> Option<Pid> {
    find_socket_holder(socket.inode, hints, deadline)
}

/// The same for a socket of any kind, by its inode.
#[must_use]
pub fn find_socket_holder(inode: u64, hints: &[Pid], deadline: Instant) -> Option<Pid> {
    let found = Search::new([inode], Ask::First, deadline).run(hints);
    found.get(&inode)?.first().copied()
}

/// The same for many sockets in one walk, by their inodes; those without an entry were not found.
#[must_use]
pub fn find_holders(sockets: &[ListeningSocket], hints: &[Pid], deadline: Instant) -> HashMap<u64, Pid> {
    let found = Search::new(inodes(sockets), Ask::First, deadline).run(hints);
    found.into_iter().filter_map(|(inode, pids)| Some((inode, *pids.first()?))).collect()
}

/// Every process that has these sockets open, lowest pid first, by their inodes: a server that forked has one socket in
/// several. Walks all of /proc.
#[must_use]
pub fn find_all_holders(sockets: &[ListeningSocket], deadline: Instant) -> HashMap<u64, Vec<Pid>> {
    let mut found = Search::new(inodes(sockets), Ask::Every, deadline).run(&[]);
    for pids in found.values_mut() {
        pids.order();
    }
    found
}

fn inodes(sockets: &[ListeningSocket]) -> impl Iterator<Item = u64> {
    sockets.iter().map(|socket| socket.inode)
}

/// Which holders of a socket are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    First,
    Every,
}

struct Search {
    wanted: HashSet<u64>,
    ask: Ask,
    found: HashMap<u64, Vec<Pid>>,
    looked_at: HashSet<Pid>,
    deadline: Instant,
    path: String,
}

impl Search {
    fn new(inodes: impl IntoIterator<Item = u64>, ask: Ask, deadline: Instant) -> Self {
        let wanted = inodes.into_iter().filter(|inode| *inode != 0).collect();
        let (found, looked_at) = (HashMap::new(), HashSet::new());
        Self { wanted, ask, found, looked_at, deadline, path: String::new() }
    }

    fn run(mut self, hints: &[Pid]) -> HashMap<u64, Vec<Pid>> {
        if let Some(proc) = open_folder(CWD, "/proc") {
            self.walk(&proc, hints);
        }
        self.found
    }

    /// None when it stopped before the end of `proc`.
    fn walk(&mut self, proc: &OwnedFd, hints: &[Pid]) -> Option<()> {
        for pid in hints {
            self.look_into(proc, *pid)?;
        }
        let mut family: Vec<Pid> = hints.to_vec();
        let mut next = 0;
        while let Some(parent) = family.get(next).copied().filter(|_| next < MOST_DESCENDANTS) {
            next += 1;
            for child in self.children(proc, parent) {
                if self.looked_at.contains(&child) {
                    continue;
                }
                self.look_into(proc, child)?;
                family.push(child);
            }
        }
        each_number(proc, |number| match Pid::new(number) {
            Some(pid) if !self.looked_at.contains(&pid) => self.look_into(proc, pid),
            Some(_) | None => Some(()),
        })
    }

    /// None when the search is over: all were found, or the deadline has passed.
    fn look_into(&mut self, proc: &OwnedFd, pid: Pid) -> Option<()> {
        if self.wanted.is_empty() || Instant::now() >= self.deadline {
            return None;
        }
        self.looked_at.insert(pid);
        self.path.clear();
        let _ = write!(self.path, "{pid}/fd");
        // Another user's process, or one that has just ended.
        let Some(folder) = open_folder(proc, &self.path) else { return Some(()) };
        let mut seen = 0_u32;
        each_entry(&folder, |name| {
            seen += 1;
            if seen.is_multiple_of(256) && Instant::now() >= self.deadline {
                return None;
            }
            if let Some(inode) = socket_inode(&folder, name).filter(|inode| self.wanted.contains(inode)) {
                self.add(inode, pid);
            }
            (!self.wanted.is_empty()).then_some(())
        });
        Some(())
    }

    fn add(&mut self, inode: u64, pid: Pid) {
        let pids = self.found.entry(inode).or_default();
        // A process may have one socket under several descriptors.
        if pids.last() != Some(&pid) {
            pids.push(pid);
        }
        if self.ask == Ask::First {
            self.wanted.remove(&inode);
        }
    }

    /// The children of every thread of `pid`; none where the kernel does not list them.
    fn children(&mut self, proc: &OwnedFd, pid: Pid) -> Vec<Pid> {
        let mut children = Vec::new();
        self.path.clear();
        let _ = write!(self.path, "{pid}/task");
        let Some(tasks) = open_folder(proc, &self.path) else { return children };
        each_number(&tasks, |thread| {
            self.path.clear();
            let _ = write!(self.path, "{thread}/children");
            let mut buffer = [0; 4096];
            let listed = super::read_some(&tasks, &self.path, &mut buffer).unwrap_or_default();
            let listed = std::str::from_utf8(listed).unwrap_or_default();
            children.extend(listed.split_ascii_whitespace().filter_map(|pid| Pid::new(pid.parse().ok()?)));
            (Instant::now() < self.deadline).then_some(())
        });
        children
    }
}

pub(super) fn open_folder(at: impl rustix::fd::AsFd, path: &str) -> Option<OwnedFd> {
    openat(at, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()
}

/// Calls `each` with the names in `folder` until it answers none.
fn each_entry(folder: &OwnedFd, mut each: impl FnMut(&std::ffi::CStr) -> Option<()>) -> Option<()> {
    let mut buffer = [MaybeUninit::uninit(); 8192];
    let mut entries = RawDir::new(folder, &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        each(entry.file_name())?;
    }
    Some(())
}

pub(super) fn each_number(folder: &OwnedFd, mut each: impl FnMut(u32) -> Option<()>) -> Option<()> {
    each_entry(folder, |name| match name.to_str().ok().and_then(|name| name.parse().ok()) {
        Some(number) => each(number),
        None => Some(()),
    })
}

/// The inodes of the sockets that `pid` has open; none if that cannot be read.
pub(super) fn sockets_of(proc: &OwnedFd, pid: Pid) -> HashSet<u64> {
    let mut inodes = HashSet::new();
    if let Some(folder) = open_folder(proc, &format!("{pid}/fd")) {
        each_entry(&folder, |name| {
            inodes.extend(socket_inode(&folder, name));
            Some(())
        });
    }
    inodes
}

/// The inodes of the sockets that `pid` has open. Takes about a microsecond for each of its descriptors.
#[must_use]
pub fn open_sockets(pid: Pid) -> HashSet<u64> {
    open_folder(CWD, "/proc").map(|proc| sockets_of(&proc, pid)).unwrap_or_default()
}

/// The N of a link to `socket:[N]`.
fn socket_inode(folder: &OwnedFd, name: &std::ffi::CStr) -> Option<u64> {
    let mut buffer = [0_u8; 40];
    let length = readlinkat_raw(folder, name, &mut buffer[..]).ok()?;
    let number = buffer[..length].strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(number).ok()?.parse().ok()
}

#[cfg(test)]
pub(super) mod tests;
