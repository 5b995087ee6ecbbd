//! Rules 1 to 5: while its owner lives, then its listener, then not at all.

use super::*;

#[test]
fn a_leased_port_is_neither_probed_nor_granted_again() {
    let mut machine = Machine::new();
    let first = machine.grant(dev_of("/w/a", 1));
    machine.probed.clear();
    let second = machine.grant(dev_of("/w/b", 2));
    assert_eq!((first.port.get(), second.port.get()), (3000, 8000));
    assert_eq!(machine.probed, [8000]);
}

#[test]
fn a_process_lease_ends_with_its_process_and_not_by_time_or_silence() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    machine.tick_after(365 * 24 * 60 * MINUTE);
    machine.hear(&grant, server(1));
    machine.happens(&Command::Silent(grant.port));
    machine.tick_after(MINUTE);
    machine.exit(2, Vec::new());
    assert!(machine.lives(&grant));
    machine.exit(1, Vec::new());
    assert_eq!(machine.ended(&grant), Some(EndReason::OwnerExited));
}

#[test]
fn another_process_of_the_same_pid_is_not_the_owner() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    machine.happens(&Command::ProcessExited { process: born(1, 99).key, listeners: Vec::new() });
    assert!(machine.lives(&grant));
}

#[test]
fn a_lease_whose_owner_ends_passes_to_the_child_that_listens_and_ends_with_it() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    machine.exit(1, vec![(grant.port, server(2))]);
    assert_eq!(
        machine.lease(&grant).owner,
        Owner::Listener { process: Some(process(2)), silent_until: None }
    );
    assert_eq!(machine.lease(&grant).listening, Listening::Server(server(2)));
    machine.exit(2, Vec::new());
    assert_eq!(machine.ended(&grant), Some(EndReason::ListenerExited));
}

#[test]
fn a_lease_whose_owner_ends_while_a_stranger_listens_ends() {
    let mut machine = Machine::new();
    let known = machine.grant(dev_of("/w/a", 1));
    machine.hear(&known, stranger(9));
    machine.exit(1, vec![(known.port, stranger(9))]);
    assert_eq!(machine.ended(&known), Some(EndReason::OwnerExited));

    let unheard = machine.grant(dev_of("/w/a", 2));
    machine.exit(2, vec![(unheard.port, Listener { user: Relation::Other, ..somebody() })]);
    assert_eq!(machine.ended(&unheard), Some(EndReason::OwnerExited));
}

#[test]
fn a_socket_that_the_dead_owner_itself_still_seems_to_have_keeps_nothing_alive() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    machine.hear(&grant, server(1));
    machine.exit(1, vec![(grant.port, server(1))]);
    assert_eq!(machine.ended(&grant), Some(EndReason::OwnerExited));
}

#[test]
fn a_lease_passes_to_a_listener_whose_process_is_unknown_and_ends_when_it_falls_silent() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    machine.exit(1, vec![(grant.port, somebody())]);
    assert_eq!(machine.lease(&grant).owner, Owner::Listener { process: None, silent_until: None });
    assert_eq!(machine.registry.next_deadline(), None);
    machine.happens(&Command::Silent(grant.port));
    machine.tick_after(10 * SECOND);
    assert_eq!(machine.ended(&grant), Some(EndReason::ListenerExited));
}

#[test]
fn a_lease_passes_to_the_listener_known_before_if_a_later_look_could_not_tell_who_it_is() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    machine.hear(&grant, server(2));
    machine.exit(1, vec![(grant.port, somebody())]);
    assert_eq!(
        machine.lease(&grant).owner,
        Owner::Listener { process: Some(process(2)), silent_until: None }
    );
}

#[test]
fn a_child_that_listened_for_a_living_owner_and_ends_leaves_the_lease_granted() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    machine.hear(&grant, server(2));
    let facts = machine.exit(2, Vec::new());
    assert_eq!(facts, [Fact::Silent { lock_id: grant.lock_id.unwrap(), owner: None }]);
    assert_eq!(machine.lease(&grant).owner, Owner::Process(process(1)));

    machine.hear(&grant, server(3));
    machine.exit(3, vec![(grant.port, server(4))]);
    assert_eq!(machine.lease(&grant).listening, Listening::Server(server(4)), "another child took over");
    assert_eq!(machine.lease(&grant).owner, Owner::Process(process(1)));
}

