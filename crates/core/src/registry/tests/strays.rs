//! A tool that ignores its port: where it really listens is leased too, and nothing else changes.

use super::*;
use crate::registry::AtHost;

/// A port that nobody ever had.
const ELSEWHERE: u16 = 31_313;

fn server_in(path: &str, pid: u32) -> Listener {
    Listener { project: Some(project(path)), ..server(pid) }
}

fn stray_to(machine: &mut Machine, grant: &Grant, number: u16, listener: Listener) -> Vec<Fact> {
    let (fresh_id, lock_id) = (machine.fresh_id(), grant.lock_id.unwrap());
    machine.happens(&Command::Strayed { lock_id, port: port(number), listener, fresh_id })
}

/// A machine on which process 1 of `/w/a` was given a port where nobody listens.
fn silent() -> (Machine, Grant) {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    machine.pass(2 * SECOND);
    (machine, grant)
}

#[test]
fn the_owner_gets_a_second_lease_where_its_server_listens_and_both_end_with_it() {
    let (mut machine, grant) = silent();
    let before = machine.lease(&grant).clone();
    assert_eq!(machine.registry.never_heard().collect::<Vec<_>>(), [(before.lock_id, process(1).key)]);
    assert!(machine.registry.may_stray_to(port(ELSEWHERE)));
    let facts = stray_to(&mut machine, &grant, ELSEWHERE, server_in("/w/a/docs", 7));
    assert!(matches!(facts.as_slice(), [Fact::Granted(_)]), "{facts:?}");
    let second = machine.registry.lease_on(port(ELSEWHERE)).unwrap();
    assert_eq!((&second.key, &second.owner), (&before.key, &before.owner));
    assert_eq!(machine.registry.view(second).state, crate::api::State::Active);
    assert_eq!(*machine.lease(&grant), before);
    assert!(!machine.registry.may_stray_to(port(ELSEWHERE)));
    machine.exit(1, Vec::new());
    assert_eq!(machine.registry.lease_count(), 0);
    let next = machine.grant(dev_of("/w/a", 2));
    assert_eq!(next.port, grant.port, "the first port stays the key's first");
}

#[test]
fn the_name_leads_to_where_the_server_listens_and_back() {
    let (mut machine, grant) = silent();
    let host = grant.host.clone().unwrap();
    let leads_to = |machine: &Machine| match machine.registry.at_host(&host) {
        AtHost::Server(lease) => lease.port.get(),
        other => panic!("{other:?}"),
    };
    assert_eq!(leads_to(&machine), grant.port.get());
    // Another server of the same name is not meant, whether it runs or not.
    let other = machine.grant(dev_of("/w/a", 2));
    machine.hear(&other, server_in("/w/a", 2));
    assert_eq!(leads_to(&machine), grant.port.get());
    stray_to(&mut machine, &grant, ELSEWHERE, server_in("/w/a", 7));
    assert_eq!(leads_to(&machine), ELSEWHERE);
    let called = |machine: &Machine, port| {
        let lease = machine.registry.lease_on(port).unwrap();
        machine.registry.view(lease).host.unwrap()
    };
    assert_eq!(
        (called(&machine, grant.port), called(&machine, port(ELSEWHERE))),
        (host.clone(), host.clone())
    );
    assert_ne!(called(&machine, other.port), host);
    // It restarts there.
    machine.happens(&Command::Silent(port(ELSEWHERE)));
    assert_eq!(called(&machine, port(ELSEWHERE)), host);
    // Its server listens where it should by now, too.
    machine.hear(&grant, server_in("/w/a", 1));
    assert_eq!((leads_to(&machine), called(&machine, port(ELSEWHERE))), (grant.port.get(), host.clone()));
}

#[test]
fn a_server_that_strayed_keeps_its_name_when_its_owner_ends() {
    let name = |machine: &Machine| {
        let lease = machine.registry.lease_on(port(ELSEWHERE)).unwrap();
        let host = machine.registry.view(lease).host.unwrap();
        assert!(matches!(machine.registry.at_host(&host), AtHost::Server(found) if found.port == lease.port));
        host
    };
    let serves = |machine: &mut Machine| machine.exit(1, vec![(port(ELSEWHERE), server_in("/w/a", 7))]);
    let (mut machine, grant) = silent();
    stray_to(&mut machine, &grant, ELSEWHERE, server_in("/w/a", 7));
    assert_eq!(Some(name(&machine)), grant.host);
    serves(&mut machine);
    assert_eq!((machine.ended(&grant), Some(name(&machine))), (Some(EndReason::OwnerExited), grant.host));
    // The first port was told, and waits.
    let mut machine = Machine::new();
    let told = machine.grant(Ask { reuse: Reuse::IfLive, ..dev("/w/a") });
    machine.grant(Ask { reuse: Reuse::IfLive, ..dev_of("/w/a", 1) });
    machine.pass(2 * SECOND);
    stray_to(&mut machine, &told, ELSEWHERE, server_in("/w/a", 7));
    serves(&mut machine);
    assert_eq!((machine.lives(&told), Some(name(&machine))), (true, told.host.clone()));
    // Somebody starts another server there, which has the name then.
    machine.grant(Ask { reuse: Reuse::IfLive, ..dev_of("/w/a", 2) });
    assert_ne!(Some(name(&machine)), told.host);
}

