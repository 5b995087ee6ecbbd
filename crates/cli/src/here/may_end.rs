//! Which servers may be ended, and which never.

use std::path::Path;

use styxy_client::living::Living;
use styxy_core::api::{CheckAnswer, Code, Lease, Refusal, Rule, SystemUsage, WhoAnswer, Whose};
use styxy_core::checkout::Kinship;
use styxy_core::{Pid, Port};

use crate::here::caller::ground;
use crate::here::ownership::Here;

/// Processes that are never ended, not even with `--force`.
pub(crate) struct Protected {
    pub(crate) own: u32,
    pub(crate) daemon: u32,
}

/// The process that listens, unless it must never be ended.
pub(crate) fn pid(found: &WhoAnswer, protected: &Protected) -> Result<Pid, Refusal> {
    let port = found.port;
    let Some(usage) = &found.system_usage else {
        return Err(Refusal::new(Code::NotRunning, format!("no server on port {port}: {}", found.reason))
            .hint(format!("styxy check {port}"))
            .detail("port", port.get()));
    };
    if let Some(container) = &usage.container {
        let error = format!("port {port} is published by the container {}", container.name);
        return Err(forbidden(port, error).hint(format!("{} stop {}", engine(usage), container.name)));
    }
    let Some(pid) = usage.pid else {
        let error = format!("{}; only that user and root see and end it", found.reason);
        return Err(forbidden(port, error).hint(unseen(port)));
    };
    let never =
        |who: &str| forbidden(port, format!("port {port} is used by {who}, which styxy kill never ends"));
    match pid.get() {
        1 => Err(never("process 1").hint("stop the service that listens there")),
        number if number == protected.daemon => Err(never("Styxy's daemon").hint("styxy daemon stop")),
        number if number == protected.own => Err(never("this command").hint("styxy list")),
        _ => Ok(pid),
    }
}

/// Fails if the server belongs to another worktree, to another session that lives, or to another user.
pub(crate) fn ours(found: &WhoAnswer, here: &Here, living: &Living) -> Result<(), Refusal> {
    let Some(why) = objection(found, here, living) else { return Ok(()) };
    let refusal = forbidden(found.port, format!("{why}: {}", found.reason));
    let anothers = found.system_usage.as_ref().is_some_and(|usage| usage.same_user == Some(false));
    // --force would help only root.
    Err(refusal.hint(match found.system_usage.as_ref().and_then(|usage| usage.pid) {
        Some(pid) if anothers && !here.is_root => as_root(pid),
        Some(_) | None => format!("styxy kill {} --force", found.port),
    }))
}

/// Why the server may not be ended without `--force`: whose it is.
pub(crate) fn objection(found: &WhoAnswer, here: &Here, living: &Living) -> Option<String> {
    let why = match found.whose {
        Whose::Nobody => return None,
        Whose::Sibling => "the server belongs to another worktree of this repository",
        Whose::Foreign => {
            return Some(format!("the server does not belong to this {}", ground(&here.caller)));
        }
        Whose::Orphan if in_anothers(found, here) => {
            "the server may belong to another worktree, whose folder it served"
        }
        Whose::Orphan if !was_ours(found, here, living) => {
            "the server may belong to another project: this repository has no record of its folder"
        }
        Whose::Mine | Whose::Orphan => {
            let theirs = own_lease(found).and_then(|lease| living.session(lease))?;
            if here.instance.as_ref() == Some(theirs) {
                return None;
            }
            "the server belongs to another agent session"
        }
    };
    Some(why.to_owned())
}

/// The lease that the server has: not one whose port it only took.
fn own_lease(found: &WhoAnswer) -> Option<&Lease> {
    found.allocated_to.as_ref().filter(|lease| lease.conflict.is_none())
}

