//! The Unix socket that the daemon listens on, non-blocking, as Tokio wants it.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use styxy_core::layout::{Layout, runtime_folder};

use super::error::{Cannot, Expected, PlaceError};
use super::home::open_for_sockets;
use super::lock::Held;
use crate::files;

/// The path of this folder's socket, which depends on the environment.
pub(crate) fn path(layout: &Layout) -> PathBuf {
    layout.socket(&runtime_folder(|name| std::env::var_os(name), files::own_uid()))
}

/// Listens on the Unix socket at `path`, 0600, and replaces one that a daemon left behind. Only the lock's holder may
/// call it.
///
/// # Errors
/// The path holds something else or cannot be listened on, or its folder is another user's.
pub(crate) fn bind(held: &Held, path: &Path) -> Result<UnixListener, PlaceError> {
    if let Some(folder) = path.parent().filter(|folder| *folder != held.layout().root()) {
        open_for_sockets(folder)?;
    }
    if path.symlink_metadata().is_ok_and(|found| !found.file_type().is_socket()) {
        return Err(PlaceError::Kind { path: path.to_owned(), expected: Expected::Socket });
    }
    files::remove(path).map_err(Cannot::Remove.at(path))?;
    let listener = UnixListener::bind(path).map_err(Cannot::Listen.at(path))?;
    // Until here the socket is protected by its folder, which is closed to others.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .and_then(|()| listener.set_nonblocking(true))
        .map_err(Cannot::Close.at(path))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use styxy_core::api::{Code, Refusal};

    use super::*;
    use crate::place::lock::take;

    fn held() -> (tempfile::TempDir, Held, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let held = take(&Layout::new(home.path().into())).unwrap().unwrap();
        let path = super::path(held.layout());
        (home, held, path)
    }

    #[test]
    fn the_socket_is_ours_alone_and_replaces_a_stale_one() {
        let (_home, held, path) = held();
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists() && UnixStream::connect(&path).is_err(), "that one is stale");
        let listener = bind(&held, &path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let client = UnixStream::connect(&path).unwrap();
        listener.set_nonblocking(false).unwrap();
        assert!(listener.accept().is_ok());
        drop(client);
    }

    #[test]
    fn a_file_that_is_not_a_socket_is_not_removed() {
        let (_home, held, path) = held();
        fs::write(&path, "precious").unwrap();
        assert_eq!(Refusal::from(bind(&held, &path).unwrap_err()).code, Code::StorageUnavailable);
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_socket_elsewhere_gets_a_folder_closed_to_others() {
        let (home, held, _) = held();
        let folder = home.path().join("run");
        bind(&held, &folder.join("styxy-1.sock")).unwrap();
        assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
}
