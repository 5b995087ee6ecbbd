//! This machine's file system, for the core's rules about checkouts.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use styxy_core::ProjectId;
use styxy_core::checkout::{self, Files, Kind};

/// It may hang: call it where blocking is allowed.
#[derive(Debug)]
pub struct Disk;

/// Which folder is at this path, as far as the system says.
#[cfg(target_os = "linux")]
#[must_use]
pub fn id(folder: &Path) -> Option<ProjectId> {
    look(folder)?.id()
}

/// When the folder at this path was made, in nanoseconds since 1970, as far as the system says.
#[cfg(target_os = "linux")]
#[must_use]
pub fn born_ns(folder: &Path) -> Option<u128> {
    Some(look(folder)?.born_ns)
}

/// Which folder is at this path, as far as the system says.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn id(folder: &Path) -> Option<ProjectId> {
    checkout::id(&fs::metadata(folder).ok()?)
}

/// When the folder at this path was made, in nanoseconds since 1970, as far as the system says.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn born_ns(folder: &Path) -> Option<u128> {
    checkout::born_ns(&fs::metadata(folder).ok()?)
}

/// What the kernel says of the folder at this path, in one call. Not by the standard library, which asks it for the time of birth
/// with glibc only.
#[cfg(target_os = "linux")]
fn look(folder: &Path) -> Option<checkout::Folder> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};
    let found = statx(CWD, folder, AtFlags::empty(), StatxFlags::INO | StatxFlags::BTIME).ok()?;
    let is_born = StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::BTIME);
    let born = is_born.then_some((found.stx_btime.tv_sec, found.stx_btime.tv_nsec))?;
    checkout::Folder::born(makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino, born)
}

/// The canonical form of `path` as people write it.
///
/// # Errors
/// It does not exist, or may not be looked at.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
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
