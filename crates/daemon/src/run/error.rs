//! Why a daemon cannot start, and the refusal that people read.

use std::io;
use std::path::{Path, PathBuf};

use styxy_core::api::{Code, Refusal};
use styxy_core::config::ConfigError;
use styxy_core::{Pid, Port, with_causes};

use crate::serve::ServeError;

/// Why a daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    /// The process could not leave the one that started it.
    #[error("the daemon could not leave the process that started it")]
    Detach(#[source] io::Error),
    /// The threads and descriptors of a server are not available.
    #[error("the daemon's runtime could not be started")]
    Runtime(#[source] io::Error),
    /// The system refused something that the daemon has to do with a file or folder.
    #[error("{} {cannot}", path.display())]
    File { path: PathBuf, cannot: Cannot, source: io::Error },
    /// Something else is in the place of a file or folder.
    #[error("{} is not {expected}", path.display())]
    Kind { path: PathBuf, expected: Expected },
    /// The folder is another user's.
    #[error("{} belongs to another user (uid {owner}, ours is {own})", path.display())]
    Foreign { path: PathBuf, owner: u32, own: u32 },
    /// Another daemon holds the lock.
    #[error("a daemon serves {} already{}", home.display(), pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    AlreadyRuns { home: PathBuf, pid: Option<Pid> },
    /// A mistake in `config.json`.
    #[error("{}:{}:{}", path.display(), source.line, source.column)]
    Config { path: PathBuf, source: ConfigError },
    /// The configured port cannot be listened on.
    #[error("port {port}, the listen_port of config.json, is unavailable")]
    Port { port: Port, source: PortError },
    /// The server could not start.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// What cannot be done with a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Cannot {
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
    #[error("cannot be removed")]
    Remove,
    #[error("cannot be listened on")]
    Listen,
    #[error("cannot be closed to other users")]
    Close,
}

impl Cannot {
    /// As a [`StartError`] about `path`, with what the system said.
    pub(super) fn at(self, path: &Path) -> impl FnOnce(io::Error) -> StartError {
        let path = path.to_owned();
        move |source| StartError::File { path, cannot: self, source }
    }
}

/// What should be at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Expected {
    /// The daemon's folder, or that of its socket.
    #[error("a folder")]
    Folder,
    /// The daemon's socket.
    #[error("a socket")]
    Socket,
    /// `config.json`.
    #[error("a file")]
    Config,
}

/// Why a port cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub(super) enum PortError {
    /// Something has it; who, if that is known.
    #[error("taken{}", holder.as_ref().map(|holder| format!(" by {holder}")).unwrap_or_default())]
    Taken { holder: Option<String> },
    /// Anything else: most often a lack of rights.
    #[error("refused by the system")]
    Refused(#[source] io::Error),
}

impl From<StartError> for Refusal {
    fn from(error: StartError) -> Self {
        let sentence = with_causes(&error);
        let storage = |hint: &str| Self::new(Code::StorageUnavailable, sentence.clone()).hint(hint);
        match error {
            StartError::Detach(_) | StartError::Runtime(_) => Self::new(Code::StorageUnavailable, sentence),
            StartError::Kind { expected: Expected::Config, .. } => {
                storage("move it away: a file belongs there, see styxy config init")
            }
            StartError::File { path, .. } | StartError::Kind { path, .. } => {
                let path = path.display().to_string();
                let hint = format!(
                    "ls -ld {path}   # it must be yours and writable, or export STYXY_HOME=/a/folder/of/yours"
                );
                storage(&hint).detail("path", path)
            }
            StartError::Foreign { path, owner, .. } => Self::new(Code::Forbidden, sentence)
                .detail("rule", "home")
                .detail("path", path.display().to_string())
                .detail("owner", owner)
                .hint(
                    "run styxy as the folder's owner (without sudo), or export STYXY_HOME=/a/folder/of/yours",
                ),
            StartError::AlreadyRuns { .. } => storage("styxy daemon status"),
            StartError::Config { path, source } => Self::new(Code::InvalidRequest, sentence)
                .detail("path", path.display().to_string())
                .detail("line", source.line)
                .detail("column", source.column)
                .hint(source.hint.as_deref().unwrap_or("styxy config validate")),
            StartError::Port { port, source } => {
                let holder = match source {
                    PortError::Taken { holder } => holder,
                    PortError::Refused(_) => None,
                };
                Self::new(Code::PortUnavailable, sentence)
                    .detail("port", port.get())
                    .detail("holder", holder)
                    .hint("set another listen_port in config.json, or remove it to let Styxy choose")
            }
            StartError::Serve(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_and_why_in_one_line() {
        let said = |error: StartError| Refusal::from(error).error;
        let denied = || io::Error::other("denied");
        assert_eq!(said(Cannot::Open.at(Path::new("/x"))(denied())), "/x cannot be opened: denied");
        assert_eq!(
            said(StartError::Kind { path: "/x".into(), expected: Expected::Folder }),
            "/x is not a folder"
        );
        let port = Port::new(4000).unwrap();
        let taken =
            StartError::Port { port, source: PortError::Taken { holder: Some("node (pid 7)".into()) } };
        assert_eq!(
            said(taken),
            "port 4000, the listen_port of config.json, is unavailable: taken by node (pid 7)"
        );
        let mistake = styxy_core::config::parse("{").unwrap_err();
        let config = StartError::Config { path: "/c.json".into(), source: mistake.clone() };
        assert_eq!(said(config), format!("/c.json:{}:{}: {}", mistake.line, mistake.column, mistake.message));
    }
}
