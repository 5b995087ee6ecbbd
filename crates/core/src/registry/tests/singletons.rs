//! A singleton service type has one lease machine-wide.

use super::*;

fn ai() -> Ask {
    Ask { project: Some(project("/w/a")), ..ask("ai") }
}

fn ai_of(pid: u32) -> Ask {
    Ask { process: Some(process(pid)), project: Some(project("/w/a")), ..ask("ai") }
}

#[test]
fn a_second_asker_is_given_the_existing_lease_and_told_whose_it_is() {
    let mut machine = Machine::new();
    let first = machine.grant(ai_of(1));
    let second = machine.grant(Ask { process: Some(process(2)), wish: preferred(11_450), ..ask("ai") });
    assert_eq!((second.lock_id, second.port), (first.lock_id, first.port));
    assert!(second.existing && !second.reused);
    assert_eq!(
        second.reason.as_deref(),
        Some("service type ai has one lease machine-wide, held by node (pid 1) (/w/a)")
    );
    machine.exit(2, Vec::new());
    assert!(machine.lives(&first), "the asker is not its owner");
    machine.exit(1, Vec::new());
    assert!(!machine.grant(ai_of(2)).existing);
}

#[test]
fn an_exact_port_elsewhere_is_refused() {
    let mut machine = Machine::new();
    let first = machine.grant(ai_of(1));
    let refusal = machine.refused(Ask { wish: exact(11_450), ..ai_of(2) });
    let holder = crate::Holder::Singleton {
        service: service("ai"),
        elsewhere: first.port,
        who: "node (pid 1) (/w/a)".into(),
    };
    assert_eq!(refusal, Refusal::PortUnavailable { port: port(11_450), holder });
    assert!(machine.grant(Ask { wish: Wish::Exact(first.port), ..ai_of(2) }).existing);
}

#[test]
fn reuse_of_ones_own_singleton_is_reuse() {
    let mut machine = Machine::new();
    let first = machine.grant(ai_of(1));
    let second = machine.grant(again(ai_of(1)));
    assert!(second.reused && !second.existing && second.lock_id == first.lock_id);
    let third = machine.grant(again(ai_of(2)));
    assert!(third.existing && !third.reused && third.lock_id == first.lock_id);
}

#[test]
fn a_group_is_given_one_singleton_however_often_it_asks() {
    let mut machine = Machine::new();
    let grants = machine.allocate(group(vec![ai(), ai(), again(ai())])).unwrap();
    assert_eq!(grants.iter().map(|grant| grant.existing).collect::<Vec<_>>(), [false, true, true]);
    assert_eq!(machine.registry.lease_count(), 1);

    let grants = machine.allocate(group(vec![again(ai()), ai(), again(ai())])).unwrap();
    assert_eq!(grants.iter().map(|grant| grant.reused).collect::<Vec<_>>(), [true, false, false]);
    assert!(grants.iter().all(|grant| grant.lock_id == grants[0].lock_id));
    assert_eq!(machine.registry.lease_count(), 1);
}

#[test]
fn a_displaced_singleton_is_replaced_by_one_other() {
    let mut machine = Machine::new();
    let first = machine.grant(ai());
    machine.hear(&first, Listener { user: Relation::Other, ..somebody() });
    let grants = machine.allocate(group(vec![again(ai()), ai()])).unwrap();
    assert_eq!(grants[0].displaced_from, Some(first.port));
    assert!(grants[1].existing && grants[1].lock_id == grants[0].lock_id);
    assert_eq!(machine.registry.lease_count(), 1);
}

#[test]
fn no_member_of_a_group_ends_the_singleton_that_another_was_just_given() {
    let mut machine = Machine::new();
    let first = machine.grant(ask("ai"));
    machine.hear(&first, Listener { user: Relation::Other, ..somebody() });
    let grants = machine.allocate(group(vec![ask("ai"), again(ask("ai"))])).unwrap();
    assert!(machine.lives(&first));
    assert!(grants.iter().all(|grant| grant.existing && grant.lock_id == first.lock_id));
}
