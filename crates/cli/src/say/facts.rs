//! A lease's facts in words, the same wherever one is shown.

use styxy_core::api::{Again, Lease, Manager, OwnerKind, OwnerView, State, SystemUsage};
use styxy_core::{ServiceName, ServiceType};

use crate::say::output::one_line;
use crate::say::table::UNKNOWN;

/// `dev/web`, or `dev` for a lease without a name.
pub(crate) fn service(lease: &Lease) -> String {
    label(&lease.service_type, lease.service_name.as_ref())
}

/// `dev/web`, or `dev` without a name.
pub(crate) fn label(service: &ServiceType, name: Option<&ServiceName>) -> String {
    match name {
        Some(name) => format!("{service}/{name}"),
        None => service.to_string(),
    }
}

/// `active`, `granted`, or which stranger listens on its port.
pub(crate) fn state(lease: &Lease) -> String {
    match (&lease.conflict, lease.state) {
        (Some(conflict), _) => {
            let stranger = process(conflict.process.as_deref(), conflict.pid.map(styxy_core::Pid::get));
            format!("conflict: {}", stranger.as_deref().unwrap_or("a stranger"))
        }
        (None, State::Active) => "active".to_owned(),
        (None, State::Granted) => "granted".to_owned(),
    }
}

/// The agent session, else the process that must live, else what it waits for.
pub(crate) fn who(lease: &Lease) -> String {
    match &lease.instance_id {
        Some(instance) => instance.to_string(),
        None => owner(&lease.owner).unwrap_or_else(|| match lease.owner.kind {
            OwnerKind::Listener if lease.state == State::Granted => "waits for a listener".to_owned(),
            OwnerKind::Listener | OwnerKind::Process | OwnerKind::Instance => UNKNOWN.to_owned(),
        }),
    }
}

/// What is wrong if a block was asked for and so many ports were granted: a daemon that does not know blocks grants one.
pub(crate) fn no_block(block: Option<u8>, granted: usize) -> Option<String> {
    let block = block.filter(|block| granted < usize::from(*block))?;
    Some(format!(
        "the running daemon is too old for --block {block}: it leased one port; styxy daemon restart starts the new one"
    ))
}

/// `node (4242)`, as far as it is known.
pub(crate) fn owner(owner: &OwnerView) -> Option<String> {
    process(owner.process.as_deref(), owner.pid.map(styxy_core::Pid::get))
}

/// What a lease ends with: `node (4242)`, `its agent session`, `the server that you start on it`.
pub(crate) fn ends_with(owner: &OwnerView) -> String {
    match (owner.kind, self::owner(owner)) {
        (OwnerKind::Instance, _) => "its agent session".to_owned(),
        (OwnerKind::Process | OwnerKind::Listener, Some(process)) => process,
        (OwnerKind::Process | OwnerKind::Listener, None) => "the server that you start on it".to_owned(),
    }
}

/// `node (4242)`, or for a container's `container shop-web-1 (web of compose project shop)`.
pub(crate) fn server(usage: &SystemUsage) -> Option<String> {
    let Some(container) = &usage.container else {
        return process(usage.process.as_deref(), usage.pid.map(styxy_core::Pid::get));
    };
    let of = match (&container.compose_project, &container.compose_service) {
        (Some(project), Some(service)) => format!(" ({service} of compose project {project})"),
        (Some(project), None) => format!(" (of compose project {project})"),
        (None, _) => String::new(),
    };
    Some(one_line(&format!("container {}{of}", container.name)).into_owned())
}

/// `node (4242)`, `node` or `pid 4242`, as far as it is known, in one line whatever the process calls itself.
pub(crate) fn process(name: Option<&str>, pid: Option<u32>) -> Option<String> {
    match (name.map(one_line), pid) {
        (Some(name), Some(pid)) => Some(format!("{name} ({pid})")),
        (Some(name), None) => Some(name.into_owned()),
        (None, Some(pid)) => Some(format!("pid {pid}")),
        (None, None) => None,
    }
}

/// `npm (20), sh (21), node (22) and 5 more`
pub(crate) fn names(all: &[String]) -> String {
    const MOST: usize = 3;
    match all {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] if all.len() <= MOST => format!("{} and {last}", first.join(", ")),
        all => format!("{} and {} more", all[..MOST].join(", "), all.len() - MOST),
    }
}

/// `nodemon (1234)`, or `shop.service of systemd`.
pub(crate) fn manager(manager: &Manager) -> String {
    let name = &manager.name;
    match (manager.pid, &manager.unit) {
        (None, Some(unit)) => one_line(&format!("{unit} of {name}")).into_owned(),
        (pid, _) => process(Some(name), pid.map(styxy_core::Pid::get)).unwrap_or_default(),
    }
}

/// When the manager starts its server again: `when a file changes`.
pub(crate) const fn again(again: Again) -> &'static str {
    match again {
        Again::AtOnce => "at once",
        Again::NextRound => "in its next round",
        Again::OnChange => "when a file changes",
        Again::AsSet => "as its settings say",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    /// A lease as the wire has it, changed by `change`.
    pub(crate) fn lease(port: u16, change: impl FnOnce(&mut serde_json::Value)) -> Lease {
        let mut wire = json!({
            "lock_id": format!("4f5e0000-0000-4000-8000-{port:012}"),
            "port": port,
            "service_type": "dev",
            "service_name": null,
            "instance_id": null,
            "project_path": "/w/app",
            "state": "granted",
            "owner": {"kind": "listener"},
            "allocated_at": "2026-11-22T17:40:00Z",
        });
        change(&mut wire);
        serde_json::from_value(wire).unwrap()
    }

    #[test]
    fn a_daemon_that_grants_one_port_of_a_block_is_too_old() {
        assert!(no_block(Some(3), 1).is_some_and(|said| said.contains("too old for --block 3")));
        assert_eq!((no_block(Some(3), 3), no_block(None, 1)), (None, None));
    }

    #[test]
    fn a_lease_says_who_it_is_for_as_far_as_that_is_known() {
        assert_eq!(who(&lease(3000, |_| {})), "waits for a listener");
        let by_process =
            lease(3000, |wire| wire["owner"] = json!({"kind": "process", "pid": 7, "process": "node"}));
        assert_eq!(who(&by_process), "node (7)");
        let by_agent = lease(3000, |wire| wire["instance_id"] = json!("claude-1"));
        assert_eq!(who(&by_agent), "claude-1");
    }

    #[test]
    fn a_process_that_is_called_like_a_line_of_ours_stays_in_its_own() {
        assert_eq!(process(Some("a\nhint: x"), Some(9)).as_deref(), Some("a\\nhint: x (9)"));
    }

    #[test]
    fn a_conflict_hides_the_state_and_names_the_stranger() {
        assert_eq!(state(&lease(3000, |wire| wire["state"] = json!("active"))), "active");
        let taken = |conflict| state(&lease(3000, |wire| wire["conflict"] = conflict));
        assert_eq!(taken(json!({"pid": 9, "process": "python3"})), "conflict: python3 (9)");
        assert_eq!(taken(json!({"pid": null, "process": null})), "conflict: a stranger");
    }
}