/// Whether the deleted folder was in another worktree that still exists: a build may have replaced the served folder. A
/// worktree that was itself deleted, and made again at the same path, has no say.
fn in_anothers(found: &WhoAnswer, here: &Here) -> bool {
    let Some(folder) = found.worktree.as_ref().map(|folder| Path::new(folder.as_str())) else { return false };
    let left = folder.ancestors().find(|folder| folder.exists());
    let around = left.map(|left| here.caller.at(left));
    let root = around.as_ref().and_then(|around| around.known_root());
    root.is_some_and(|root| root != folder && here.caller.kinship(root) != Kinship::Same)
}

/// Whether the deleted folder belonged to this repository, by git's record or its path, or the lease to this session; or to
/// nobody any more, since the project of its lease is gone: `git worktree remove` removes git's record too.
fn was_ours(found: &WhoAnswer, here: &Here, living: &Living) -> bool {
    let lay_here = found.worktree.as_ref().is_some_and(|folder| here.caller.had(Path::new(folder.as_str())));
    let is_nobodys = || {
        let lease = own_lease(found).filter(|lease| lease.project_path.is_some());
        lease.is_some_and(|lease| living.project(lease).is_none())
    };
    lay_here || is_nobodys() || found.instance_id.is_some() && found.instance_id == here.instance
}

/// Whether that listener is still one of the port's: the same pid and the same start time.
pub(crate) fn is_among(then: Option<&SystemUsage>, now: &CheckAnswer) -> bool {
    let Some(then) = then.filter(|then| then.pid.is_some()) else { return false };
    let mut listeners = now.listeners();
    listeners.any(|now| then.pid == now.pid && then.started_at == now.started_at)
}

/// Which program's container a port belongs to, by the program that forwards it; Docker's where that says nothing.
fn engine(usage: &SystemUsage) -> &'static str {
    let forwarders = ["podman", "conmon", "rootlessport", "slirp4netns", "pasta", "netavark"];
    let is_podmans = |process: &str| forwarders.iter().any(|forwarder| process.starts_with(forwarder));
    if usage.process.as_deref().is_some_and(is_podmans) { "podman" } else { "docker" }
}

/// What shows a listener that only root sees.
fn unseen(port: Port) -> String {
    if cfg!(target_os = "linux") {
        format!("sudo ss -lptn 'sport = :{port}'")
    } else if cfg!(windows) {
        "netstat -ano".to_owned()
    } else {
        format!("sudo lsof -nP -iTCP:{port} -sTCP:LISTEN")
    }
}

/// What ends a process that this user may not end.
pub(crate) fn as_root(pid: Pid) -> String {
    if cfg!(windows) { format!("taskkill /PID {pid} /F") } else { format!("sudo kill {pid}") }
}

