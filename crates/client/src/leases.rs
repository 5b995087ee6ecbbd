//! The live leases of a caller's servers: whose one is, which one a server has, and a new one where there is none.

use styxy_core::api::{AllocationsQuery, Lease, OwnerKind, State};
use styxy_core::{InstanceId, Port, ServiceName};

use crate::{Client, Error, PortRequest, Terms, agents};

/// Whose a lease is, by what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of<'a> {
    /// Of this project, and of this agent session or of none if the caller is in none.
    Caller,
    /// Of this project and of no session, while the caller is in one: a person's.
    Person,
    /// Of this project, and of another session.
    Session(&'a InstanceId),
    /// Of another project; or of none, which two callers never have in common unless they are of one session.
    Project,
}

/// Whose `lease` is to a caller with these terms.
#[must_use]
pub fn whose<'a>(lease: &'a Lease, caller: &Terms) -> Of<'a> {
    match &lease.instance_id {
        _ if !is_of_project(lease, caller) => Of::Project,
        theirs if caller.project.is_none() && (theirs.is_none() || *theirs != caller.instance) => Of::Project,
        theirs if *theirs == caller.instance => Of::Caller,
        Some(theirs) => Of::Session(theirs),
        None => Of::Person,
    }
}

/// Whether `lease` is for the caller's project: for its very folder where both sides say which one that is, wherever it has
/// moved, and not for one that was at the same path before; else for its path.
fn is_of_project(lease: &Lease, caller: &Terms) -> bool {
    match (&lease.project_id, &caller.project_id) {
        (Some(theirs), Some(ours)) => theirs == ours,
        (None, _) | (_, None) => lease.project_path == caller.project,
    }
}

/// Whether the lease's own server listens.
#[must_use]
pub fn is_up(lease: &Lease) -> bool {
    lease.state == State::Active && lease.conflict.is_none()
}

/// Whether `lease` is for the server of `request`, wherever that runs, and its port is not taken by another.
#[must_use]
pub fn is_for(lease: &Lease, request: &PortRequest) -> bool {
    let is_key = lease.service_type == request.service && lease.service_name.as_ref() == request.full_name();
    is_key && lease.conflict.is_none()
}

/// Whether `lease` is handed over to the server of `request` although it has another name than the server's package: an
/// ancestor of this process owns it, or it is the session's and nothing uses it (R60).
#[must_use]
pub fn is_handed_over(lease: &Lease, request: &PortRequest, caller: &Terms) -> bool {
    if request.name.is_some() || request.default_name.is_none() || lease.service_type != request.service {
        return false;
    }
    let is_own_session = lease.instance_id.is_some() && lease.instance_id == caller.instance;
    lease.conflict.is_none()
        && match lease.owner.kind {
            OwnerKind::Process => {
                lease.owner.pid.is_some_and(|owner| agents::ancestors().any(|pid| pid == owner.get()))
            }
            OwnerKind::Instance => {
                is_own_session && lease.service_name.is_none() && lease.state == State::Granted
            }
            OwnerKind::Listener => false,
        }
}

/// Whose leases will do, beside the caller's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// Nobody else's.
    Own,
    /// To a session a person's, and to a person any session's.
    Visible,
    /// To a session a person's, and then another session's.
    Any,
}

/// A port that is leased for a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    /// The port.
    pub port: Port,
    /// Which of several servers of its kind has it.
    pub name: Option<ServiceName>,
    /// Why it is not the preferred one.
    pub reason: Option<String>,
}

/// A port for each request: of a live lease if there is one, else of one that is leased now, all missing ones at once.
///
/// # Errors
/// The daemon refuses, or cannot be asked.
pub async fn present_or_new(
    client: &Client,
    requests: &[PortRequest],
    terms: &Terms,
    accepted: Accepted,
) -> Result<Vec<Leased>, Error> {
    let query = AllocationsQuery { project_path: terms.project.clone(), ..AllocationsQuery::default() };
    let leases = client.allocations(&query).await?.allocations;
    let present = |request| {
        let lease = present(&leases, request, terms, accepted)?;
        Some(Leased { port: lease.port, name: lease.service_name.clone(), reason: None })
    };
    let mut found: Vec<Option<Leased>> = requests.iter().map(present).collect();
    let missing = requests.iter().zip(&found).filter(|(_, found)| found.is_none());
    let missing: Vec<PortRequest> = missing.map(|(request, _)| request.clone()).collect();
    if !missing.is_empty() {
        let request = Terms { reuse: Some(true), ..terms.clone() }.request(missing);
        let answer = client.allocate(&request).await?;
        let new = answer.grants().iter();
        let new = new.map(|grant| Leased {
            port: grant.port,
            name: grant.service_name.clone(),
            reason: grant.reason.clone(),
        });
        for (gap, new) in found.iter_mut().filter(|found| found.is_none()).zip(new) {
            *gap = Some(new);
        }
    }
    Ok(found.into_iter().flatten().collect())
}

/// The port that the server of `request` listens on, if one of this project runs.
///
/// # Errors
/// The daemon cannot be asked.
pub async fn running(client: &Client, request: &PortRequest, terms: &Terms) -> Result<Option<Port>, Error> {
    Ok(up(client, request, terms).await?.map(|lease| lease.port))
}

