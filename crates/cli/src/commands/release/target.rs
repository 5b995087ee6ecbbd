//! What is to be released: how it is named, which lease that is, and whether it may be.

use std::str::FromStr;

use styxy_core::api::{Code, Lease, Refusal, Rule, State};
use styxy_core::{InstanceId, LockId, Port, ProjectPath};

use super::super::words;

/// One word of the command line.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::commands) enum Target {
    /// `3000`: up to five digits and nothing else.
    Port(Port),
    /// A whole id.
    Lease(LockId),
    /// How an id begins, in lower case.
    Beginning(String),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self::Port).map_err(|error: styxy_core::Invalid| error.to_string());
        }
        if let Ok(lock_id) = LockId::parse(text) {
            return Ok(Self::Lease(lock_id));
        }
        let of_an_id = text.len() < 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if of_an_id && text.bytes().next().is_some_and(|byte| byte != b'-') {
            return Ok(Self::Beginning(text.to_ascii_lowercase()));
        }
        let shown: String = text.chars().take(60).collect();
        Err(format!(
            "{shown:?} is neither a port nor a lease's id; allowed: a whole number from 1 to 65535, an id as styxy \
             allocate showed it, or how that begins"
        ))
    }
}

/// Whose lease on a port may be released by that port.
#[derive(Debug)]
pub(in crate::commands) enum Claim {
    /// Ours, and those that nobody uses.
    Ours(Ours),
    /// Ours alone: an agent cannot know what another was told.
    OursAlone(Ours),
    /// Anybody's: a person insists.
    Whoevers,
}

/// Where and for whom the command runs.
#[derive(Debug)]
pub(in crate::commands) struct Ours {
    pub(in crate::commands) project: Option<ProjectPath>,
    pub(in crate::commands) instance: Option<InstanceId>,
}

/// The lease of `port`, if there is one that may be released under `claim`.
pub(in crate::commands) fn on_port<'a>(
    port: Port,
    lease: Option<&'a Lease>,
    claim: &Claim,
) -> Result<&'a Lease, Refusal> {
    let lease = lease.ok_or_else(|| {
        Refusal::new(Code::UnknownLease, format!("port {port} is not leased"))
            .hint(format!("styxy check {port}"))
            .detail("port", port.get())
    })?;
    match claim {
        Claim::Whoevers => Ok(lease),
        Claim::Ours(_) if lease.state == State::Granted => Ok(lease),
        Claim::Ours(ours) | Claim::OursAlone(ours) => match others(lease, ours) {
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

/// Whose the lease is, if it is not ours.
fn others(lease: &Lease, ours: &Ours) -> Option<String> {
    if lease.project_path != ours.project {
        return Some(match &lease.project_path {
            Some(project) => format!("another worktree, {project}"),
            None => format!("{} of no worktree", words::who(lease)),
        });
    }
    // A session may give back what its own worktree's person took, not what another session did.
    let instance = lease.instance_id.as_ref().filter(|instance| Some(*instance) != ours.instance.as_ref())?;
    Some(format!("another agent session, {instance}"))
}

/// The one lease whose id begins like that.
pub(in crate::commands) fn beginning_with<'a>(
    beginning: &str,
    leases: &'a [Lease],
) -> Result<&'a Lease, Refusal> {
    let matching: Vec<&Lease> =
        leases.iter().filter(|lease| lease.lock_id.to_string().starts_with(beginning)).collect();
    match matching.as_slice() {
        [lease] => Ok(lease),
        [] => Err(Refusal::new(Code::UnknownLease, format!("no live lease's id begins with {beginning}"))
            .hint("styxy list --json")
            .detail("found", beginning)),
        candidates => {
            let listed: Vec<String> = candidates
                .iter()
                .map(|lease| format!("\n  {}  {} {}", lease.lock_id, lease.port, words::service(lease)))
                .collect();
            let ids: Vec<String> = candidates.iter().map(|lease| lease.lock_id.to_string()).collect();
            let error =
                format!("{} leases' ids begin with {beginning}:{}", candidates.len(), listed.concat());
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
    use crate::commands::words::tests::lease;
    use serde_json::json;

    fn target(text: &str) -> Result<Target, String> {
        text.parse()
    }

    #[test]
    fn up_to_five_digits_are_a_port_and_more_are_an_id() {
        assert_eq!(target("3000"), Ok(Target::Port(Port::new(3000).unwrap())));
        assert_eq!(target("123456"), Ok(Target::Beginning("123456".into())));
        assert_eq!(target("4F5E"), Ok(Target::Beginning("4f5e".into())));
        let whole = "4f5e0000-0000-4000-8000-000000003000";
        assert_eq!(target(whole), Ok(Target::Lease(LockId::parse(whole).unwrap())));
        assert_eq!(target("4f5e0000-0000"), Ok(Target::Beginning("4f5e0000-0000".into())));
    }

    #[test]
    fn what_can_be_neither_says_what_may_come() {
        for bad in ["0", "70000", "99999"] {
            assert!(target(bad).unwrap_err().contains("allowed: a whole number from 1 to 65535"), "{bad}");
        }
        let long = "a".repeat(40);
        for bad in ["", "-1", "3.5", "+80", "xyz", "a b", long.as_str()] {
            assert!(target(bad).is_err(), "{bad:?}");
        }
    }

    fn ours(project: Option<&str>, instance: Option<&str>) -> Claim {
        Claim::Ours(Ours {
            project: project.map(|path| ProjectPath::new(path).unwrap()),
            instance: instance.map(|id| InstanceId::new(id).unwrap()),
        })
    }

    #[test]
    fn a_listening_lease_of_another_worktree_or_session_needs_force() {
        let port = Port::new(3000).unwrap();
        let active = lease(3000, |wire| {
            wire["state"] = json!("active");
            wire["instance_id"] = json!("claude-1");
        });
        let refused = |claim: &Claim| on_port(port, Some(&active), claim).err();
        assert_eq!(refused(&ours(Some("/w/app"), Some("claude-1"))), None);
        assert_eq!(refused(&Claim::Whoevers), None);
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
    fn what_nobody_listens_on_may_be_released_by_anybody() {
        let port = Port::new(3000).unwrap();
        let granted = lease(3000, |_| {});
        assert!(on_port(port, Some(&granted), &ours(Some("/w/other"), None)).is_ok());
        assert_eq!(on_port(port, None, &Claim::Whoevers).unwrap_err().code, Code::UnknownLease);
    }

    #[test]
    fn a_session_may_release_what_its_worktrees_person_took() {
        let active = lease(3000, |wire| wire["state"] = json!("active"));
        assert!(on_port(active.port, Some(&active), &ours(Some("/w/app"), Some("claude-1"))).is_ok());
    }

    #[test]
    fn the_beginning_of_one_id_is_that_lease_and_of_several_is_none() {
        let leases = [lease(3000, |_| {}), lease(3001, |_| {})];
        let whole = leases[1].lock_id.to_string();
        assert_eq!(beginning_with(&whole[..35], &leases[..1]).unwrap().port.get(), 3000);
        let refusal = beginning_with("4f5e", &leases).unwrap_err();
        let expected = "2 leases' ids begin with 4f5e:
  4f5e0000-0000-4000-8000-000000003000  3000 dev
  4f5e0000-0000-4000-8000-000000003001  3001 dev";
        assert_eq!(refusal.error, expected);
        assert_eq!(beginning_with("ffff", &leases).unwrap_err().code, Code::UnknownLease);
    }
}
