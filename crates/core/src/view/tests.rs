//! The model's promises: everything once, in one order, whatever the order in which it was seen.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn lease(port: u16, change: impl FnOnce(&mut Value)) -> Lease {
    let mut wire = json!({
        "lock_id": format!("4f5e0000-0000-4000-8000-{port:012}"), "port": port, "service_type": "dev",
        "service_name": null, "instance_id": null, "project_path": "/w/shop", "state": "granted",
        "owner": { "kind": "listener" }, "allocated_at": "2026-11-22T17:40:00Z",
    });
    change(&mut wire);
    serde_json::from_value(wire).unwrap()
}

fn active(port: u16, pid: u32, change: impl FnOnce(&mut Value)) -> Lease {
    lease(port, |wire| {
        wire["state"] = json!("active");
        wire["listener"] = json!({ "pid": pid, "process": "node" });
        change(wire);
    })
}

fn usage(pid: u32, project: Option<&str>) -> SystemUsage {
    SystemUsage {
        pid: Pid::new(pid),
        process: Some("node".to_owned()),
        same_user: Some(true),
        user: Some("ada".to_owned()),
        project_path: project.map(path),
        branch: project.map(|_| "seen".to_owned()),
        started_at: Some(WallTime(u64::from(pid))),
        ..SystemUsage::default()
    }
}

fn path(text: &str) -> ProjectPath {
    ProjectPath::new(text).unwrap()
}

fn port(number: u16) -> Port {
    Port::new(number).unwrap()
}

fn places(all: &[(&str, &str, &str)]) -> BTreeMap<ProjectPath, Place> {
    let place = |(at, repository, branch): &(&str, &str, &str)| {
        let name = own_name(repository).to_owned();
        (path(at), Place { repository: (*repository).to_owned(), name, branch: Some((*branch).to_owned()) })
    };
    all.iter().map(place).collect()
}

fn view(seen: Seen) -> ViewAnswer {
    seen.view(WallTime(0), "1.2.3")
}

/// `shop: /w/shop (main) 3000 active, 3001 granted`, a line for each worktree.
fn shown(view: &ViewAnswer) -> Vec<String> {
    let lines = view.repositories.iter().flat_map(|repository| {
        repository.worktrees.iter().map(|worktree| {
            let services = worktree.services.iter();
            let services: Vec<String> =
                services.map(|service| format!("{} {}", service.port, service.state.as_str())).collect();
            let at = worktree.path.as_ref().map_or("-", ProjectPath::as_str);
            let branch = worktree.branch.as_deref().unwrap_or("-");
            format!("{}: {at} ({branch}) {}", repository.name.as_deref().unwrap_or("-"), services.join(", "))
        })
    });
    lines.collect()
}

#[test]
fn worktrees_are_grouped_by_their_repository_and_conflicts_come_first() {
    let elsewhere = |at: &'static str| move |wire: &mut Value| wire["project_path"] = json!(at);
    let seen = Seen {
        leases: vec![
            lease(3000, |_| {}),
            active(3001, 7, elsewhere("/w/login")),
            active(8000, 8, elsewhere("/w/api")),
            lease(8001, |wire| {
                wire["project_path"] = json!("/w/api");
                wire["conflict"] = json!({ "pid": 9, "process": "python3" });
            }),
            lease(9000, |wire| wire["project_path"] = json!(null)),
            lease(9001, elsewhere("/x/shop")),
        ],
        listeners: BTreeMap::from([
            (port(8002), vec![usage(10, Some("/w/api"))]),
            (port(5432), vec![usage(11, None)]),
        ]),
        places: places(&[
            ("/w/shop", "/w/shop", "main"),
            ("/w/login", "/w/shop", "login"),
            ("/w/api", "/w/api", "main"),
            ("/x/shop", "/x/shop", "main"),
        ]),
        ..Seen::default()
    };
    assert_eq!(
        shown(&view(seen)),
        [
            "api: /w/api (main) 8001 conflict, 8000 active, 8002 unleased",
            "shop: /w/login (login) 3001 active",
            "shop: /w/shop (main) 3000 granted",
            "shop: /x/shop (main) 9001 granted",
            "-: - (-) 9000 granted, 5432 unleased",
        ],
        "two repositories called shop are two"
    );
}

