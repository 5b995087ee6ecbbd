//! What `doctor` says of each state of the daemon.

use super::super::finding::Verdict;
use super::super::tests::shown;
use super::*;
use crate::say::daemon::tests::status;
use crate::say::facts::tests::lease;
use crate::say::shown::{each, snapshot};
use serde_json::json;

fn running(status: StatusAnswer, port: Option<serde_json::Value>, leases: Vec<Lease>) -> DaemonState {
    let port = port.map(|wire| Box::new(serde_json::from_value(wire).unwrap()));
    let (leases, update) = (Some(leases), Update::ByHand);
    DaemonState::Running { status: Box::new(status), wanted: DEFAULT_PORT, port, leases, update }
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
    let not_running = |config: &Config, bound, holder: Option<&SystemUsage>| {
        let port = probed(9876, config.listen_port.is_some(), bound, holder);
        shown(&[port])
    };
    let usage = |change: &dyn Fn(&mut SystemUsage)| {
        let check: CheckAnswer = serde_json::from_value(taken("styxy")).unwrap();
        let mut usage = check.system_usage.unwrap();
        change(&mut usage);
        usage
    };
    let of_eve = usage(&|usage| (usage.user, usage.same_user) = (Some("eve".to_owned()), Some(false)));
    let unseen = usage(&|usage| (usage.pid, usage.process) = (None, None));
    let of_eve_beside_ours = || {
        let mut taken = taken("styxy");
        taken["system_usage"]["user"] = json!("eve");
        taken["system_usage"]["same_user"] = json!(false);
        taken
    };
    let older = |update| shown(&[version(&elsewhere("0.0.1"), update)]).replace(OURS, "OURS");
    let elsewhere_in_the_network = DaemonState::Running {
        status: Box::new(status(|wire| wire["version"] = json!(OURS))),
        wanted: DEFAULT_PORT,
        port: None,
        leases: None,
        update: Update::ByHand,
    };
    let seen = |seen: &DaemonState| shown(&findings(seen, None, Verdict::Ok)).replace(OURS, "OURS");
    let all = |status, port, leases| seen(&running(status, port, leases));
    let healthy = status(|wire| wire["version"] = json!(OURS));
    let broken = Error::NotRunning { place: "/home/ada/.styxy".into() };
    snapshot!(
        "doctor_daemon",
        each([
            ("healthy", all(healthy, None, vec![lease(3000, |_| {})])),
            ("older, on another port", all(elsewhere("0.0.1"), Some(taken("python3")), vec![conflict(3000)])),
            (
                "newer, its port is free",
                all(elsewhere("999.0.0"), Some(free), vec![conflict(1), conflict(2)])
            ),
            ("a plain journal", all(plain_journal, None, Vec::new())),
            ("a damaged journal", all(damaged, None, Vec::new())),
            ("what its status notes", all(noted, None, Vec::new())),
            ("it cannot be talked to", seen(&DaemonState::Broken(broken))),
            ("older, and the next command replaces it", older(Update::NextCommand)),
            ("older, in the foreground", older(Update::Supervisor)),
            (
                "another user's daemon has its port",
                all(elsewhere(OURS), Some(of_eve_beside_ours()), Vec::new())
            ),
            ("in another network", seen(&elsewhere_in_the_network)),
            ("none runs, its port is free", not_running(&Config::default(), Ok(()), None)),
            ("none runs, its port is taken", not_running(&Config::default(), in_use(), None)),
            (
                "none runs, another user has its port",
                not_running(&Config::default(), in_use(), Some(&of_eve))
            ),
            ("none runs, nobody is seen", not_running(&Config::default(), in_use(), Some(&unseen))),
            ("none runs, the port it has to have is taken", not_running(&fixed, in_use(), Some(&of_eve))),
        ])
    );
}

#[test]
fn a_taken_port_cannot_be_bound() {
    let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = held.local_addr().unwrap().port();
    assert_eq!(bind(port).unwrap_err().kind(), io::ErrorKind::AddrInUse);
}
