//! What a client is told at the door.

use std::path::PathBuf;
use std::time::Duration;

use styxy_core::layout;

use crate::Error;

/// Which daemon to speak to, and what to do if it does not run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The daemon's folder: `~/.styxy`.
    pub home: PathBuf,
    /// Whether to start a daemon if none runs.
    pub start: Start,
    /// The `styxy` binary that is started as the daemon.
    pub daemon: PathBuf,
    /// How long one request may take, its answer included; a start has its own limits.
    pub timeout: Duration,
}

/// What to do if no daemon runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Start one.
    Auto,
    /// Say so.
    Never,
}

impl Options {
    /// What the environment says: `STYXY_HOME` or the home folder, and no start if `STYXY_NO_AUTOSTART` is `1`. A
    /// request may take 10 s.
    ///
    /// # Errors
    /// There is no home folder, or it is relative.
    pub fn from_env(daemon: PathBuf) -> Result<Self, Error> {
        let home = layout::home(|name| std::env::var_os(name))?;
        let start = match std::env::var_os("STYXY_NO_AUTOSTART") {
            Some(value) if value == "1" => Start::Never,
            Some(_) | None => Start::Auto,
        };
        Ok(Self { home, start, daemon, timeout: Duration::from_secs(10) })
    }
}
