//! Who holds a file's lock, by the kernel's list of locks.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;

use styxy_core::{Pid, locks};

/// The process that holds the exclusive lock (`flock`) on this file; none if nobody does, or it cannot be seen from here.
///
/// Takes about 20 µs.
#[must_use]
pub fn lock_holder(file: &File) -> Option<Pid> {
    let locked = file.metadata().ok()?;
    let list = fs::read_to_string("/proc/locks").ok()?;
    // Those of files on other disks that have the same number are left out, as far as their processes can be looked at.
    let may_have_it = |pid: &Pid| match fs::read_dir(format!("/proc/{pid}/fd")) {
        Ok(open) => open
            .flatten()
            .filter_map(|entry| fs::metadata(entry.path()).ok())
            .any(|found| (found.dev(), found.ino()) == (locked.dev(), locked.ino())),
        Err(_) => true,
    };
    locks::exclusive_holders(&list, locked.ino()).find(may_have_it)
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
