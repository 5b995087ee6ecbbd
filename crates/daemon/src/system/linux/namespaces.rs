//! Which process a client means by a pid. In another pid namespace the same number is another process.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, statat};
use styxy_core::Pid;

use super::holder::{each_number, open_folder};
use super::process::{open_pidfd, pidfs_inode};
use crate::system::{Meant, PeerProcess, PidNamespace};

/// `/proc/PID/status` up to the line with the pids is shorter than this, in bytes.
const STATUS: usize = 4096;

/// What `pid` means to the client `peer`.
///
/// Takes about 5 µs if the client is in the daemon's own pid namespace, and reads only /proc.
#[must_use]
pub fn meant(pid: Pid, peer: PeerProcess) -> Meant {
    match peer {
        PeerProcess::Unnamed => Meant::This(pid),
        PeerProcess::Unseen => Meant::Unseen,
        PeerProcess::Seen { inode: Some(inode), .. } if is_neighbour(inode) => Meant::This(pid),
        PeerProcess::Seen { pid: client, inode } => look(pid, client, inode).unwrap_or(Meant::Unseen),
    }
}

/// Clients that were found in the daemon's own pid namespace, by their inode in pidfs: no other process of this boot has or
/// will have it, and a process never leaves its namespace. A client asks many times, and a look takes six system calls.
static NEIGHBOURS: [AtomicU64; 256] = [const { AtomicU64::new(0) }; 256];

fn slot(inode: u64) -> &'static AtomicU64 {
    let [low, ..] = inode.to_le_bytes();
    &NEIGHBOURS[usize::from(low)]
}

fn is_neighbour(inode: u64) -> bool {
    slot(inode).load(Ordering::Relaxed) == inode
}

/// None if the client has ended.
fn look(pid: Pid, client: Pid, inode: Option<u64>) -> Option<Meant> {
    let folder = open_folder(CWD, &format!("/proc/{client}"))?;
    let namespace = namespace(&folder);
    let meant = match namespace {
        Some(theirs) if Some(theirs) == own() => Meant::This(pid),
        Some(_) | None => match (pids(&folder)?.as_slice(), namespace) {
            ([_], _) => Meant::This(pid),
            ([.., own], _) if *own == pid => Meant::This(client),
            (_, Some(namespace)) => Meant::In(PidNamespace { namespace, client }),
            (_, None) => Meant::Unseen,
        },
    };
    // All of this was read of the client, unless it ended before, and another process got its pid.
    let now = open_pidfd(client).ok()?;
    let (Some(inode), Some(now)) = (inode, now) else {
        // The kernel names the client but hands out no pidfds, or names no processes: nothing can be compared.
        return Some(meant);
    };
    let is_client = pidfs_inode(&now) == Some(inode);
    if is_client && namespace.is_some() && namespace == own() {
        slot(inode).store(inode, Ordering::Relaxed);
    }
    is_client.then_some(meant)
}

/// The process that is called `pid` in this namespace: an ancestor of the client, else any process.
///
/// Takes about 5 µs for each process of the machine, and ends at `deadline`.
#[must_use]
pub fn find_in(namespace: PidNamespace, pid: Pid, deadline: Instant) -> Option<Pid> {
    let near = styxy_os::ancestors(namespace.client);
    look_in(&open_folder(CWD, "/proc")?, namespace, pid, near, deadline)
}

/// The same in this `proc`, those of `first` first.
fn look_in(
    proc: &OwnedFd,
    namespace: PidNamespace,
    pid: Pid,
    mut first: impl Iterator<Item = Pid>,
    deadline: Instant,
) -> Option<Pid> {
    let is_meant = |candidate: Pid| {
        let folder = open_folder(proc, &candidate.to_string())?;
        let is_there = self::namespace(&folder) == Some(namespace.namespace);
        (is_there && pids(&folder)?.last() == Some(&pid)).then_some(candidate)
    };
    if let Some(found) = first.find_map(is_meant) {
        return Some(found);
    }
    let mut found = None;
    each_number(proc, |number| {
        found = Pid::new(number).filter(|_| Instant::now() < deadline).and_then(is_meant);
        (found.is_none() && Instant::now() < deadline).then_some(())
    });
    found
}

