//! What a client is made with.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use styxy_core::layout;

use crate::{Error, Sandbox};

/// Which daemon to speak to, and what to do if it does not run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The daemon's folder: `~/.styxy`.
    pub home: PathBuf,
    /// The socket (on Windows the pipe) to use instead of the one that belongs to `home`. No daemon is started for it,
    /// because that one would have another socket.
    pub socket: Option<PathBuf>,
    /// Whether to start a daemon if none runs.
    pub start: Start,
    /// The sandbox around the client, where it is known. From inside none is started.
    pub sandbox: Option<Sandbox>,
    /// The `styxy` binary that is started as the daemon.
    pub daemon: PathBuf,
    /// How long one request may take, its answer included; a start has its own limits.
    pub timeout: Duration,
    /// The environment. It says where the socket is if its path would be too long, and a started daemon inherits it.
    pub environment: Environment,
}

/// Variables, as they were when they were read. The process' own may change at any time in a program that is not ours.
pub type Environment = HashMap<OsString, OsString>;

/// What to do if no daemon runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Start one.
    Auto,
    /// Fail.
    Never,
}

impl Options {
    /// What `environment` says: `STYXY_HOME` or the home folder, and no start if `STYXY_NO_AUTOSTART` is `1`. A request
    /// may take 10 s.
    ///
    /// # Errors
    /// There is no home folder, or it is relative.
    pub fn from_env(daemon: PathBuf, environment: Environment) -> Result<Self, Error> {
        let variable = |name: &str| environment.get(OsStr::new(name)).cloned();
        let home = layout::home(variable)?;
        let start = match variable("STYXY_NO_AUTOSTART") {
            Some(value) if value == "1" => Start::Never,
            Some(_) | None => Start::Auto,
        };
        let sandbox = Sandbox::around(variable);
        Ok(Self { home, socket: None, start, sandbox, daemon, timeout: Duration::from_secs(10), environment })
    }
}
