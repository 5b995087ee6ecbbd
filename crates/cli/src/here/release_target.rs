//! The lease to release: which one it is, and whether it may be released.

use styxy_client::Terms;
use styxy_client::leases::{self, Of};
use styxy_core::Port;
use styxy_core::api::{Code, Lease, Refusal, Rule, State};

use crate::here::living::Living;
use crate::say::facts;

/// Whose lease may be released by naming its port.
#[derive(Debug)]
pub(crate) enum Claim {
    /// Ours, and those whose port nothing uses.
    Ours(Terms),
    /// Only ours: an agent does not know which ports other agents rely on.
    OursAlone(Terms),
    /// Anybody's: with `--force`.
    Anybodys,
}

/// The lease of `port`, if there is one that may be released under `claim`.
pub(crate) fn on_port<'a>(
    port: Port,
    lease: Option<&'a Lease>,
    claim: &Claim,
    living: &Living,
) -> Result<&'a Lease, Refusal> {
    let lease = lease.ok_or_else(|| {
        Refusal::new(Code::UnknownLease, format!("port {port} is not leased"))
            .hint(format!("styxy check {port}"))
            .detail("port", port.get())
    })?;
    match claim {
        Claim::Anybodys => Ok(lease),
        Claim::Ours(_) if lease.state == State::Granted => Ok(lease),
        Claim::Ours(ours) | Claim::OursAlone(ours) => match others(lease, ours, living) {
            None => Ok(lease),
            Some(others) => Err(Refusal::new(
                Code::Forbidden,
                format!(
                    "port {port} belongs to {others}{}",
                    match lease.state {
                        State::Active => ", whose server listens on it",
                        State::Granted => "",
                    }
                ),
            )
            .hint(format!("styxy release {port} --force"))
            .rule(Rule::Owner)
            .detail("port", port.get())
            .detail("lock_id", lease.lock_id.to_string())),
        },
    }
}

/// Whose the lease is, if it is not ours and whoever it belongs to still exists. A session may release what a person in its
/// worktree leased.
fn others(lease: &Lease, ours: &Terms, living: &Living) -> Option<String> {
    let session = |instance| format!("another agent session, {instance}");
    match (leases::whose(lease, ours), &lease.project_path) {
        (Of::Caller | Of::Person, _) => None,
        (Of::Session(_), _) => living.session(lease).map(session),
        (Of::Project, Some(_)) => living.project(lease).map(|project| format!("another worktree, {project}")),
        (Of::Project, None) if lease.instance_id.is_some() => living.session(lease).map(session),
        (Of::Project, None) => Some("a project outside of any worktree".to_owned()),
    }
}