/// The pid namespace of a process, by the device and inode that the kernel gives it; none if this user may not see it.
fn namespace(process: &OwnedFd) -> Option<(u64, u64)> {
    let found = statat(process, "ns/pid", AtFlags::empty()).ok()?;
    (FileType::from_raw_mode(found.st_mode) == FileType::RegularFile).then_some((found.st_dev, found.st_ino))
}

/// This process' own, which it never leaves.
fn own() -> Option<(u64, u64)> {
    static OWN: OnceLock<Option<(u64, u64)>> = OnceLock::new();
    *OWN.get_or_init(|| {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        namespace(&openat(CWD, "/proc/self", flags, Mode::empty()).ok()?)
    })
}

/// What a process is called in each pid namespace that it is in, from that of /proc inwards.
fn pids(process: &OwnedFd) -> Option<Vec<Pid>> {
    let mut buffer = [0; STATUS];
    let status = super::read_some(process, "status", &mut buffer).ok()?;
    parse_pids(status)
}

fn parse_pids(status: &[u8]) -> Option<Vec<Pid>> {
    let text = String::from_utf8_lossy(status);
    let line = text.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    let pids = line.split_ascii_whitespace().map(|number| Pid::new(number.parse().ok()?));
    pids.collect::<Option<Vec<Pid>>>().filter(|pids| !pids.is_empty())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;
    use std::time::Duration;

    use super::super::holder::tests::{PROCESSES, in_memory, machine};
    use super::*;

    #[test]
    fn one_of_five_thousand_processes_is_found_by_what_its_namespace_calls_it_until_the_deadline() {
        // The last hundred are in a namespace of their own, where each is called by what it is beyond the others.
        let others = PROCESSES - 100;
        let namespaces = in_memory();
        let (outer, inner) = (namespaces.path().join("outer"), namespaces.path().join("inner"));
        std::fs::write(&outer, "").unwrap();
        std::fs::write(&inner, "").unwrap();
        let proc = machine(|pid, folder| {
            let (of, called) = match pid.checked_sub(others).filter(|called| *called > 0) {
                Some(called) => (&inner, format!("{pid}\t{called}")),
                None => (&outer, pid.to_string()),
            };
            std::fs::create_dir(folder.join("ns")).unwrap();
            std::fs::hard_link(of, folder.join("ns/pid")).unwrap();
            std::fs::write(folder.join("status"), format!("NSpid:\t{called}\n")).unwrap();
        });
        let inner = std::fs::metadata(&inner).unwrap();
        let pid = |number| Pid::new(number).unwrap();
        let namespace = PidNamespace { namespace: (inner.dev(), inner.ino()), client: pid(PROCESSES) };
        let folder = open_folder(CWD, proc.path().to_str().unwrap()).unwrap();
        let find = |called, first: &[u32], deadline| {
            look_in(&folder, namespace, pid(called), first.iter().map(|number| pid(*number)), deadline)
        };
        let hour = Instant::now() + Duration::from_hours(1);
        assert_eq!(find(14, &[], hour), Some(pid(others + 14)), "and not the process 14 outside");
        assert_eq!(find(101, &[], hour), None);
        let past = Instant::now();
        assert_eq!(find(14, &[], past), None, "the deadline ends it");
        assert_eq!(find(14, &[others + 14], past), Some(pid(others + 14)), "an ancestor is looked at first");
    }

    #[test]
    fn a_process_is_called_something_else_in_each_namespace() {
        let pids =
            |text: &str| Some(parse_pids(text.as_bytes())?.into_iter().map(Pid::get).collect::<Vec<_>>());
        let status = "Name:\tsh\nNStgid:\t77\t9\nNSpid:\t29635\t14\t1\nNSpgid:\t3\n";
        assert_eq!(pids(status), Some(vec![29_635, 14, 1]));
        assert_eq!(pids("NSpid:\t4\n"), Some(vec![4]));
        for none in ["", "NSpid:\n", "NSpid:\tx\n", "Name:\tx\n"] {
            assert_eq!(pids(none), None, "{none}");
        }
    }
}
