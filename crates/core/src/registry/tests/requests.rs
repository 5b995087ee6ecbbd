//! A repeated `request_id` gets the answer it had.

use super::*;

fn body(hash: u64) -> Allocation {
    under(one(dev("/w/a")), "r1", hash)
}

#[test]
fn a_repeat_gets_the_first_answer_and_changes_nothing() {
    let mut machine = Machine::new();
    let first = machine.allocate(body(1)).unwrap();
    machine.hear(&first[0], server(7));
    machine.pass(60 * MINUTE);
    let before = machine.registry.snapshot();
    assert_eq!(machine.allocate(body(1)).unwrap(), first);
    assert_eq!(machine.registry.snapshot(), before);
}

#[test]
fn another_body_under_the_same_id_is_refused() {
    let mut machine = Machine::new();
    machine.allocate(body(1)).unwrap();
    let refusal = machine.allocate(body(2)).unwrap_err();
    assert_eq!(refusal, Refusal::RequestIdReused(RequestId::new("r1").unwrap()));
    assert_eq!(machine.registry.lease_count(), 1);
}

#[test]
fn a_repeat_counts_for_10_minutes_after_the_lease_has_ended() {
    let mut machine = Machine::new();
    let first = machine.allocate(body(1)).unwrap();
    machine.pass(60 * MINUTE);
    machine.release(&first[0]);
    machine.pass(10 * MINUTE);
    assert_eq!(machine.allocate(body(1)).unwrap(), first);
    assert!(machine.allocate(body(2)).is_err());
    machine.pass(1);
    let second = machine.allocate(body(2)).unwrap();
    assert_ne!(second[0].lock_id, first[0].lock_id);
    machine.pass(60 * MINUTE);
    assert_eq!(machine.allocate(body(2)).unwrap(), second);
}

#[test]
fn a_groups_answer_counts_as_long_as_one_of_its_leases_lives() {
    let mut machine = Machine::new();
    let both = || under(group(vec![dev("/w/a"), ask("ai"), ask("ai")]), "r1", 1);
    let first = machine.allocate(both()).unwrap();
    machine.release(&first[0]);
    machine.pass(60 * MINUTE);
    assert_eq!(machine.allocate(both()).unwrap(), first);
    machine.release(&first[1]);
    machine.pass(10 * MINUTE + 1);
    assert_ne!(machine.allocate(both()).unwrap()[0].lock_id, first[0].lock_id);
}

#[test]
fn a_refused_request_may_be_repeated() {
    let mut machine = Machine::new().busy([4321]);
    let wanted = || under(one(Ask { wish: exact(4321), ..dev("/w/a") }), "r1", 1);
    machine.allocate(wanted()).unwrap_err();
    machine.ports.clear();
    assert_eq!(ports(&machine.allocate(wanted()).unwrap()), [4321]);
}

#[test]
fn the_4096_answers_whose_leases_ended_last_are_remembered() {
    let mut machine = Machine::new();
    let numbered = |number: u32| under(one(dev("/w/a")), &format!("r{number}"), 1);
    let mut first = Vec::new();
    for number in 0..4098 {
        let grants = machine.allocate(numbered(number)).unwrap();
        machine.release(&grants[0]);
        first.push(grants);
    }
    assert_eq!(machine.allocate(numbered(4097)).unwrap(), first[4097]);
    assert_eq!(machine.allocate(numbered(2)).unwrap(), first[2]);
    assert_ne!(machine.allocate(numbered(1)).unwrap(), first[1]);
}

#[test]
fn many_requests_for_one_lease_forget_neither_the_first_nor_the_latest_even_after_a_restart() {
    let mut machine = Machine::new();
    let single = |number: u32| under(one(ask("ai")), &format!("r{number}"), 1);
    let first = machine.allocate(single(0)).unwrap();
    // The group's other lease has a lower id than the singleton's, and must not change the order.
    let mut both = under(group(vec![dev("/w/a"), ask("ai")]), "group", 1);
    both.asks[0].fresh_id = LockId::new(uuid::Uuid::nil());
    machine.happens(&Command::Allocate(both));
    let snapshot = machine.registry.snapshot();
    machine.registry = Registry::restore(policy(), snapshot);
    for number in 1..40 {
        machine.allocate(single(number)).unwrap();
    }
    let remembered = |machine: &Machine, id: &str| {
        let id = RequestId::new(id).unwrap();
        machine.registry.requests.get(&id, machine.now.awake).map(|past| past.answer.grants().to_vec())
    };
    assert_eq!(remembered(&machine, "r0"), Some(first));
    assert!(remembered(&machine, "r39").is_some() && remembered(&machine, "r20").is_none());
    assert!(remembered(&machine, "group").is_none());
}
