//! Why the daemon's folder, or a file in it, cannot be used, and the refusal that people read.

use std::io;
use std::path::{Path, PathBuf};

use styxy_core::api::{Code, Refusal, Rule};
use styxy_core::layout::elsewhere;
use styxy_core::with_causes;

use crate::files::UserId;

/// Where Styxy's files may be instead: a folder that is not there yet, and any.
const NEW: &str = "a/new/folder/of/yours";
const OWN: &str = "a/folder/of/yours";

/// Why the daemon's folder, or a file in it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    /// The system refused something that the daemon has to do with a file or folder.
    #[error("{} {cannot}", path.display())]
    File { path: PathBuf, cannot: Cannot, source: io::Error },
    /// Something else is in the place of a file or folder.
    #[error("{} is not {expected}", path.display())]
    Kind { path: PathBuf, expected: Expected },
    /// The folder is another user's.
    #[cfg_attr(unix, error("{} belongs to another user (uid {owner}, ours is {own})", path.display()))]
    #[cfg_attr(windows, error("{} belongs to another user ({owner}, ours is {own})", path.display()))]
    Foreign { path: PathBuf, owner: UserId, own: UserId },
    /// The system does not say whom this process runs as.
    #[error("the user of this process is unknown")]
    Nobody { source: io::Error },
    /// The folder is not one that Styxy may use for its files.
    #[error("{} {unfit}", path.display())]
    Unfit { path: PathBuf, unfit: Unfit },
    /// A process of another user holds the lock.
    #[error("{} is locked by {holder} of user {user}", path.display())]
    LockedByAnother { path: PathBuf, holder: String, user: String },
}

/// Why a folder is not one that Styxy may use for its files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    #[error("is the root of the file system; Styxy needs a folder of its own")]
    Root,
    #[error("is your home folder; Styxy needs a folder of its own")]
    Home,
    #[error("is a folder of the system; Styxy needs a folder of its own")]
    System,
    #[cfg(unix)]
    #[error("is a symbolic link of another user (uid {owner})")]
    Link { owner: UserId },
    #[cfg(unix)]
    #[error("can be written to by other users (mode {mode:04o})")]
    Writable { mode: u32 },
    #[cfg(windows)]
    #[error("can be written to by other users ({who})")]
    Writable { who: String },
    #[error("has files that are not Styxy's ({}); Styxy needs a folder of its own", some.join(", "))]
    ForeignFiles { some: Vec<String> },
    #[error("cannot be made: the home folder {} does not exist", home.display())]
    NoHome { home: PathBuf },
}

impl Unfit {
    /// As a [`PlaceError`] about `folder`.
    pub(super) fn at(self, folder: &Path) -> PlaceError {
        PlaceError::Unfit { path: folder.to_owned(), unfit: self }
    }
}

/// What cannot be done with a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cannot {
    #[error("cannot be made")]
    Make,
    #[error("cannot be inspected")]
    Inspect,
    #[error("cannot be opened")]
    Open,
    #[error("cannot be locked")]
    Lock,
    #[error("cannot be read")]
    Read,
    #[error("cannot be written")]
    Write,
    #[cfg(unix)]
    #[error("cannot be removed")]
    Remove,
    #[error("cannot be listened on")]
    Listen,
    #[error("cannot be closed to other users")]
    Close,
}

impl Cannot {
    /// As a [`PlaceError`] about `path`, with what the system said.
    pub(crate) fn at(self, path: &Path) -> impl FnOnce(io::Error) -> PlaceError {
        let path = path.to_owned();
        move |source| PlaceError::File { path, cannot: self, source }
    }
}

/// What should be at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Expected {
    /// The daemon's folder, or that of its socket.
    #[error("a folder")]
    Folder,
    /// The daemon's socket.
    #[cfg(unix)]
    #[error("a socket")]
    Socket,
    /// `config.json`.
    #[error("a file")]
    Config,
}

/// The command that shows whose a folder is, and who may do what with it.
fn look_at(path: &str) -> String {
    if cfg!(windows) { format!("icacls \"{path}\"") } else { format!("ls -ld {path}") }
}

/// The command that takes a folder from other users.
fn close(path: &str) -> String {
    if cfg!(windows) {
        let user = std::env::var("USERNAME").unwrap_or_else(|_| "YOU".to_owned());
        format!("icacls \"{path}\" /inheritance:r /grant:r \"{user}:(OI)(CI)F\"")
    } else {
        format!("chmod go-w {path}")
    }
}

impl From<PlaceError> for Refusal {
    fn from(error: PlaceError) -> Self {
        let sentence = with_causes(&error);
        let storage = |hint: &str| Self::new(Code::StorageUnavailable, sentence.clone()).hint(hint);
        match error {
            PlaceError::Kind { expected: Expected::Config, .. } => {
                storage("move it away: a file belongs there, see styxy config init")
            }
            // There is nothing to look at.
            PlaceError::File { path, cannot: Cannot::Make, .. } => {
                storage(&elsewhere(NEW)).detail("path", path.display().to_string())
            }
            PlaceError::Kind { path, .. } => storage(&format!("move it away, or {}", elsewhere(NEW)))
                .detail("path", path.display().to_string()),
            PlaceError::File { path, cannot: Cannot::Lock | Cannot::Listen, .. } => {
                storage(&elsewhere("a/folder/on/a/local/disk")).detail("path", path.display().to_string())
            }
            PlaceError::File { path, .. } => {
                let path = path.display().to_string();
                let (look, other) = (look_at(&path), elsewhere(OWN));
                storage(&format!("{look}   # it must be yours and writable, or {other}")).detail("path", path)
            }
            PlaceError::Unfit { unfit: Unfit::NoHome { home }, .. } => {
                let home = home.display().to_string();
                storage(&format!("mkdir {home}   # or {}", elsewhere(OWN))).detail("path", home)
            }
            PlaceError::Unfit { path, unfit } => {
                let path = path.display().to_string();
                let hint = match unfit {
                    Unfit::Writable { .. } => close(&path),
                    #[cfg(unix)]
                    Unfit::Link { .. } => elsewhere(NEW),
                    Unfit::Root
                    | Unfit::Home
                    | Unfit::System
                    | Unfit::ForeignFiles { .. }
                    | Unfit::NoHome { .. } => elsewhere(NEW),
                };
                Self::new(Code::Forbidden, sentence).rule(Rule::Home).detail("path", path).hint(hint)
            }
            PlaceError::Nobody { .. } => Self::new(Code::StorageUnavailable, sentence),
            PlaceError::LockedByAnother { path, user, .. } => Self::new(Code::Forbidden, sentence)
                .rule(Rule::Lock)
                .detail("path", path.display().to_string())
                .detail("user", user)
                .hint(elsewhere(NEW)),
            PlaceError::Foreign { path, owner, .. } => Self::new(Code::Forbidden, sentence)
                .rule(Rule::Home)
                .detail("path", path.display().to_string())
                .detail("owner", owner)
                .hint(format!("run styxy as the folder's owner (without sudo), or {}", elsewhere(OWN))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_and_why_in_one_line() {
        let said = |error: PlaceError| Refusal::from(error).error;
        let denied = || io::Error::other("denied");
        assert_eq!(said(Cannot::Open.at(Path::new("/x"))(denied())), "/x cannot be opened: denied");
        assert_eq!(
            said(PlaceError::Kind { path: "/x".into(), expected: Expected::Folder }),
            "/x is not a folder"
        );
    }
}
