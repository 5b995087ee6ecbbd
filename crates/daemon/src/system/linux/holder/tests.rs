//! The walk over a machine with thousands of processes, simulated by a folder that looks like its /proc.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use super::*;

/// How many processes the machine has.
pub(in super::super) const PROCESSES: u32 = 5000;

/// A folder in memory, where there is such a place: many small files are slow on a disk.
pub(in super::super) fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The /proc of a machine with [`PROCESSES`]; `fill` puts into a process' folder what is looked at.
pub(in super::super) fn machine(fill: impl Fn(u32, &Path)) -> tempfile::TempDir {
    let proc = in_memory();
    for pid in 1..=PROCESSES {
        let folder = proc.path().join(pid.to_string());
        fs::create_dir(&folder).unwrap();
        fill(pid, &folder);
    }
    proc
}

fn looked_at(proc: &Path, inode: u64, hints: &[u32], deadline: Instant) -> (Option<Pid>, usize) {
    let hints: Vec<Pid> = hints.iter().filter_map(|pid| Pid::new(*pid)).collect();
    let mut search = Search::new([inode], Ask::First, deadline);
    search.walk(&open_folder(CWD, proc.to_str().unwrap()).unwrap(), &hints);
    (search.found.get(&inode).and_then(|pids| pids.first().copied()), search.looked_at.len())
}

#[test]
fn of_five_thousand_processes_only_as_many_are_looked_at_as_there_is_a_reason_for() {
    // Process N has the socket with the inode 1,000,000 + N.
    let proc = machine(|pid, folder| {
        fs::create_dir(folder.join("fd")).unwrap();
        symlink(format!("socket:[{}]", 1_000_000 + pid), folder.join("fd/3")).unwrap();
    });
    let hour = Instant::now() + Duration::from_hours(1);
    let all = PROCESSES as usize;
    let socket = |pid: u32| u64::from(1_000_000 + pid);
    assert_eq!(looked_at(proc.path(), socket(4321), &[4321], hour), (Pid::new(4321), 1), "a right hint");
    let (found, looks) = looked_at(proc.path(), socket(77), &[5], hour);
    assert!(found == Pid::new(77) && looks <= all, "{found:?} after {looks}");
    assert_eq!(
        looked_at(proc.path(), 1, &[], hour),
        (None, all),
        "nobody has it, and each is looked at once"
    );
    let past = Instant::now();
    assert_eq!(looked_at(proc.path(), socket(77), &[], past), (None, 0), "the deadline ends it");
}
