//! Where a worktree's keeper is found: a folder in Styxy's own, named by a hash of the worktree's path, with the lock that makes
//! a process the keeper, its socket, what it remembers, and the logs (R130).

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use styxy_core::layout::Layout;
use styxy_core::order::Order as _;

use crate::up::system;

/// The files of one worktree's keeper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    root: PathBuf,
    folder: PathBuf,
    socket: PathBuf,
}

impl Place {
    /// That of the worktree at `root`.
    pub(crate) fn of(layout: &Layout, root: &Path) -> Self {
        let folder = layout.stack(root);
        let socket = system::address(layout, root);
        Self { root: root.to_owned(), folder, socket }
    }

    /// The worktree.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join("state.json")
    }

    /// What the keeper itself has to say.
    pub(crate) fn own_log(&self) -> PathBuf {
        self.folder.join("keeper.txt")
    }

    /// What a service prints. Its label consists of letters, digits and `._-`, and begins with neither dot nor dash.
    pub(crate) fn log(&self, label: &str) -> PathBuf {
        self.folder.join(format!("{label}.log"))
    }

    /// What every process of a service carries; `start` is unique to one start of it.
    pub(crate) fn mark(&self, label: &str, start: &str) -> String {
        format!("{}/{label}/{start}", self.name())
    }

    /// Whether a process with this mark was started by a keeper of this worktree.
    pub(crate) fn is_of_mark(&self, mark: &str) -> bool {
        mark.split('/').next() == Some(self.name())
    }

    fn name(&self) -> &str {
        self.folder.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default()
    }

    /// The services that have a log, in the order of their names.
    pub(crate) fn logs(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names =
            entries.filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".log")?.to_owned()));
        let mut names: Vec<String> = names.collect();
        names.order();
        names
    }

    /// Makes the folder, which only this user may look into.
    ///
    /// # Errors
    /// The disk is full, or Styxy's folder is not this user's.
    pub(crate) fn make(&self) -> io::Result<()> {
        let made = system::folder_for_this_user(&mut DirBuilder::new()).recursive(true).create(&self.folder);
        made.map_err(|error| of(&self.folder, &error))
    }

    /// The lock that makes this process the keeper; none if another process is.
    ///
    /// # Errors
    /// The file cannot be made or locked.
    pub(crate) fn lock(&self) -> io::Result<Option<File>> {
        let path = self.folder.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|error| of(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Whether these sentences are others than those that were said in this worktree last.
    pub(crate) fn is_news(&self, said: &[String]) -> bool {
        let path = self.folder.join("reasons.txt");
        let text = said.join("\n");
        if said.is_empty() || fs::read_to_string(&path).is_ok_and(|before| before == text) {
            return false;
        }
        // What cannot be remembered is said again.
        let _ = self.make().and_then(|()| fs::write(path, text));
        true
    }

    /// Whether a keeper was ever here.
    pub(crate) fn is_there(&self) -> bool {
        self.folder.is_dir()
    }

    /// Whether a process is the keeper.
    pub(crate) fn has_keeper(&self) -> bool {
        let lock = File::options().write(true).open(self.folder.join("lock"));
        lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// Puts `text` into the state's file, whole or not at all.
    ///
    /// # Errors
    /// The disk is full, or the folder is gone.
    pub(crate) fn write_state(&self, text: &[u8]) -> io::Result<()> {
        let new = self.folder.join("state.json.new");
        let written = fs::write(&new, text).and_then(|()| fs::rename(&new, self.state()));
        written.map_err(|error| of(&self.folder, &error))
    }
}

/// The same error with the file or folder that it is about.
pub(crate) fn of(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
