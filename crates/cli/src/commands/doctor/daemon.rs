//! What the doctor asks the daemon, and what its answers mean.

use std::cmp::Ordering;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use styxy_client::{Client, Error, OURS};
use styxy_core::api::{
    AllocationsQuery, CheckAnswer, DEFAULT_PORT, Journal, JournalMode, Lease, Rule, StatusAnswer,
};
use styxy_core::config::Config;
use styxy_core::{Pid, Port, version};

use super::finding::{Finding, Verdict};
use crate::here::context::{self, Autostart};
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
        leases: Vec<Lease>,
    },
    /// It does not run.
    NotRunning,
    /// Something answers, but not as a daemon should.
    Broken(Error),
}

impl DaemonState {
    /// Asks the daemon, without starting it.
    pub(super) fn look() -> Result<Self, Failure> {
        context::ask_with(Autostart::Never, async |client| {
            Ok(Self::ask(client).await.unwrap_or_else(Self::Broken))
        })
    }

    async fn ask(client: &Client) -> Result<Self, Error> {
        let Some(status) = client.running().await? else { return Ok(Self::NotRunning) };
        let wanted = wanted_port(Some(&client.config().await?.config));
        let there = listens_on(&status, wanted);
        let port = match Port::new(wanted) {
            Ok(port) if !there => here(client.check(port).await)?.map(Box::new),
            Ok(_) | Err(_) => None,
        };
        let leases = here(client.allocations(&AllocationsQuery::default()).await)?;
        let leases = leases.map(|answer| answer.allocations).unwrap_or_default();
        Ok(Self::Running { status: Box::new(status), wanted, port, leases })
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
        DaemonState::Running { status, wanted, port, leases } => {
            let runs = format!("{} runs with pid {} on {}", status.version, status.pid, addresses(status));
            let mut findings = vec![Finding::ok("daemon", runs), version(status)];
            findings.push(match port {
                None => Finding::ok("port", format!("the daemon listens on {wanted}")),
                Some(check) => elsewhere(status, *wanted, check),
            });
            findings.extend(status.journal.as_ref().map(journal));
            findings.push(conflicts(leases));
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
            vec![daemon, probed(wanted, fixed, bind(wanted))]
        }
        DaemonState::Broken(error) => {
            let refusal = error.refusal();
            let hint = refusal.hint.unwrap_or_else(|| "styxy daemon restart".to_owned());
            vec![Finding::wrong("daemon", refusal.error, hint)]
        }
    }
}

fn version(status: &StatusAnswer) -> Finding {
    let theirs = &status.version;
    match version::compare(theirs, OURS) {
        Ordering::Equal => Finding::ok("version", format!("{OURS}, like the daemon")),
        Ordering::Less => Finding::warn(
            "version",
            format!("the daemon ({theirs}) is older than this command ({OURS})"),
            "styxy daemon restart",
        ),
        Ordering::Greater => Finding::warn(
            "version",
            format!("the daemon ({theirs}) is newer than this command ({OURS})"),
            "npm install -g styxy@latest",
        ),
    }
}

