//! Files and folders that only their owner may see.

use std::fs::{self, File};
use std::io;
use std::path::Path;

#[cfg(windows)]
pub(crate) use crate::system::others_who_write;
pub(crate) use crate::system::{
    FileId, UserId, check_writable, close_to_others, create_folder, create_private, is_of_the_system,
    open_linked, open_ours, other_owner, own_home, own_user,
};
#[cfg(unix)]
pub(crate) use crate::system::{mode_for_others_to_write, own_uid};

/// Makes a file that is not there yet, readable to us alone, and opens it for writing.
///
/// # Errors
/// As [`OpenOptions::open`]: `AlreadyExists` if there is one.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    create_private(path)
}

/// Removes a file, if there is one.
///
/// # Errors
/// As [`fs::remove_file`], without `NotFound`.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