fn forbidden(port: Port, error: String) -> Refusal {
    Refusal::new(Code::Forbidden, error).rule(Rule::Owner).detail("port", port.get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{each, failed, snapshot};
    use serde_json::{Value, json};
    use styxy_client::Caller;
    use styxy_core::InstanceId;

    fn usage(pid: Option<u32>) -> Value {
        json!({"pid": pid, "process": "node", "command": null, "user": "ada", "same_user": true, "addresses": [],
            "working_directory": null, "working_directory_deleted": null, "project_path": null, "branch": null,
            "started_at": "2026-11-22T17:40:00Z"})
    }

    fn found(whose: &str, change: impl FnOnce(&mut Value)) -> WhoAnswer {
        let mut wire = json!({"port": 3000, "whose": whose, "reason": "node (42) runs", "worktree": null, "branch": null,
            "instance_id": null, "system_usage": usage(Some(42)), "allocated_to": null});
        change(&mut wire);
        serde_json::from_value(wire).unwrap()
    }

    /// With a lease for this session.
    fn of_session(wire: &mut Value, id: &str) {
        wire["instance_id"] = json!(id);
        let lease = lease(3000, |wire| wire["instance_id"] = json!(id));
        wire["allocated_to"] = serde_json::to_value(lease).unwrap();
    }

    fn here(place: &Path, instance: Option<&str>) -> Here {
        let instance = instance.map(|id| InstanceId::new(id).unwrap());
        let caller = Caller::new(Some(place), None, |_| None, || None);
        Here { caller, instance, is_root: false }
    }

    fn living(sessions: &[&str]) -> Living {
        let sessions = sessions.iter().map(|id| InstanceId::new(id).unwrap());
        Living::known(sessions, Vec::new(), |_, _| true)
    }

    const NOBODY: Protected = Protected { own: 7, daemon: 9 };

    #[test]
    fn the_first_process_the_daemon_and_this_command_are_never_ended() {
        assert_eq!(pid(&found("mine", |_| {}), &NOBODY).unwrap().get(), 42);
        for number in [1, 7, 9] {
            let found = found("mine", |wire| wire["system_usage"] = usage(Some(number)));
            assert_eq!(pid(&found, &NOBODY).unwrap_err().code, Code::Forbidden, "{number}");
        }
    }

    #[test]
    fn without_a_visible_listener_nothing_is_ended() {
        let nobody = found("nobody", |wire| wire["system_usage"] = Value::Null);
        assert_eq!(pid(&nobody, &NOBODY).unwrap_err().code, Code::NotRunning);
        let unseen = found("foreign", |wire| wire["system_usage"] = usage(None));
        assert_eq!(pid(&unseen, &NOBODY).unwrap_err().code, Code::Forbidden);
    }

    #[test]
    fn servers_of_others_need_force() {
        let here = here(Path::new("/w/app"), Some("claude-1"));
        assert!(ours(&found("mine", |_| {}), &here, &living(&["claude-2"])).is_ok());
        for whose in ["sibling", "foreign"] {
            let refusal = ours(&found(whose, |_| {}), &here, &living(&["claude-2"])).unwrap_err();
            assert_eq!(refusal.hint.as_deref(), Some("styxy kill 3000 --force"), "{whose}");
        }
        let session = |id: &str| found("mine", |wire| of_session(wire, id));
        assert!(ours(&session("claude-1"), &here, &living(&["claude-2"])).is_ok());
        assert!(
            ours(&session("claude-2"), &here, &living(&["claude-2"]))
                .unwrap_err()
                .error
                .contains("agent session")
        );
        assert!(ours(&session("claude-2147483000"), &here, &living(&[])).is_ok(), "it has ended");
    }

    #[test]
    #[cfg_attr(windows, ignore = "the file has the commands of Unix")]
    fn every_refusal_says_whose_the_server_is_and_what_to_do() {
        let top = tempfile::tempdir().unwrap();
        std::fs::create_dir(top.path().join(".git")).unwrap();
        let here = here(top.path(), Some("claude-1"));
        let usage = |number| move |wire: &mut Value| wire["system_usage"] = usage(number);
        let never = |found: &WhoAnswer| failed(pid(found, &NOBODY).unwrap_err());
        let others = |whose, change: fn(&mut Value)| {
            failed(ours(&found(whose, change), &here, &living(&["claude-2"])).unwrap_err())
        };
        snapshot!(
            "may_not_be_ended",
            each([
                ("nobody", never(&found("nobody", |wire| wire["system_usage"] = Value::Null))),
                ("a process that cannot be seen", never(&found("foreign", usage(None)))),
                ("pid 1", never(&found("foreign", usage(Some(1))))),
                ("the daemon", never(&found("foreign", usage(Some(9))))),
                ("this command", never(&found("mine", usage(Some(7))))),
                ("a sibling worktree's", others("sibling", |_| {})),
                ("somebody else's", others("foreign", |_| {})),
                (
                    "another user's",
                    others("foreign", |wire| wire["system_usage"]["same_user"] = json!(false))
                ),
                ("an orphan without a record", others("orphan", |_| {})),
                ("another session's", others("mine", |wire| of_session(wire, "claude-2"))),
            ])
        );
    }

    #[test]
    fn an_orphan_may_be_ended_unless_it_served_a_folder_of_another_worktree() {
        let top = tempfile::tempdir().unwrap();
        let top = crate::here::caller::canonical(top.path());
        for project in ["app", "other"] {
            std::fs::create_dir_all(top.join(project).join(".git")).unwrap();
        }
        let here = here(&top.join("app"), None);
        let orphan = |folder: &str| found("orphan", |wire| wire["worktree"] = json!(top.join(folder)));
        let record = top.join("app/.git/worktrees/fix");
        std::fs::create_dir_all(&record).unwrap();
        std::fs::write(record.join("gitdir"), format!("{}/.git\n", top.join("fix").display())).unwrap();
        assert!(ours(&orphan("fix/web"), &here, &living(&["claude-2"])).is_ok());
        assert!(ours(&orphan("app/dist"), &here, &living(&["claude-2"])).is_ok());
        assert!(ours(&orphan("other/dist"), &here, &living(&["claude-2"])).is_err());
        for unrelated in [orphan("gone"), found("orphan", |_| {})] {
            let refusal = ours(&unrelated, &here, &living(&["claude-2"])).unwrap_err();
            assert_eq!(refusal.hint.as_deref(), Some("styxy kill 3000 --force"));
        }
    }

    #[test]
    fn an_orphan_whose_leases_project_is_gone_is_nobodys_any_more() {
        let orphan = found("orphan", |wire| {
            wire["worktree"] = json!("/w/gone");
            of_session(wire, "claude-2147483000");
        });
        let (here, there) = (here(Path::new("/w/app"), None), living(&[]));
        assert!(ours(&orphan, &here, &there).is_err());
        let gone = Living::known([], Vec::new(), |_, _| false);
        assert!(ours(&orphan, &here, &gone).is_ok());
    }

    #[test]
    fn an_orphan_with_a_lease_of_this_session_may_be_ended() {
        let orphan = found("orphan", |wire| wire["instance_id"] = json!("claude-1"));
        assert!(ours(&orphan, &here(Path::new("/w/app"), Some("claude-1")), &living(&["claude-2"])).is_ok());
        assert!(ours(&orphan, &here(Path::new("/w/app"), Some("claude-2")), &living(&["claude-2"])).is_err());
    }

    #[test]
    fn the_hint_names_force_only_where_it_helps() {
        let anothers = found("foreign", |wire| wire["system_usage"]["same_user"] = json!(false));
        let mut here = here(Path::new("/w/app"), None);
        assert_eq!(
            ours(&anothers, &here, &living(&["claude-2"])).unwrap_err().hint.as_deref(),
            Some(if cfg!(windows) { "taskkill /PID 42 /F" } else { "sudo kill 42" })
        );
        here.is_root = true;
        assert_eq!(
            ours(&anothers, &here, &living(&["claude-2"])).unwrap_err().hint.as_deref(),
            Some("styxy kill 3000 --force")
        );
    }

    #[test]
    fn a_reused_pid_is_another_listener() {
        let listener = |pid: u32, started: &str| -> SystemUsage {
            let mut wire = usage(Some(pid));
            wire["started_at"] = json!(started);
            serde_json::from_value(wire).unwrap()
        };
        let answer = |all: &[&SystemUsage]| CheckAnswer {
            port: Port::new(3000).unwrap(),
            available: false,
            allocated_to: None,
            system_usage: all.first().copied().cloned(),
            others: all.iter().skip(1).copied().cloned().collect(),
            reason: None,
        };
        let then = listener(42, "2026-11-22T17:40:00Z");
        let (other, later) = (listener(43, "2026-11-22T17:40:00Z"), listener(42, "2026-11-22T17:40:01Z"));
        assert!(is_among(Some(&then), &answer(&[&then])));
        assert!(is_among(Some(&then), &answer(&[&other, &then])));
        assert!(!is_among(Some(&then), &answer(&[&other, &later])));
        assert!(!is_among(Some(&then), &answer(&[])));
        assert!(!is_among(None, &answer(&[&then])));
    }
}