/// The lease of that server.
///
/// # Errors
/// As [`running`].
pub async fn up(client: &Client, request: &PortRequest, terms: &Terms) -> Result<Option<Lease>, Error> {
    let query = AllocationsQuery {
        service_type: Some(request.service.clone()),
        project_path: terms.project.clone(),
        ..AllocationsQuery::default()
    };
    let mut leases = client.allocations(&query).await?.allocations;
    leases.retain(is_up);
    Ok(present(&leases, request, terms, Accepted::Any).cloned())
}

/// The lease that the server of `request` most likely has: one that listens, then the oldest.
fn present<'a>(
    leases: &'a [Lease],
    request: &PortRequest,
    terms: &Terms,
    accepted: Accepted,
) -> Option<&'a Lease> {
    let rank = |lease: &Lease| match (whose(lease, terms), accepted) {
        (Of::Caller, _) => Some(0),
        (Of::Person, Accepted::Visible | Accepted::Any) => Some(1),
        // A person may mean any session's server; a session does not mean another's.
        (Of::Session(_), Accepted::Visible) if terms.instance.is_none() => Some(0),
        (Of::Session(_), Accepted::Any) => Some(2),
        (Of::Person | Of::Session(_) | Of::Project, _) => None,
    };
    let fitting = leases.iter().filter_map(|lease| {
        let is_other = !is_handed_over(lease, request, terms);
        (!is_other || is_for(lease, request)).then_some((is_other, lease))
    });
    let ranked = fitting.filter_map(|(is_other, lease)| Some((is_other, rank(lease)?, lease)));
    let order = |(is_other, rank, lease): &(bool, u8, &Lease)| {
        (*is_other, *rank, !is_up(lease), lease.allocated_at, lease.lock_id)
    };
    ranked.min_by_key(order).map(|(.., lease)| lease)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A lease for `dev` in `/w/app`, changed by `change`.
    pub(crate) fn lease(port: u16, change: impl FnOnce(&mut Value)) -> Lease {
        let mut wire = json!({
            "lock_id": format!("4f5e0000-0000-4000-8000-{port:012}"), "port": port, "service_type": "dev",
            "service_name": null, "instance_id": null, "project_path": "/w/app", "state": "granted",
            "owner": {"kind": "listener"}, "allocated_at": "2026-11-22T17:40:00Z",
        });
        change(&mut wire);
        serde_json::from_value(wire).unwrap()
    }

    fn dev() -> PortRequest {
        PortRequest::new("dev".parse().unwrap())
    }

    fn terms(project: Option<&str>, instance: Option<&str>) -> Terms {
        let project = project.map(|path| styxy_core::ProjectPath::new(path).unwrap());
        Terms { project, instance: instance.map(|id| InstanceId::new(id).unwrap()), ..Terms::default() }
    }

    fn of_session(port: u16, instance: Option<&str>, state: &str) -> Lease {
        lease(port, |wire| {
            wire["instance_id"] = json!(instance);
            wire["state"] = json!(state);
        })
    }

    fn seen(leases: &[Lease], terms: &Terms, accepted: Accepted) -> Option<u16> {
        present(leases, &dev(), terms, accepted).map(|lease| lease.port.get())
    }

    #[test]
    fn a_lease_is_the_callers_a_persons_another_sessions_or_another_projects() {
        let (persons, theirs) = (of_session(1, None, "granted"), of_session(2, Some("claude-1"), "granted"));
        let app = |instance| terms(Some("/w/app"), instance);
        assert_eq!(whose(&persons, &app(None)), Of::Caller);
        assert_eq!(whose(&persons, &app(Some("claude-2"))), Of::Person);
        assert_eq!(whose(&theirs, &app(Some("claude-1"))), Of::Caller);
        let session = Of::Session(theirs.instance_id.as_ref().unwrap());
        assert_eq!(whose(&theirs, &app(Some("claude-2"))), session);
        assert_eq!(whose(&theirs, &app(None)), session);
        assert_eq!(whose(&theirs, &terms(Some("/w/other"), Some("claude-1"))), Of::Project);
        assert_eq!(whose(&theirs, &terms(None, Some("claude-1"))), Of::Project);
    }

    #[test]
    fn the_oldest_lease_that_listens_is_the_one_shown() {
        let terms = terms(Some("/w/app"), None);
        let at = |minute: u8| json!(format!("2026-11-22T17:{minute:02}:00Z"));
        let mut leases = vec![
            lease(3001, |wire| wire["allocated_at"] = at(10)),
            lease(3002, |wire| wire["allocated_at"] = at(20)),
        ];
        assert_eq!(seen(&leases, &terms, Accepted::Visible), Some(3001));
        for (port, minute) in [(3004, 40), (3003, 30)] {
            leases.push(lease(port, |wire| {
                wire["allocated_at"] = at(minute);
                wire["state"] = json!("active");
            }));
        }
        assert_eq!(seen(&leases, &terms, Accepted::Visible), Some(3003));
        assert_eq!(seen(&leases, &terms, Accepted::Own), Some(3003));
    }

    #[test]
    fn a_session_has_its_own_then_a_persons_and_a_person_has_any() {
        let theirs = of_session(3001, Some("claude-1"), "active");
        let (persons, own) =
            (of_session(3002, None, "active"), of_session(3003, Some("claude-2"), "granted"));
        let all = [theirs, persons, own];
        let (session, person) = (terms(Some("/w/app"), Some("claude-2")), terms(Some("/w/app"), None));
        assert_eq!(seen(&all, &session, Accepted::Visible), Some(3003));
        assert_eq!(seen(&all[..2], &session, Accepted::Visible), Some(3002));
        assert_eq!(seen(&all[..2], &session, Accepted::Own), None, "a person's server is not the session's");
        assert_eq!(seen(&all[..1], &session, Accepted::Visible), None, "it gets one of its own");
        assert_eq!(seen(&all[..1], &person, Accepted::Visible), Some(3001));
        assert_eq!(seen(&all[..1], &person, Accepted::Own), None);
        assert_eq!(seen(&all[..1], &session, Accepted::Any), Some(3001));
        assert_eq!(seen(&all[..2], &session, Accepted::Any), Some(3002));
    }

    #[test]
    fn a_package_has_its_own_lease_and_what_its_ancestors_or_its_session_hand_over() {
        let web = || dev().in_package("web".parse().ok().as_ref());
        let named = |port, name: Option<&str>| lease(port, |wire| wire["service_name"] = json!(name));
        let (person, session) = (terms(Some("/w/app"), None), terms(Some("/w/app"), Some("claude-1")));
        let seen = |leases: &[Lease], request: &PortRequest, terms: &Terms| {
            present(leases, request, terms, Accepted::Own).map(|lease| lease.port.get())
        };
        let all = [named(3001, None), named(3002, Some("api")), named(3003, Some("web"))];
        assert_eq!(seen(&all, &web(), &person), Some(3003));
        assert_eq!(seen(&all[..2], &web(), &person), None, "another package's, and the root's");
        let owned = |pid: u32| lease(3004, |wire| wire["owner"] = json!({"kind": "process", "pid": pid}));
        let parent = agents::ancestors().next().unwrap();
        assert_eq!(seen(&[named(3003, Some("web")), owned(parent)], &web(), &person), Some(3004));
        assert_eq!(seen(&[owned(std::process::id())], &web(), &person), None);
        let of_session = |state: &str| {
            lease(3005, |wire| {
                wire["owner"] = json!({"kind": "instance"});
                wire["instance_id"] = json!("claude-1");
                wire["state"] = json!(state);
            })
        };
        assert_eq!(seen(&[of_session("granted")], &web(), &session), Some(3005));
        assert_eq!(seen(&[of_session("active")], &web(), &session), None, "something uses it");
        let explicit = PortRequest { name: "web".parse().ok(), ..dev() };
        assert_eq!(seen(&[owned(parent)], &explicit, &person), None);
    }

    #[test]
    fn a_lease_follows_its_folder_and_is_not_for_another_one_at_the_same_path() {
        let of = |path: &str, id: Option<&str>| {
            lease(3001, |wire| {
                wire["project_path"] = json!(path);
                wire["project_id"] = json!(id);
            })
        };
        let caller = Terms { project_id: "1:2:3".parse().ok(), ..terms(Some("/w/app"), None) };
        assert_eq!(whose(&of("/w/app", Some("1:2:3")), &caller), Of::Caller);
        assert_eq!(whose(&of("/w/before", Some("1:2:3")), &caller), Of::Caller, "it was moved");
        assert_eq!(whose(&of("/w/app", Some("1:2:4")), &caller), Of::Project, "it was made again");
        assert_eq!(whose(&of("/w/app", None), &caller), Of::Caller);
        assert_eq!(whose(&of("/w/other", None), &caller), Of::Project);
    }

    #[test]
    fn another_projects_service_or_name_is_not_shown_and_neither_is_a_port_that_a_stranger_has() {
        let leases = [
            lease(3001, |wire| wire["project_path"] = json!("/w/other")),
            lease(3002, |wire| wire["project_path"] = json!(null)),
            lease(3003, |wire| wire["service_name"] = json!("web")),
            lease(3004, |wire| wire["service_type"] = json!("api")),
            lease(3005, |wire| wire["conflict"] = json!({"pid": 9, "process": "python3"})),
        ];
        assert_eq!(seen(&leases, &terms(Some("/w/app"), None), Accepted::Visible), None);
        for accepted in [Accepted::Own, Accepted::Visible, Accepted::Any] {
            assert_eq!(seen(&leases, &terms(None, None), accepted), None, "no project is nobody's in common");
        }
        let ours = lease(3006, |wire| {
            wire["project_path"] = json!(null);
            wire["instance_id"] = json!("claude-1");
        });
        assert_eq!(
            seen(std::slice::from_ref(&ours), &terms(None, Some("claude-1")), Accepted::Own),
            Some(3006)
        );
        assert_eq!(seen(&[ours], &terms(None, Some("claude-2")), Accepted::Any), None);
    }
}
