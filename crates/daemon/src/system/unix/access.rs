//! Who owns files, and who else may read them: owners and modes.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A user, by number.
pub(crate) type UserId = u32;

/// The effective user of this process.
pub(crate) fn own_uid() -> UserId {
    rustix::process::geteuid().as_raw()
}

/// The effective user of this process.
///
/// # Errors
/// None on this system.
#[expect(clippy::unnecessary_wraps, reason = "the same signature as on Windows")]
pub(crate) fn own_user() -> io::Result<UserId> {
    Ok(own_uid())
}

/// The user whose file it is, if that is not `own`.
///
/// # Errors
/// None on this system.
#[expect(
    clippy::unnecessary_wraps,
    clippy::trivially_copy_pass_by_ref,
    reason = "the same signature as on Windows"
)]
pub(crate) fn other_owner(_: &Path, metadata: &Metadata, own: &UserId) -> io::Result<Option<UserId>> {
    Ok((metadata.uid() != *own).then(|| metadata.uid()))
}

/// Makes the folder, and those above it that are missing, 0700.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes a file that is not there yet, 0600, and opens it for writing.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)
}

/// Takes all rights from other users; says whether they had any. The sticky bit and its like stay.
pub(crate) fn close_to_others(path: &Path, metadata: &Metadata) -> io::Result<bool> {
    let mode = metadata.mode() & 0o7777;
    let closed = mode & 0o7700;
    if mode == closed {
        return Ok(false);
    }
    fs::set_permissions(path, Permissions::from_mode(closed)).map(|()| true)
}

/// The mode, if it lets other users write. A group that has its user's number is that user's own, as `umask 002` goes
/// with it.
pub(crate) fn mode_for_others_to_write(metadata: &Metadata) -> Option<u32> {
    let of_group = if metadata.gid() == metadata.uid() { 0 } else { 0o020 };
    let mode = metadata.mode() & 0o7777;
    (mode & (0o002 | of_group) != 0).then_some(mode)
}

/// The home folder of this user by the system's list of users, whatever the environment says.
pub(crate) fn own_home() -> Option<PathBuf> {
    super::User::look_up(own_uid()).home
}

/// Whether the folder is one that every system has, and no place for the files of one program.
pub(crate) fn is_of_the_system(folder: &Path) -> bool {
    const TOP: [&str; 27] = [
        "Applications",
        "Library",
        "System",
        "Users",
        "Volumes",
        "bin",
        "boot",
        "cores",
        "dev",
        "etc",
        "home",
        "lib",
        "lib32",
        "lib64",
        "media",
        "mnt",
        "opt",
        "private",
        "proc",
        "root",
        "run",
        "sbin",
        "srv",
        "sys",
        "tmp",
        "usr",
        "var",
    ];
    /// Nothing below these is for a program's files.
    const BELOW: [&str; 8] = ["/bin", "/boot", "/etc", "/lib", "/proc", "/sbin", "/sys", "/usr/bin"];
    const OTHERS: [&str; 13] = [
        "/dev/shm",
        "/private/tmp",
        "/private/var",
        "/run/lock",
        "/run/user",
        "/usr/lib",
        "/usr/local",
        "/usr/share",
        "/var/cache",
        "/var/lib",
        "/var/log",
        "/var/run",
        "/var/tmp",
    ];
    let is_top = || TOP.iter().any(|name| folder == Path::new("/").join(name));
    is_top()
        || OTHERS.iter().any(|other| folder == Path::new(other))
        || BELOW.iter().any(|above| folder.starts_with(above))
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

/// Opens a file for reading that a user may keep elsewhere: a link is followed if it is ours, and what is there may be
/// root's too, if nobody else may write to it.
///
/// # Errors
/// As for [`open_ours`].
pub(crate) fn open_linked(path: &Path) -> io::Result<fs::File> {
    use rustix::fs::OFlags;
    let link = path.symlink_metadata()?;
    if !link.is_symlink() {
        return open_ours(path, OpenOptions::new().read(true));
    }
    if link.uid() != own_uid() {
        return Err(NotOurs::Owner(link.uid()).into());
    }
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(NotOurs::Kind.into());
    }
    if ![own_uid(), 0].contains(&metadata.uid()) {
        return Err(NotOurs::Owner(metadata.uid()).into());
    }
    match mode_for_others_to_write(&metadata) {
        Some(mode) => Err(NotOurs::Writable(mode).into()),
        None => Ok(file),
    }
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
    #[error("other users may write to it (mode {0:04o})")]
    Writable(u32),
}

impl From<NotOurs> for io::Error {
    fn from(why: NotOurs) -> Self {
        Self::new(io::ErrorKind::PermissionDenied, why)
    }
}
