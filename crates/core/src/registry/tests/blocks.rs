//! A block is consecutive ports of one key, all or none (R65).

use super::*;

/// The same request for a block of `size` ports.
fn block(size: usize, ask: Ask) -> Ask {
    Ask { behind: vec![ask.fresh_id; size - 1], ..ask }
}

impl Machine {
    fn blocks(&mut self, ask: Ask) -> Result<Vec<Grant>, Refusal> {
        let behind = ask.behind.iter().map(|_| self.fresh_id()).collect();
        self.allocate(group(vec![Ask { behind, ..ask }]))
    }

    fn block(&mut self, size: usize, ask: Ask) -> Vec<Grant> {
        self.blocks(block(size, ask)).unwrap()
    }
}

fn storybook(path: &str) -> Ask {
    Ask { project: Some(project(path)), ..ask("storybook") }
}

fn ids(grants: &[Grant]) -> Vec<Option<LockId>> {
    grants.iter().map(|grant| grant.lock_id).collect()
}

#[test]
fn a_block_is_consecutive_ports_of_one_key() {
    let mut machine = Machine::new();
    let grants = machine.block(3, dev_of("/w/a", 1));
    assert_eq!(ports(&grants), [3000, 3001, 3002]);
    for grant in &grants {
        assert_eq!(machine.lease(grant).key, dev("/w/a").key());
        assert_eq!(machine.lease(grant).owner.process(), Some(&process(1)));
    }
    assert_eq!(machine.registry.lease_count(), 3);
}

#[test]
fn a_block_is_found_where_nobody_is_in_the_way() {
    let mut machine = Machine::new().busy([3001, 4002]);
    machine.grant(Ask { wish: exact(8001), ..dev("/w/b") });
    assert_eq!(ports(&machine.block(3, ask("dev"))), [8010, 8011, 8012], "busy, busy, leased");
    let mut machine = Machine::with(Policy { never: [port(3001)].into_iter().collect(), ..policy() });
    assert_ne!(machine.block(2, ask("dev"))[0].port.get(), 3000, "a port that is never offered");
}

#[test]
fn a_block_of_which_one_port_cannot_be_had_is_refused_as_a_whole() {
    let mut machine = Machine::new();
    let other = machine.grant(Ask { wish: exact(8002), ..dev_for("/w/b", "claude-2") });
    let before = machine.registry.snapshot();
    let refusal = machine.blocks(block(3, Ask { wish: exact(8000), ..dev("/w/a") })).unwrap_err();
    let Refusal::PortUnavailable { port: taken, holder: crate::Holder::Lease { lock_id, .. } } = refusal
    else {
        panic!("{refusal:?}")
    };
    assert_eq!((taken.get(), Some(lock_id)), (8002, other.lock_id));
    let too_high = machine.blocks(block(3, Ask { wish: exact(65_534), ..dev("/w/a") })).unwrap_err();
    assert!(matches!(too_high, Refusal::Invalid { .. }), "{too_high:?}");
    let no_room = machine.blocks(block(4, Ask { wish: exact(8000), ..dev("/w/a") }));
    assert!(no_room.is_err());
    assert_eq!(machine.registry.snapshot(), before);
    let grants = machine.block(3, Ask { wish: preferred(8000), ..dev("/w/a") });
    assert!(grants[0].reason.as_deref().is_some_and(|reason| reason.contains("8002")), "{grants:?}");
}

#[test]
fn a_range_without_room_is_refused() {
    let mut machine = Machine::configured(|config| config.overflow_range = None).busy([6008, 6011]);
    assert_eq!(ports(&machine.block(2, storybook("/w/a"))), [6006, 6007]);
    assert_eq!(ports(&machine.block(2, storybook("/w/b"))), [6009, 6010]);
    let refusal = machine.blocks(block(2, storybook("/w/c"))).unwrap_err();
    assert!(matches!(refusal, Refusal::NoFreePort { .. }), "{refusal:?}");
    assert_eq!(machine.registry.lease_count(), 4);
}

#[test]
fn the_same_block_is_given_again() {
    let mut machine = Machine::new();
    let first = machine.block(3, again(dev_of("/w/a", 1)));
    let child = |pid| again(Ask { ancestors: vec![process(1).key], ..dev_of("/w/a", pid) });
    let second = machine.block(3, child(2));
    assert_eq!(ids(&first), ids(&second));
    assert!(second.iter().all(|grant| grant.reused && grant.reason.is_none()));
    let smaller = machine.block(2, child(2));
    assert_eq!(ids(&smaller), ids(&first)[..2]);
    let other = machine.block(3, again(dev_of("/w/a", 7)));
    assert!(ids(&other).iter().all(|id| !ids(&first).contains(id)), "another process has it");
}

#[test]
fn a_lease_grows_into_a_block_where_there_is_room() {
    let mut machine = Machine::new();
    let one = machine.grant(again(dev("/w/a")));
    let grants = machine.block(3, again(dev("/w/a")));
    assert_eq!((ports(&grants), grants[0].lock_id), (vec![3000, 3001, 3002], one.lock_id));
    machine.grant(Ask { wish: exact(3003), ..dev("/w/b") });
    let moved = machine.block(4, again(dev("/w/a")));
    assert!(ports(&moved)[0] > 3003, "{moved:?}");
}

#[test]
fn a_block_comes_back_in_the_next_run() {
    let mut machine = Machine::new();
    let wished = || Ask { wish: preferred(3500), ..dev_of("/w/a", 1) };
    assert_eq!(ports(&machine.block(3, wished())), [3500, 3501, 3502]);
    machine.exit(1, Vec::new());
    machine.tick_after(20 * MINUTE);
    assert_eq!(machine.registry.lease_count(), 0);
    machine.grant(dev("/w/b"));
    assert_eq!(ports(&machine.block(3, dev_of("/w/a", 2))), [3500, 3501, 3502]);
}

#[test]
fn a_block_leaves_others_the_ports_that_they_had() {
    let mut machine = Machine::new();
    let had = machine.grant(Ask { wish: exact(3001), ..dev("/w/b") });
    machine.release(&had);
    machine.pass(MINUTE);
    assert_ne!(machine.block(2, dev("/w/a"))[0].port.get(), 3000);
    assert_eq!(machine.grant(dev("/w/b")).port.get(), 3001);
}

#[test]
fn a_stranger_on_a_port_of_the_block_ends_that_lease_and_moves_the_block() {
    let mut machine = Machine::new();
    let first = machine.block(2, again(dev("/w/a")));
    machine.ports.insert(port(3001), Occupancy::Busy);
    machine.hear(&first[1], stranger(9));
    let second = machine.block(2, again(dev("/w/a")));
    assert!(!ports(&second).contains(&3001), "{second:?}");
    assert_eq!(second[0].displaced_from, Some(port(3001)));
    assert!(!machine.lives(&first[1]));
}

#[test]
fn each_port_of_a_block_counts_for_the_quota() {
    let mut machine = Machine::configured(|config| config.quotas.leases_per_checkout = 3);
    machine.block(2, dev("/w/a"));
    let refusal = machine.blocks(block(2, dev("/w/a"))).unwrap_err();
    assert!(matches!(refusal, Refusal::Quota { .. }), "{refusal:?}");
    assert_eq!(machine.registry.lease_count(), 2);
}

#[test]
fn a_singleton_has_no_block() {
    let refusal = Machine::new().blocks(block(2, ask("ai"))).unwrap_err();
    assert!(matches!(refusal, Refusal::Invalid { .. }), "{refusal:?}");
}
