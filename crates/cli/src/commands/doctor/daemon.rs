//! What the doctor asks the daemon, and what its answers mean.

use std::cmp::Ordering;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use styxy_client::{Client, Error, OURS};
use styxy_core::api::{
    AllocationsQuery, CheckAnswer, DEFAULT_PORT, Journal, JournalMode, Lease, Rule, StatusAnswer, SystemUsage,
};
use styxy_core::config::Config;
use styxy_core::handshake::{DaemonFile, Mode};
use styxy_core::{Pid, Port, version};
use styxy_daemon::listener_on;

use super::finding::{Finding, Verdict};
use crate::here::context::{self, Autostart, Context};
use crate::say::daemon::addresses;
use crate::say::facts;
use crate::say::failure::Failure;

/// What is known of the daemon.
pub(super) enum DaemonState {
    /// It answers.
    Running {
        status: Box<StatusAnswer>,
        /// The TCP port it should listen on, by the settings in force.
        wanted: u16,
        /// Who has that port, if the daemon does not listen there.
        port: Option<Box<CheckAnswer>>,
        /// None if the daemon does not say, because it serves another network.
        leases: Option<Vec<Lease>>,
        /// What replaces the daemon if it is older than this command.
        update: Update,
    },
    /// It does not run.
    NotRunning,
    /// Something answers, but not as a daemon should.
    Broken(Error),
}

/// What replaces a daemon that is older than this command (R70).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Update {
    /// The next command that needs it.
    NextCommand,
    /// Whoever runs it in the foreground.
    Supervisor,
    /// `styxy daemon restart`: no command does it unasked from here.
    ByHand,
}

impl DaemonState {
    /// Asks the daemon, without starting it.
    pub(super) fn look(context: &Context) -> Result<Self, Failure> {
        let layout = context::layout()?;
        let file = std::fs::read(layout.daemon_file()).ok();
        let file: Option<DaemonFile> = file.and_then(|json| serde_json::from_slice(&json).ok());
        let update = if context.older()?.is_some() {
            Update::NextCommand
        } else if file.is_some_and(|file| file.mode == Some(Mode::Foreground)) {
            Update::Supervisor
        } else {
            Update::ByHand
        };
        context::ask_with(Autostart::Never, async |client| {
            Ok(Self::ask(client, update).await.unwrap_or_else(Self::Broken))
        })
    }

    async fn ask(client: &Client, update: Update) -> Result<Self, Error> {
        let Some(status) = client.running().await? else { return Ok(Self::NotRunning) };
        let wanted = wanted_port(Some(&client.config().await?.config));
        let there = listens_on(&status, wanted);
        let port = match Port::new(wanted) {
            Ok(port) if !there => here(client.check(port).await)?.map(Box::new),
            Ok(_) | Err(_) => None,
        };
        let leases = here(client.allocations(&AllocationsQuery::default()).await)?;
        let leases = leases.map(|answer| answer.allocations);
        Ok(Self::Running { status: Box::new(status), wanted, port, leases, update })
    }

    pub(super) fn status(&self) -> Option<&StatusAnswer> {
        match self {
            Self::Running { status, .. } => Some(status),
            Self::NotRunning | Self::Broken(_) => None,
        }
    }
}

/// Nothing of a daemon in another network namespace: its status has a note of that.
fn here<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Err(Error::Refused(refusal)) if refusal.broken_rule() == Some(Rule::Network) => Ok(None),
        answer => answer.map(Some),
    }
}

fn wanted_port(config: Option<&Config>) -> u16 {
    config.and_then(|config| config.listen_port).map_or(DEFAULT_PORT, Port::get)
}

fn listens_on(status: &StatusAnswer, port: u16) -> bool {
    let on_it = |address: &String| address.parse::<SocketAddr>().is_ok_and(|address| address.port() == port);
    status.listen.tcp.iter().any(on_it)
}

/// The findings that follow from the daemon's state.
pub(super) fn findings(seen: &DaemonState, config: Option<&Config>, folder: Verdict) -> Vec<Finding> {
    match seen {
        DaemonState::Running { status, wanted, port, leases, update } => {
            let runs = format!("{} runs with pid {} on {}", status.version, status.pid, addresses(status));
            let mut findings = vec![Finding::ok("daemon", runs), version(status, *update), holds(status)];
            findings.push(match port {
                None => Finding::ok("port", format!("the daemon listens on {wanted}")),
                Some(check) => elsewhere(status, *wanted, check),
            });
            findings.extend(status.journal.as_ref().map(journal));
            findings.push(conflicts(leases.as_deref()));
            findings.extend(status.notes.iter().map(|note| Finding::note("note", note)));
            findings
        }
        DaemonState::NotRunning => {
            let daemon = match folder {
                Verdict::Wrong => Finding::note("daemon", "not running, and cannot start: see the folder"),
                Verdict::Ok | Verdict::Warn => {
                    Finding::ok("daemon", "not running; the first command that needs it starts it")
                }
            };
            let wanted = wanted_port(config);
            let fixed = config.is_some_and(|config| config.listen_port.is_some());
            let bound = bind(wanted);
            let holder = bound.as_ref().err().and_then(|_| Port::new(wanted).ok()).and_then(listener_on);
            vec![daemon, probed(wanted, fixed, bound, holder.as_ref())]
        }
        DaemonState::Broken(error) => {
            let refusal = error.refusal();
            let hint = refusal.hint.unwrap_or_else(|| "styxy daemon restart".to_owned());
            vec![Finding::wrong("daemon", refusal.error, hint)]
        }
    }
}