/// The only lease whose id begins with `beginning`.
pub(crate) fn beginning_with<'a>(beginning: &str, leases: &'a [Lease]) -> Result<&'a Lease, Refusal> {
    let matching: Vec<&Lease> =
        leases.iter().filter(|lease| lease.lock_id.to_string().starts_with(beginning)).collect();
    match matching.as_slice() {
        [lease] => Ok(lease),
        [] => Err(Refusal::new(
            Code::UnknownLease,
            format!("no live lease has an id that begins with {beginning}"),
        )
        .hint("styxy list --json")
        .detail("found", beginning)),
        candidates => {
            let listed: Vec<String> = candidates
                .iter()
                .map(|lease| format!("\n{}  {} {}", lease.lock_id, lease.port, facts::service(lease)))
                .collect();
            let ids: Vec<String> = candidates.iter().map(|lease| lease.lock_id.to_string()).collect();
            let error = format!(
                "{} leases have an id that begins with {beginning}:{}",
                candidates.len(),
                listed.concat()
            );
            Err(Refusal::new(Code::InvalidRequest, error)
                .hint("type more of the id, or the port")
                .detail("found", beginning)
                .detail("candidates", ids))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use crate::say::shown::{each, failed, snapshot};
    use serde_json::json;
    use styxy_core::{InstanceId, ProjectPath};

    fn ours(project: Option<&str>, instance: Option<&str>) -> Claim {
        Claim::Ours(Terms {
            project: project.map(|path| ProjectPath::new(path).unwrap()),
            instance: instance.map(|id| InstanceId::new(id).unwrap()),
            ..Terms::default()
        })
    }

    #[test]
    fn a_listening_lease_of_another_worktree_or_session_needs_force() {
        let port = Port::new(3000).unwrap();
        let active = lease(3000, |wire| {
            wire["state"] = json!("active");
            wire["instance_id"] = json!("claude-1");
        });
        let refused = |claim: &Claim| on_port(port, Some(&active), claim, &Living::with(&["claude-1"])).err();
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
        let port = Port::new(3000).unwrap();
        let of_session = lease(3000, |wire| {
            wire["state"] = json!("active");
            wire["instance_id"] = json!("claude-2147483000");
        });
        let ended = Living::with(&[]);
        assert!(on_port(port, Some(&of_session), &ours(Some("/w/app"), Some("claude-2")), &ended).is_ok());
        let gone = Living::without_projects();
        for claim in [ours(Some("/w/other"), None), Claim::OursAlone(Terms::default())] {
            let active = lease(3000, |wire| wire["state"] = json!("active"));
            assert!(on_port(port, Some(&active), &claim, &gone).is_ok());
        }
    }

    #[test]
    fn every_refusal_says_whose_the_lease_is_and_what_to_do() {
        let port = Port::new(3000).unwrap();
        let active = |change: fn(&mut serde_json::Value)| {
            lease(3000, |wire| {
                wire["state"] = json!("active");
                change(wire);
            })
        };
        let refused = |lease: Option<&Lease>, claim: &Claim| {
            failed(on_port(port, lease, claim, &Living::with(&["claude-2"])).unwrap_err())
        };
        let here = ours(Some("/w/other"), Some("claude-1"));
        let alone = Claim::OursAlone(Terms::default());
        let leases = [lease(3000, |_| {}), lease(3001, |_| {})];
        snapshot!(
            "may_not_be_released",
            each([
                ("no lease", refused(None, &here)),
                ("another worktree's", refused(Some(&active(|_| {})), &here)),
                ("of no worktree", refused(Some(&active(|wire| wire["project_path"] = json!(null))), &here)),
                (
                    "another session's",
                    refused(
                        Some(&active(|wire| wire["instance_id"] = json!("claude-2"))),
                        &ours(Some("/w/app"), Some("claude-1"))
                    ),
                ),
                ("an agent, whose alone it is not", refused(Some(&leases[0]), &alone)),
                ("an id that no lease has", failed(beginning_with("ffff", &leases).unwrap_err())),
                ("an id that several leases have", failed(beginning_with("4f5e", &leases).unwrap_err())),
            ])
        );
    }

    #[test]
    fn a_lease_whose_port_nothing_uses_may_be_released_by_anybody() {
        let port = Port::new(3000).unwrap();
        let granted = lease(3000, |_| {});
        assert!(on_port(port, Some(&granted), &ours(Some("/w/other"), None), &Living::with(&[])).is_ok());
        assert_eq!(
            on_port(port, None, &Claim::Anybodys, &Living::with(&[])).unwrap_err().code,
            Code::UnknownLease
        );
    }

    #[test]
    fn a_session_may_release_what_a_person_in_its_worktree_leased() {
        let active = lease(3000, |wire| wire["state"] = json!("active"));
        assert!(
            on_port(active.port, Some(&active), &ours(Some("/w/app"), Some("claude-1")), &Living::with(&[]))
                .is_ok()
        );
    }

    #[test]
    fn the_beginning_of_an_id_must_be_unique() {
        let leases = [lease(3000, |_| {}), lease(3001, |_| {})];
        let whole = leases[1].lock_id.to_string();
        assert_eq!(beginning_with(&whole[..35], &leases[..1]).unwrap().port.get(), 3000);
        assert_eq!(beginning_with("4f5e", &leases).unwrap_err().code, Code::InvalidRequest);
        assert_eq!(beginning_with("ffff", &leases).unwrap_err().code, Code::UnknownLease);
    }
}
