//! The daemon's folder, and the files in it that are Styxy's.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use styxy_core::api::{Code, Refusal};
use styxy_core::handshake::DaemonFile;
use styxy_core::layout::{Layout, is_own_file};
use styxy_core::order::Order as _;

/// What is in the folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Folder {
    /// The names of Styxy's files.
    pub(super) own: Vec<PathBuf>,
    /// What others put there; it stays, and so does the folder.
    pub(super) foreign: Vec<PathBuf>,
    /// The socket, if it is elsewhere because its path would be too long.
    pub(super) socket: Option<PathBuf>,
}

impl Folder {
    /// What is there now; none if there is no folder.
    ///
    /// # Errors
    /// It is not one that Styxy may use, so nothing in it is Styxy's.
    pub(super) fn look(layout: &Layout) -> Result<Option<Self>, Refusal> {
        let root = layout.root();
        // Whether one could be made does not matter here.
        if root.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(None);
        }
        styxy_daemon::inspect_home(root)?;
        let entries = fs::read_dir(root).map_err(|error| unremoved(root, &error))?;
        let mut folder = Self::default();
        for entry in entries.flatten() {
            let name = entry.file_name();
            // `config.json` is a file, the logs, the guard and what keepers know are folders; a folder of another name that begins alike is not ours.
            let is_folder = entry.file_type().is_ok_and(|found| found.is_dir());
            let is_own =
                is_own_file(&name) && (!is_folder || name == "logs" || name == "guard" || name == "up");
            let list = if is_own { &mut folder.own } else { &mut folder.foreign };
            list.push(name.into());
        }
        folder.own.order();
        folder.foreign.order();
        let daemon = fs::read(layout.daemon_file())
            .ok()
            .and_then(|json| serde_json::from_slice::<DaemonFile>(&json).ok());
        let socket = daemon.map(|daemon| PathBuf::from(daemon.socket));
        folder.socket = socket.filter(|socket| socket.is_absolute() && !socket.starts_with(root));
        Ok(Some(folder))
    }

    /// Removes Styxy's files, and the folder if nothing else is in it.
    ///
    /// # Errors
    /// A daemon was started in it again, or a file cannot be removed.
    pub(super) fn remove(&self, layout: &Layout) -> Result<(), Refusal> {
        let root = layout.root();
        let at = |path: &Path, error: &io::Error| unremoved(path, error);
        // Whoever starts a daemon now finds this lock, and waits for its end.
        let lock = match File::options().write(true).open(layout.lock()) {
            Ok(lock) => match lock.try_lock() {
                Ok(()) => Some(lock),
                Err(TryLockError::WouldBlock) => return Err(started_again(root)),
                Err(TryLockError::Error(_)) => None,
            },
            Err(_) => None,
        };
        let is_last = |name: &&PathBuf| name.as_os_str() == "daemon.lock";
        let files = self.own.iter().filter(|name| !is_last(name)).chain(self.own.iter().filter(is_last));
        for path in files.map(|name| root.join(name)) {
            remove(&path).map_err(|error| at(&path, &error))?;
        }
        drop(lock);
        // The guard's, where the folder's own path could not be named.
        #[cfg(target_os = "linux")]
        for path in crate::here::guarded::installed(layout) {
            remove(&path).map_err(|error| at(&path, &error))?;
        }
        if let Some(socket) = &self.socket {
            let _ = fs::remove_file(socket);
            // It is shared by all daemons of the user whose folders have long paths.
            let folder = socket.parent().filter(|folder| folder.file_name().is_some_and(is_sockets));
            let _ = folder.map(fs::remove_dir);
        }
        let is_link = root.symlink_metadata().is_ok_and(|found| found.is_symlink());
        if self.foreign.is_empty() && !is_link {
            fs::remove_dir(root).map_err(|error| at(root, &error))?;
        }
        Ok(())
    }
}

fn is_sockets(name: &std::ffi::OsStr) -> bool {
    name.to_str().is_some_and(|name| name == "styxy" || name.starts_with("styxy-"))
}

/// Removes a file, a link, or the folder of the logs, of the guard or of the keepers with what is Styxy's in it.
fn remove(path: &Path) -> io::Result<()> {
    let found = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.is_dir() {
        return fs::remove_file(path);
    }
    // What keepers knew, and the logs of services.
    if path.file_name().is_some_and(|name| name == "up") {
        return fs::remove_dir_all(path);
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.to_string_lossy().starts_with("daemon.log") && !is_guards(&name) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    fs::remove_dir(path)
}

#[cfg(target_os = "linux")]
use crate::here::guarded::is_ours as is_guards;

#[cfg(not(target_os = "linux"))]
fn is_guards(_: &std::ffi::OsStr) -> bool {
    false
}

fn unremoved(path: &Path, error: &io::Error) -> Refusal {
    Refusal::new(Code::StorageUnavailable, format!("could not remove {}: {error}", path.display()))
        .hint(format!("ls -la {}", path.display()))
}

fn started_again(root: &Path) -> Refusal {
    let sentence =
        format!("a program has started a daemon in {} again; its files are still there", root.display());
    Refusal::new(Code::StorageUnavailable, sentence).hint("styxy uninstall")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_styxys_own_files_are_removed() {
        let top = tempfile::tempdir().unwrap();
        let layout = Layout::new(top.path().join("styxy"));
        assert_eq!(Folder::look(&layout).unwrap(), None);
        let logs = layout.logs();
        fs::create_dir_all(&logs).unwrap();
        for name in
            ["daemon.lock", "config.json", "journal.0000000001", "token", "mine.txt", "logs/daemon.log.1"]
        {
            fs::write(layout.root().join(name), "").unwrap();
        }
        fs::create_dir(layout.root().join("journal.notes")).unwrap();
        let folder = Folder::look(&layout).unwrap().unwrap();
        folder.remove(&layout).unwrap();
        let mut left: Vec<_> =
            fs::read_dir(layout.root()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["journal.notes", "mine.txt"]);
    }

    #[test]
    fn a_folder_in_which_a_daemon_runs_is_left_alone() {
        let top = tempfile::tempdir().unwrap();
        let layout = Layout::new(top.path().join("styxy"));
        fs::create_dir(layout.root()).unwrap();
        let lock = File::create(layout.lock()).unwrap();
        lock.lock().unwrap();
        let folder = Folder::look(&layout).unwrap().unwrap();
        assert!(folder.remove(&layout).unwrap_err().error.contains("has started a daemon"));
        drop(lock);
        folder.remove(&layout).unwrap();
        assert!(!layout.root().exists());
    }
}
