//! Why a daemon cannot start, and the refusal that people read.

use std::io;
use std::path::PathBuf;

use styxy_core::api::{Code, Refusal};
use styxy_core::config::ConfigError;
use styxy_core::{Pid, Port, with_causes};

use crate::descriptors::MINIMUM;
use crate::place::PlaceError;
use crate::serve::ServeError;

/// Why a daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    /// No process can be identified, not even this one.
    #[error("the system does not say which processes run{}", if cfg!(target_os = "linux") { " (/proc)" } else { "" })]
    Processes(#[source] io::Error),
    /// The process could not leave the one that started it.
    #[error("the daemon could not leave the process that started it")]
    Detach(#[source] io::Error),
    /// The threads and descriptors of a server are not available.
    #[error("the daemon's runtime could not be started")]
    Runtime(#[source] io::Error),
    /// With so few descriptors nobody could be served.
    #[error("this process may have {limit} open files, and the daemon needs {MINIMUM}")]
    Descriptors { limit: u64 },
    /// The daemon's folder, or a file in it, cannot be used.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Another daemon holds the lock.
    #[error("a daemon serves {} already{}", home.display(), pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    AlreadyRuns { home: PathBuf, pid: Option<Pid> },
    /// It ran, and has lost its folder.
    #[error("{} was moved, removed or taken over by another daemon", home.display())]
    Lost { home: PathBuf },
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

/// Why a port cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub(super) enum PortError {
    /// Something has it; who, if that is known.
    #[error("taken{}", holder.as_ref().map(|holder| format!(" by {holder}")).unwrap_or_default())]
    Taken { holder: Option<String> },
    /// Neither `127.0.0.1` nor `::1` is there.
    #[error("this machine has no loopback address")]
    NoLoopback,
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
            StartError::Processes(_) => storage("mount /proc in this sandbox: mount -t proc proc /proc"),
            StartError::Descriptors { .. } => storage("ulimit -n 1024   # or a higher hard limit"),
            StartError::Place(error) => error.into(),
            StartError::AlreadyRuns { .. } | StartError::Lost { .. } => storage("styxy daemon status"),
            StartError::Config { path, source } => Self::new(Code::InvalidRequest, sentence)
                .detail("path", path.display().to_string())
                .detail("line", source.line)
                .detail("column", source.column)
                .hint(source.hint.as_deref().unwrap_or("styxy config validate")),
            StartError::Port { port, source } => {
                let holder = match source {
                    PortError::Taken { holder } => holder,
                    PortError::NoLoopback | PortError::Refused(_) => None,
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
