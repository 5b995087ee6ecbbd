//! A group is granted all or nothing; a dry run is remembered by nobody.

use super::*;

#[test]
fn a_group_gets_a_port_for_each_member_in_order() {
    let mut machine = Machine::new();
    let grants = machine.allocate(group(vec![dev("/w/a"), ask("api"), ask("storybook")])).unwrap();
    assert_eq!(ports(&grants), [3000, 8000, 6006]);
    assert!(grants.iter().all(|grant| machine.lives(grant)));
}

#[test]
fn a_group_with_one_member_that_cannot_be_served_gets_nothing() {
    let mut machine = Machine::new().busy([4321]);
    let before = machine.registry.snapshot();
    let asks = vec![dev("/w/a"), Ask { wish: exact(4321), ..ask("api") }];
    let refusal = machine.allocate(group(asks)).unwrap_err();
    assert_eq!(refusal, Refusal::PortUnavailable { port: port(4321), holder: crate::Holder::Foreign });
    assert_eq!(machine.registry.snapshot(), before);
}

#[test]
fn two_members_that_want_the_same_exact_port_get_nothing() {
    let mut machine = Machine::new();
    let asks = vec![Ask { wish: exact(4321), ..ask("dev") }, Ask { wish: exact(4321), ..ask("api") }];
    let refusal = machine.allocate(group(asks)).unwrap_err();
    assert_eq!(refusal, Refusal::PortUnavailable { port: port(4321), holder: crate::Holder::Group });
    assert_eq!(machine.registry.lease_count(), 0);
}

#[test]
fn two_members_that_prefer_the_same_port_get_two_ports() {
    let mut machine = Machine::new();
    let asks = vec![Ask { wish: preferred(8000), ..ask("dev") }, Ask { wish: preferred(8000), ..ask("api") }];
    let grants = machine.allocate(group(asks)).unwrap();
    assert_eq!(ports(&grants), [8000, 4000]);
    assert_eq!(grants[1].reason.as_deref(), Some("preferred port 8000 went to another member of the group"));
}

#[test]
fn members_of_one_type_get_different_ports() {
    let mut machine = Machine::configured(|config| config.overflow_range = Some(range(10_000, 10_004)));
    let grants = machine.allocate(group(vec![ask("storybook"); 8])).unwrap();
    assert_eq!(ports(&grants), [6006, 6007, 6008, 6009, 6010, 10_000, 10_001, 10_002]);
    let refusal = machine.allocate(group(vec![ask("storybook"); 3])).unwrap_err();
    let Refusal::NoFreePort { leased, busy, .. } = refusal else { panic!("{refusal:?}") };
    assert_eq!((leased, busy), (10, 0), "the members served so far count as leased");
}

#[test]
fn a_group_member_may_reuse_and_no_two_members_get_one_lease() {
    let mut machine = Machine::new();
    let first = machine.grant(dev("/w/a"));
    let grants = machine.allocate(group(vec![again(dev("/w/a")), again(dev("/w/a")), dev("/w/a")])).unwrap();
    assert_eq!(grants[0].lock_id, first.lock_id);
    assert_eq!(grants.iter().map(|grant| grant.reused).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(machine.registry.lease_count(), 3);
}

#[test]
fn a_refused_group_ends_no_displaced_lease() {
    let mut machine = Machine::new().busy([4321]);
    let first = machine.grant(dev("/w/a"));
    machine.hear(&first, stranger(9));
    let asks = vec![again(dev("/w/a")), Ask { wish: exact(4321), ..ask("api") }];
    machine.allocate(group(asks)).unwrap_err();
    assert!(machine.lives(&first));
}

#[test]
fn a_dry_run_says_what_would_be_granted_and_remembers_nothing() {
    let mut machine = Machine::new();
    let displaced = machine.grant(dev("/w/a"));
    machine.hear(&displaced, stranger(9));
    let before = machine.registry.snapshot();
    let asks = vec![again(dev("/w/a")), dev("/w/b"), ask("ai")];
    let dry = Allocation { mode: AllocationMode::DryRun, ..under(group(asks.clone()), "r1", 7) };
    let said = machine.allocate(dry).unwrap();
    assert!(said.iter().all(|grant| grant.lock_id.is_none()));
    assert_eq!(machine.registry.snapshot(), before);
    let granted = machine.allocate(under(group(asks), "r1", 8)).unwrap();
    assert_eq!(ports(&said), ports(&granted), "and its request id is still to be used");
}

#[test]
fn a_member_that_insists_on_a_port_gets_it_wherever_it_stands_in_the_group() {
    for wish in [exact(3000), preferred(3000)] {
        let api = Ask { wish, ..ask("api") };
        for (asks, granted) in [
            (vec![ask("dev"), api.clone()], vec![8000, 3000]),
            (vec![api.clone(), ask("dev")], vec![3000, 8000]),
        ] {
            let mut machine = Machine::new();
            let grants = machine.allocate(group(asks)).unwrap();
            assert_eq!(ports(&grants), granted, "{wish:?}");
            assert!(grants.iter().all(|grant| grant.reason.is_none()));
        }
    }
}
