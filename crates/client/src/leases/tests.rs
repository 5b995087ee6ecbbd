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
    let (persons, own) = (of_session(3002, None, "active"), of_session(3003, Some("claude-2"), "granted"));
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
fn of_others_a_session_that_begins_is_given_only_a_server_that_runs() {
    let session = terms(Some("/w/app"), Some("claude-2"));
    let (waits, runs) = (of_session(3001, None, "granted"), of_session(3002, None, "active"));
    let (theirs, own) =
        (of_session(3003, Some("claude-1"), "active"), of_session(3004, Some("claude-2"), "granted"));
    let all = [waits, theirs, runs, own];
    assert_eq!(seen(&all, &session, Accepted::Running), Some(3004));
    assert_eq!(seen(&all[..3], &session, Accepted::Running), Some(3002));
    assert_eq!(seen(&all[..2], &session, Accepted::Running), None);
    assert_eq!((holder(&all[3], &session), holder(&all[2], &session)), (Holder::Caller, Holder::Other));
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
    assert_eq!(seen(std::slice::from_ref(&ours), &terms(None, Some("claude-1")), Accepted::Own), Some(3006));
    assert_eq!(seen(&[ours], &terms(None, Some("claude-2")), Accepted::Any), None);
}
