//! The facts of each answer as text for an agent: what is true, never what to do.

use std::fmt::Write as _;

use styxy_core::api::{CheckAnswer, Grant, Lease, Refusal, SystemUsage, WhoAnswer, Whose};
use styxy_core::{Pid, ProjectPath};

use crate::say::facts;
use crate::say::output::one_line;

/// `api: 4001 (4000 is leased by claude-812 (/w/app2))`, and when the lease ends.
pub(crate) fn granted(grant: &Grant, us: Option<Pid>) -> String {
    let name = grant.service_name.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
    let mut headline = format!("{}{name}: {}", grant.service_type, grant.port);
    if let Some(reason) = &grant.reason {
        let _ = write!(headline, " ({})", reason.strip_prefix("preferred port ").unwrap_or(reason));
    } else if let Some(port) = grant.displaced_from {
        let _ = write!(headline, " (another process has taken {port})");
    }
    let until = match facts::owner(&grant.owner) {
        _ if grant.existing => {
            "It is the only one for its service on this machine, and ends with its holder.".into()
        }
        _ if us.is_some() && grant.owner.pid == us => {
            "It ends with this MCP server, or with the server that then listens on the port.".into()
        }
        Some(owner) => format!("It ends with {owner}."),
        None => "It ends with the server that listens on the port.".into(),
    };
    let again = if grant.reused { "It already had this port. " } else { "" };
    let lease = grant.lock_id.map(|lock_id| format!(", lease {lock_id}")).unwrap_or_default();
    let running = grant.running.map(|port| {
        format!("Another server of this service already runs in this worktree, on {port}; it can be used as it is.")
    });
    let named = grant.named_url.as_ref().map(|named| format!(" (in a browser {named})")).unwrap_or_default();
    let facts = [
        headline,
        format!("{}{named}{lease}. {again}{until}", grant.url),
        format!("Most servers read it from the environment: PORT={}", grant.port),
    ];
    lines(facts.into_iter().chain(running))
}

/// One line per lease.
pub(crate) fn listed(leases: &[Lease], ours: Option<&ProjectPath>) -> String {
    if leases.is_empty() {
        return "no lease matches".into();
    }
    lines(leases.iter().map(|lease| {
        let place = match &lease.project_path {
            Some(project) if Some(project) == ours => "this worktree".to_owned(),
            Some(project) => project.to_string(),
            None => "no worktree".to_owned(),
        };
        format!(
            "{} {}, {}, {}, {place}",
            lease.port,
            facts::service(lease),
            facts::state(lease),
            facts::who(lease)
        )
    }))
}

/// `3000 is free`, or who has it.
pub(crate) fn checked(answer: &CheckAnswer) -> String {
    let port = answer.port;
    let listener = answer.system_usage.as_ref().map(listener);
    let held = answer.allocated_to.as_ref().map(|lease| {
        let place = lease.project_path.as_ref().map(|path| format!(" in {path}")).unwrap_or_default();
        format!("{port} is leased for {} by {}{place}", facts::service(lease), facts::who(lease))
    });
    let conflict = answer.allocated_to.as_ref().is_some_and(|lease| lease.conflict.is_some());
    lines([match (held, listener) {
        (Some(held), Some(listener)) if conflict => format!("{held}, but {listener} listens on it"),
        (Some(held), Some(listener)) => format!("{held}; {listener} listens on it"),
        (Some(held), None) => format!("{held}; nothing listens on it"),
        (None, Some(listener)) => format!("{port} has no lease; {listener} listens on it"),
        (None, None) if answer.available => format!("{port} is free"),
        (None, None) => {
            format!("{port} is unavailable: {}", answer.reason.as_deref().unwrap_or("the reason is unknown"))
        }
    }])
}

/// Whose server it is, and every step from the port to the session.
pub(crate) fn owner(answer: &WhoAnswer) -> String {
    let whose = match answer.whose {
        Whose::Mine => "this worktree's",
        Whose::Nobody => "nobody's",
        Whose::Sibling => "a sibling worktree's",
        Whose::Foreign => "somebody else's",
        Whose::Orphan => "an orphan's",
    };
    let mut facts = vec![format!("{} is {whose}: {}", answer.port, answer.reason)];
    if let Some(worktree) = &answer.worktree {
        facts.push(format!("worktree {worktree}"));
    }
    if let Some(branch) = &answer.branch {
        facts.push(format!("branch {branch}"));
    }
    if let Some(instance) = &answer.instance_id {
        facts.push(format!("agent session {instance}"));
    }
    if let Some(up) = &answer.up {
        facts.push(format!(
            "service {} of styxy up in {}; stop_service or {} ends it",
            up.service, up.root, up.stop
        ));
    }
    if let Some(lease) = &answer.allocated_to {
        facts.push(format!("lease {} for {}", lease.lock_id, facts::service(lease)));
    }
    lines(facts)
}

