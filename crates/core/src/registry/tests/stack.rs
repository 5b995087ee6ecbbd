//! R68: a service of the worktree's stack has one lease, whichever session asks.

use super::*;

/// A request for the service `web` of the stack of `/w/a`, as a hook, `env` or `up` makes it.
fn web(session: Option<&str>) -> Ask {
    again(named(Ask { instance_id: session.map(instance), stack: true, ..dev("/w/a") }, "web"))
}

/// The request of the service's own `styxy run`, which a session's `up` has started, or a person's; or of one that was typed.
fn run(session: Option<&str>, pid: u32) -> Ask {
    Ask { stack: false, process: Some(process(pid)), ..web(session) }
}

/// Two sessions that work in the worktree.
fn two_sessions() -> Machine {
    let mut machine = Machine::new();
    for (id, pid) in [("claude-1", 1), ("claude-2", 2)] {
        let working_directory = Some(project("/w/a"));
        let registration = Registration { working_directory, ..registration(id, Some(process(pid))) };
        machine.happens(&Command::Register(registration));
    }
    machine
}

#[test]
fn two_sessions_and_a_person_are_told_one_port_and_one_name() {
    let mut machine = two_sessions();
    let first = machine.grant(web(Some("claude-1")));
    for session in [Some("claude-2"), None, Some("claude-1"), Some("claude-9")] {
        let told = machine.grant(web(session));
        assert_eq!((told.lock_id, told.port, told.host), (first.lock_id, first.port, first.host.clone()));
    }
    assert_eq!(machine.lease(&first).instance_id, None, "it is the worktree's");
    let other = machine.grant(again(named(dev_for("/w/a", "claude-1"), "admin")));
    let theirs = machine.grant(again(named(dev_for("/w/a", "claude-2"), "admin")));
    assert_ne!(other.port, theirs.port, "what is of no stack is each session's own");
}

#[test]
fn whoever_starts_the_service_takes_the_lease_that_waits() {
    let orders = [
        [Some("claude-1"), Some("claude-2"), None],
        [None, Some("claude-1"), None],
        [Some("claude-2"), None, Some("claude-1")],
    ];
    for order in orders {
        let mut machine = two_sessions();
        let first = machine.grant(web(order[0]));
        for (pid, session) in (10..).zip(order) {
            assert_eq!(machine.grant(web(session)).lock_id, first.lock_id, "{order:?}");
            assert_eq!(machine.grant(run(session, pid)).lock_id, first.lock_id, "{order:?}");
            machine.hear(&first, server(pid));
            assert_eq!(
                machine.lease(&first).instance_id,
                session.map(instance),
                "its server is that session's"
            );
            machine.exit(pid, Vec::new());
            assert!(machine.lives(&first), "{order:?}: it waits for the next server");
            assert_eq!(machine.lease(&first).instance_id, None);
        }
    }
}

#[test]
fn a_server_of_the_service_that_runs_keeps_its_lease() {
    let mut machine = two_sessions();
    let first = machine.grant(web(Some("claude-1")));
    machine.grant(run(Some("claude-1"), 10));
    machine.hear(&first, server(10));
    assert_ne!(
        machine.grant(run(Some("claude-2"), 11)).lock_id,
        first.lock_id,
        "one that was typed is another one"
    );
    let child = Ask { ancestors: vec![process(10).key], ..run(Some("claude-1"), 12) };
    assert_eq!(machine.grant(child.clone()).lock_id, first.lock_id);
    let of_person = Ask { instance_id: None, ..child };
    assert_eq!(machine.grant(of_person).lock_id, first.lock_id, "what the server itself starts has its port");
    assert_eq!(machine.lease(&first).instance_id, Some(instance("claude-1")));
}

#[test]
fn the_end_of_a_session_takes_the_port_from_nobody() {
    let mut machine = two_sessions();
    let first = machine.grant(web(Some("claude-1")));
    machine.exit(1, Vec::new());
    assert!(matches!(&machine.lease(&first).owner, Owner::Instance(id) if *id == instance("claude-2")));
    machine.tick_after(60 * MINUTE);
    assert!(machine.lives(&first), "the other session lives");
    machine.happens(&Command::EndInstance { id: instance("claude-2") });
    assert!(machine.lease(&first).is_reserved(), "a person was perhaps told it too");
    assert_eq!(machine.grant(web(None)).lock_id, first.lock_id);
    machine.tick_after(16 * MINUTE);
    assert!(!machine.lives(&first));
}

