//! The Unix socket that the daemon listens on, non-blocking, as Tokio wants it.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use styxy_core::api::Refusal;
use styxy_core::layout::{Layout, runtime_folder};
use styxy_core::with_causes;

use super::error::{Cannot, Expected, PlaceError};
use super::home::open_for_sockets;
use super::lock::Held;
use crate::files;

/// A socket that listens.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) listener: UnixListener,
    pub(crate) path: PathBuf,
    /// Why it is not in the daemon's folder, although its path would not be too long.
    pub(crate) note: Option<String>,
}

/// The folder of sockets, which depends on the environment.
fn runtime() -> PathBuf {
    runtime_folder(|name| std::env::var_os(name), files::own_uid())
}

/// Listens on this folder's socket: in the folder itself, or in the runtime folder if the path is too long or the file system
/// has no sockets (vfat, some FUSE, 9p).
///
/// # Errors
/// Those of [`bind`], for the first place.
pub(crate) fn bind_any(held: &Held) -> Result<Bound, PlaceError> {
    let (layout, runtime) = (held.layout(), runtime());
    first(layout.root(), layout.socket(&runtime), layout.runtime_socket(&runtime))
}

/// Makes a socket where the start would, and removes it. Says why it is not in the folder, if it is not.
///
/// # Errors
/// The refusal that the start would answer with.
pub fn inspect_socket(layout: &Layout) -> Result<Option<String>, Refusal> {
    let runtime = runtime();
    let (own, there) = (layout.socket(&runtime).with_file_name(TRIED), runtime.join(TRIED));
    let is_new = !runtime.exists();
    let tried = first(layout.root(), own, there);
    if let Ok(bound) = &tried {
        let _ = fs::remove_file(&bound.path);
    }
    if is_new {
        // It has nothing else in it, or it stays.
        let _ = fs::remove_dir(&runtime);
    }
    Ok(tried?.note)
}

/// The socket that [`inspect_socket`] makes.
const TRIED: &str = "doctor.sock";

fn first(root: &Path, own: PathBuf, there: PathBuf) -> Result<Bound, PlaceError> {
    let refused = match listen(root, &own) {
        Ok(listener) => return Ok(Bound { listener, path: own, note: None }),
        Err(error @ PlaceError::File { cannot: Cannot::Listen, .. }) if own.starts_with(root) => error,
        Err(error) => return Err(error),
    };
    let said = with_causes(&refused);
    // What is wrong in the runtime folder is of no use to somebody who did not choose it.
    let Ok(listener) = listen(root, &there) else { return Err(refused) };
    let folder = there.parent().unwrap_or(&there).display();
    let note = Some(format!("{said}; the daemon's socket is in {folder} instead"));
    Ok(Bound { listener, path: there, note })
}

/// Listens on the Unix socket at `path`, 0600, and replaces one that a daemon left behind. Only the lock's holder may
/// call it.
///
/// # Errors
/// The path holds something else or cannot be listened on, or its folder is another user's.
pub(crate) fn bind(held: &Held, path: &Path) -> Result<UnixListener, PlaceError> {
    listen(held.layout().root(), path)
}

fn listen(root: &Path, path: &Path) -> Result<UnixListener, PlaceError> {
    if let Some(folder) = path.parent().filter(|folder| *folder != root) {
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

    use styxy_core::api::Code;

    use super::*;
    use crate::place::lock::take;

    fn held() -> (tempfile::TempDir, Held, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let held = take(&Layout::new(home.path().into())).unwrap().unwrap();
        let path = held.layout().socket(Path::new("/nowhere"));
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

    #[test]
    fn where_the_folder_has_no_sockets_the_runtime_folder_has_one_and_a_note_says_so() {
        let top = tempfile::tempdir().unwrap();
        // No socket can be made in it, for whichever reason.
        let (root, there) = (top.path().join("missing"), top.path().join("run/doctor.sock"));
        let bound = first(&root, root.join(TRIED), there.clone()).unwrap();
        assert_eq!(bound.path, there);
        let note = bound.note.unwrap();
        assert!(note.contains("missing") && note.contains("run instead"), "{note}");
        // If there is none either, the first refusal is the one that counts.
        fs::remove_file(&there).unwrap();
        fs::write(&there, "precious").unwrap();
        let refused = first(&root, root.join(TRIED), there).unwrap_err();
        assert!(with_causes(&refused).contains("missing"), "{refused}");
    }
}
