//! A daemon ends and another takes over: in the same boot everything stands, in another one only preferences do.

use super::*;

/// Another daemon takes over from what the first one wrote.
fn restarted(machine: &mut Machine) {
    let written = serde_json::to_string(&machine.registry.snapshot()).unwrap();
    machine.registry = Registry::restore(policy(), serde_json::from_str(&written).unwrap());
}

fn resume(machine: &mut Machine, boot: &str) -> Vec<Fact> {
    machine.happens(&Command::Resume { boot_id: boot.to_owned() })
}

#[test]
fn in_the_same_boot_leases_stand_and_instances_get_a_full_ttl() {
    let mut machine = Machine::new();
    resume(&mut machine, "boot-1");
    machine.register("claude-1", None);
    let grants = [
        machine.grant(dev_of("/w/a", 1)),
        machine.grant(dev("/w/b")),
        machine.grant(dev_for("/w/c", "claude-1")),
    ];
    machine.pass(59 * SECOND);
    restarted(&mut machine);
    assert_eq!(resume(&mut machine, "boot-1"), [Fact::Resumed]);
    machine.tick_after(MINUTE - 1);
    assert!(grants.iter().all(|grant| machine.lives(grant)));
    machine.tick_after(1);
    assert_eq!(machine.ended(&grants[2]), Some(EndReason::InstanceExpired));
}

#[test]
fn in_another_boot_leases_and_instances_are_void_and_affinity_stays() {
    let mut machine = Machine::new();
    resume(&mut machine, "boot-1");
    machine.register("claude-1", Some(process(2)));
    machine.pass(60 * MINUTE);
    let grants = [
        machine.grant(Ask { wish: exact(8077), ..dev_of("/w/a", 1) }),
        machine.grant(dev_for("/w/c", "claude-1")),
        machine.allocate(under(one(dev("/w/b")), "r1", 1)).unwrap().remove(0),
    ];
    restarted(&mut machine);
    machine.now = at(SECOND);
    resume(&mut machine, "boot-2");
    assert!(grants.iter().all(|grant| machine.ended(grant) == Some(EndReason::Reboot)));
    assert_eq!((machine.registry.instance_count(), machine.registry.processes().count()), (0, 0));
    assert_eq!(machine.registry.next_deadline(), None);
    assert_eq!(machine.grant(dev_of("/w/a", 3)).port.get(), 8077);
    assert_eq!(resume(&mut machine, "boot-2"), [Fact::Resumed]);

    machine.pass(10 * MINUTE);
    let repeat = machine.allocate(under(one(dev("/w/b")), "r1", 1)).unwrap();
    assert_ne!(repeat[0].lock_id, grants[2].lock_id, "times of the old boot mean nothing in the new one");
}

#[test]
fn a_snapshot_written_as_json_gives_an_equal_registry() {
    let mut machine = Machine::new();
    resume(&mut machine, "boot-1");
    machine.register("claude-1", Some(process(2)));
    machine.register("claude-2", None);
    machine.tick_after(MINUTE);
    let heard = machine.grant(dev("/w/a"));
    machine.hear(&heard, server(7));
    let contested = machine.grant(dev_of("/w/b", 3));
    machine.hear(&contested, stranger(8));
    let ended = machine.allocate(under(group(vec![dev("/w/c"), ask("ai")]), "r1", u64::MAX)).unwrap();
    machine.release(&ended[0]);
    let before = machine.registry.snapshot();
    restarted(&mut machine);
    assert_eq!(machine.registry.snapshot(), before);
    assert_eq!(machine.ended(&ended[0]), Some(EndReason::Released));
    let expired = machine.tell(&Command::Beat(instance("claude-2")));
    assert_eq!(expired, Err(Refusal::InstanceExpired(instance("claude-2"))));
    let mut watched = machine.registry.take_changed_processes();
    watched.sort_by_key(|process| process.pid);
    watched.dedup();
    assert_eq!(watched, [process(2).key, process(3).key, process(7).key], "watches are opened again");
}

#[test]
fn events_are_numbered_on_after_a_restart_and_only_journaled_ones_count() {
    let mut machine = Machine::new();
    machine.register("claude-1", None);
    let next = machine.registry.next_seq();
    machine.happens(&Command::Beat(instance("claude-1")));
    let dry = Allocation { mode: AllocationMode::DryRun, ..one(dev("/w/a")) };
    machine.allocate(dry).unwrap();
    assert_eq!(machine.registry.next_seq(), next);
    restarted(&mut machine);
    machine.grant(dev("/w/a"));
    assert_eq!(machine.registry.next_seq(), next + 1);
}