#[test]
fn the_end_of_the_session_that_started_the_service_leaves_its_server_and_then_its_port() {
    let mut machine = two_sessions();
    let first = machine.grant(web(Some("claude-1")));
    machine.grant(run(Some("claude-1"), 10));
    machine.hear(&first, server(10));
    machine.exit(1, Vec::new());
    machine.exit(10, Vec::new());
    assert!(machine.lives(&first), "the other session was told it");
    assert_eq!(machine.grant(web(Some("claude-2"))).lock_id, first.lock_id);
}

#[test]
fn a_lease_of_the_session_itself_becomes_the_stacks_and_one_of_another_session_does_not() {
    let mut machine = two_sessions();
    let own = machine.grant(again(named(dev_for("/w/a", "claude-1"), "web")));
    assert_ne!(machine.grant(web(Some("claude-2"))).lock_id, own.lock_id);
    let mut machine = two_sessions();
    let own = machine.grant(again(named(dev_for("/w/a", "claude-1"), "web")));
    assert_eq!(machine.grant(web(Some("claude-1"))).lock_id, own.lock_id);
    assert_eq!(machine.grant(web(Some("claude-2"))).lock_id, own.lock_id);
}

/// Somebody of this session listens on the lease's port, who has asked for nothing.
fn serves(machine: &mut Machine, grant: &Grant, pid: u32, session: Option<&str>) -> Vec<Fact> {
    let sessions = session.map(|id| (process(pid).key, instance(id))).into_iter().collect();
    machine.happens(&Command::Heard { port: grant.port, listeners: vec![server(pid)], sessions })
}

#[test]
fn a_server_that_a_session_starts_by_itself_on_the_port_it_was_told_is_that_sessions() {
    // Whoever was told the port last: a session, or a person.
    for told in [Some("claude-1"), Some("claude-2"), None] {
        let mut machine = two_sessions();
        let first = machine.grant(web(told));
        for (pid, session) in [(20, Some("claude-1")), (21, Some("claude-2")), (22, None)] {
            serves(&mut machine, &first, pid, session);
            let lease = machine.lease(&first);
            assert_eq!(lease.instance_id, session.map(instance), "{told:?}");
            assert_eq!(lease.listening, Listening::Server(server(pid)));
            let again = serves(&mut machine, &first, pid, session);
            assert!(matches!(again[..], [Fact::Seen(_)]), "{again:?}");
        }
        serves(&mut machine, &first, 23, Some("claude-1"));
        machine.happens(&Command::Silent(first.port));
        machine.tick_after(MINUTE);
        assert_eq!(machine.lease(&first).instance_id, None, "it waits for anybody again");
    }
}

#[test]
fn what_a_process_asked_for_is_of_the_session_that_it_said() {
    let mut machine = two_sessions();
    let first = machine.grant(web(Some("claude-1")));
    machine.grant(run(Some("claude-1"), 10));
    serves(&mut machine, &first, 11, Some("claude-2"));
    assert_eq!(machine.lease(&first).instance_id, Some(instance("claude-1")));
    // It goes on after the process that was started.
    machine.exit(10, vec![(first.port, server(11))]);
    assert_eq!(machine.lease(&first).instance_id, Some(instance("claude-1")));
    // Nothing but the stack is the worktree's.
    let own = machine.grant(again(dev_for("/w/a", "claude-1")));
    serves(&mut machine, &own, 30, Some("claude-2"));
    assert_eq!(machine.lease(&own).instance_id, Some(instance("claude-1")));
}

#[test]
fn a_port_that_was_told_outlives_its_session_and_its_server_whoever_was_told_it_first() {
    // A hook tells it to a session, `env` to a person; the session's server runs, the session ends, then its server.
    for told in [[Some("claude-1"), None], [None, Some("claude-1")]] {
        let mut machine = two_sessions();
        machine.happens(&Command::EndInstance { id: instance("claude-2") });
        let first = machine.grant(web(told[0]));
        assert_eq!(machine.grant(web(told[1])).lock_id, first.lock_id);
        machine.grant(run(Some("claude-1"), 10));
        machine.hear(&first, server(10));
        machine.tick_after(60 * MINUTE);
        machine.exit(1, Vec::new());
        machine.exit(10, Vec::new());
        assert!(machine.lease(&first).is_reserved(), "{told:?}");
        assert_eq!(machine.grant(web(None)).lock_id, first.lock_id);
    }
    // Nothing of it has listened: the promise lasts for as long as it was to.
    let mut machine = two_sessions();
    machine.happens(&Command::EndInstance { id: instance("claude-2") });
    let first = machine.grant(web(Some("claude-1")));
    machine.tick_after(60 * MINUTE);
    machine.grant(web(None));
    machine.grant(run(Some("claude-1"), 10));
    machine.exit(1, Vec::new());
    machine.exit(10, Vec::new());
    assert!(machine.lives(&first));
}

