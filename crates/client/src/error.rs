//! What can go wrong between a caller and the daemon, and the same as a refusal of the wire's form.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use styxy_core::api::{API_VERSION, Code, Refusal};
use styxy_core::layout::HomeError;

/// Why there is no answer, or not the one hoped for.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The daemon said no.
    #[error("{0}")]
    Refused(Refusal),
    /// There is no telling where the daemon's folder is.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The folder or the socket is another user's, so nothing was said to it.
    #[error("{} belongs to another user (uid {owner}, ours is {ours})", path.display())]
    NotOurs {
        /// The folder or the socket.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        ours: u32,
    },
    /// No daemon runs, and none was to be started.
    #[error("no daemon runs for {}", place.display())]
    NotRunning {
        /// The daemon's folder, or the socket that was named.
        place: PathBuf,
    },
    /// The socket is there and cannot be connected to.
    #[error("could not connect to {}", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The connection ended before an answer came: whether the daemon did what was asked is unknown.
    #[error("the daemon's answer to {route} broke off")]
    BrokenOff {
        /// `POST /allocate`
        route: String,
        /// What the connection said.
        source: Arc<reqwest::Error>,
    },
    /// No answer within the time given: whether the daemon did what was asked is unknown.
    #[error("the daemon has not answered {route} within {} s", after.as_secs_f64())]
    Silent {
        /// `POST /allocate`
        route: String,
        /// How long was waited.
        after: Duration,
    },
    /// The answer is not of the contract's form.
    #[error("the daemon's answer to {route} cannot be understood")]
    Unintelligible {
        /// `POST /allocate`
        route: String,
        /// What is wrong with it.
        source: Arc<serde_json::Error>,
    },
    /// The daemon keeps another major version of the contract.
    #[error(
        "the running daemon ({version}) speaks version {theirs} of the API; this styxy speaks {API_VERSION}"
    )]
    OtherApi {
        /// The daemon's version of the contract.
        theirs: u32,
        /// The daemon's own version.
        version: String,
    },
    /// The daemon's program could not be run.
    #[error("could not run {} to start the daemon", daemon.display())]
    NotStarted {
        /// The program.
        daemon: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The daemon's program ended, or said something else, instead of telling how its start went.
    #[error("the daemon ended before it was ready{}", if said.is_empty() { String::new() } else { format!(": {said}") })]
    StartFailed {
        /// What it said, most often nothing.
        said: String,
    },
    /// The daemon did not tell in time how its start went.
    #[error("the daemon was started and did not say that it is ready within {} s", after.as_secs_f64())]
    StartSilent {
        /// How long was waited, at most.
        after: Duration,
    },
    /// The daemon refuses to start.
    #[error("the daemon did not start: {0}")]
    StartRefused(Refusal),
    /// Another daemon holds the lock, and answers nobody.
    #[error("another daemon holds {} and does not answer", lock.display())]
    Stuck {
        /// `daemon.lock`
        lock: PathBuf,
    },
    /// The daemon was told to stop and still runs.
    #[error("the daemon (pid {pid}) was told to stop and still runs after {} s", after.as_secs_f64())]
    StillRunning {
        /// Its process.
        pid: u32,
        /// How long was waited.
        after: Duration,
    },
}

const LOGS: &str = "styxy daemon logs";

impl Error {
    /// As programs and people are told it: the daemon's own words where it refused, else `daemon_unreachable`.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let unreachable = || Refusal::new(Code::DaemonUnreachable, styxy_core::with_causes(self));
        match self {
            Self::Refused(refusal) => refusal.clone(),
            Self::Home(error) => error.refusal(),
            Self::StartRefused(refusal) => Refusal { error: self.to_string(), ..refusal.clone() },
            Self::NotOurs { path, owner, .. } => {
                unreachable().detail("path", path.to_string_lossy()).detail("owner", *owner).hint(
                    "run styxy as the folder's owner (without sudo), or export STYXY_HOME=/a/folder/of/yours",
                )
            }
            Self::NotRunning { .. } => unreachable().hint("styxy daemon start"),
            Self::OtherApi { theirs, version } => unreachable()
                .detail("api_version", *theirs)
                .detail("version", version.as_str())
                .hint(if *theirs > API_VERSION {
                    "npm install -g styxy@latest"
                } else {
                    "styxy daemon restart"
                }),
            Self::NotStarted { daemon, .. } => {
                unreachable().detail("daemon", daemon.to_string_lossy()).hint("npm install -g styxy@latest")
            }
            Self::StillRunning { pid, .. } => unreachable().detail("pid", *pid).hint(LOGS),
            Self::Stuck { .. }
            | Self::StartFailed { .. }
            | Self::StartSilent { .. }
            | Self::BrokenOff { .. }
            | Self::Silent { .. }
            | Self::Unintelligible { .. }
            | Self::Unreachable { .. } => unreachable().hint(LOGS),
        }
    }
}
