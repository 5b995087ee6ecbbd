//! What is heard on leased ports: servers, strangers, silence.

use super::*;

#[test]
fn a_stranger_on_a_leased_port_is_a_conflict_until_it_leaves() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    let conflict = |machine: &Machine| {
        let view = machine.registry.view(machine.lease(&grant));
        (view.state, view.conflict.map(|conflict| (conflict.pid, conflict.process)))
    };
    machine.hear(&grant, stranger(9));
    let by = (Some(process(9).key.pid), Some("node".to_owned()));
    assert_eq!(conflict(&machine), (crate::api::State::Granted, Some(by)));
    assert_eq!(machine.hear(&grant, stranger(9)), [], "it is told once");
    machine.happens(&Command::Silent(grant.port));
    assert_eq!(conflict(&machine), (crate::api::State::Granted, None));
}

#[test]
fn a_server_that_follows_a_stranger_ends_the_conflict() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev("/w/a"));
    machine.hear(&grant, stranger(9));
    machine.hear(&grant, server(7));
    assert_eq!(machine.lease(&grant).listening, Listening::Server(server(7)));
    assert!(matches!(machine.lease(&grant).owner, Owner::Listener { .. }));
}

#[test]
fn a_server_that_comes_beside_a_stranger_ends_no_conflict() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev("/w/a"));
    machine.hear(&grant, stranger(9));
    machine.hear_all(&grant, vec![stranger(9), server(7)]);
    let lease = machine.lease(&grant);
    assert!(lease.listening == Listening::Server(server(7)) && lease.conflict().is_some(), "{lease:?}");
}

#[test]
fn strangers_are_other_users_but_not_root_and_known_unrelated_worktrees() {
    let lives_in = |path: Option<&str>, user| Listener { project: path.map(project), user, ..server(9) };
    let cases = [
        (lives_in(Some("/w/a"), Relation::Own), false),
        (lives_in(Some("/w/a/packages/web"), Relation::Own), false),
        (lives_in(Some("/w"), Relation::Own), false),
        (lives_in(None, Relation::Own), false),
        (lives_in(Some("/w/ab"), Relation::Own), true),
        (lives_in(Some("/w/a"), Relation::Other), true),
        (lives_in(None, Relation::Other), true),
        (lives_in(Some("/w/a"), Relation::Root), false),
        (lives_in(None, Relation::Root), false),
        (lives_in(Some("/w/ab"), Relation::Root), true),
    ];
    for (listener, is_stranger) in cases {
        let mut machine = Machine::new();
        let grant = machine.grant(dev("/w/a"));
        machine.hear(&grant, listener.clone());
        let conflict = matches!(machine.lease(&grant).listening, Listening::Stranger(_));
        assert_eq!(conflict, is_stranger, "{listener:?}");
    }
    let mut machine = Machine::new();
    let nowhere = machine.grant(ask("dev"));
    machine.hear(&nowhere, stranger(9));
    assert!(
        machine.lease(&nowhere).listening.server().is_some(),
        "a lease without a project knows no strangers"
    );
}

#[test]
fn a_server_heard_again_is_seen_and_nothing_is_journaled() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    machine.hear(&grant, server(1));
    machine.pass(MINUTE);
    assert_eq!(machine.hear(&grant, server(1)), [Fact::Seen(vec![grant.lock_id.unwrap()])]);
    assert_eq!(machine.lease(&grant).last_seen, Some(machine.now.wall));
    machine.pass(MINUTE);
    machine.happens(&Command::StillHeard(vec![grant.port, port(9)]));
    assert_eq!(machine.lease(&grant).last_seen, Some(machine.now.wall));
}

#[test]
fn a_look_that_could_not_tell_the_process_forgets_nothing() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev("/w/a"));
    machine.hear(&grant, server(7));
    machine.hear(&grant, somebody());
    assert_eq!(machine.lease(&grant).listening, Listening::Server(server(7)));
    machine.happens(&Command::Silent(grant.port));
    machine.hear(&grant, somebody());
    let owner = Owner::Listener { process: Some(process(7)), silent_until: None };
    assert_eq!(machine.lease(&grant).owner, owner);
}

#[test]
fn a_listener_that_is_recognised_later_is_watched_from_then_on() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev("/w/a"));
    machine.hear(&grant, somebody());
    machine.registry.take_changed_processes();
    machine.hear(&grant, server(7));
    assert_eq!(machine.registry.take_changed_processes(), [process(7).key]);
    machine.exit(7, Vec::new());
    assert_eq!(machine.ended(&grant), Some(EndReason::ListenerExited));
}

#[test]
fn another_server_on_a_listeners_port_becomes_the_owner() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev("/w/a"));
    machine.hear(&grant, server(7));
    machine.hear(&grant, server(8));
    machine.exit(7, Vec::new());
    assert!(machine.lives(&grant));
    machine.exit(8, Vec::new());
    assert_eq!(machine.ended(&grant), Some(EndReason::ListenerExited));
}

#[test]
fn silence_on_a_port_that_was_silent_or_has_no_lease_means_nothing() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    assert_eq!(machine.happens(&Command::Silent(grant.port)), []);
    assert_eq!(machine.happens(&Command::Silent(port(5))), []);
    assert_eq!(
        machine.happens(&Command::Heard { port: port(5), listeners: vec![server(1)], sessions: Vec::new() }),
        []
    );
    assert_eq!(machine.happens(&Command::StillHeard(vec![grant.port])), []);
}

