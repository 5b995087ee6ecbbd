//! Agent sessions: registered, beating or not, and what becomes of their leases.

use super::*;
use crate::config::Seconds;

#[test]
fn an_instance_lives_instance_ttl_after_its_last_beat_and_no_less() {
    let mut machine = Machine::new();
    machine.register("claude-1", None);
    let grant = machine.grant(dev_for("/w/a", "claude-1"));
    assert_eq!(machine.lease(&grant).owner, Owner::Instance(instance("claude-1")));
    machine.pass(50 * SECOND);
    machine.happens(&Command::Beat(instance("claude-1")));
    assert_eq!(machine.registry.next_deadline(), Some(machine.now.awake + MINUTE));
    assert_eq!(machine.tick_after(MINUTE - 1), []);
    machine.tick_after(1);
    assert_eq!(machine.ended(&grant), Some(EndReason::InstanceExpired));
    assert_eq!(machine.registry.instance_count(), 0);
}

#[test]
fn an_instance_that_says_how_long_it_lives_lives_so_long_after_each_beat() {
    let mut machine = Machine::new();
    let wants = |hours: u64| Registration {
        expires_in: Some(Seconds::new(hours * 3600)),
        ..registration("codex-1", None)
    };
    machine.happens(&Command::Register(wants(12)));
    let grant = machine.grant(dev_for("/w/a", "codex-1"));
    machine.tick_after(11 * 60 * MINUTE);
    machine.happens(&Command::Beat(instance("codex-1")));
    // Registered again without the wish, as by another client, it keeps it.
    machine.register("codex-1", None);
    assert_eq!(machine.tick_after(12 * 60 * MINUTE - 1), []);
    assert!(machine.lives(&grant));
    machine.tick_after(1);
    assert_eq!(machine.ended(&grant), Some(EndReason::InstanceExpired));
    for hours in [0, 25] {
        assert!(matches!(machine.tell(&Command::Register(wants(hours))), Err(Refusal::Invalid { .. })));
    }
}

#[test]
fn an_expired_instance_that_beats_is_told_so_until_it_registers_again() {
    let mut machine = Machine::new();
    machine.register("claude-1", None);
    machine.tick_after(MINUTE);
    let beat = Command::Beat(instance("claude-1"));
    assert_eq!(machine.tell(&beat), Err(Refusal::InstanceExpired(instance("claude-1"))));
    machine.register("claude-1", None);
    assert_eq!(machine.happens(&beat), [Fact::Beat(instance("claude-1"))]);
    machine.happens(&Command::EndInstance { id: instance("claude-1") });
    assert_eq!(machine.tell(&beat), Err(Refusal::UnknownInstance(instance("claude-1"))));
}

#[test]
fn an_instance_with_a_process_needs_no_beat_and_ends_with_it() {
    let mut machine = Machine::new();
    machine.register("claude-1", Some(process(1)));
    let grant = machine.grant(dev_for("/w/a", "claude-1"));
    assert!(machine.registry.depends_on(process(1).key));
    assert_eq!(machine.registry.ports_touched_by(process(1).key), [grant.port]);
    machine.tick_after(365 * 24 * 60 * MINUTE);
    assert!(machine.lives(&grant));
    machine.exit(1, Vec::new());
    assert_eq!(machine.ended(&grant), Some(EndReason::InstanceExpired));
    assert_eq!((machine.registry.instance_count(), machine.registry.next_deadline()), (0, None));
}

#[test]
fn a_process_that_is_owner_and_instance_ends_both() {
    let mut machine = Machine::new();
    machine.register("claude-1", Some(process(1)));
    machine.register("claude-2", Some(process(1)));
    let of_process = machine.grant(Ask { process: Some(process(1)), ..dev_for("/w/a", "claude-1") });
    let of_instance = machine.grant(dev_for("/w/a", "claude-1"));
    let of_another = machine.grant(Ask { process: Some(process(2)), ..dev_for("/w/a", "claude-1") });
    machine.exit(1, vec![(of_instance.port, server(3))]);
    assert_eq!(machine.ended(&of_process), Some(EndReason::OwnerExited));
    assert_eq!(
        machine.lease(&of_instance).owner,
        Owner::Listener { process: Some(process(3)), silent_until: None }
    );
    assert!(machine.lives(&of_another), "the instance is its label, not its owner");
    assert_eq!(machine.registry.instance_count(), 0);
}