/// The daemon had to take another port than the one that it should have.
fn elsewhere(status: &StatusAnswer, wanted: u16, check: &CheckAnswer) -> Finding {
    let usage = check.system_usage.as_ref();
    let holder = usage.and_then(|usage| facts::process(usage.process.as_deref(), usage.pid.map(Pid::get)));
    match (usage, holder) {
        (None, _) => Finding::warn(
            "port",
            format!("{wanted} is free, but the daemon listens on {}", addresses(status)),
            "styxy daemon restart",
        ),
        (Some(_), holder) => Finding::warn(
            "port",
            format!(
                "{wanted} is used by {}; the daemon listens on {}",
                holder.as_deref().unwrap_or("a process of another user"),
                addresses(status)
            ),
            format!("styxy check {wanted}; end that process, or set listen_port to another port"),
        ),
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

fn probed(port: u16, fixed: bool, bound: io::Result<()>) -> Finding {
    match bound {
        Ok(()) => Finding::ok("port", format!("{port} is free")),
        Err(error) if fixed => Finding::wrong(
            "port",
            format!(
                "{port} is unavailable ({error}), and listen_port requires it: the daemon will not start"
            ),
            "end the process that has it, or set listen_port to another port",
        ),
        Err(error) => Finding::warn(
            "port",
            format!("{port} is unavailable ({error}): the daemon will take the next free port"),
            "end the process that has it, or set listen_port to another port",
        ),
    }
}

fn journal(journal: &Journal) -> Finding {
    match (&journal.trouble, journal.mode) {
        (Some(trouble), _) => Finding::warn("journal", trouble.as_str(), "styxy daemon logs"),
        (None, JournalMode::Plain) => Finding::warn(
            "journal",
            "its file system cannot map it into memory, so every lease needs a write",
            "put STYXY_HOME on a local disk",
        ),
        (None, JournalMode::Mapped) => Finding::ok("journal", "mapped"),
    }
}

fn conflicts(leases: &[Lease]) -> Finding {
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
mod tests {
    use super::super::finding::Verdict;
    use super::super::tests::shown;
    use super::*;
    use crate::say::daemon::tests::status;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{each, snapshot};
    use serde_json::json;

    fn running(status: StatusAnswer, port: Option<serde_json::Value>, leases: Vec<Lease>) -> DaemonState {
        let port = port.map(|wire| Box::new(serde_json::from_value(wire).unwrap()));
        DaemonState::Running { status: Box::new(status), wanted: DEFAULT_PORT, port, leases }
    }

    #[test]
    fn a_healthy_daemon_needs_nothing() {
        let ours = status(|wire| wire["version"] = json!(OURS));
        let seen = running(ours, None, vec![lease(3000, |_| {})]);
        for finding in findings(&seen, None, Verdict::Ok) {
            assert_eq!((finding.verdict, finding.hint), (Verdict::Ok, None), "{}", finding.message);
        }
    }

    #[test]
    fn every_problem_of_a_daemon_says_what_to_do() {
        let taken = |process: &str| {
            json!({"port": 9876, "available": false, "allocated_to": null, "reason": "in use",
                "system_usage": {"pid": 9, "process": process, "addresses": ["127.0.0.1"]}})
        };
        let free = json!({"port": 9876, "available": true, "allocated_to": null, "reason": null,
            "system_usage": null});
        let conflict = |port| lease(port, |wire| wire["conflict"] = json!({"pid": null, "process": null}));
        let elsewhere = |version: &str| {
            status(|wire| {
                wire["version"] = json!(version);
                wire["listen"]["tcp"] = json!(["127.0.0.1:9877"]);
            })
        };
        let plain_journal = status(|wire| {
            wire["version"] = json!(OURS);
            wire["journal"]["mode"] = json!("plain");
        });
        let damaged = status(|wire| {
            wire["version"] = json!(OURS);
            wire["journal"]["trouble"] = json!("a damaged generation was moved aside");
        });
        let noted = status(|wire| {
            wire["version"] = json!(OURS);
            wire["notes"] = json!(["the daemon got this from its starter: nice 19"]);
        });
        let fixed = Config { listen_port: Port::new(9876).ok(), ..Config::default() };
        let in_use = || Err(io::ErrorKind::AddrInUse.into());
        let not_running = |config: &Config, bound| {
            let port = probed(9876, config.listen_port.is_some(), bound);
            shown(&[port])
        };
        let seen = |seen: &DaemonState| shown(&findings(seen, None, Verdict::Ok)).replace(OURS, "OURS");
        let all = |status, port, leases| seen(&running(status, port, leases));
        let healthy = status(|wire| wire["version"] = json!(OURS));
        let broken = Error::NotRunning { place: "/home/ada/.styxy".into() };
        snapshot!(
            "doctor_daemon",
            each([
                ("healthy", all(healthy, None, vec![lease(3000, |_| {})])),
                (
                    "older, on another port",
                    all(elsewhere("0.0.1"), Some(taken("python3")), vec![conflict(3000)])
                ),
                (
                    "newer, its port is free",
                    all(elsewhere("999.0.0"), Some(free), vec![conflict(1), conflict(2)])
                ),
                ("a plain journal", all(plain_journal, None, Vec::new())),
                ("a damaged journal", all(damaged, None, Vec::new())),
                ("what its status notes", all(noted, None, Vec::new())),
                ("it cannot be talked to", seen(&DaemonState::Broken(broken))),
                ("none runs, its port is free", not_running(&Config::default(), Ok(()))),
                ("none runs, its port is taken", not_running(&Config::default(), in_use())),
                ("none runs, the port it has to have is taken", not_running(&fixed, in_use())),
            ])
        );
    }

    #[test]
    fn a_taken_port_cannot_be_bound() {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = held.local_addr().unwrap().port();
        assert_eq!(bind(port).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
