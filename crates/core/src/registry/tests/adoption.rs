//! A server whose parent was gone before it had bound: its port is nobody's, and still its own.

use super::*;

/// A program of the checkout at `path` that listens.
fn server_in(path: &str, pid: u32) -> Listener {
    Listener { project: Some(project(path)), ..server(pid) }
}

fn adopt(machine: &mut Machine, port: Port, listener: Listener) -> Vec<Fact> {
    let fresh_id = machine.fresh_id();
    machine.happens(&Command::Adopt { port, listener, project_id: None, line: Vec::new(), fresh_id })
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
    assert!(machine.registry.expects_orphans(machine.now) && machine.registry.is_adoptable(grant.port));
    machine.pass(9 * SECOND);
    let facts = adopt(&mut machine, grant.port, server_in("/w/a/packages/web", 7));
    let [Fact::Granted(lease)] = facts.as_slice() else { panic!("{facts:?}") };
    assert_ne!(Some(lease.lock_id), grant.lock_id, "an id is never used again");
    let live = machine.registry.lease_on(grant.port).unwrap();
    assert_eq!((&live.key, live.owner.process().unwrap().key.pid.get()), (&lease.key, 7));
    assert_eq!(machine.registry.view(live).state, crate::api::State::Active);
    assert!(!machine.registry.expects_orphans(machine.now) && !machine.registry.is_adoptable(grant.port));
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
fn a_server_that_comes_late_has_to_be_of_the_very_checkout() {
    let (mut machine, grant) = orphaned();
    machine.pass(11 * SECOND);
    assert!(!machine.registry.expects_orphans(machine.now) && machine.registry.is_adoptable(grant.port));
    assert_eq!(adopt(&mut machine, grant.port, server_in("/w/a/packages/web", 7)), []);
    assert!(matches!(
        adopt(&mut machine, grant.port, server_in("/w/a", 7)).as_slice(),
        [Fact::Granted(lease)] if lease.key.project == Some(project("/w/a"))
    ));
}

#[test]
fn only_the_key_that_had_a_port_last_is_given_it_again() {
    let (mut machine, grant) = orphaned();
    machine.pass(MINUTE);
    machine.grant(Ask { wish: Wish::Exact(grant.port), ..dev_of("/w/b", 2) });
    machine.exit(2, Vec::new());
    assert_eq!(adopt(&mut machine, grant.port, server_in("/w/a", 7)), []);
    assert_eq!(adopt(&mut machine, grant.port, server_in("/w/b", 7)).len(), 1);
    assert_eq!(adopt(&mut machine, port(4321), server_in("/w/b", 7)), [], "nobody had it");
}

#[test]
fn a_port_that_has_been_granted_again_is_not_given_to_a_late_server() {
    let (mut machine, grant) = orphaned();
    let next = machine.grant(Ask { wish: Wish::Exact(grant.port), ..dev_of("/w/b", 2) });
    assert_eq!(adopt(&mut machine, grant.port, server_in("/w/a", 7)), []);
    assert!(machine.lives(&next));
}

#[test]
fn a_lease_that_was_released_while_its_server_ran_has_no_heir() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    machine.hear(&grant, server_in("/w/a", 7));
    machine.release(&grant);
    assert_eq!(adopt(&mut machine, grant.port, server_in("/w/a", 7)), []);
}

/// A lease as `styxy env` takes one: of a checkout, for whoever will listen.
fn told(machine: &mut Machine, path: &str) -> Grant {
    machine.grant(env(path))
}

fn env(path: &str) -> Ask {
    Ask { reuse: Reuse::IfLive, ..dev(path) }
}

/// The port of `/w/a` was told, its server came and went, and the port is reserved.
fn reserved() -> (Machine, Grant) {
    let mut machine = Machine::new();
    let grant = told(&mut machine, "/w/a");
    machine.hear(&grant, server_in("/w/a", 7));
    machine.pass(SECOND);
    machine.exit(7, Vec::new());
    assert!(machine.lease(&grant).is_reserved());
    (machine, grant)
}

#[test]
fn a_port_that_was_told_waits_for_the_next_server_as_long_as_for_the_first() {
    let (mut machine, grant) = reserved();
    assert_eq!(machine.tick_after(15 * MINUTE - 1), []);
    assert_eq!(told(&mut machine, "/w/a").lock_id, grant.lock_id, "and is told again");
    machine.hear(&grant, server_in("/w/a", 8));
    machine.happens(&Command::Silent(grant.port));
    machine.tick_after(10 * SECOND);
    assert!(machine.lease(&grant).is_reserved(), "also if a listener closed and its process lives");
    machine.tick_after(15 * MINUTE);
    assert_eq!(machine.ended(&grant), Some(EndReason::BindTtl));
}

