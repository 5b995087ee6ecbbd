//! Who owns files, and who else may read them. The folder lies in the user's profile, which Windows closes to others.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Users have no numbers here: always 0.
pub(crate) fn own_uid() -> u32 {
    0
}

/// Users have no numbers here: always 0.
pub(crate) fn owner(_: &Metadata) -> u32 {
    0
}

/// Makes the folder, and those above it that are missing.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// The folder's access list holds for its files: nothing is added.
pub(crate) fn openable_by_us(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// The folder's access list is the user's own: nothing to take.
#[expect(clippy::unnecessary_wraps, reason = "the same signature as on Unix")]
pub(crate) fn close_to_others(_: &Path, _: &Metadata) -> io::Result<bool> {
    Ok(false)
}

/// Whether files can be made in the folder: here only the first one shows it.
#[expect(clippy::unnecessary_wraps, reason = "the same signature as on Unix")]
pub(crate) fn check_writable(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Opens a file in the folder, which is the user's own.
pub(crate) fn open_ours(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.open(path)
}

/// Opens a file for reading that a user may keep elsewhere.
pub(crate) fn open_linked(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Access lists are not modes: none.
pub(crate) fn mode_for_others_to_write(_: &Metadata) -> Option<u32> {
    None
}

/// The environment alone says it.
pub(crate) fn own_home() -> Option<PathBuf> {
    None
}

/// Whether the folder is one that every system has. Users may not write to those here.
pub(crate) fn is_of_the_system(_: &Path) -> bool {
    false
}
