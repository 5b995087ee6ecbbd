//! Which lease may be released by naming its port (R36): the one rule of the command, its MCP server and the addon.

use styxy_core::Port;
use styxy_core::api::{AllocationsQuery, Code, Lease, OwnerKind, Refusal, Rule, State};

use crate::leases::{self, Of};
use crate::living::Living;
use crate::{Client, Error, Terms};

/// Whose lease may be released by naming its port.
#[derive(Debug)]
pub enum Claim {
    /// Ours, and those whose port nothing uses.
    Ours(Terms),
    /// Only ours: an agent or a program does not know which ports others rely on.
    OursAlone(Terms),
    /// Anybody's: with `--force`.
    Anybodys,
}

/// The lease of `port`, if there is one that may be released under `claim`.
///
/// # Errors
/// There is none, or it may not, or the daemon cannot be asked.
pub async fn on_port(client: &Client, port: Port, claim: &Claim) -> Result<Lease, Error> {
    let query = AllocationsQuery { port: Some(port), ..AllocationsQuery::default() };
    let lease = client.allocations(&query).await?.allocations.into_iter().next();
    may_be(client, lease.ok_or_else(|| Error::Refused(unleased(port)))?, claim).await
}

/// The same lease, if it may be released under `claim`.
///
/// # Errors
/// It may not, or the daemon cannot be asked.
pub async fn may_be(client: &Client, lease: Lease, claim: &Claim) -> Result<Lease, Error> {
    let living = Living::on(client, lease.port).await?;
    judge(&lease, claim, &living).map_err(Error::Refused)?;
    Ok(lease)
}

/// The refusal for a port that has no lease.
#[must_use]
pub fn unleased(port: Port) -> Refusal {
    Refusal::new(Code::UnknownLease, format!("port {port} is not leased"))
        .hint(format!("styxy check {port}"))
        .detail("port", port.get())
}

/// Whether `lease` may be released under `claim`.
///
/// # Errors
/// It may not: it belongs to others, and they still exist.
pub fn judge(lease: &Lease, claim: &Claim, living: &Living) -> Result<(), Refusal> {
    let ours = match claim {
        Claim::Anybodys => return Ok(()),
        Claim::Ours(_) if lease.state == State::Granted => return Ok(()),
        Claim::Ours(ours) | Claim::OursAlone(ours) => ours,
    };
    let Some(others) = others(lease, ours, living) else { return Ok(()) };
    let port = lease.port;
    let listens = match lease.state {
        State::Active => ", whose server listens on it",
        State::Granted => "",
    };
    Err(Refusal::new(Code::Forbidden, format!("port {port} belongs to {others}{listens}"))
        .hint(format!("styxy release {port} --force"))
        .rule(Rule::Owner)
        .detail("port", port.get())
        .detail("lock_id", lease.lock_id.to_string()))
}

/// Whose the lease is, if it is not ours and whoever it belongs to still exists. What the process of our terms owns is ours, and
/// a session may release what a person in its worktree leased.
fn others(lease: &Lease, ours: &Terms, living: &Living) -> Option<String> {
    if lease.owner.kind == OwnerKind::Process && lease.owner.pid.is_some() && lease.owner.pid == ours.pid {
        return None;
    }
    let session = |instance| format!("another agent session, {instance}");
    match (leases::whose(lease, ours), &lease.project_path) {
        (Of::Caller | Of::Person, _) => None,
        (Of::Session(_), _) => living.session(lease).map(session),
        (Of::Project, Some(_)) => living.project(lease).map(|project| format!("another worktree, {project}")),
        (Of::Project, None) if lease.instance_id.is_some() => living.session(lease).map(session),
        (Of::Project, None) => Some("a project outside of any worktree".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leases::tests::lease;
    use serde_json::json;
    use styxy_core::{InstanceId, Pid, ProjectPath};

    fn ours(project: Option<&str>, instance: Option<&str>) -> Claim {
        Claim::Ours(Terms {
            project: project.map(|path| ProjectPath::new(path).unwrap()),
            instance: instance.map(|id| InstanceId::new(id).unwrap()),
            ..Terms::default()
        })
    }

    fn living(sessions: &[&str]) -> Living {
        let sessions = sessions.iter().map(|id| InstanceId::new(id).unwrap());
        Living::known(sessions, Vec::new(), |_, _| true)
    }

    #[test]
    fn a_listening_lease_of_another_worktree_or_session_needs_force() {
        let active = lease(3000, |wire| {
            wire["state"] = json!("active");
            wire["instance_id"] = json!("claude-1");
        });
        let refused = |claim: &Claim| judge(&active, claim, &living(&["claude-1"])).err();
        assert_eq!(refused(&ours(Some("/w/app"), Some("claude-1"))), None);
        assert_eq!(refused(&Claim::Anybodys), None);
        for other in [
            ours(Some("/w/other"), Some("claude-1")),
            ours(Some("/w/app"), Some("claude-2")),
            ours(None, None),
        ] {
            let refusal = refused(&other).expect("refused");
            assert_eq!(refusal.code, Code::Forbidden);
            assert_eq!(refusal.hint.as_deref(), Some("styxy release 3000 --force"));
        }
    }

    #[test]
    fn a_session_that_has_ended_and_a_worktree_that_is_gone_have_no_say() {
        let of_session = lease(3000, |wire| {
            wire["state"] = json!("active");
            wire["instance_id"] = json!("claude-2147483000");
        });
        assert!(judge(&of_session, &ours(Some("/w/app"), Some("claude-2")), &living(&[])).is_ok());
        let gone = Living::known([], Vec::new(), |_, _| false);
        for claim in [ours(Some("/w/other"), None), Claim::OursAlone(Terms::default())] {
            let active = lease(3000, |wire| wire["state"] = json!("active"));
            assert!(judge(&active, &claim, &gone).is_ok());
        }
    }

    #[test]
    fn a_lease_whose_port_nothing_uses_may_be_released_by_anybody_but_not_by_those_who_may_release_theirs_alone()
     {
        let granted = lease(3000, |_| {});
        assert!(judge(&granted, &ours(Some("/w/other"), None), &living(&[])).is_ok());
        assert!(judge(&granted, &Claim::OursAlone(Terms::default()), &living(&[])).is_err());
    }

    #[test]
    fn what_the_process_of_a_claim_owns_is_its_own_wherever_it_is_for() {
        let claim = |pid| Claim::OursAlone(Terms { pid: Pid::new(pid), ..Terms::default() });
        let owned = lease(3000, |wire| wire["owner"] = json!({"kind": "process", "pid": 42}));
        assert!(judge(&owned, &claim(42), &living(&[])).is_ok());
        assert!(judge(&owned, &claim(43), &living(&[])).is_err());
        let waiting = lease(3000, |_| {});
        assert!(
            judge(&waiting, &Claim::OursAlone(Terms::default()), &living(&[])).is_err(),
            "no pid is nobody's"
        );
    }

    #[test]
    fn a_session_may_release_what_a_person_in_its_worktree_leased() {
        let active = lease(3000, |wire| wire["state"] = json!("active"));
        assert!(judge(&active, &ours(Some("/w/app"), Some("claude-1")), &living(&[])).is_ok());
    }
}
