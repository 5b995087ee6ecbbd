//! Who holds a file's lock, by the kernel's list of locks.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;

use styxy_core::{Pid, locks};

/// The process that holds the exclusive lock (`flock`) on this file; none if nobody does, or it cannot be seen from here.
///
/// Takes about 20 µs.
#[must_use]
pub fn lock_holder(file: &File) -> Option<Pid> {
    let inode = file.metadata().ok()?.ino();
    locks::exclusive_holders(&fs::read_to_string("/proc/locks").ok()?, inode).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_of_this_process_is_found() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(lock_holder(&file), None);
        file.lock().unwrap();
        assert_eq!(lock_holder(&file), Pid::new(std::process::id()));
    }
}
