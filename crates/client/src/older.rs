//! Replacing a daemon that is older than this program, as after an update (R70).
//!
//! Only a command asks for it: an addon or a hook may be of any version, and runs unasked.

use std::cmp::Ordering;
use std::fs::{File, TryLockError};
use std::time::{Duration, Instant};

use styxy_core::api::{AllocationsQuery, Rule, StatusAnswer};
use styxy_core::handshake::Mode;
use styxy_core::{Pid, Port, version};

use crate::http::{Daemons, Request};
use crate::start::PAUSE;
use crate::{Client, Error, Holder, Start};

/// This program's version.
pub const OURS: &str = env!("CARGO_PKG_VERSION");

/// How long another command may take to replace the same daemon.
const OTHERS: Duration = Duration::from_secs(8);

/// A daemon that a command may replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Older {
    /// Its process.
    pub pid: Pid,
    /// Its version.
    pub version: String,
}

impl Client {
    /// The daemon that runs, if it is older than this program and may be replaced from here.
    ///
    /// One that runs in the foreground is its supervisor's, or its terminal's. From inside a sandbox or another namespace a
    /// new daemon would see less than the old one. If the daemon is as new as this program, this takes one read of a file.
    pub async fn older(&self) -> Option<Older> {
        let connection = &self.shared.connection;
        let options = &connection.options;
        if options.start == Start::Never || options.socket.is_some() || options.sandbox.is_some() {
            return None;
        }
        let file = connection.daemon_file()?;
        let is_older = |theirs: &str| version::compare(theirs, OURS) == Ordering::Less;
        if !is_older(&file.version) || !is_detached(file.mode, file.pid) {
            return None;
        }
        // The file may be one that a killed daemon left behind.
        let status = self.look(Daemons::OursOrOlder).await.ok()??;
        let is_it = status.pid == file.pid && is_older(&status.version);
        let older = Older { pid: status.pid, version: status.version };
        (is_it && self.sees(older.pid) && self.shares_its_network().await).then_some(older)
    }

    /// Puts a daemon of this program in the place of `older`; its leases stay. None if another command was faster.
    ///
    /// # Errors
    /// The daemon does not stop, or the new one does not start.
    pub async fn replace(&self, older: &Older) -> Result<Option<StatusAnswer>, Error> {
        let connection = &self.shared.connection;
        // Of all commands that find the same daemon, one replaces it. The others would stop the new one.
        let _turn = self.turn().await;
        let is_there = connection.daemon_file().is_some_and(|file| file.pid == older.pid);
        if !is_there || !connection.is_held() {
            return Ok(None);
        }
        self.stop().await?;
        Ok(Some(self.connect().await?.status().clone()))
    }

    /// The lock on the daemon's folder, which only commands that replace a daemon take; none where a folder has no locks.
    async fn turn(&self) -> Option<File> {
        let folder = File::open(self.shared.connection.layout.root()).ok()?;
        let deadline = Instant::now() + OTHERS;
        loop {
            match folder.try_lock() {
                Ok(()) => return Some(folder),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
                Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return None,
            }
        }
    }

    /// Whether the process that holds the lock is `pid` here too: in another pid namespace it has another number, or none.
    fn sees(&self, pid: Pid) -> bool {
        match self.shared.connection.holder() {
            Holder::Process { pid: seen, .. } => seen == pid,
            // Other systems say nothing, and have no such namespaces.
            Holder::Named { machine: None, .. } => !cfg!(target_os = "linux"),
            Holder::Named { machine: Some(_), .. } | Holder::Foreign { .. } | Holder::Unknown => false,
        }
    }

    /// Whether the daemon answers questions about ports from here: it refuses those from another network namespace.
    async fn shares_its_network(&self) -> bool {
        let question = AllocationsQuery { port: Port::new(1).ok(), ..AllocationsQuery::default() };
        let Ok(request) = Request::get("/allocations").query(&question) else {
            return false;
        };
        let request = request.answered_by(Daemons::OursOrOlder);
        let options = &self.shared.connection.options;
        match self.shared.connection.once(&request, options.timeout).await {
            Ok(answer) => match answer.granted() {
                Ok(_) => true,
                Err(Error::Refused(refusal)) => refusal.broken_rule() != Some(Rule::Network),
                Err(_) => false,
            },
            Err(_) => false,
        }
    }
}

/// Whether the daemon keeps nothing of its starter, as `daemon.json` says, or the arguments of one of 0.1.0.
fn is_detached(said: Option<Mode>, pid: Pid) -> bool {
    match said {
        Some(mode) => mode == Mode::Detached,
        None => std::fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.split(|byte| *byte == 0).any(|word| word == b"--detached")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_does_not_say_is_judged_by_its_arguments() {
        let this = Pid::new(std::process::id()).unwrap();
        assert!(is_detached(Some(Mode::Detached), this));
        assert!(!is_detached(Some(Mode::Foreground), this));
        assert!(!is_detached(None, this), "this test has no --detached");
    }
}
