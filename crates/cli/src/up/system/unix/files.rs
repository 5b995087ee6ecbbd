//! Files and folders: who may open them, and which ones they are.

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Has `options` make a file that only this user may open.
pub(in crate::up) fn for_this_user(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// The same for a folder.
pub(in crate::up) fn folder_for_this_user(builder: &mut DirBuilder) -> &mut DirBuilder {
    builder.mode(0o700)
}

/// Which file or folder is at this path.
pub(in crate::up) fn identity(path: &Path) -> Option<(u64, u64)> {
    path.metadata().ok().map(|found| number(&found))
}

/// Which file is open.
pub(in crate::up) fn identity_of(file: &File) -> Option<(u64, u64)> {
    file.metadata().ok().map(|found| number(&found))
}

fn number(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// How many bytes of a file are on the disk.
///
/// # Errors
/// The system does not say.
pub(in crate::up) fn on_disk(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.blocks() * 512)
}

/// Lets go of all that is in a file, which is at `path`.
///
/// # Errors
/// The system refuses it.
pub(in crate::up) fn empty(file: &File, _: &Path) -> io::Result<()> {
    file.set_len(0)
}
