//! Which folder a path leads to.

use std::fs::Metadata;

use crate::names::ProjectId;

/// Which folder this is, within one boot of the machine: device, inode and time of birth. A name is used again for another
/// folder, and so is an inode number, most often at once; both together with the birth are not. A folder that is moved keeps
/// its own. None where the system or its file system does not say when the folder was made.
#[cfg(unix)]
#[must_use]
pub fn id(folder: &Metadata) -> Option<ProjectId> {
    use std::os::unix::fs::MetadataExt as _;
    let born = born_ns(folder)?;
    ProjectId::new(&format!("{:x}:{:x}:{born:x}", folder.dev(), folder.ino())).ok()
}

/// Windows numbers files only through a handle, and not on every file system.
#[cfg(not(unix))]
#[must_use]
pub const fn id(_: &Metadata) -> Option<ProjectId> {
    None
}

/// When the folder was made, in nanoseconds since 1970; none where the file system does not say.
#[must_use]
pub fn born_ns(folder: &Metadata) -> Option<u128> {
    let born = folder.created().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(born.as_nanos()).filter(|born| *born > 0)
}
