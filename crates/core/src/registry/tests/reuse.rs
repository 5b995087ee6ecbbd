//! R14: every allocate makes a new lease, except that `reuse` may have the one that stands.

use super::*;

#[test]
fn two_servers_of_one_project_never_share_a_port_by_accident() {
    let mut machine = Machine::new();
    let (first, second) = (machine.grant(dev_of("/w/a", 1)), machine.grant(dev_of("/w/a", 1)));
    assert_ne!(first.port, second.port);
    assert!(!second.reused);
}

#[test]
fn reuse_gets_back_a_lease_that_nothing_listens_on_and_no_process_owns() {
    let mut machine = Machine::new();
    let first = machine.grant(dev("/w/a"));
    let second = machine.grant(again(dev("/w/a")));
    assert!(second.reused && !second.existing);
    assert_eq!((second.lock_id, second.port, second.reason), (first.lock_id, first.port, None));
    assert_eq!(machine.registry.lease_count(), 1);
}

#[test]
fn a_lease_without_a_project_is_reused_by_its_owner_and_by_its_session_alone() {
    let mut machine = Machine::new();
    let nobodys = |pid: u32| again(Ask { process: Some(process(pid)), ..ask("dev") });
    let waits = machine.grant(again(ask("dev")));
    assert_ne!(machine.grant(again(ask("dev"))).port, waits.port);
    assert_ne!(machine.grant(nobodys(1)).port, waits.port);
    let owned = machine.grant(nobodys(2));
    assert_eq!(machine.grant(nobodys(2)).lock_id, owned.lock_id);
    let child = Ask { ancestors: vec![process(2).key], ..nobodys(3) };
    assert_eq!(machine.grant(child).lock_id, owned.lock_id);
    let of_session = || again(Ask { instance_id: Some(instance("claude-1")), ..ask("dev") });
    let session = machine.grant(of_session());
    assert_eq!(machine.grant(of_session()).lock_id, session.lock_id);
}

#[test]
fn the_pid_of_a_reuse_becomes_the_owner() {
    let mut machine = Machine::new();
    let first = machine.grant(dev("/w/a"));
    let second = machine.grant(again(dev_of("/w/a", 5)));
    assert_eq!(second.lock_id, first.lock_id);
    assert_eq!(second.owner.pid, Some(process(5).key.pid));
    machine.tick_after(60 * MINUTE);
    assert!(machine.lives(&first));
    machine.exit(5, Vec::new());
    assert_eq!(machine.ended(&first), Some(EndReason::OwnerExited));
}

#[test]
fn an_instance_only_lends_its_lease_to_a_process_of_the_session() {
    let mut machine = Machine::new();
    machine.register("claude-1", Some(process(1)));
    let told = machine.grant(dev_for("/w/a", "claude-1"));
    let asks = |pid: u32| again(Ask { process: Some(process(pid)), ..dev_for("/w/a", "claude-1") });
    // One that never listens, one that does, and one whose child listens on when it has ended.
    assert_eq!(machine.grant(asks(2)).lock_id, told.lock_id);
    machine.exit(2, Vec::new());
    assert_eq!(machine.lease(&told).owner, Owner::Instance(instance("claude-1")));
    machine.grant(asks(3));
    assert_ne!(machine.grant(asks(4)).lock_id, told.lock_id, "as long as it runs it is its own");
    machine.hear(&told, server(3));
    machine.exit(3, Vec::new());
    let lease = machine.lease(&told);
    assert_eq!(
        (&lease.owner, &lease.listening),
        (&Owner::Instance(instance("claude-1")), &Listening::Nothing)
    );
    machine.grant(asks(5));
    machine.exit(5, vec![(told.port, server(6))]);
    assert_eq!(machine.lease(&told).owner, Owner::Listener { process: Some(process(6)), silent_until: None });
    machine.happens(&Command::Silent(told.port));
    machine.tick_after(MINUTE);
    assert_eq!(machine.lease(&told).owner, Owner::Instance(instance("claude-1")));
    // It ends with the session, lent or not.
    machine.grant(asks(7));
    machine.exit(1, Vec::new());
    assert!(machine.lives(&told), "its borrower lives");
    machine.exit(7, Vec::new());
    assert_eq!(machine.ended(&told), Some(EndReason::OwnerExited));
}

