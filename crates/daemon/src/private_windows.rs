//! The folder lies in the user's profile, whose access list is the user's own; there are no modes to set.

use std::fs::{self, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Who we are: the one user there is.
pub(crate) fn us() -> u32 {
    0
}

/// Whose it is: the one user's.
pub(crate) fn owner(_: &Metadata) -> u32 {
    0
}

/// Makes the folder, and those above it that are missing.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Nothing to say beyond the folder's access list.
pub(crate) fn openable_by_us(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Nothing to take.
#[expect(clippy::unnecessary_wraps, reason = "the same signature as on Unix")]
pub(crate) fn close_to_others(_: &Path, _: &Metadata) -> io::Result<bool> {
    Ok(false)
}

/// Whether files can be made in the folder; found out when the first one is.
#[expect(clippy::unnecessary_wraps, reason = "the same signature as on Unix")]
pub(crate) fn check_writable(_: &Path) -> io::Result<()> {
    Ok(())
}
