//! R60: each package of a checkout has a key of its own. R62: leases follow a folder, and not its path.

use super::*;
use crate::names::ProjectId;

/// A request of a package's server in `/w/a`, by a client that says which folder that is.
fn of_package(package: &str, pid: u32) -> Ask {
    Ask {
        default_name: ServiceName::new(package).ok(),
        project_id: Some(folder(1)),
        ..again(dev_of("/w/a", pid))
    }
}

/// A request at the root, by such a client.
fn at_root(pid: u32) -> Ask {
    Ask { project_id: Some(folder(1)), ..again(dev_of("/w/a", pid)) }
}

fn folder(number: u8) -> ProjectId {
    ProjectId::new(&format!("1:{number}:1")).unwrap()
}

fn found(number: u8, at: &str) -> Command {
    Command::Found { id: folder(number), at: project(at) }
}

fn name(grant: &Grant) -> Option<&str> {
    grant.service_name.as_ref().map(ServiceName::as_str)
}

#[test]
fn packages_have_their_own_ports_in_whatever_order_they_start() {
    let mut machine = Machine::new();
    let (web, api) = (machine.grant(of_package("web", 1)), machine.grant(of_package("api", 2)));
    assert_eq!((name(&web), name(&api)), (Some("web"), Some("api")));
    machine.exit(1, Vec::new());
    machine.exit(2, Vec::new());
    assert_eq!(machine.grant(of_package("api", 3)).port, api.port);
    assert_eq!(machine.grant(of_package("web", 4)).port, web.port);
    let root = machine.grant(at_root(5));
    assert_eq!(name(&root), None);
    assert!(![web.port, api.port].contains(&root.port));
}

#[test]
fn a_name_that_was_given_counts_and_the_packages_does_not() {
    let mut machine = Machine::new();
    let given = Ask { name: ServiceName::new("admin").ok(), ..of_package("web", 1) };
    assert_eq!(name(&machine.grant(given)), Some("admin"));
}

#[test]
fn what_an_ancestor_owns_is_handed_over_under_any_name_unless_another_process_uses_it() {
    let mut machine = Machine::new();
    for ask in [at_root(1), Ask { name: ServiceName::new("site").ok(), ..at_root(1) }] {
        let owned = machine.grant(ask);
        let child = |pid: u32| Ask { ancestors: vec![process(1).key], ..of_package("web", pid) };
        assert_eq!(machine.grant(child(2)).lock_id, owned.lock_id);
        machine.hear(&owned, server(2));
        assert_eq!(machine.grant(child(2)).lock_id, owned.lock_id, "it listens itself");
        assert_ne!(machine.grant(child(3)).lock_id, owned.lock_id, "its sibling listens");
        machine.release(&owned);
        machine.exit(3, Vec::new());
    }
    let owned = machine.grant(at_root(1));
    let other = Ask { ancestors: vec![process(1).key], ..of_package("web", 2) };
    assert_ne!(machine.grant(Ask { service: service("api"), ..other.clone() }).lock_id, owned.lock_id);
    let elsewhere = Ask { project: Some(project("/w/b")), project_id: None, ..other };
    assert_ne!(machine.grant(elsewhere).lock_id, owned.lock_id);
}

#[test]
fn the_sessions_own_lease_is_handed_over_once() {
    let mut machine = Machine::new();
    machine.register("claude-1", Some(process(9)));
    let told = machine.grant(dev_for("/w/a", "claude-1"));
    let ask =
        |package: &str, pid: u32| Ask { instance_id: Some(instance("claude-1")), ..of_package(package, pid) };
    assert_eq!(machine.grant(ask("web", 1)).lock_id, told.lock_id);
    let api = machine.grant(ask("api", 2));
    assert_eq!((name(&api), api.lock_id == told.lock_id), (Some("api"), false));
    machine.exit(1, Vec::new());
    assert_eq!(machine.lease(&told).owner, Owner::Instance(instance("claude-1")));
}

#[test]
fn the_first_package_gets_the_port_that_the_project_had_before_packages_had_keys() {
    let mut machine = Machine::new();
    machine.grant(dev_of("/w/other", 7));
    // A lease of 0.1.0 does not say which folder it is for.
    let before = machine.grant(dev_of("/w/a", 1));
    machine.exit(1, Vec::new());
    let web = machine.grant(of_package("web", 2));
    assert_eq!((web.port, name(&web)), (before.port, Some("web")));
    machine.exit(2, Vec::new());
    let api = machine.grant(of_package("api", 3));
    assert_ne!(api.port, before.port, "it is the first package's now");
    assert_eq!(machine.grant(of_package("web", 4)).port, before.port);
    machine.exit(4, Vec::new());
    assert_ne!(machine.grant(at_root(5)).port, before.port, "nor is it the root's");
}

#[test]
fn a_package_does_not_inherit_what_the_root_itself_has() {
    let mut machine = Machine::new();
    let root = machine.grant(at_root(1));
    machine.exit(1, Vec::new());
    let restored = machine.registry.snapshot();
    machine.registry = Registry::restore(policy(), restored);
    assert_ne!(machine.grant(of_package("web", 2)).port, root.port);
    assert_eq!(machine.grant(at_root(3)).port, root.port);
}

#[test]
fn a_lease_and_its_affinity_follow_a_folder_that_moved() {
    let mut machine = Machine::new();
    let (dev, api) = (machine.grant(at_root(1)), machine.grant(of_package("api", 2)));
    let ended = machine.grant(of_package("web", 3));
    machine.hear(&dev, Listener { project: Some(project("/w/a")), ..server(1) });
    machine.exit(3, Vec::new());
    assert_eq!(machine.registry.other_places(&folder(1), &project("/w/moved")), [project("/w/a")]);
    assert!(machine.registry.other_places(&folder(1), &project("/w/a")).is_empty());
    machine.happens(&found(1, "/w/moved"));
    for grant in [&dev, &api] {
        assert_eq!(machine.lease(grant).key.project, Some(project("/w/moved")));
    }
    let server = Listener { project: Some(project("/w/moved")), ..server(1) };
    assert_eq!(machine.lease(&dev).listening, Listening::Server(server));
    assert!(matches!(&machine.lease(&dev).owner, Owner::Process(owner) if owner.key == process(1).key));
    assert!(machine.happens(&found(1, "/w/moved")).is_empty());
    let moved = |ask: Ask| Ask { project: Some(project("/w/moved")), ..ask };
    assert_eq!(machine.grant(moved(of_package("web", 4))).port, ended.port);
    // Who comes to the old path now has nothing of it.
    let fresh = Ask { project_id: Some(folder(2)), ..at_root(5) };
    assert_ne!(machine.grant(fresh).port, dev.port);
}

#[test]
fn a_checkout_made_anew_at_the_same_path_does_not_get_the_lease_of_the_old_one() {
    let mut machine = Machine::new();
    let told = machine.grant(again(Ask { project_id: Some(folder(1)), ..dev("/w/a") }));
    let remade = machine.grant(again(Ask { project_id: Some(folder(2)), ..dev("/w/a") }));
    assert!(!remade.reused && remade.port != told.port);
    assert_eq!(
        machine.grant(again(Ask { project_id: Some(folder(1)), ..dev("/w/a") })).lock_id,
        told.lock_id
    );
    let unknown = machine.grant(again(dev("/w/a")));
    assert!(unknown.reused, "a client that does not say which folder it means gets one");
}