#[test]
fn a_borrower_that_is_the_sessions_process_ends_both() {
    let mut machine = Machine::new();
    machine.register("claude-1", Some(process(1)));
    let told = machine.grant(dev_for("/w/a", "claude-1"));
    machine.grant(again(Ask { process: Some(process(1)), ..dev_for("/w/a", "claude-1") }));
    machine.exit(1, Vec::new());
    assert_eq!(machine.ended(&told), Some(EndReason::OwnerExited));
}

#[test]
fn a_reuse_without_a_pid_waits_for_its_listener_anew() {
    let mut machine = Machine::new();
    let first = machine.grant(dev("/w/a"));
    machine.pass(14 * MINUTE);
    machine.grant(again(dev("/w/a")));
    machine.tick_after(14 * MINUTE);
    assert!(machine.lives(&first));
}

#[test]
fn a_reuse_for_an_instance_registered_since_belongs_to_the_instance() {
    let mut machine = Machine::new();
    let first = machine.grant(dev_for("/w/a", "claude-1"));
    machine.register("claude-1", None);
    let second = machine.grant(again(dev_for("/w/a", "claude-1")));
    assert_eq!(second.lock_id, first.lock_id);
    assert_eq!(machine.lease(&first).owner, Owner::Instance(instance("claude-1")));
}

#[test]
fn a_lease_whose_unknown_listener_closed_is_reused_as_if_it_had_just_been_granted() {
    let mut machine = Machine::new();
    let first = machine.grant(dev("/w/a"));
    machine.hear(&first, somebody());
    machine.happens(&Command::Silent(first.port));
    let second = machine.grant(again(dev("/w/a")));
    assert_eq!(second.lock_id, first.lock_id);
    machine.tick_after(MINUTE);
    assert!(machine.lives(&first), "the grace of its old listener is no limit for its new one");
}

#[test]
fn a_lease_that_another_live_process_owns_or_listens_on_is_not_reused() {
    let mut machine = Machine::new();
    let owned = machine.grant(dev_of("/w/a", 1));
    let other = machine.grant(again(dev_of("/w/a", 2)));
    assert_ne!(other.lock_id, owned.lock_id);

    let listened = machine.grant(dev("/w/b"));
    machine.hear(&listened, server(3));
    assert_ne!(machine.grant(again(dev_of("/w/b", 4))).lock_id, listened.lock_id);
    machine.happens(&Command::Silent(listened.port));
    assert_ne!(machine.grant(again(dev_of("/w/b", 5))).lock_id, listened.lock_id, "its listener lives");
}

#[test]
fn the_owner_itself_gets_its_lease_back_even_while_it_listens() {
    let mut machine = Machine::new();
    let first = machine.grant(dev_of("/w/a", 1));
    machine.hear(&first, server(1));
    let second = machine.grant(again(dev_of("/w/a", 1)));
    assert_eq!((second.lock_id, second.state), (first.lock_id, crate::api::State::Active));
}

#[test]
fn a_descendant_of_the_owner_gets_the_lease_and_the_owner_stays() {
    let mut machine = Machine::new();
    let first = machine.grant(dev_of("/w/a", 1));
    let ancestors = vec![process(2).key, process(1).key];
    let second = machine.grant(Ask { ancestors, ..again(dev_of("/w/a", 3)) });
    assert_eq!(second.lock_id, first.lock_id);
    assert_eq!(machine.lease(&first).owner, Owner::Process(process(1)));
    machine.exit(3, Vec::new());
    assert!(machine.lives(&first));
}

#[test]
fn a_listener_that_closed_and_asks_again_has_as_long_to_listen_as_a_new_lease() {
    let mut machine = Machine::new();
    let first = machine.grant(dev("/w/a"));
    machine.hear(&first, server(7));
    machine.happens(&Command::Silent(first.port));
    let second = machine.grant(again(dev_of("/w/a", 7)));
    assert_eq!(second.lock_id, first.lock_id);
    machine.tick_after(MINUTE);
    assert!(machine.lives(&first));
    machine.exit(7, Vec::new());
    assert_eq!(machine.ended(&first), Some(EndReason::ListenerExited));
}