/// What was refused, why, and a hint.
pub(crate) fn refused(refusal: &Refusal) -> String {
    let mut facts = vec![format!("{}: {}", refusal.code, refusal.error)];
    facts.extend(refusal.hint.as_ref().map(|hint| format!("hint: {hint}")));
    lines(facts)
}

/// One line each; a name with a new line does not make another one.
pub(crate) fn lines(facts: impl IntoIterator<Item = String>) -> String {
    facts.into_iter().map(|fact| one_line(&fact).into_owned()).collect::<Vec<_>>().join("\n")
}

/// `node (42) in /w/app on branch fix`
fn listener(usage: &SystemUsage) -> String {
    let process = facts::server(usage);
    let mut said = process.unwrap_or_else(|| "a process that cannot be seen".to_owned());
    if let Some(project) = &usage.project_path {
        let _ = write!(said, " in {project}");
    }
    if let Some(branch) = &usage.branch {
        let _ = write!(said, " on branch {branch}");
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use serde_json::json;

    #[test]
    fn a_grant_says_who_has_the_preferred_port() {
        let mut wire = json!({
            "success": true, "port": 4001, "lock_id": "4f5e0000-0000-4000-8000-000000004001", "service_type": "api",
            "service_name": null, "state": "granted", "owner": {"kind": "process", "pid": 42},
            "url": "http://localhost:4001", "reused": false, "existing": false,
            "reason": "preferred port 4000 is leased by claude-812 (/w/app2)", "displaced_from": null, "message": "",
        });
        let said =
            |wire: &serde_json::Value| granted(&serde_json::from_value(wire.clone()).unwrap(), Pid::new(42));
        let expected = "\
api: 4001 (4000 is leased by claude-812 (/w/app2))
http://localhost:4001, lease 4f5e0000-0000-4000-8000-000000004001. It ends with this MCP server, or with the server that \
then listens on the port.
Most servers read it from the environment: PORT=4001";
        assert_eq!(said(&wire), expected);
        wire["running"] = json!(4000);
        let beside = said(&wire);
        let line =
            "Another server of this service already runs in this worktree, on 4000; it can be used as it is.";
        assert_eq!(beside, format!("{expected}\n{line}"));
        wire["running"] = json!(null);
        wire["reason"] = json!(null);
        wire["reused"] = json!(true);
        wire["service_name"] = json!("web");
        wire["owner"] = json!({"kind": "process", "pid": 7, "process": "node"});
        let again = said(&wire);
        assert!(again.starts_with("api/web: 4001\n"), "{again}");
        assert!(again.contains("It already had this port. It ends with node (7).\n"), "{again}");
    }

    #[test]
    fn a_port_is_free_or_has_a_lease_or_a_listener_or_both() {
        let held = lease(3000, |wire| wire["instance_id"] = json!("claude-1"));
        let strange = lease(3000, |wire| wire["conflict"] = json!({"pid": 9, "process": "nc"}));
        let usage =
            json!({"pid": 42, "process": "node", "addresses": [], "project_path": "/w/app", "branch": "fix"});
        let said = |available, lease: Option<&Lease>, usage: Option<&serde_json::Value>| {
            let wire = json!({"port": 3000, "available": available, "allocated_to": lease, "system_usage": usage,
                "reason": null});
            checked(&serde_json::from_value(wire).unwrap())
        };
        assert_eq!(said(true, None, None), "3000 is free");
        assert_eq!(said(false, None, None), "3000 is unavailable: the reason is unknown");
        assert_eq!(
            said(false, Some(&held), None),
            "3000 is leased for dev by claude-1 in /w/app; nothing listens on it"
        );
        assert_eq!(
            said(false, None, Some(&usage)),
            "3000 has no lease; node (42) in /w/app on branch fix listens on it"
        );
        assert!(said(false, Some(&strange), Some(&usage)).contains(", but node (42)"));
    }

    #[test]
    fn a_list_marks_this_worktrees_leases() {
        let leases = [lease(3000, |_| {}), lease(3001, |wire| wire["project_path"] = json!("/w/b"))];
        let ours = ProjectPath::new("/w/app").unwrap();
        let expected = "\
3000 dev, granted, waits for a listener, this worktree
3001 dev, granted, waits for a listener, /w/b";
        assert_eq!(listed(&leases, Some(&ours)), expected);
        assert_eq!(listed(&[], None), "no lease matches");
    }

    #[test]
    fn names_of_others_make_no_lines_and_move_no_cursor() {
        let said = lines(["a\nb\u{1b}[2J".to_owned(), "c".to_owned()]);
        assert_eq!(said, "a\\nb\\u{1b}[2J\nc");
    }
}