fn version(status: &StatusAnswer, update: Update) -> Finding {
    let theirs = &status.version;
    match version::compare(theirs, OURS) {
        Ordering::Equal => Finding::ok("version", format!("{OURS}, like the daemon")),
        Ordering::Less => {
            let older = format!("the daemon ({theirs}) is older than this command ({OURS})");
            match update {
                Update::NextCommand => {
                    Finding::ok("version", format!("{older}; the next command that needs it replaces it"))
                }
                Update::Supervisor => Finding::warn(
                    "version",
                    format!("{older}, and runs in the foreground, where no command replaces it"),
                    "restart it where it was started",
                ),
                Update::ByHand => Finding::warn("version", older, "styxy daemon restart"),
            }
        }
        Ordering::Greater => Finding::warn(
            "version",
            format!("the daemon ({theirs}) is newer than this command ({OURS})"),
            "npm install -g styxy@latest",
        ),
    }
}

/// Who has the lock, which makes a process the daemon, and the socket.
fn holds(status: &StatusAnswer) -> Finding {
    Finding::ok("lock", format!("pid {} has daemon.lock and {}", status.pid, status.listen.socket))
}

/// The daemon had to take another port than the one that it should have.
fn elsewhere(status: &StatusAnswer, wanted: u16, check: &CheckAnswer) -> Finding {
    let there = addresses(status);
    match &check.system_usage {
        None => Finding::warn(
            "port",
            format!("{wanted} is free, but the daemon listens on {there}"),
            "styxy daemon restart",
        ),
        // Where several people work on a machine, one of their daemons has the port.
        Some(usage) if usage.same_user == Some(false) => Finding::ok(
            "port",
            format!("{wanted} is used by {}; this daemon listens on {there}", holder(usage)),
        ),
        Some(usage) => Finding::warn(
            "port",
            format!("{wanted} is used by {}; the daemon listens on {there}", holder(usage)),
            format!("styxy check {wanted}"),
        ),
    }
}

/// `python3 (9) of user ada`, or what is known of that.
fn holder(usage: &SystemUsage) -> String {
    let process = facts::process(usage.process.as_deref(), usage.pid.map(Pid::get));
    let user = usage.user.as_deref().filter(|_| usage.same_user != Some(true));
    match (process, user) {
        (Some(process), Some(user)) => format!("{process} of user {user}"),
        (Some(process), None) => process,
        (None, Some(user)) => format!("a process of user {user}"),
        (None, None) => "a process that cannot be seen".to_owned(),
    }
}

/// Whether the daemon could listen there, on both loopback addresses.
fn bind(port: u16) -> io::Result<()> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
        // On a machine without IPv6 nothing can have that address.
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => Ok(()),
        bound => bound.map(drop),
    }
}

fn probed(port: u16, fixed: bool, bound: io::Result<()>, found: Option<&SystemUsage>) -> Finding {
    let Err(error) = bound else { return Finding::ok("port", format!("{port} is free")) };
    let why = found.map_or_else(|| error.to_string(), |usage| format!("used by {}", holder(usage)));
    if fixed {
        return Finding::wrong(
            "port",
            format!("{port} is unavailable ({why}), and listen_port requires it: the daemon will not start"),
            "set listen_port to another port, or remove it from config.json",
        );
    }
    let message = format!("{port} is unavailable ({why}): the daemon will take the next free port");
    match found {
        Some(usage) if usage.same_user == Some(false) => Finding::ok("port", message),
        Some(_) | None => Finding::warn("port", message, format!("styxy check {port}")),
    }
}

fn journal(journal: &Journal) -> Finding {
    match (&journal.trouble, journal.mode) {
        (Some(trouble), JournalMode::Mapped) => {
            Finding::warn("journal", trouble.as_str(), "styxy daemon logs")
        }
        (Some(trouble), JournalMode::Plain) => Finding::warn(
            "journal",
            format!("{trouble}, so every lease needs a write"),
            "put STYXY_HOME on a local disk",
        ),
        (None, JournalMode::Plain) => Finding::warn(
            "journal",
            "its file system cannot map it into memory, so every lease needs a write",
            "put STYXY_HOME on a local disk",
        ),
        (None, JournalMode::Mapped) => Finding::ok("journal", "mapped"),
    }
}

fn conflicts(leases: Option<&[Lease]>) -> Finding {
    let Some(leases) = leases else {
        return Finding::note("leases", "unknown here: the daemon runs in another network namespace");
    };
    let ports: Vec<String> =
        leases.iter().filter(|lease| lease.conflict.is_some()).map(|lease| lease.port.to_string()).collect();
    match ports.as_slice() {
        [] => Finding::ok("leases", format!("{} live, none in conflict", leases.len())),
        [port] => Finding::warn(
            "leases",
            format!("{port} is leased, but a stranger listens on it"),
            format!("styxy check {port}"),
        ),
        ports => Finding::warn(
            "leases",
            format!("{} are leased, but strangers listen on them", ports.join(", ")),
            "styxy list",
        ),
    }
}

#[cfg(test)]
mod tests;
