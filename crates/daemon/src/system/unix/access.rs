//! Who owns files, and who else may read them: owners and modes.

use std::fs::{self, DirBuilder, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The effective user of this process.
pub(crate) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The user whose file it is.
pub(crate) fn owner(metadata: &Metadata) -> u32 {
    metadata.uid()
}

/// Makes the folder, and those above it that are missing, 0700.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A file that these options create is 0600.
pub(crate) fn openable_by_us(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// Takes all rights from other users; says whether they had any.
pub(crate) fn close_to_others(path: &Path, metadata: &Metadata) -> io::Result<bool> {
    let mode = metadata.mode() & 0o777;
    let closed = mode & 0o700;
    if mode == closed {
        return Ok(false);
    }
    fs::set_permissions(path, Permissions::from_mode(closed)).map(|()| true)
}

/// Whether files can be made in the folder.
pub(crate) fn check_writable(folder: &Path) -> io::Result<()> {
    use rustix::fs::Access;
    Ok(rustix::fs::access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK)?)
}

/// Which file this is, whatever its name: no other one has this, as long as something has it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// Of an open file.
    pub(crate) fn of(file: &fs::File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::from(&metadata))
    }

    /// Of what is at `path` now; a link counts as itself.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        path.symlink_metadata().map(|metadata| Self::from(&metadata))
    }

    fn from(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// Opens a file in a folder of ours, as `options` say; one that this makes is 0600.
///
/// # Errors
/// Also if what is there is a symbolic link, is not a regular file, or belongs to another user.
pub(crate) fn open_ours(path: &Path, options: &mut OpenOptions) -> io::Result<fs::File> {
    use rustix::fs::OFlags;
    // Without NONBLOCK, opening a pipe would wait for its other end.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = options.mode(0o600).custom_flags(flags.bits().cast_signed()).open(path);
    let file = match opened {
        Err(_) if path.is_symlink() => return Err(NotOurs::Link.into()),
        opened => opened?,
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(NotOurs::Kind.into());
    }
    if metadata.uid() != own_uid() {
        return Err(NotOurs::Owner(metadata.uid()).into());
    }
    Ok(file)
}

/// Why a file in a folder of ours is not used.
#[derive(Debug, thiserror::Error)]
enum NotOurs {
    #[error("it is a symbolic link")]
    Link,
    #[error("it is not a regular file")]
    Kind,
    #[error("it belongs to another user (uid {0})")]
    Owner(u32),
}

impl From<NotOurs> for io::Error {
    fn from(why: NotOurs) -> Self {
        Self::new(io::ErrorKind::PermissionDenied, why)
    }
}
