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
