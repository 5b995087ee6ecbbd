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
