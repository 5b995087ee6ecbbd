//! What can go wrong between a caller and the daemon, and each error as a refusal.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use styxy_core::api::{API_VERSION, Code, Refusal};
use styxy_core::layout::{HomeError, elsewhere};

use crate::{Holder, Mute, Sandbox};

/// Why a call failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The daemon refused.
    #[error("{0}")]
    Refused(Refusal),
    /// The daemon's folder is unknown.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The folder or the socket belongs to another user, so nothing was sent.
    #[error("{} belongs to another user (uid {owner}, ours is {ours})", path.display())]
    NotOurs {
        /// The folder or the socket.
        path: PathBuf,
        /// The owner's user id.
        owner: u32,
        /// Our user id.
        ours: u32,
    },
    /// Another user serves the pipe of this folder's daemon, so nothing was sent.
    #[cfg(windows)]
    #[error("another user's program serves {}, or does not say whose it is", pipe.display())]
    ForeignPipe {
        /// The pipe.
        pipe: PathBuf,
    },
    /// No daemon runs, and none may be started.
    #[error("no daemon runs for {}", place.display())]
    NotRunning {
        /// The daemon's folder, or the socket that was given.
        place: PathBuf,
    },
    /// No daemon runs, and from inside a sandbox none is started: it would serve everybody from there.
    #[error("no daemon runs, and none is started inside {sandbox}, from where it would serve everybody")]
    Sandboxed {
        /// The sandbox around the client.
        sandbox: Sandbox,
    },
    /// The socket exists, and connecting to it failed.
    #[error("could not connect to {}", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The connection ended before an answer came. It is unknown whether the daemon has acted.
    #[error("the daemon's answer to {route} broke off")]
    BrokenOff {
        /// `POST /allocate`
        route: String,
        /// What the connection said.
        source: Arc<reqwest::Error>,
    },
    /// No answer came in time. It is unknown whether the daemon has acted.
    #[error("the daemon has not answered {route} within {} s", after.as_secs_f64())]
    Silent {
        /// `POST /allocate`
        route: String,
        /// How long the client waited.
        after: Duration,
    },
    /// The answer does not have the form of the API.
    #[error("the daemon's answer to {route} cannot be understood")]
    Unintelligible {
        /// `POST /allocate`
        route: String,
        /// What is wrong with it.
        source: Arc<serde_json::Error>,
    },
    /// The daemon has another major version of the API.
    #[error(
        "the running daemon ({version}) speaks version {theirs} of the API; this styxy speaks {API_VERSION}"
    )]
    OtherApi {
        /// The daemon's version of the API.
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
    /// The daemon's program ended, or printed something other than its handshake.
    #[error("the daemon ended before it was ready{}", if said.is_empty() { String::new() } else { format!(": {said}") })]
    StartFailed {
        /// What it printed; usually nothing.
        said: String,
    },
    /// The daemon's handshake did not come in time.
    #[error("the daemon was started and did not say that it is ready within {} s", after.as_secs_f64())]
    StartSilent {
        /// The limit.
        after: Duration,
    },
    /// The daemon refuses to start.
    #[error("the daemon did not start: {0}")]
    StartRefused(Refusal),
    /// Somebody ended the daemon before it was ready.
    #[error("the daemon was ended by signal {signal} before it was ready")]
    StartKilled {
        /// SIGKILL or SIGTERM.
        signal: i32,
    },
    /// The daemon holds the lock and does not answer.
    #[error("{}", stuck(lock, holder))]
    Stuck {
        /// `daemon.lock`
        lock: PathBuf,
        /// Who holds it.
        holder: Holder,
    },
    /// The daemon was asked to stop and still runs.
    #[error("the daemon (pid {pid}) was asked to stop and still runs after {} s", after.as_secs_f64())]
    StillRunning {
        /// Its process.
        pid: u32,
        /// How long the client waited.
        after: Duration,
    },
}

/// What a holder of the lock that does not answer is said to be.
fn stuck(lock: &Path, holder: &Holder) -> String {
    let lock = lock.display();
    match holder {
        Holder::Process { pid, mute: Mute::NoSocket } => {
            format!("the daemon runs as pid {pid}, but its socket is gone")
        }
        Holder::Process { pid, mute: Mute::Stopped } => {
            format!("the daemon runs as pid {pid}, but it is stopped by a signal (SIGSTOP) or by a debugger")
        }
        Holder::Process { pid, mute: Mute::Silent } => {
            format!("the daemon runs as pid {pid}, but does not answer")
        }
        Holder::Foreign { pid, uid } => {
            format!("{lock} is locked by process {pid} of another user (uid {uid})")
        }
        Holder::Named { pid, machine: Some(machine) } => {
            format!(
                "the daemon of this folder runs as pid {pid} on another machine, {machine}: {lock} is held"
            )
        }
        Holder::Named { pid, machine: None } => {
            format!("another daemon holds {lock} and does not answer; by daemon.json it runs as pid {pid}")
        }
        Holder::Unknown => format!("another daemon holds {lock} and does not answer"),
    }
}

const LOGS: &str = "styxy daemon logs";