#[test]
fn an_owner_that_has_become_another_program_is_called_what_it_is_now() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    let npm = Process { name: "npm run dev".into(), ..process(1) };
    let other = Process { name: "sh".into(), ..process(2) };
    let renamed = Command::Renamed(vec![other, npm.clone()]);
    let owner = Owner::Process(npm);
    let lock_id = grant.lock_id.unwrap();
    assert_eq!(
        machine.happens(&renamed),
        [Fact::Passed {
            lock_id,
            owner: owner.clone(),
            project: None,
            worktree: None,
            door: None,
            stack: None
        }]
    );
    assert_eq!(machine.lease(&grant).owner, owner);
    assert_eq!(machine.happens(&renamed), [], "it is told once");
    machine.hear(&grant, server(7));
    let view = machine.registry.view(machine.lease(&grant));
    assert_eq!(view.owner.process.as_deref(), Some("npm run dev"));
    let listener = view.listener.unwrap();
    assert_eq!((listener.pid, listener.process.as_deref()), (Some(process(7).key.pid), Some("node")));
    machine.exit(1, vec![(grant.port, server(7))]);
    assert!(machine.lives(&grant), "it passes to its server as before");
}

#[test]
fn listeners_are_awaited_while_some_lease_is_silent() {
    let mut machine = Machine::new();
    assert!(!machine.registry.awaits_listeners());
    let grant = machine.grant(dev_of("/w/a", 1));
    assert!(machine.registry.awaits_listeners());
    machine.hear(&grant, server(1));
    assert!(!machine.registry.awaits_listeners());
    machine.happens(&Command::Silent(grant.port));
    assert!(machine.registry.awaits_listeners());
    machine.release(&grant);
    assert!(!machine.registry.awaits_listeners());
}

#[test]
fn a_listener_of_root_makes_an_awaited_lease_active() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev("/w/a"));
    let proxy = Listener { user: Relation::Root, ..somebody() };
    machine.hear(&grant, proxy.clone());
    let lease = machine.lease(&grant);
    assert_eq!((&lease.listening, lease.conflict()), (&Listening::Server(proxy.clone()), None));
    assert!(matches!(lease.owner, Owner::Listener { process: None, silent_until: None }));
    let named = Listener { container: Some("shop-web-1".into()), ..proxy };
    machine.hear(&grant, named.clone());
    assert_eq!(
        machine.lease(&grant).listening.server(),
        Some(&named),
        "an engine that answers later names it"
    );
    machine.hear(&grant, Listener { project: Some(project("/w/b")), ..named });
    assert!(machine.lease(&grant).conflict().is_some(), "another checkout's container");
}

#[test]
fn a_stranger_beside_the_server_is_a_conflict_and_ends_nothing() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev("/w/a"));
    let view = |machine: &Machine| {
        let view = machine.registry.view(machine.lease(&grant));
        (view.state, view.conflict.and_then(|conflict| conflict.pid))
    };
    let pid = |pid| Some(process(pid).key.pid);
    // In whichever order they are heard, and whoever began.
    for both in [vec![stranger(9), server(7)], vec![server(7), stranger(9)]] {
        machine.hear_all(&grant, both);
        assert_eq!(view(&machine), (crate::api::State::Active, pid(9)));
        assert_eq!(machine.lease(&grant).owner.process().map(|owner| owner.key), Some(process(7).key));
    }
    let again = machine.hear_all(&grant, vec![server(7), stranger(9)]);
    assert!(matches!(again[..], [Fact::Seen(_)]), "it is told once: {again:?}");
    assert_eq!(machine.ended(&grant), None);
    machine.hear_all(&grant, vec![server(7)]);
    assert_eq!(view(&machine), (crate::api::State::Active, None));
    machine.hear_all(&grant, vec![server(7), stranger(9)]);
    machine.hear_all(&grant, vec![stranger(9)]);
    assert_eq!(
        view(&machine),
        (crate::api::State::Granted, pid(9)),
        "the server closed, and the stranger stays"
    );
    machine.hear_all(&grant, vec![server(8), stranger(9)]);
    machine.happens(&Command::Silent(grant.port));
    assert_eq!(view(&machine), (crate::api::State::Granted, None));
}

#[test]
fn a_server_that_ends_beside_a_stranger_leaves_the_port_to_it() {
    let mut machine = Machine::new();
    let grant = machine.grant(dev_of("/w/a", 1));
    machine.hear_all(&grant, vec![server(7), stranger(9)]);
    machine.exit(7, vec![(grant.port, stranger(9))]);
    let lease = machine.lease(&grant);
    assert!(matches!(lease.listening, Listening::Stranger(_)), "{lease:?}");
    machine.hear_all(&grant, vec![stranger(9), server(8), server(1)]);
    assert_eq!(machine.lease(&grant).listening.server(), Some(&server(1)), "the owner itself counts first");
    machine.exit(1, vec![(grant.port, stranger(9)), (grant.port, server(8))]);
    assert_eq!(machine.lease(&grant).owner.process().map(|owner| owner.key), Some(process(8).key));
}
