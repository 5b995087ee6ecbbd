//! Linux's list of file locks, `/proc/locks`: read here for the daemon and for its clients.

use crate::Pid;

/// The process that holds the exclusive lock (`flock`) on the file with this `inode`, as the list says; none if nobody
/// does, or the holder is not seen from here.
///
/// `1: FLOCK  ADVISORY  WRITE 812 08:01:131077 0 EOF`. The device is left out: some file systems show another one there.
#[must_use]
pub fn exclusive_holder(locks: &str, inode: u64) -> Option<Pid> {
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
        assert_eq!(exclusive_holder(locks, 42), Pid::new(11));
        assert_eq!(exclusive_holder(locks, 4), None);
        assert_eq!(exclusive_holder("", 42), None);
    }
}
