//! The owner of the daemon's files, or of its pipe. A folder of another user means `sudo` with that user's HOME, or an attack.

#[cfg(windows)]
mod pipe;

use std::path::Path;

use crate::Error;
#[cfg(windows)]
pub(crate) use pipe::OwnPipe;
#[cfg(windows)]
pub use pipe::is_own_pipe;

/// Fails if `path` exists and belongs to another user. Takes about a microsecond.
#[cfg(unix)]
pub(crate) fn check(path: &Path) -> Result<(), Error> {
    check_as(path, rustix::process::geteuid().as_raw())
}

#[cfg(unix)]
fn check_as(path: &Path, ours: u32) -> Result<(), Error> {
    use std::os::unix::fs::MetadataExt;
    match path.metadata() {
        Ok(metadata) if metadata.uid() != ours => {
            Err(Error::NotOurs { path: path.to_owned(), owner: metadata.uid(), ours })
        }
        // A path that cannot be read cannot be connected to either, and that error says more.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Nothing: the folder is closed to others by its access list, which the daemon checks, and a pipe is checked at each connection.
#[cfg(windows)]
#[expect(clippy::unnecessary_wraps, reason = "as on the other systems")]
pub(crate) fn check(_: &Path) -> Result<(), Error> {
    Ok(())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_another_user_is_refused_with_what_to_type() {
        let folder = tempfile::tempdir().unwrap();
        let ours = rustix::process::geteuid().as_raw();
        assert!(check(folder.path()).is_ok());
        let error = check_as(folder.path(), ours + 1).unwrap_err();
        assert!(matches!(error, Error::NotOurs { owner, .. } if owner == ours), "{error:?}");
        assert!(error.refusal().hint.unwrap().contains("STYXY_HOME"));
        assert!(check_as(&folder.path().join("absent"), ours + 1).is_ok());
    }
}