#[test]
fn telling_again_is_noted_now_and_then() {
    let mut machine = two_sessions();
    let first = machine.grant(web(Some("claude-1")));
    let noted = |machine: &mut Machine, session| {
        let facts = machine.tell(&Command::Allocate(one(web(session)))).unwrap();
        facts.iter().any(|fact| matches!(fact, Fact::Passed { .. }))
    };
    assert!(!noted(&mut machine, Some("claude-2")) && !noted(&mut machine, None));
    machine.pass(14 * MINUTE);
    assert!(noted(&mut machine, None));
    assert!(!noted(&mut machine, None));
    assert!(machine.lives(&first));
}

#[test]
fn the_second_lease_of_a_server_that_ignores_its_port_ends_with_it() {
    let mut machine = two_sessions();
    let first = machine.grant(web(Some("claude-1")));
    for pid in 10..14_u16 {
        machine.grant(run(None, pid.into()));
        machine.pass(2 * SECOND);
        let (fresh_id, lock_id) = (machine.fresh_id(), first.lock_id.unwrap());
        let (port, listener) = (port(20_000 + pid), server(pid.into()));
        machine.happens(&Command::Strayed { lock_id, port, listener, fresh_id });
        assert_eq!(machine.registry.lease_count(), 2);
        machine.exit(pid.into(), Vec::new());
        assert_eq!(machine.registry.lease_count(), 1);
    }
    assert!(machine.lives(&first));
}

#[test]
fn of_two_leases_of_a_service_that_lose_their_session_at_once_one_is_reserved() {
    let mut machine = two_sessions();
    machine.happens(&Command::EndInstance { id: instance("claude-2") });
    let first = machine.grant(web(Some("claude-1")));
    let block = Ask { behind: vec![machine.fresh_id()], ..web(Some("claude-1")) };
    machine.grant(block);
    assert!(machine.registry.lease_count() > 1);
    machine.exit(1, Vec::new());
    let reserved = machine.registry.leases().filter(|lease| lease.is_reserved()).count();
    assert_eq!((reserved, machine.registry.lease_count(), machine.lives(&first)), (1, 1, true));
}

#[test]
fn a_lease_that_somebody_has_asked_for_beside_the_service_is_not_the_services() {
    let mut machine = Machine::new();
    let first = machine.grant(web(None));
    let beside = machine.grant(named(dev("/w/a"), "web"));
    assert_ne!(beside.port, first.port);
    // `styxy down` gives it back.
    machine.happens(&Command::GiveBack(first.lock_id.unwrap()));
    let next = machine.grant(web(None));
    assert_eq!((next.port, &next.host, next.reused), (first.port, &first.host, false));
    assert_eq!(machine.grant(web(None)).lock_id, next.lock_id);
    machine.happens(&Command::GiveBack(next.lock_id.unwrap()));
    // If its port is another program's by now, that lease is better than none.
    let mut machine = machine.busy([first.port.get()]);
    assert_eq!(machine.grant(web(None)).lock_id, beside.lock_id);
}

#[test]
fn a_lease_that_somebody_has_asked_for_before_the_service_ever_ran_is_the_services() {
    let mut machine = Machine::new();
    let asked = machine.grant(Ask { wish: exact(4321), ..named(dev("/w/a"), "web") });
    assert_eq!(machine.grant(web(None)).lock_id, asked.lock_id);
}

#[test]
fn every_session_that_was_told_the_roots_port_hands_it_over_to_the_package_that_it_starts() {
    let ask = |session: &str, pid: u32| Ask {
        default_name: Some(ServiceName::new("apps.web").unwrap()),
        process: Some(process(pid)),
        ..again(dev_for("/w/a", session))
    };
    let root = |session: &str| Ask { stack: true, ..again(dev_for("/w/a", session)) };
    for session in ["claude-1", "claude-2"] {
        let mut machine = two_sessions();
        let told = machine.grant(root("claude-1"));
        assert_eq!(machine.grant(root("claude-2")).lock_id, told.lock_id);
        assert_eq!(machine.grant(ask(session, 10)).lock_id, told.lock_id, "{session}");
        assert_eq!(machine.lease(&told).instance_id, Some(instance(session)));
        let other = machine.grant(ask("claude-1", 11));
        assert_eq!(other.service_name.as_ref().map(ServiceName::as_str), Some("apps.web"), "it is used");
        machine.exit(10, Vec::new());
        assert!(machine.lives(&told), "it waits for the next one");
    }
}