#[test]
fn leases_of_an_instance_that_ends_pass_to_their_listeners() {
    for by_expiry in [true, false] {
        let mut machine = Machine::new();
        machine.register("claude-1", None);
        let (silent, heard, contested) = (
            machine.grant(dev_for("/w/a", "claude-1")),
            machine.grant(dev_for("/w/a", "claude-1")),
            machine.grant(dev_for("/w/a", "claude-1")),
        );
        machine.hear(&heard, server(7));
        machine.hear(&contested, stranger(8));
        let reason = if by_expiry {
            machine.tick_after(MINUTE);
            EndReason::InstanceExpired
        } else {
            machine.happens(&Command::EndInstance { id: instance("claude-1") });
            EndReason::InstanceEnded
        };
        assert_eq!(machine.ended(&silent), Some(reason));
        assert_eq!(machine.ended(&contested), Some(reason));
        let owner = Owner::Listener { process: Some(process(7)), silent_until: None };
        assert_eq!(machine.lease(&heard).owner, owner);
    }
}

#[test]
fn registering_a_live_instance_again_updates_it_and_counts_as_a_beat() {
    let mut machine = Machine::new();
    let first = Registration { working_directory: Some(project("/w/a")), ..registration("claude-1", None) };
    machine.happens(&Command::Register(first));
    let registered_at = machine.now;
    machine.pass(50 * SECOND);
    let metadata = Some(serde_json::json!({"model": "x"}));
    machine.happens(&Command::Register(Registration {
        metadata: metadata.clone(),
        ..registration("claude-1", None)
    }));
    let known = machine.registry.instance(&instance("claude-1")).unwrap();
    assert_eq!(known.working_directory, Some(project("/w/a")));
    assert_eq!((known.registered_at, known.last_beat), (registered_at, machine.now));
    assert_eq!(known.metadata, metadata);
    machine.tick_after(50 * SECOND);
    assert_eq!(machine.registry.instance_count(), 1);
}

#[test]
fn another_process_takes_a_live_instance_over_only_when_the_old_one_is_dead() {
    let mut machine = Machine::new();
    machine.register("claude-1", Some(process(1)));
    machine.register("claude-1", Some(process(1)));
    let other = Command::Register(registration("claude-1", Some(process(2))));
    let exists = Refusal::InstanceExists { id: instance("claude-1"), pid: process(1).key.pid };
    assert_eq!(machine.tell(&other), Err(exists));
    machine.exit(1, Vec::new());
    machine.happens(&other);
    assert!(machine.registry.depends_on(process(2).key) && !machine.registry.depends_on(process(1).key));
}

#[test]
fn an_instance_that_gets_a_process_later_needs_no_beat_from_then_on() {
    let mut machine = Machine::new();
    machine.register("claude-1", None);
    machine.register("claude-1", Some(process(1)));
    assert_eq!(machine.registry.next_deadline(), None);
}

#[test]
fn a_tick_that_comes_late_gives_every_instance_a_full_ttl() {
    let mut machine = Machine::new();
    machine.register("claude-1", None);
    machine.pass(30 * SECOND);
    machine.register("claude-2", None);
    let grant = machine.grant(dev_for("/w/a", "claude-1"));
    assert_eq!(machine.tick_after(30 * SECOND + 251), [Fact::Resumed]);
    assert_eq!(machine.registry.next_deadline(), Some(machine.now.awake + MINUTE));
    machine.tick_after(MINUTE - 1);
    assert!(machine.lives(&grant) && machine.registry.instance_count() == 2);
    machine.tick_after(1);
    assert_eq!(machine.registry.instance_count(), 0);
}

#[test]
fn a_tick_that_comes_a_little_late_expires() {
    let mut machine = Machine::new();
    machine.register("claude-1", None);
    machine.tick_after(MINUTE + 250);
    assert_eq!(machine.registry.instance_count(), 0);
}

#[test]
fn deadlines_of_leases_are_met_by_the_tick_after_a_late_one() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev("/w/a"));
    machine.register("claude-1", None);
    assert_eq!(machine.tick_after(60 * MINUTE), [Fact::Resumed]);
    assert!(machine.registry.next_deadline().unwrap() <= machine.now.awake);
    machine.tick_after(0);
    assert_eq!(machine.ended(&grant), Some(EndReason::BindTtl));
}