#[test]
fn a_service_says_who_listens_how_much_memory_that_takes_and_since_when() {
    let memory = BTreeMap::from([7, 8, 9].map(|pid| (Pid::new(pid).unwrap(), u64::from(pid) << 20)));
    let one = |lease: Lease, usage: Option<SystemUsage>| {
        let listeners = usage.map(|usage| (lease.port, vec![usage])).into_iter().collect();
        let seen = Seen { leases: vec![lease], listeners, memory: memory.clone(), ..Seen::default() };
        view(seen).repositories.remove(0).worktrees.remove(0).services.remove(0)
    };
    let up = one(active(3000, 7, |wire| wire["service_name"] = json!("web")), Some(usage(7, None)));
    assert_eq!(
        (up.name.as_deref(), up.memory, up.url.as_str()),
        (Some("dev/web"), Some(7 << 20), "http://localhost:3000")
    );
    assert_eq!(up.since.unwrap().to_string(), "2026-11-22T17:40:00.000Z", "the lease's, not the process'");
    assert_eq!(up.user, None, "one's own user is not named");
    let container = json!({ "pid": 7, "process": "docker-proxy", "container": "shop-db-1" });
    let forwarded = one(active(3000, 7, |wire| wire["listener"] = container), Some(usage(7, None)));
    assert_eq!(forwarded.memory, None, "what forwards a port says nothing of the container");
    let npm = json!({ "kind": "process", "pid": 8, "process": "npm" });
    let waits = one(lease(3000, |wire| wire["owner"] = npm), None);
    let process = waits.process.unwrap();
    assert_eq!((process.process.as_deref(), waits.memory), (Some("npm"), None), "it does not listen");
    let stranger =
        one(lease(3000, |wire| wire["conflict"] = json!({ "pid": 9, "process": "x" })), Some(usage(9, None)));
    assert_eq!((stranger.process, stranger.memory), (None, None), "a stranger is not its server");
    let anothers = SystemUsage { same_user: Some(false), user: Some("bo".to_owned()), ..usage(7, None) };
    assert_eq!(one(active(3000, 7, |_| {}), Some(anothers)).user.as_deref(), Some("bo"));
}

#[test]
fn a_session_is_there_if_it_is_registered_or_has_a_lease() {
    let instance = |id: &str, pid: Option<u32>| {
        let wire = json!({
            "instance_id": id, "working_directory": "/w/shop", "pid": pid, "registered_at": "2026-11-22T17:00:00Z",
            "last_heartbeat": "2026-11-22T17:01:00Z", "active_allocations": [], "metadata": null,
        });
        serde_json::from_value::<InstanceView>(wire).unwrap()
    };
    let of = |id: &'static str| move |wire: &mut Value| wire["instance_id"] = json!(id);
    let seen = Seen {
        leases: vec![lease(3001, of("b")), lease(3000, of("b")), lease(3002, of("c")), lease(3003, |_| {})],
        instances: vec![instance("a", None), instance("b", Some(7))],
        ..Seen::default()
    };
    let sessions = view(seen).sessions;
    let shown: Vec<(&str, Vec<u16>, bool)> = sessions
        .iter()
        .map(|session| {
            let ports = session.ports.iter().map(|port| port.get()).collect();
            (session.instance_id.as_str(), ports, session.last_heartbeat.is_some())
        })
        .collect();
    assert_eq!(shown, [("a", vec![], true), ("b", vec![3000, 3001], false), ("c", vec![3002], false)]);
}

