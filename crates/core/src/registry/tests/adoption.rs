//! A server whose parent was gone before it had bound: its port is nobody's, and still its own.

use super::*;

/// A program of the checkout at `path` that listens.
fn server_in(path: &str, pid: u32) -> Listener {
    Listener { project: Some(project(path)), ..server(pid) }
}

fn adopt(machine: &mut Machine, port: Port, listener: Listener) -> Vec<Fact> {
    let fresh_id = machine.fresh_id();
    machine.happens(&Command::Adopt { port, listener, fresh_id })
}

/// A machine on which the owner of a lease of `/w/a` has just ended, and nothing listened.
fn orphaned() -> (Machine, Grant) {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    machine.exit(1, Vec::new());
    assert_eq!(machine.ended(&grant), Some(EndReason::OwnerExited));
    (machine, grant)
}

#[test]
fn a_server_that_comes_within_the_grace_gets_the_lease_of_its_key_anew() {
    let (mut machine, grant) = orphaned();
    assert_eq!(machine.registry.orphaned_ports(machine.now).collect::<Vec<_>>(), [grant.port]);
    machine.pass(9 * SECOND);
    let facts = adopt(&mut machine, grant.port, server_in("/w/a/packages/web", 7));
    let [Fact::Granted(lease)] = facts.as_slice() else { panic!("{facts:?}") };
    assert_ne!(Some(lease.lock_id), grant.lock_id, "an id is never used again");
    let live = machine.registry.lease_on(grant.port).unwrap();
    assert_eq!((&live.key, live.owner.process().unwrap().key.pid.get()), (&lease.key, 7));
    assert_eq!(machine.registry.view(live).state, crate::api::State::Active);
    assert_eq!(machine.registry.orphaned_ports(machine.now).count(), 0);
    machine.exit(7, Vec::new());
    assert!(machine.registry.lease_on(grant.port).is_none());
}

#[test]
fn nobody_is_given_a_lease_who_is_not_known_to_belong_to_it() {
    for other in [
        server(7),
        somebody(),
        stranger(7),
        server_in("/w/a2", 7),
        Listener { user: Relation::Other, ..server_in("/w/a", 7) },
    ] {
        let (mut machine, grant) = orphaned();
        assert_eq!(adopt(&mut machine, grant.port, other), []);
    }
}

#[test]
fn a_server_that_comes_too_late_gets_nothing() {
    let (mut machine, grant) = orphaned();
    machine.pass(11 * SECOND);
    assert_eq!(machine.registry.orphaned_ports(machine.now).count(), 0);
    assert_eq!(adopt(&mut machine, grant.port, server_in("/w/a", 7)), []);
}

#[test]
fn a_port_that_has_been_granted_again_is_not_given_to_a_late_server() {
    let (mut machine, grant) = orphaned();
    let next = machine.grant(Ask { wish: Wish::Exact(grant.port), ..dev_of("/w/b", 2) });
    assert_eq!(adopt(&mut machine, grant.port, server_in("/w/a", 7)), []);
    assert!(machine.lives(&next));
}

#[test]
fn a_released_lease_has_no_heir() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    machine.release(&grant);
    assert_eq!(adopt(&mut machine, grant.port, server_in("/w/a", 7)), []);
}
