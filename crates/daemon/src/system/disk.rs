//! This machine's file system, for the core's rules about checkouts.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use styxy_core::ProjectId;
use styxy_core::checkout::{self, Files, Kind};

/// It may hang: call it where blocking is allowed.
pub(crate) struct Disk;

/// Which folder is at this path, as far as the system says.
pub(crate) fn id(folder: &Path) -> Option<ProjectId> {
    checkout::id(&fs::metadata(folder).ok()?)
}

/// The canonical form of `path` as people write it.
///
/// # Errors
/// It does not exist, or may not be looked at.
pub(crate) fn canonical(path: &Path) -> io::Result<PathBuf> {
    checkout::canonical(path, &Disk)
}

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
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        path.canonicalize()
    }
}