#[test]
fn a_short_run_gives_a_port_that_was_told_back_for_the_rest_of_its_time() {
    let mut machine = Machine::new();
    let grant = told(&mut machine, "/w/a");
    machine.pass(MINUTE);
    let run = machine.grant(Ask { process: Some(process(3)), ..env("/w/a") });
    assert_eq!(run.lock_id, grant.lock_id);
    machine.exit(3, Vec::new());
    assert!(machine.lives(&grant) && !machine.lease(&grant).is_reserved());
    machine.tick_after(14 * MINUTE);
    assert_eq!(machine.ended(&grant), Some(EndReason::BindTtl));
}

#[test]
fn a_run_that_outlives_the_wait_takes_its_port_with_it() {
    let mut machine = Machine::new();
    let grant = told(&mut machine, "/w/a");
    machine.grant(Ask { process: Some(process(3)), ..env("/w/a") });
    machine.pass(16 * MINUTE);
    machine.exit(3, Vec::new());
    assert_eq!(machine.ended(&grant), Some(EndReason::OwnerExited));
}

#[test]
fn a_port_that_was_told_waits_after_the_server_of_a_run_too_however_long_that_ran() {
    let mut machine = Machine::new();
    let grant = told(&mut machine, "/w/a");
    machine.grant(Ask { process: Some(process(3)), ..env("/w/a") });
    machine.pass(16 * MINUTE);
    machine.hear(&grant, server_in("/w/a", 3));
    machine.exit(3, Vec::new());
    assert!(machine.lease(&grant).is_reserved());
    machine.tick_after(15 * MINUTE);
    assert_eq!(machine.ended(&grant), Some(EndReason::BindTtl));
}

#[test]
fn a_lease_that_waits_knows_how_its_last_server_ended_until_somebody_starts_the_next() {
    let left = |machine: &Machine, grant: &Grant| machine.lease(grant).left.map(|left| left.reason);
    let mut machine = Machine::new();
    let grant = told(&mut machine, "/w/a");
    assert_eq!(left(&machine, &grant), None, "nothing has run yet");
    machine.hear(&grant, server_in("/w/a", 7));
    machine.pass(SECOND);
    machine.exit(7, Vec::new());
    assert_eq!(left(&machine, &grant), Some(EndReason::ListenerExited));
    let at = machine.lease(&grant).left.unwrap().at;
    let written = serde_json::to_string(machine.lease(&grant)).unwrap();
    assert_eq!(serde_json::from_str::<Lease>(&written).unwrap().left.unwrap().at, at);
    machine.pass(SECOND);
    told(&mut machine, "/w/a");
    assert_eq!(left(&machine, &grant), None, "whoever is told of it again is about to start a server");
    machine.grant(Ask { process: Some(process(3)), ..env("/w/a") });
    assert_eq!(left(&machine, &grant), None, "somebody starts it");
    machine.happens(&Command::Silent(grant.port));
    assert_eq!(left(&machine, &grant), None);
    machine.exit(3, Vec::new());
    assert_eq!(left(&machine, &grant), Some(EndReason::OwnerExited), "also if it never listened");
    machine.hear(&grant, server_in("/w/a", 8));
    assert_eq!(left(&machine, &grant), None);
}

#[test]
fn a_server_that_restarts_under_its_owner_has_not_ended() {
    let mut machine = Machine::new();
    let grant = told(&mut machine, "/w/a");
    machine.grant(Ask { process: Some(process(3)), ..env("/w/a") });
    machine.hear(&grant, server_in("/w/a", 7));
    machine.exit(7, Vec::new());
    assert!(machine.lives(&grant) && machine.lease(&grant).left.is_none());
}

#[test]
fn a_port_that_was_given_back_while_nobody_listened_is_adopted_by_its_next_server() {
    let (mut machine, grant) = reserved();
    machine.release(&grant);
    assert_eq!(adopt(&mut machine, grant.port, server_in("/w/a", 8)).len(), 1);
}

#[test]
fn a_port_that_was_asked_for_once_ends_with_its_server() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev("/w/a"));
    machine.hear(&grant, server_in("/w/a", 7));
    machine.exit(7, Vec::new());
    assert_eq!(machine.ended(&grant), Some(EndReason::ListenerExited));
}

#[test]
fn one_port_is_reserved_for_a_key() {
    let (mut machine, first) = reserved();
    machine.hear(&first, server_in("/w/a", 7));
    let second = told(&mut machine, "/w/a");
    assert_ne!(first.lock_id, second.lock_id);
    machine.exit(7, Vec::new());
    machine.pass(SECOND);
    machine.hear(&second, server_in("/w/a", 8));
    machine.exit(8, Vec::new());
    assert!(!machine.lives(&first) && machine.lease(&second).is_reserved());
}

