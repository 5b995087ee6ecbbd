//! Linux's list of file locks, `/proc/locks`: read here for the daemon and for its clients.

use crate::Pid;

/// The processes that hold an exclusive lock (`flock`) on a file with this `inode`, as the list says; none of those that
/// are not seen from here.
///
/// `1: FLOCK  ADVISORY  WRITE 812 08:01:131077 0 EOF`. The device is left out: some file systems show another one there. So
/// there may be several, of files on several disks: ask each process whether it has the file open.
pub fn exclusive_holders(locks: &str, inode: u64) -> impl Iterator<Item = Pid> + '_ {
    let holder = move |line: &str| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let is_ours = words.next() == Some("FLOCK") && words.nth(1) == Some("WRITE");
        let pid = words.next()?.parse().ok().and_then(Pid::new)?;
        let found: u64 = words.next()?.rsplit(':').next()?.parse().ok()?;
        (is_ours && found == inode).then_some(pid)
    };
    locks.lines().filter_map(holder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holders_of_an_exclusive_lock_are_found_by_the_inode() {
        let locks = "1: POSIX  ADVISORY  WRITE 7 08:01:42 0 EOF\n2: FLOCK  ADVISORY  READ 8 08:01:42 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 9 08:01:42 0 EOF\n3: FLOCK  ADVISORY  WRITE 10 08:01:421 0 EOF\n\
                     4: FLOCK  ADVISORY  WRITE 11 00:2a:42 0 EOF\n";
        let holders = |locks, inode| exclusive_holders(locks, inode).map(Pid::get).collect::<Vec<_>>();
        assert_eq!(holders(locks, 42), [11]);
        assert!(holders(locks, 4).is_empty() && holders("", 42).is_empty());
    }
}