#[test]
fn reuse_asks_for_the_same_project_type_name_and_instance() {
    let mut machine = Machine::new();
    let first = machine.grant(dev("/w/a"));
    let others = [
        dev("/w/b"),
        named(dev("/w/a"), "web"),
        dev_for("/w/a", "claude-1"),
        Ask { service: service("docs"), ..dev("/w/a") },
    ];
    for other in others {
        let grant = machine.grant(again(other.clone()));
        assert!(!grant.reused && grant.lock_id != first.lock_id, "{other:?}");
    }
}

#[test]
fn ones_own_lease_is_reused_before_an_older_one_that_nobody_owns() {
    let mut machine = Machine::new();
    machine.grant(dev("/w/a"));
    machine.pass(SECOND);
    let own = machine.grant(dev_of("/w/a", 1));
    assert_eq!(machine.grant(again(dev_of("/w/a", 1))).lock_id, own.lock_id);
}

#[test]
fn reuse_beats_a_preferred_port_and_says_so() {
    let mut machine = Machine::new();
    let first = machine.grant(dev("/w/a"));
    let second = machine.grant(Ask { wish: preferred(4321), ..again(dev("/w/a")) });
    assert_eq!((second.lock_id, second.port.get()), (first.lock_id, 3000));
    assert_eq!(
        second.reason.as_deref(),
        Some("this service has port 3000 already, so port 4321 was not tried")
    );
}

#[test]
fn an_exact_port_beats_reuse() {
    let mut machine = Machine::new();
    let first = machine.grant(dev("/w/a"));
    let second = machine.grant(Ask { wish: exact(4321), ..again(dev("/w/a")) });
    assert_eq!((second.port.get(), second.reused), (4321, false));
    let third = machine.grant(Ask { wish: exact(3000), ..again(dev("/w/a")) });
    assert_eq!((third.lock_id, third.reused), (first.lock_id, true));
}

#[test]
fn a_reuse_of_a_lease_that_a_stranger_sits_on_ends_it_and_moves_on() {
    let mut machine = Machine::new();
    let first = machine.grant(dev("/w/a"));
    machine.hear(&first, stranger(9));
    let second = machine.grant(again(dev("/w/a")));
    assert_eq!((second.displaced_from, second.port.get(), second.reused), (Some(first.port), 8000, false));
    assert_eq!(
        second.reason.as_deref(),
        Some("port 3000, which this service had, was bound by another program")
    );
    assert_eq!(machine.ended(&first), Some(EndReason::Displaced));
}

#[test]
fn a_lease_that_a_stranger_sits_on_and_another_live_process_owns_stands() {
    let mut machine = Machine::new();
    let first = machine.grant(dev_of("/w/a", 1));
    machine.hear(&first, stranger(9));
    let second = machine.grant(again(dev_of("/w/a", 2)));
    assert!(machine.lives(&first) && second.displaced_from.is_none());
}

#[test]
fn a_displaced_lease_does_not_stand_in_the_way_of_its_own_key() {
    let mut machine = Machine::new();
    let first = machine.grant(dev("/w/a"));
    machine.hear(&first, stranger(9));
    let before = machine.registry.snapshot();
    let refusal = machine.refused(Ask { wish: exact(3000), ..again(dev("/w/a")) });
    assert_eq!(refusal, Refusal::PortUnavailable { port: port(3000), holder: crate::Holder::Foreign });
    assert_eq!(machine.registry.snapshot(), before, "the refusal ended nothing");
    let second = machine.grant(Ask { wish: preferred(3000), ..again(dev("/w/a")) });
    assert_eq!((second.port.get(), second.displaced_from), (8000, Some(port(3000))));
    assert_eq!(
        second.reason.as_deref(),
        Some("preferred port 3000 is in use by a program that has no lease for it")
    );
}
