//! Writes the guard's files, each in one step: programs may use them at any time.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use super::Cannot;

/// What an unfinished file's name begins with.
const UNFINISHED: &str = ".unfinished-";

/// Whether a file in the guard's folder is one that Styxy has made.
pub(crate) fn is_ours(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let begun = ["libstyxy-", "styxy-", UNFINISHED].iter().any(|begin| name.starts_with(begin));
    begun || [super::shell::FILE, super::shims::FOLDER].contains(&&*name)
}

/// Makes the folder, the user's own.
pub(super) fn folder(path: &Path) -> Result<(), Cannot> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| Cannot::Write { path: path.to_owned(), source })
}

/// Makes `path` by `write`, which gets the name of a new file beside it.
pub(super) fn make(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), Cannot> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = path.with_file_name(format!("{UNFINISHED}{name}-{}", std::process::id()));
    let made = write(&unfinished).and_then(|()| fs::rename(&unfinished, path));
    made.map_err(|source| {
        let _ = fs::remove_file(&unfinished);
        Cannot::Write { path: path.to_owned(), source }
    })
}

/// Writes `bytes`, if the file is not there or has others.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Cannot> {
    if fs::read(path).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    make(path, |unfinished| {
        let mut file = File::create(unfinished)?;
        file.write_all(bytes)?;
        file.set_permissions(Permissions::from_mode(0o600))
    })
}