#[test]
fn a_singleton_is_not_reserved_for_one_checkout() {
    let mut machine = Machine::new();
    let ai = Ask { project: Some(project("/w/a")), reuse: Reuse::IfLive, ..ask("ai") };
    let grant = machine.grant(ai);
    machine.hear(&grant, server_in("/w/a", 7));
    machine.exit(7, Vec::new());
    assert_eq!(machine.ended(&grant), Some(EndReason::ListenerExited));
}

#[test]
fn a_reserved_port_gives_way_to_whoever_insists_or_would_overflow() {
    let (mut machine, grant) = reserved();
    let other = machine.grant(Ask { wish: Wish::Exact(grant.port), ..dev_of("/w/b", 2) });
    assert_eq!((other.port, machine.ended(&grant)), (grant.port, Some(EndReason::Displaced)));

    let mut machine = Machine::new();
    let storybook = Ask { project: Some(project("/w/a")), reuse: Reuse::IfLive, ..ask("storybook") };
    let grant = machine.grant(storybook);
    machine.hear(&grant, server_in("/w/a", 7));
    machine.pass(SECOND);
    machine.exit(7, Vec::new());
    let ports: Vec<u16> = (0..6).map(|_| machine.grant(ask("storybook")).port.get()).collect();
    assert_eq!(ports, [6007, 6008, 6009, 6010, grant.port.get(), 10_000]);
}

#[test]
fn a_reserved_port_that_a_stranger_takes_is_given_up() {
    let (mut machine, grant) = reserved();
    machine.hear(&grant, stranger(9));
    assert_eq!(machine.ended(&grant), Some(EndReason::Displaced));
}

#[test]
fn reserved_ports_count_for_no_quota() {
    let mut machine = Machine::configured(|config| config.quotas.waiting_per_owner = 1);
    let grant = told(&mut machine, "/w/a");
    machine.hear(&grant, server_in("/w/a", 7));
    machine.pass(SECOND);
    machine.exit(7, Vec::new());
    machine.grant(Ask { name: Some(ServiceName::new("b").unwrap()), ..dev("/w/a") });
    machine.refused(Ask { name: Some(ServiceName::new("c").unwrap()), ..dev("/w/a") });
}

#[test]
fn one_answer_does_not_give_a_reserved_port_twice() {
    let mut machine = Machine::configured(|config| config.overflow_range = None);
    let storybook =
        |path: &str| Ask { project: Some(project(path)), reuse: Reuse::IfLive, ..ask("storybook") };
    let grant = machine.grant(storybook("/w/a"));
    machine.hear(&grant, server_in("/w/a", 7));
    machine.pass(SECOND);
    machine.exit(7, Vec::new());
    for _ in 0..4 {
        machine.grant(ask("storybook"));
    }
    let asks = vec![storybook("/w/a"), storybook("/w/b")];
    let (form, mode) = (AnswerForm::Group, AllocationMode::Grant);
    let refused = machine.allocate(Allocation { asks, form, request: None, mode }).unwrap_err();
    assert!(matches!(refused, Refusal::NoFreePort { .. }), "{refused:?}");
    assert!(machine.lives(&grant), "all or nothing");
}

#[test]
fn a_lease_does_not_go_back_to_an_instance_that_expires_with_it() {
    let mut machine = Machine::new();
    machine.register("claude-2", None);
    let of_session = || Ask { instance_id: Some(instance("claude-2")), ..env("/w/a") };
    let grant = machine.grant(of_session());
    machine.grant(Ask { process: Some(process(3)), ..of_session() });
    machine.exit(3, vec![(grant.port, server_in("/w/a", 4))]);
    machine.pass(50 * SECOND);
    machine.happens(&Command::Silent(grant.port));
    machine.tick_after(10 * SECOND);
    assert_eq!((machine.lives(&grant), machine.registry.instance_count()), (false, 0));
}

#[test]
fn a_reserved_port_that_is_told_again_counts_again() {
    let mut machine = Machine::configured(|config| config.quotas.waiting_per_owner = 1);
    let grant = told(&mut machine, "/w/a");
    machine.hear(&grant, server_in("/w/a", 7));
    machine.pass(SECOND);
    machine.exit(7, Vec::new());
    machine.grant(Ask { name: Some(ServiceName::new("b").unwrap()), ..dev("/w/a") });
    let refused = machine.refused(env("/w/a"));
    assert!(matches!(refused, Refusal::Quota { .. }), "{refused:?}");
}
