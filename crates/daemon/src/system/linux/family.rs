//! Which listening sockets a process and its descendants have.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Instant;

use rustix::fd::OwnedFd;
use rustix::fs::CWD;
use styxy_core::Pid;
use styxy_core::order::Order as _;
use styxy_os::Stat;

use super::holder::{each_number, open_folder, sockets_of};
use crate::system::{FamilySocket, ListeningSocket};

/// How many processes are looked at in one walk.
const MOST_PROCESSES: usize = 4096;
/// How many generations lie between a process and its family's head.
const MOST_GENERATIONS: usize = 64;

/// Those of `sockets` that one of `heads` or a descendant of it has, each with the head and its holder. A descendant belongs
/// to the nearest head above it, and to none if one of `others` is nearer. A socket that the head's parent has too was only
/// inherited, and is left out.
///
/// Walks /proc once: some 20 µs for each process, 4,096 at most, those with pids from the first head's on before the others. What
/// is not found before `deadline` is left out.
#[must_use]
pub fn find_in_families(
    heads: &BTreeSet<Pid>,
    others: &BTreeSet<Pid>,
    sockets: &[ListeningSocket],
    deadline: Instant,
) -> Vec<FamilySocket> {
    let Some(proc) = open_folder(CWD, "/proc") else { return Vec::new() };
    let parents = parents(&proc, heads, deadline);
    let wanted: HashMap<u64, &ListeningSocket> =
        sockets.iter().filter(|socket| socket.inode != 0).map(|socket| (socket.inode, socket)).collect();
    let mut inherited: HashMap<Pid, HashSet<u64>> = HashMap::new();
    let mut found = Vec::new();
    for holder in parents.keys().copied() {
        if Instant::now() >= deadline {
            break;
        }
        let Some(head) = nearest(holder, heads, others, &parents) else { continue };
        let of_parent = || parents.get(&head).map(|parent| sockets_of(&proc, *parent)).unwrap_or_default();
        let inherited = inherited.entry(head).or_insert_with(of_parent);
        let inodes = sockets_of(&proc, holder).into_iter().filter(|inode| !inherited.contains(inode));
        let listening = inodes.filter_map(|inode| wanted.get(&inode));
        found.extend(listening.map(|socket| FamilySocket { head, holder, port: socket.port }));
    }
    found
}

/// The parents of up to [`MOST_PROCESSES`] processes.
fn parents(proc: &OwnedFd, heads: &BTreeSet<Pid>, deadline: Instant) -> HashMap<Pid, Pid> {
    let mut pids = Vec::new();
    each_number(proc, |number| {
        pids.extend(Pid::new(number));
        Some(())
    });
    // Descendants are younger than their head, so most often they have greater pids.
    pids.order_by_key(|pid| (heads.first().is_some_and(|first| pid < first), *pid));
    let parent = |pid: Pid| {
        let mut buffer = [0; 1024];
        let stat = super::read_some(proc, &format!("{pid}/stat"), &mut buffer).ok()?;
        Some((pid, Stat::parse(stat)?.parent?))
    };
    let in_time = pids.into_iter().take(MOST_PROCESSES).take_while(|_| Instant::now() < deadline);
    in_time.filter_map(parent).collect()
}

/// The nearest of `heads` among `pid` and its ancestors, unless one of `others` is nearer.
fn nearest(
    pid: Pid,
    heads: &BTreeSet<Pid>,
    others: &BTreeSet<Pid>,
    parents: &HashMap<Pid, Pid>,
) -> Option<Pid> {
    let line = std::iter::successors(Some(pid), |pid| parents.get(pid).copied()).take(MOST_GENERATIONS);
    let mut known = line.filter(|pid| heads.contains(pid) || others.contains(pid));
    known.next().filter(|pid| heads.contains(pid))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn pid(number: u32) -> Pid {
        Pid::new(number).unwrap()
    }

    #[test]
    fn a_process_belongs_to_the_nearest_head_above_it() {
        let parents =
            [(2, 1), (3, 2), (4, 3), (5, 4), (6, 1)].map(|(pid_of, of)| (pid(pid_of), pid(of))).into();
        let (heads, others) = (BTreeSet::from([pid(2), pid(4)]), BTreeSet::from([pid(3)]));
        let nearest = |number| nearest(pid(number), &heads, &others, &parents);
        assert_eq!([2, 3, 4, 5, 6].map(nearest), [Some(pid(2)), None, Some(pid(4)), Some(pid(4)), None]);
    }

    #[test]
    fn a_socket_of_ones_own_is_found_and_one_of_the_parent_is_not() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let inode = rustix::fs::fstat(&listener).unwrap().st_ino;
        let port = styxy_core::Port::new(listener.local_addr().unwrap().port()).unwrap();
        let address = listener.local_addr().unwrap().ip();
        let socket = ListeningSocket { port, address, inode, uid: None, cookie: 0, pid: None };
        let (own, deadline) = (pid(std::process::id()), Instant::now() + Duration::from_secs(5));
        let found = |heads: &[Pid], others: &[Pid]| {
            let (heads, others) = (heads.iter().copied().collect(), others.iter().copied().collect());
            find_in_families(&heads, &others, &[socket], deadline)
        };
        assert_eq!(found(&[own], &[]), [FamilySocket { head: own, holder: own, port }]);
        let parent = pid(std::os::unix::process::parent_id());
        assert!(found(&[parent], &[own]).is_empty());
        assert_eq!(found(&[parent], &[])[0].head, parent);
        assert!(find_in_families(&[own].into(), &[].into(), &[socket], Instant::now()).is_empty());
    }
}