#[test]
fn a_lease_without_an_owner_waits_bind_ttl_for_a_listener() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev("/w/a"));
    let until = machine.now.awake + 15 * MINUTE;
    assert_eq!(machine.lease(&grant).owner, Owner::Awaited { until });
    assert_eq!(machine.registry.next_deadline(), Some(until));
    assert_eq!(machine.tick_after(15 * MINUTE - 1), []);
    machine.tick_after(1);
    assert_eq!(machine.ended(&grant), Some(EndReason::BindTtl));
}

#[test]
fn an_awaited_listener_becomes_the_owner() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev("/w/a"));
    let facts = machine.hear(&grant, server(7));
    assert!(matches!(facts[..], [Fact::Heard { .. }, Fact::Passed { .. }]), "{facts:?}");
    machine.tick_after(60 * MINUTE);
    assert!(machine.lives(&grant) && machine.registry.depends_on(process(7).key));
    machine.exit(7, Vec::new());
    assert_eq!(machine.ended(&grant), Some(EndReason::ListenerExited));
}

#[test]
fn a_stranger_is_not_the_listener_that_is_awaited() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev("/w/a"));
    machine.hear(&grant, stranger(7));
    assert!(matches!(machine.lease(&grant).owner, Owner::Awaited { .. }));
    machine.tick_after(15 * MINUTE);
    assert_eq!(machine.ended(&grant), Some(EndReason::BindTtl));
}

#[test]
fn an_instance_id_that_is_not_registered_is_a_label_and_no_owner() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_for("/w/a", "claude-1"));
    assert!(matches!(machine.lease(&grant).owner, Owner::Awaited { .. }));
    assert_eq!(machine.lease(&grant).instance_id, Some(instance("claude-1")));
}

#[test]
fn a_listener_that_closes_and_comes_back_within_unbind_grace_keeps_its_port() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev("/w/a"));
    machine.hear(&grant, server(7));
    machine.happens(&Command::Silent(grant.port));
    assert_eq!(machine.registry.next_deadline(), Some(machine.now.awake + 10 * SECOND));
    assert_eq!(machine.tick_after(10 * SECOND - 1), []);
    machine.hear(&grant, server(7));
    assert_eq!(machine.registry.next_deadline(), None);
    machine.tick_after(MINUTE);
    assert!(machine.lives(&grant));
    machine.happens(&Command::Silent(grant.port));
    machine.tick_after(10 * SECOND);
    assert_eq!(machine.ended(&grant), Some(EndReason::ListenerExited));
}

#[test]
fn a_listener_that_closed_and_then_exits_ends_its_lease_before_the_grace_is_over() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev("/w/a"));
    machine.hear(&grant, server(7));
    machine.happens(&Command::Silent(grant.port));
    machine.exit(7, Vec::new());
    assert_eq!(machine.ended(&grant), Some(EndReason::ListenerExited));
}

#[test]
fn a_listener_lease_whose_port_a_stranger_takes_ends_after_the_grace() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev("/w/a"));
    machine.hear(&grant, server(7));
    machine.hear(&grant, stranger(9));
    assert!(machine.lives(&grant));
    machine.tick_after(10 * SECOND);
    assert_eq!(machine.ended(&grant), Some(EndReason::ListenerExited));
}

#[test]
fn release_ends_a_lease_whatever_listens() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    machine.hear(&grant, server(1));
    machine.release(&grant);
    assert_eq!(machine.ended(&grant), Some(EndReason::Released));
}

#[test]
fn cleanup_force_ends_every_lease_and_no_instance() {
    let mut machine = Machine::new();
    machine.register("claude-1", None);
    let grants = [
        machine.grant(dev_of("/w/a", 1)),
        machine.grant(dev("/w/b")),
        machine.grant(dev_for("/w/c", "claude-1")),
    ];
    machine.happens(&Command::EndAll);
    assert_eq!((machine.registry.lease_count(), machine.registry.instance_count()), (0, 1));
    assert!(grants.iter().all(|grant| machine.ended(grant) == Some(EndReason::Cleanup)));
}
