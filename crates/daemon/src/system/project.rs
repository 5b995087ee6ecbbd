//! Which checkout a folder lies in, and which branch is checked out there: the core's rules on this machine's disk.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use styxy_core::checkout::{self, Files, Kind};

/// The root of the checkout that `folder` lies in. See [`checkout::root`]; hangs if the disk does.
#[must_use]
pub fn project_of(folder: &Path, home: Option<&Path>) -> Option<PathBuf> {
    checkout::root(folder, home, &Disk)
}

/// The branch checked out in the worktree with this root; none for a detached head.
#[must_use]
pub fn branch_of(root: &Path) -> Option<String> {
    checkout::branch(root, &Disk)
}

struct Disk;

impl Files for Disk {
    fn kind(&self, path: &Path) -> Option<Kind> {
        fs::metadata(path).ok().map(|found| found.file_type().into())
    }
    fn open(&self, path: &Path) -> io::Result<impl Read> {
        File::open(path)
    }
    fn entries(&self, folder: &Path) -> Vec<PathBuf> {
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    }
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        path.canonicalize()
    }
}
