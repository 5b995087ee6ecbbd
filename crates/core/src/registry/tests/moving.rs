//! A server that goes to another port, and one that was ended on purpose whoever had its lease.

use super::*;
use crate::label::Label;
use crate::registry::AtHost;

/// A dev server of a checkout that its client calls so.
fn called(path: &str, name: &str) -> Ask {
    Ask { label: Label::parse(name).ok(), ..dev(path) }
}

fn host(grant: &Grant) -> &str {
    grant.host.as_deref().unwrap()
}

/// Which port a name leads to.
fn at_host(machine: &Machine, host: &str) -> Option<u16> {
    match machine.registry.at_host(host) {
        AtHost::Server(lease) => Some(lease.port.get()),
        AtHost::Worktree { .. } | AtHost::NoServer { .. } | AtHost::Nobody => None,
    }
}

fn restarted(machine: Machine) -> Machine {
    let written = serde_json::to_string(&machine.registry.snapshot()).unwrap();
    let registry = Registry::restore(policy(), serde_json::from_str(&written).unwrap());
    Machine { registry, ..machine }
}

#[test]
fn the_port_that_a_service_of_the_stack_goes_to_has_its_name() {
    let mut machine = Machine::new();
    let next = |wish| again(Ask { wish, stack: true, ..called("/w/shop", "shop") });
    let now = machine.grant(Ask { process: Some(process(1)), ..next(Wish::Any) });
    machine.hear(&now, Listener { project: Some(project("/w/shop")), ..server(1) });
    let moved = machine.grant(next(Wish::Exact(port(8050))));
    assert_eq!(host(&moved), host(&now), "nobody is told of another name");
    assert_eq!(at_host(&machine, host(&now)), Some(now.port.get()), "its server still runs");
    machine.exit(1, Vec::new());
    machine.happens(&Command::GiveBack(now.lock_id.unwrap()));
    let mut machine = restarted(machine);
    assert_eq!(at_host(&machine, host(&now)), Some(8050));
    // It is the one that its server gets, whatever else waits.
    let server = machine.grant(Ask { process: Some(process(2)), ..next(Wish::Preferred(port(8050))) });
    assert_eq!((server.lock_id, server.reused), (moved.lock_id, true));
}

#[test]
fn a_name_that_somebody_was_told_stays_when_another_server_of_the_key_ends() {
    let mut machine = Machine::new();
    let now = machine.grant(Ask { process: Some(process(1)), ..called("/w/shop", "shop") });
    let told = machine.grant(again(called("/w/shop", "shop")));
    assert_eq!([host(&now), host(&told)], ["dev.shop.localhost", "dev-2.shop.localhost"]);
    machine.exit(1, Vec::new());
    assert_eq!(at_host(&machine, host(&told)), Some(told.port.get()));
}

#[test]
fn a_lease_that_ended_with_its_process_may_have_been_ended_on_purpose() {
    let mut machine = Machine::new();
    let by_hand = machine.grant(Ask { process: Some(process(1)), ..called("/w/shop", "shop") });
    machine.hear(&by_hand, Listener { project: Some(project("/w/shop")), ..server(1) });
    machine.exit(1, Vec::new());
    assert_eq!(machine.ended(&by_hand), Some(EndReason::OwnerExited));
    machine.happens(&Command::GiveBack(by_hand.lock_id.unwrap()));
    let mut machine = restarted(machine);
    assert_eq!(machine.ended(&by_hand), Some(EndReason::Released));
    let AtHost::NoServer { ended: Some((_, left)), .. } = machine.registry.at_host(host(&by_hand)) else {
        panic!()
    };
    assert_eq!(left.reason, EndReason::Released);
    assert!(machine.registry.is_adoptable(by_hand.port) && !machine.registry.was_given_back(by_hand.port));
    // A second time nothing happens, and what lives ends.
    let twice = machine
        .registry
        .decide(&Command::GiveBack(by_hand.lock_id.unwrap()), machine.now, |_| Occupancy::Free);
    assert!(matches!(twice, Err(Refusal::LeaseEnded { .. })), "{twice:?}");
    let waits = machine.grant(called("/w/shop", "shop"));
    machine.happens(&Command::GiveBack(waits.lock_id.unwrap()));
    assert_eq!(machine.ended(&waits), Some(EndReason::Released));
}
