//! Files and folders: which ones they are. Who may open them follows from Styxy's folder, which is this user's alone.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::Path;

use styxy_client::process::file_number;
use windows_sys::Win32::Storage::FileSystem::FILE_FLAG_BACKUP_SEMANTICS;

/// The folder's access list holds for what is made in it.
pub(in crate::up) const fn for_this_user(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// The same for a folder.
pub(in crate::up) const fn folder_for_this_user(builder: &mut DirBuilder) -> &mut DirBuilder {
    builder
}

/// Which file or folder is at this path.
pub(in crate::up) fn identity(path: &Path) -> Option<(u64, u64)> {
    let mut options = File::options();
    // Only looked at; with the flag folders can be opened too.
    options.access_mode(0).custom_flags(FILE_FLAG_BACKUP_SEMANTICS);
    identity_of(&options.open(path).ok()?)
}

/// Which file is open.
pub(in crate::up) fn identity_of(file: &File) -> Option<(u64, u64)> {
    file_number(file).ok()
}

/// How many bytes of a file are on the disk.
///
/// # Errors
/// The system does not say.
pub(in crate::up) fn on_disk(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.len())
}

/// Lets go of all that is in a file, which is at `path`: a handle that appends may not do that.
///
/// # Errors
/// Another file is there, or the system refuses it.
pub(in crate::up) fn empty(file: &File, path: &Path) -> io::Result<()> {
    let to_write = File::options().write(true).open(path)?;
    if identity_of(&to_write) != identity_of(file) {
        return Err(io::ErrorKind::NotFound.into());
    }
    to_write.set_len(0)
}
