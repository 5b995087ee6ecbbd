//! Who holds a file's lock, by the kernel's list of locks.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;

use styxy_core::Pid;

/// The process that holds the exclusive lock (`flock`) on this file; none if nobody does, or it cannot be seen from here.
///
/// Takes about 20 µs.
#[must_use]
pub fn lock_holder(file: &File) -> Option<Pid> {
    let inode = file.metadata().ok()?.ino();
    find(&fs::read_to_string("/proc/locks").ok()?, inode)
}

/// `1: FLOCK  ADVISORY  WRITE 812 08:01:131077 0 EOF`. The device is left out: some file systems show another one there.
fn find(locks: &str, inode: u64) -> Option<Pid> {
    let holder = |line: &str| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let is_ours = words.next() == Some("FLOCK") && words.nth(1) == Some("WRITE");
        let pid = words.next()?.parse().ok().and_then(Pid::new)?;
        let found: u64 = words.next()?.rsplit(':').next()?.parse().ok()?;
        (is_ours && found == inode).then_some(pid)
    };
    locks.lines().find_map(holder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_an_exclusive_lock_is_found_by_the_inode() {
        let locks = "1: POSIX  ADVISORY  WRITE 7 08:01:42 0 EOF\n2: FLOCK  ADVISORY  READ 8 08:01:42 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 9 08:01:42 0 EOF\n3: FLOCK  ADVISORY  WRITE 10 08:01:421 0 EOF\n\
                     4: FLOCK  ADVISORY  WRITE 11 00:2a:42 0 EOF\n";
        assert_eq!(find(locks, 42), Pid::new(11));
        assert_eq!(find(locks, 4), None);
        assert_eq!(find("", 42), None);
    }

    #[test]
    fn a_lock_of_this_process_is_found() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(lock_holder(&file), None);
        file.lock().unwrap();
        assert_eq!(lock_holder(&file), Pid::new(std::process::id()));
    }
}