#[test]
fn the_latest_refusals_are_shown_the_newest_first() {
    let refused = |at: u64| Refused {
        at: WallTime(at),
        wanted: crate::api::Wanted::Signal,
        instance_id: None,
        project_path: None,
        message: String::new(),
    };
    let refusals = view(Seen { refusals: (0..80).map(refused).collect(), ..Seen::default() }).refusals;
    assert_eq!((refusals.len(), refusals[0].at, refusals[49].at), (REFUSALS, WallTime(79), WallTime(30)));
}

#[test]
fn a_worktree_that_nobody_has_named_is_called_by_its_folder_on_every_system() {
    for (at, name) in [("/w/shop", "shop"), (r"C:\w\shop", "shop"), ("/", "/"), (r"C:\", "C:")] {
        assert_eq!(own_name(at), name);
    }
}

/// Some leases and listeners on few ports in few places, so that they meet.
fn seen() -> impl Strategy<Value = (Vec<Lease>, BTreeMap<Port, Vec<SystemUsage>>)> {
    const PLACES: [Option<&str>; 4] = [None, Some("/w/shop"), Some("/w/login"), Some("/w/gone")];
    let lease = (0..4_usize, 0..3_u8).prop_map(|(place, state)| (PLACES[place], state));
    let leases = prop::collection::btree_map(3000..3020_u16, lease, 0..12).prop_map(|all| {
        let made = all.into_iter().map(|(number, (place, state))| lease_in(number, place, state));
        made.collect::<Vec<_>>()
    });
    let usages = prop::collection::vec((1..99_u32, 0..4_usize), 0..3)
        .prop_map(|all| all.into_iter().map(|(pid, place)| usage(pid, PLACES[place])).collect::<Vec<_>>());
    let listeners = prop::collection::btree_map((3000..3040_u16).prop_map(port), usages, 0..12);
    (leases.prop_shuffle(), listeners)
}

fn lease_in(number: u16, place: Option<&str>, state: u8) -> Lease {
    lease(number, |wire| {
        wire["project_path"] = json!(place);
        match state {
            0 => {}
            1 => wire["state"] = json!("active"),
            _ => wire["conflict"] = json!({ "pid": 9, "process": null }),
        }
    })
}

proptest! {
    #[test]
    fn each_lease_and_each_other_listener_is_shown_once_and_conflicts_first((leases, listeners) in seen()) {
        let places = places(&[("/w/shop", "/w/shop", "main"), ("/w/login", "/w/shop", "login")]);
        let seen = Seen { leases: leases.clone(), listeners: listeners.clone(), places, ..Seen::default() };
        let mut backwards = seen.clone();
        backwards.leases.reverse();
        let view = view(seen);
        prop_assert_eq!(&view, &self::view(backwards), "the order in which it was seen does not matter");

        let services = || view.repositories.iter().flat_map(|one| &one.worktrees).flat_map(|one| &one.services);
        let mut shown: Vec<Port> = services().map(|service| service.port).collect();
        shown.sort_unstable();
        let listening = listeners.iter().filter(|(_, usages)| !usages.is_empty()).map(|(port, _)| *port);
        let mut expected: Vec<Port> = leases.iter().map(|lease| lease.port).chain(listening).collect();
        expected.sort_unstable();
        expected.dedup();
        prop_assert_eq!(shown, expected);
        for service in services() {
            let leased = leases.iter().any(|lease| lease.port == service.port);
            prop_assert_eq!(leased, service.lock_id.is_some());
            prop_assert_eq!(leased, service.state != ServiceState::Unleased);
        }

        let firsts: Vec<bool> = view.repositories.iter().map(|one| one.worktrees.iter().any(has_conflict)).collect();
        prop_assert!(firsts.is_sorted_by(|one, next| one >= next), "{firsts:?}");
        for repository in &view.repositories {
            prop_assert!(repository.worktrees.is_sorted_by_key(|worktree| !has_conflict(worktree)));
            for worktree in &repository.worktrees {
                let order = |service: &ServiceView| (rank(service.state), service.port);
                prop_assert!(worktree.services.is_sorted_by_key(order));
            }
        }
    }
}