#[test]
fn a_server_that_listens_where_it_did_the_last_time_is_its_owners_at_once() {
    let (mut machine, grant) = silent();
    stray_to(&mut machine, &grant, ELSEWHERE, server_in("/w/a", 7));
    machine.exit(1, Vec::new());
    let mut adopted_by = |owner: u32, line: &[u32]| {
        let again = machine.grant(dev_of("/w/a", owner));
        let (fresh_id, listener) = (machine.fresh_id(), server_in("/w/a", 9));
        let line = line.iter().map(|pid| process(*pid).key).collect();
        machine.happens(&Command::Adopt {
            port: port(ELSEWHERE),
            listener,
            project_id: None,
            line,
            fresh_id,
        });
        let owners = [again.port, port(ELSEWHERE)].map(|port| {
            let lease = machine.registry.lease_on(port).unwrap();
            lease.owner.process().unwrap().key.pid.get()
        });
        machine.exit(owner, Vec::new());
        machine.exit(9, Vec::new());
        owners
    };
    assert_eq!(adopted_by(2, &[9, 2]), [2, 2]);
    // Somebody else has started it.
    assert_eq!(adopted_by(3, &[9, 4]), [3, 9]);
    assert_eq!(adopted_by(5, &[]), [5, 9]);
}

#[test]
fn there_is_one_second_lease_even_when_its_server_moves() {
    let (mut machine, grant) = silent();
    stray_to(&mut machine, &grant, ELSEWHERE, server_in("/w/a", 7));
    assert_eq!(stray_to(&mut machine, &grant, ELSEWHERE + 1, server_in("/w/a", 7)), []);
    machine.happens(&Command::Silent(port(ELSEWHERE)));
    assert_eq!(stray_to(&mut machine, &grant, ELSEWHERE + 1, server_in("/w/a", 7)), []);
}

#[test]
fn nobody_strays_from_a_port_that_somebody_listened_on() {
    let (mut machine, grant) = silent();
    machine.hear(&grant, server_in("/w/a", 1));
    machine.happens(&Command::Silent(grant.port));
    assert_eq!(stray_to(&mut machine, &grant, ELSEWHERE, server_in("/w/a", 7)), []);
    let (mut machine, grant) = silent();
    machine.hear(&grant, stranger(9));
    assert_eq!(stray_to(&mut machine, &grant, ELSEWHERE, server_in("/w/a", 7)), []);
}

#[test]
fn a_stranger_a_leased_port_and_a_port_that_was_given_back_are_nobodys_second() {
    let (mut machine, grant) = silent();
    let other_user = Listener { user: Relation::Other, ..server_in("/w/a", 7) };
    for other in [server_in("/w/b", 7), other_user] {
        assert_eq!(stray_to(&mut machine, &grant, ELSEWHERE, other), []);
    }
    let taken = machine.grant(dev_of("/w/b", 2));
    assert_eq!(stray_to(&mut machine, &grant, taken.port.get(), server_in("/w/a", 7)), []);
    assert_eq!(stray_to(&mut machine, &grant, 80, server_in("/w/a", 7)), [], "never offered");
    machine.hear(&taken, server_in("/w/b", 8));
    machine.release(&taken);
    assert_eq!(stray_to(&mut machine, &grant, taken.port.get(), server_in("/w/a", 7)), []);
    assert_eq!(machine.registry.lease_count(), 1);
}

#[test]
fn an_owner_of_two_silent_leases_gets_none_and_of_one_that_is_heard_gets_one() {
    let (mut machine, grant) = silent();
    let api = Ask { service: ServiceType::new("api").unwrap(), ..dev_of("/w/a", 1) };
    let api = machine.grant(api);
    assert_eq!(stray_to(&mut machine, &grant, ELSEWHERE, server_in("/w/a", 7)), []);
    machine.hear(&api, server_in("/w/a", 7));
    assert_eq!(stray_to(&mut machine, &grant, ELSEWHERE, server_in("/w/a", 8)).len(), 1);
}

#[test]
fn only_a_process_has_a_second_lease() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev("/w/a"));
    assert_eq!(stray_to(&mut machine, &grant, ELSEWHERE, server_in("/w/a", 7)), []);
    assert_eq!(machine.registry.never_heard().count(), 0);
}

#[test]
fn what_an_earlier_server_heard_on_the_port_says_nothing_of_the_next_owner() {
    let (mut machine, grant) = silent();
    machine.hear(&grant, server_in("/w/a", 1));
    machine.happens(&Command::Silent(grant.port));
    assert_eq!(machine.registry.never_heard().count(), 0);
    // Process 1 hands the lease to one that has begun since.
    let lock_id = grant.lock_id.unwrap();
    let later = Process { started_at: WallTime(u64::MAX), ..process(2) };
    let owner = Owner::Process(later.clone());
    let passed = Fact::Passed { lock_id, owner, project: None, worktree: None, door: None, stack: None };
    let (seq, at) = (machine.registry.next_seq, machine.now);
    machine.registry.apply(&Event { seq, at, fact: passed });
    assert_eq!(machine.registry.never_heard().collect::<Vec<_>>(), [(lock_id, later.key)]);
    let facts = stray_to(&mut machine, &grant, ELSEWHERE, server_in("/w/a/docs", 7));
    assert!(matches!(facts.as_slice(), [Fact::Granted(_)]), "{facts:?}");
}
