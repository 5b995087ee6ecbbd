//! Which folder a path leads to.

use std::fs::Metadata;

use crate::names::ProjectId;

/// What tells a folder from every other one, within one boot of the machine. A name is used again for another folder, and so is
/// an inode number, most often at once; both together with the birth are not. A folder that is moved keeps its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Folder {
    /// The device of its file system.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
    /// When it was made, in nanoseconds since 1970.
    pub born_ns: u128,
}

impl Folder {
    /// The folder with this number on this device, made so many seconds and nanoseconds after 1970. None if that was then or
    /// before: file systems that do not know it say so.
    #[must_use]
    pub fn born(device: u64, inode: u64, (seconds, nanoseconds): (i64, u32)) -> Option<Self> {
        let born_ns = u128::try_from(seconds).ok()? * 1_000_000_000 + u128::from(nanoseconds);
        (born_ns > 0).then_some(Self { device, inode, born_ns })
    }

    /// As it is written down.
    #[must_use]
    pub fn id(self) -> Option<ProjectId> {
        let Self { device, inode, born_ns } = self;
        ProjectId::new(&format!("{device:x}:{inode:x}:{born_ns:x}")).ok()
    }
}

/// Which folder this is. None where the system or its file system does not say when the folder was made; the standard library
/// never says it with musl.
#[cfg(unix)]
#[must_use]
pub fn id(folder: &Metadata) -> Option<ProjectId> {
    use std::os::unix::fs::MetadataExt as _;
    Folder { device: folder.dev(), inode: folder.ino(), born_ns: born_ns(folder)? }.id()
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