impl Error {
    /// The error as a refusal: the daemon's own if it refused, else `daemon_unreachable`.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        if let Some(few) = few_files(self) {
            return few;
        }
        let unreachable = || Refusal::new(Code::DaemonUnreachable, styxy_core::with_causes(self));
        match self {
            Self::Refused(refusal) => refusal.clone(),
            Self::Home(error) => error.refusal(),
            Self::StartRefused(refusal) => Refusal { error: self.to_string(), ..refusal.clone() },
            #[cfg(windows)]
            Self::ForeignPipe { pipe } => unreachable()
                .detail("path", pipe.to_string_lossy())
                .hint("set STYXY_HOME to another folder of yours"),
            Self::NotOurs { path, owner, .. } => {
                unreachable().detail("path", path.to_string_lossy()).detail("owner", *owner).hint(
                    "run styxy as the folder's owner (without sudo), or export STYXY_HOME=/a/folder/of/yours",
                )
            }
            Self::NotRunning { .. } => unreachable().hint("styxy daemon start"),
            Self::Sandboxed { .. } => unreachable().hint("run styxy daemon start outside of the sandbox"),
            Self::OtherApi { theirs, version } => unreachable()
                .detail("api_version", *theirs)
                .detail("version", version.as_str())
                .hint(if *theirs > API_VERSION {
                    "npm install -g styxy@latest"
                } else {
                    "styxy daemon restart"
                }),
            Self::NotStarted { daemon, source } => {
                // There may be no room for another process, or no descriptor.
                let is_there = source.kind() != io::ErrorKind::NotFound;
                let hint = if is_there { "styxy doctor" } else { "npm install -g styxy@latest" };
                unreachable().detail("daemon", daemon.to_string_lossy()).hint(hint)
            }
            Self::StillRunning { pid, .. } => unreachable().detail("pid", *pid).hint(LOGS),
            Self::Stuck { holder, .. } => match holder {
                Holder::Process { pid, .. } => {
                    unreachable().detail("pid", pid.get()).hint("styxy daemon restart")
                }
                Holder::Foreign { pid, .. } => {
                    unreachable().detail("pid", pid.get()).hint("export STYXY_HOME=/a/new/folder/of/yours")
                }
                Holder::Named { pid, machine: Some(machine) } => {
                    unreachable().detail("pid", pid.get()).detail("machine", machine.as_str()).hint(format!(
                        "run styxy daemon stop there, or {}",
                        elsewhere("a/folder/of/this/machine")
                    ))
                }
                Holder::Named { pid, machine: None } => unreachable().detail("pid", pid.get()).hint(LOGS),
                Holder::Unknown => unreachable().hint(LOGS),
            },
            Self::BrokenOff { .. } => {
                Refusal::new(Code::DaemonUnreachable, styxy_core::with_root_cause(self)).hint(LOGS)
            }
            Self::StartKilled { .. }
            | Self::StartFailed { .. }
            | Self::StartSilent { .. }
            | Self::Silent { .. }
            | Self::Unintelligible { .. }
            | Self::Unreachable { .. } => unreachable().hint(LOGS),
        }
    }
}

/// That this process may have too few files open, if that is a cause of `error`.
#[must_use]
#[cfg(unix)]
pub fn few_files(error: &(dyn std::error::Error + 'static)) -> Option<Refusal> {
    use rustix::process::{Resource, getrlimit};
    // What a shell and all that it starts can use.
    const ENOUGH: u64 = 1024;
    let is_limit = |cause: &&(dyn std::error::Error + 'static)| {
        let error = cause.downcast_ref::<io::Error>();
        error.and_then(io::Error::raw_os_error) == Some(rustix::io::Errno::MFILE.raw_os_error())
    };
    std::iter::successors(Some(error), |error| inner(*error)).find(is_limit)?;
    let limits = getrlimit(Resource::Nofile);
    let limit = limits.current?;
    let hint = match limits.maximum.filter(|most| *most < ENOUGH) {
        None => format!("ulimit -n {ENOUGH}"),
        Some(_) => "raise the hard limit of open files, which ulimit -Hn shows".to_owned(),
    };
    let error = format!("the daemon cannot be reached, since this process may have only {limit} open files");
    Some(Refusal::new(Code::DaemonUnreachable, error).detail("open_files", limit).hint(hint))
}

/// The cause of an error; also what an [`io::Error`] wraps, which is not its source.
#[cfg(unix)]
fn inner<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e (dyn std::error::Error + 'static)> {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let shared =
        error.downcast_ref::<Arc<io::Error>>().map(|shared| &**shared as &(dyn std::error::Error + 'static));
    wrapped.map(|wrapped| wrapped as &(dyn std::error::Error + 'static)).or(shared).or_else(|| error.source())
}

/// Handles are not scarce here.
#[must_use]
#[cfg(not(unix))]
pub fn few_files(_: &(dyn std::error::Error + 'static)) -> Option<Refusal> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn too_few_files_are_named_behind_every_cause() {
        let limit = || io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error());
        let socket = || PathBuf::from("/home/ada/.styxy/styxy.sock");
        for source in [limit(), io::Error::other(limit()), io::Error::other(io::Error::other(limit()))] {
            let error = Error::Unreachable { socket: socket(), source: Arc::new(source) };
            let said = error.refusal();
            assert!(said.error.contains("this process may have only "), "{said}");
            assert!(said.hint.is_some_and(|hint| hint.contains("ulimit")));
        }
        let other = Error::Unreachable { socket: socket(), source: Arc::new(io::Error::other("no")) };
        assert!(other.refusal().error.starts_with("could not connect"));
    }
}
