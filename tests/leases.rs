//! A lease lives exactly as long as its owner, and nobody else has its port meanwhile.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use rustix::process::Signal;
use serde_json::{Value, json};
use styxy_core::EndReason;
use styxy_core::api::{
    AllocateAnswer, BeatAnswer, CheckAnswer, CleanupAnswer, EndInstanceAnswer, Grant, GroupAnswer, InstancesAnswer, OwnerKind,
    RegisterAnswer, ReleaseAnswer, State,
};

use crate::support::{Home, Running, Server, alive, eventually, forked_server, helper, sort, until};

fn pid_of(grant_owner: &styxy_core::api::OwnerView) -> Option<u32> {
    grant_owner.pid.map(styxy_core::Pid::get)
}

/// Every address a server may listen on alone, and that a client of `localhost` may be led to.
fn addresses(port: u16) -> [SocketAddr; 5] {
    [
        ([127, 0, 0, 1], port).into(),
        ([127, 0, 0, 2], port).into(),
        ([0, 0, 0, 0], port).into(),
        (std::net::Ipv6Addr::LOCALHOST, port).into(),
        // Dual-stack, as Node listens.
        (std::net::Ipv6Addr::UNSPECIFIED, port).into(),
    ]
}

/// Every owner and every listener is looked at now: what still stands after this stands by the rules.
fn look_again(home: &Home) -> CleanupAnswer {
    home.socket().post("/cleanup", &json!({})).ok()
}

// A lease with a pid.

#[test]
fn a_killed_owners_port_goes_to_the_next_asker() {
    let home = Home::new();
    let owner = Running::idle();
    let first = home.allocate(&json!({ "service_type": sort::TINY, "pid": owner.pid() }));
    assert_eq!((first.owner.kind, pid_of(&first.owner)), (OwnerKind::Process, Some(owner.pid())));
    home.allocate(&json!({ "service_type": sort::TINY }));
    home.socket().post("/allocate", &json!({ "service_type": sort::TINY })).refused(409, "no_free_port");
    let mut events = home.socket().events(None);
    owner.kill();
    let (_, ended) = events.expect("ended");
    assert_eq!((ended.lease.unwrap().port, ended.reason), (first.port, Some(EndReason::OwnerExited)));
    assert_eq!(home.allocate(&json!({ "service_type": sort::TINY })).port, first.port);
}

#[test]
fn an_owner_that_is_dead_and_not_reaped_has_ended() {
    let home = Home::new();
    let mut owner = Running::idle();
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "pid": owner.pid() }));
    owner.kill_unreaped();
    home.ended(&grant);
    assert!(alive(owner.pid()), "it was to be a zombie");
    let refusal = home.socket().post("/allocate", &json!({ "service_type": sort::WEB, "pid": owner.pid() }));
    assert_eq!(refusal.refused(400, "invalid_request").details["field"], "pid");
}

#[test]
fn a_stopped_owner_keeps_its_lease() {
    let home = Home::new();
    let owner = Running::idle();
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "pid": owner.pid() }));
    owner.signal(Signal::STOP);
    assert_eq!(look_again(&home).cleaned, 0);
    assert!(home.lease_of(&grant).is_some());
    owner.signal(Signal::CONT);
    owner.kill();
    home.ended(&grant);
}

#[test]
fn a_process_keeps_its_lease_while_it_listens_not() {
    let home = Home::with(&json!({ "unbind_grace": 0 }));
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "pid": std::process::id() }));
    let mut server = Server::on(&home, grant.port.get());
    home.active(&grant);
    server.close();
    until("the lease is silent again", || home.lease_of(&grant).expect("the lease").state == State::Granted);
    server.reopen();
    home.active(&grant);
    server.kill();
    until("the lease is silent for good", || home.lease_of(&grant).expect("the lease").state == State::Granted);
    assert_eq!(look_again(&home).cleaned, 0);
}

#[test]
fn a_lease_passes_to_the_child_that_listens_when_its_owner_dies() {
    let home = Home::new();
    let port = home.spare_port();
    let (mut parent, child) = forked_server(&home, ([127, 0, 0, 1], port).into());
    // The port is taken by now, and the lease is the parent's of before.
    home.socket().post("/allocate", &json!({ "service_type": sort::WEB, "port": port, "exact": true })).refused(409, "port_unavailable");
    drop_child(&mut parent, child);
    let idle = Running::idle();
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "pid": idle.pid() }));
    let (mut parent, child) = forked_server(&home, ([127, 0, 0, 1], grant.port.get()).into());
    assert_eq!(home.active(&grant).owner.kind, OwnerKind::Process);
    idle.kill();
    let passed = eventually("the lease passes", || {
        home.lease_of(&grant).filter(|lease| lease.owner.kind == OwnerKind::Listener)
    });
    assert_eq!((passed.state, pid_of(&passed.owner)), (State::Active, Some(child)));
    // The server's parent is nobody to the lease.
    parent.kill_alone();
    assert_eq!(look_again(&home).cleaned, 0);
    assert!(home.lease_of(&grant).is_some());
    drop(parent);
    home.ended(&grant);
}

fn drop_child(parent: &mut Server, child: u32) {
    parent.kill_alone();
    parent.hang_up();
    until("the child ends", || !alive(child));
}

#[test]
fn a_parent_that_owns_the_lease_leaves_it_to_its_listening_child() {
    let home = Home::new();
    let grant = home.allocate(&json!({ "service_type": sort::WEB }));
    let (mut parent, child) = forked_server(&home, ([127, 0, 0, 1], grant.port.get()).into());
    let other = home.allocate(&json!({ "service_type": sort::API, "pid": parent.pid() }));
    let lease = home.active(&grant);
    assert_eq!((lease.owner.kind, pid_of(&lease.owner)), (OwnerKind::Listener, Some(child)));
    parent.kill_alone();
    home.ended(&other);
    assert!(home.lease_of(&grant).is_some(), "it is the child's");
    parent.hang_up();
    home.ended(&grant);
}

// A lease without one.

#[test]
fn a_lease_without_an_owner_becomes_its_servers_and_ends_with_it() {
    let home = Home::new();
    let grant = home.allocate(&json!({ "service_type": sort::WEB }));
    assert_eq!((grant.state, grant.owner.kind, grant.owner.pid), (State::Granted, OwnerKind::Listener, None));
    let mut events = home.socket().events(None);
    let server = Server::on(&home, grant.port.get());
    // Nobody asks: the daemon looks by itself.
    events.expect("activated");
    let (_, passed) = events.expect("passed");
    assert_eq!(pid_of(&passed.lease.unwrap().owner), Some(server.pid()));
    let lease = home.lease_of(&grant).unwrap();
    assert_eq!((lease.state, pid_of(&lease.owner)), (State::Active, Some(server.pid())));
    assert!(lease.last_seen_listening.is_some() && lease.owner.process.is_some() && lease.owner.started_at.is_some());
    server.kill();
    let ended = eventually("ended", || events.next().filter(|event| event.name == "ended"));
    assert_eq!((&ended.data["lease"]["port"], &ended.data["reason"]), (&json!(grant.port), &json!("listener_exited")));
    assert_eq!(home.leases(), []);
}

#[test]
fn a_server_on_any_address_makes_its_lease_active() {
    let home = Home::new();
    for address in addresses(0) {
        let grant = home.allocate(&json!({ "service_type": sort::WEB }));
        let server = Server::listen(&home, &[SocketAddr::new(address.ip(), grant.port.get())]);
        assert_eq!(pid_of(&home.active(&grant).owner), Some(server.pid()), "{address}");
    }
}

#[test]
fn a_server_that_restarts_within_the_grace_keeps_its_lease() {
    let home = Home::new();
    let grant = home.allocate(&json!({ "service_type": sort::WEB }));
    let mut server = Server::on(&home, grant.port.get());
    home.active(&grant);
    server.close();
    until("it is silent", || home.lease_of(&grant).expect("the lease").state == State::Granted);
    server.reopen();
    home.active(&grant);
}

#[test]
fn a_server_that_is_silent_for_longer_than_the_grace_loses_its_lease() {
    let home = Home::with(&json!({ "unbind_grace": 0.2 }));
    let grant = home.allocate(&json!({ "service_type": sort::WEB }));
    let mut server = Server::on(&home, grant.port.get());
    home.active(&grant);
    server.close();
    home.ended(&grant);
    assert!(alive(server.pid()));
}

#[test]
fn a_lease_on_which_nothing_ever_listens_ends_after_bind_ttl() {
    let home = Home::with(&json!({ "bind_ttl": 0.2 }));
    let mut events = home.socket().events(None);
    let grant = home.allocate(&json!({ "service_type": sort::WEB }));
    events.expect("granted");
    let (_, ended) = events.expect("ended");
    assert_eq!((ended.lease.unwrap().lock_id, ended.reason), (grant.lock_id.unwrap(), Some(EndReason::BindTtl)));
}

#[test]
fn release_ends_a_lease_at_once_whatever_listens() {
    let home = Home::new();
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "pid": std::process::id() }));
    let server = Server::on(&home, grant.port.get());
    home.active(&grant);
    let released: ReleaseAnswer = home.socket().delete(&format!("/allocate/{}", grant.lock_id.unwrap())).ok();
    assert_eq!(released.port, grant.port);
    assert_eq!(home.leases(), []);
    assert!(TcpStream::connect(("127.0.0.1", grant.port.get())).is_ok(), "the server was ended");
    drop(server);
}

// Which port.

#[test]
fn a_port_on_any_of_whose_addresses_somebody_listens_is_not_granted() {
    let home = Home::new();
    for address in addresses(home.spare_port()) {
        let server = Server::listen(&home, &[address]);
        let exact = json!({ "service_type": sort::WEB, "port": address.port(), "exact": true });
        let refusal = home.socket().post("/allocate", &exact).refused(409, "port_unavailable");
        assert!(refusal.error.contains(&server.pid().to_string()), "{address}: {}", refusal.error);
        let other = home.allocate(&json!({ "service_type": sort::WEB, "port": address.port() }));
        assert_ne!(other.port.get(), address.port(), "{address}");
        assert!(other.reason.expect("a reason").contains(&address.port().to_string()), "{address}");
        let check: CheckAnswer = home.socket().get(&format!("/check/{}", address.port())).ok();
        assert!(!check.available, "{address}");
    }
}

#[test]
fn a_port_that_a_foreign_server_holds_is_passed_over() {
    let home = Home::new();
    let (first, last) = (*home.range(sort::TINY).start(), *home.range(sort::TINY).end());
    let _server = Server::listen(&home, &[(std::net::Ipv6Addr::LOCALHOST, first).into()]);
    assert_eq!(home.allocate(&json!({ "service_type": sort::TINY })).port.get(), last);
    let refusal = home.socket().post("/allocate", &json!({ "service_type": sort::TINY })).refused(409, "no_free_port");
    assert_eq!((&refusal.details["leased"], &refusal.details["busy"]), (&json!(1), &json!(1)));
}

#[test]
#[cfg(target_os = "linux")]
fn a_port_in_time_wait_is_granted() {
    let home = Home::new();
    let port = home.spare_port();
    let mut server = Server::on(&home, port);
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    server.tell("serve");
    assert_eq!(server.hear(), "served");
    std::io::copy(&mut &client, &mut std::io::sink()).unwrap();
    drop(client);
    server.kill();
    let in_time_wait = || {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let ours = format!("0100007F:{port:04X}");
        table.lines().any(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            (fields[1], fields[3]) == (ours.as_str(), "06")
        })
    };
    until("the server's side is in TIME_WAIT", in_time_wait);
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "port": port, "exact": true }));
    assert_eq!(grant.port.get(), port);
    assert!(in_time_wait(), "it was over before the port was granted");
    // And it is not only said to be free.
    drop(Server::on(&home, port));
}

#[test]
fn the_preferred_port_is_granted_if_it_is_free_and_else_the_reason_says_who_has_it() {
    let home = Home::new();
    let port = home.spare_port();
    let wish = json!({ "service_type": sort::WEB, "preferred_port": port, "instance_id": "claude-2", "project_path": "/w/other" });
    let first = home.allocate(&wish);
    assert_eq!((first.port.get(), first.reason), (port, None));
    let second = home.allocate(&json!({ "service_type": sort::WEB, "preferred_port": port }));
    assert_eq!(second.port.get(), *home.range(sort::WEB).start());
    let reason = second.reason.expect("a reason");
    assert!(reason.contains(&port.to_string()) && reason.contains("claude-2"), "{reason}");
}

#[test]
fn an_exact_port_is_that_one_or_a_refusal_that_names_its_holder() {
    let home = Home::new();
    let exact = json!({ "service_type": sort::WEB, "port": home.spare_port(), "exact": true, "instance_id": "claude-1" });
    let first = home.allocate(&exact);
    assert_eq!(json!(first.port), exact["port"]);
    let refusal = home.socket().post("/allocate", &exact).refused(409, "port_unavailable");
    assert!(refusal.error.contains("claude-1"), "{}", refusal.error);
    assert_eq!(home.leases().len(), 1);
}

#[test]
fn the_daemons_own_port_is_never_granted() {
    let home = Home::new();
    home.start();
    let exact = json!({ "service_type": sort::WEB, "port": home.listen_port(), "exact": true });
    home.socket().post("/allocate", &exact).refused(409, "port_unavailable");
}

#[test]
fn every_allocate_of_one_key_is_another_lease() {
    let home = Home::new();
    let ask = json!({ "service_type": sort::WEB, "service_name": "web", "project_path": "/w/app" });
    let (first, second) = (home.allocate(&ask), home.allocate(&ask));
    assert_ne!(first.port, second.port);
    assert_ne!(first.lock_id, second.lock_id);
}

#[test]
fn a_key_gets_the_port_it_had_before_and_others_get_it_last() {
    let home = Home::new();
    let ask = |project: &str| json!({ "service_type": sort::WEB, "project_path": project });
    let _keeps_the_first = home.allocate(&ask("/w/zero"));
    let first = home.allocate(&ask("/w/one"));
    home.socket().delete(&format!("/allocate/{}", first.lock_id.unwrap())).ok::<ReleaseAnswer>();
    let other = home.allocate(&ask("/w/two"));
    assert_ne!(other.port, first.port);
    assert_eq!(home.allocate(&ask("/w/one")).port, first.port);
}

#[test]
fn an_unknown_service_type_is_refused_when_types_are_strict() {
    let home = Home::new();
    let refusal = home.socket().post("/allocate", &json!({ "service_type": "wep" })).refused(400, "invalid_request");
    assert!(refusal.error.contains(sort::WEB) && refusal.hint.unwrap().contains(sort::WEB));
}

// Groups, singletons, dry runs, request ids.

#[test]
fn a_group_is_granted_all_or_nothing() {
    let home = Home::new();
    let ask = |types: &[&str]| json!({ "services": types.iter().map(|name| json!({ "service": name })).collect::<Vec<_>>() });
    let group: GroupAnswer = home.socket().post("/allocate", &ask(&[sort::WEB, sort::API, sort::WEB])).ok();
    let sorts: Vec<&str> = group.leases.iter().map(|grant| grant.service_type.as_str()).collect();
    assert_eq!(sorts, [sort::WEB, sort::API, sort::WEB]);
    assert_ne!(group.leases[0].port, group.leases[2].port);
    home.socket().post("/allocate", &ask(&[sort::API, sort::TINY, sort::TINY, sort::TINY])).refused(409, "no_free_port");
    assert_eq!(home.leases().len(), 3, "part of the second group was granted");
}

#[test]
fn a_singletons_second_asker_is_given_the_first_ones_lease() {
    let home = Home::new();
    let first = home.allocate(&json!({ "service_type": sort::SOLO, "instance_id": "claude-1", "project_path": "/w/one" }));
    let second = home.allocate(&json!({ "service_type": sort::SOLO, "project_path": "/w/two" }));
    assert!(!first.existing && second.existing);
    assert_eq!(second.port, first.port);
    assert!(second.reason.expect("its holder").contains("claude-1"));
    assert_eq!(home.leases().len(), 1);
}

#[test]
fn a_dry_run_says_what_an_allocate_then_grants_and_remembers_nothing() {
    let home = Home::new();
    let port = home.spare_port();
    home.allocate(&json!({ "service_type": sort::WEB, "port": port }));
    let ask = |dry_run: bool| json!({ "service_type": sort::WEB, "port": port, "dry_run": dry_run, "request_id": "r" });
    let before = home.status().unwrap().journal;
    let dry = home.allocate(&ask(true));
    assert_eq!(dry.lock_id, None);
    assert_eq!((home.leases().len(), home.status().unwrap().journal), (1, before));
    let real = home.allocate(&ask(false));
    assert_eq!((real.port, real.reason), (dry.port, dry.reason));
    assert!(real.lock_id.is_some());
}

#[test]
fn a_repeated_request_gets_the_first_answer_and_a_changed_one_is_refused() {
    let home = Home::new();
    let ask = json!({ "service_type": sort::WEB, "request_id": "once" });
    let first = home.allocate(&ask);
    assert_eq!(home.allocate(&ask), first);
    let changed = json!({ "service_type": sort::API, "request_id": "once" });
    home.socket().post("/allocate", &changed).refused(422, "request_id_reused");
    assert_eq!(home.leases().len(), 1);
    // Also by a client that lost the answer and comes when the lease has ended.
    home.socket().delete(&format!("/allocate/{}", first.lock_id.unwrap())).ok::<ReleaseAnswer>();
    assert_eq!(home.allocate(&ask), first);
    assert_eq!(home.leases(), []);
}

// Reuse.

fn reuse(more: &Value) -> Value {
    let mut ask = json!({ "service_type": sort::WEB, "project_path": "/w/app", "reuse": true });
    for (key, value) in more.as_object().unwrap() {
        ask[key] = value.clone();
    }
    ask
}

#[test]
fn reuse_gives_back_the_live_lease_that_nobody_uses() {
    let home = Home::new();
    let first = home.allocate(&reuse(&json!({})));
    assert!(!first.reused);
    let again = home.allocate(&reuse(&json!({ "port": home.spare_port() })));
    assert!(again.reused);
    assert_eq!((again.port, again.lock_id), (first.port, first.lock_id));
    for other in [json!({ "service_name": "x" }), json!({ "instance_id": "claude-1" }), json!({ "project_path": "/w/b" })] {
        let grant = home.allocate(&reuse(&other));
        assert!(!grant.reused && grant.port != first.port, "{other}");
    }
}

#[test]
fn reuse_leaves_a_lease_alone_that_another_process_owns_or_listens_on() {
    let home = Home::new();
    let owner = Running::idle();
    let owned = home.allocate(&reuse(&json!({ "pid": owner.pid() })));
    let listened = home.allocate(&reuse(&json!({})));
    assert_ne!(owned.port, listened.port);
    let _server = Server::on(&home, listened.port.get());
    let third = home.allocate(&reuse(&json!({})));
    assert!(!third.reused);
    assert!(![owned.port, listened.port].contains(&third.port));
}

#[test]
fn reuse_with_a_pid_makes_it_the_owner() {
    let home = Home::new();
    let first = home.allocate(&reuse(&json!({})));
    let owner = Running::idle();
    let again = home.allocate(&reuse(&json!({ "pid": owner.pid() })));
    assert_eq!((again.lock_id, again.owner.kind, pid_of(&again.owner)), (first.lock_id, OwnerKind::Process, Some(owner.pid())));
    owner.kill();
    home.ended(&first);
}

#[test]
fn reuse_by_a_descendant_gets_its_ancestors_lease_and_the_owner_stays() {
    let home = Home::new();
    let (parent, child) = forked_server(&home, ([127, 0, 0, 1], home.spare_port()).into());
    let first = home.allocate(&reuse(&json!({ "pid": parent.pid() })));
    let again = home.allocate(&reuse(&json!({ "pid": child })));
    assert!(again.reused);
    assert_eq!((again.lock_id, pid_of(&again.owner)), (first.lock_id, Some(parent.pid())));
    let stranger = Running::idle();
    assert!(!home.allocate(&reuse(&json!({ "pid": stranger.pid() }))).reused);
}

#[test]
fn reuse_of_a_lease_whose_port_a_stranger_has_bound_moves_on() {
    let home = Home::new();
    let ours = home.project();
    let ask = json!({ "service_type": sort::WEB, "project_path": ours, "reuse": true });
    let first = home.allocate(&ask);
    let mut events = home.socket().events(None);
    let stranger = server_in(&home, &home.other_project(), first.port.get());
    let (_, conflict) = events.expect("conflict");
    let conflict = conflict.lease.unwrap().conflict.expect("a stranger");
    assert_eq!(conflict.pid.map(styxy_core::Pid::get), Some(stranger.pid()));
    assert!(home.lease_of(&first).unwrap().conflict.is_some());
    let moved = home.allocate(&ask);
    assert_eq!(moved.displaced_from, Some(first.port));
    assert!(!moved.reused && moved.port != first.port);
    let (_, ended) = events.expect("ended");
    assert_eq!(ended.reason, Some(EndReason::Displaced));
    assert!(home.lease_of(&first).is_none());
}

#[test]
fn a_server_of_a_related_worktree_is_no_stranger() {
    let home = Home::new();
    let inner = home.project().join("packages/inner");
    std::fs::create_dir_all(inner.join(".git")).unwrap();
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "project_path": home.project() }));
    let server = server_in(&home, &inner, grant.port.get());
    let lease = home.active(&grant);
    assert_eq!((lease.conflict, pid_of(&lease.owner)), (None, Some(server.pid())));
}

fn server_in(home: &Home, folder: &Path, port: u16) -> Server {
    let address = format!("127.0.0.1:{port}");
    Server::listening(helper(home, "listen", &[address.as_str()]).current_dir(folder))
}

// Instances.

#[test]
fn an_instances_leases_end_with_its_process() {
    let home = Home::new();
    let session = Running::idle();
    let register = json!({ "instance_id": "claude-1", "pid": session.pid(), "working_directory": "/w/app", "metadata": {"model": 3} });
    let registered: RegisterAnswer = home.socket().post("/instance/register", &register).ok();
    assert_eq!((registered.heartbeat_interval, registered.expires_in), (None, None), "it needs no beat");
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "instance_id": "claude-1" }));
    assert_eq!(grant.owner.kind, OwnerKind::Instance);
    let listed: InstancesAnswer = home.socket().get("/instance/list").ok();
    assert_eq!(listed.instances[0].metadata, Some(json!({ "model": 3 })));
    assert_eq!(listed.instances[0].active_allocations.len(), 1);
    session.kill();
    home.ended(&grant);
    assert_eq!(home.socket().get("/instance/list").ok::<InstancesAnswer>().instances, []);
    home.socket().post("/instance/heartbeat", &json!({ "instance_id": "claude-1" })).refused(410, "instance_expired");
}

#[test]
fn an_instance_without_a_process_lives_by_its_beats() {
    let home = Home::with(&json!({ "instance_ttl": 0.6 }));
    let mut events = home.socket().events(None);
    let registered: RegisterAnswer = home.socket().post("/instance/register", &json!({ "instance_id": "beats" })).ok();
    let seconds = |text: Option<f64>| text.map(|seconds| (seconds * 10.0).round() / 10.0);
    assert_eq!((seconds(registered.heartbeat_interval), seconds(registered.expires_in)), (Some(0.2), Some(0.6)));
    events.expect("instance_registered");
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "instance_id": "beats" }));
    events.expect("granted");
    let beat: BeatAnswer = home.socket().send(&crate::support::Request::new("PUT", "/instance/beats/heartbeat")).ok();
    assert_eq!(seconds(beat.expires_in), Some(0.6));
    let (_, ended) = events.expect("ended");
    assert_eq!((ended.lease.unwrap().lock_id, ended.reason), (grant.lock_id.unwrap(), Some(EndReason::InstanceExpired)));
    let (_, expired) = events.expect("instance_expired");
    assert!(expired.at.0 >= beat.last_heartbeat.0 + 600, "it expired before its time");
}

#[test]
fn an_instance_that_is_unregistered_gives_its_ports_back() {
    let home = Home::new();
    home.socket().post("/instance/register", &json!({ "instance_id": "a" })).ok::<RegisterAnswer>();
    let silent = home.allocate(&json!({ "service_type": sort::WEB, "instance_id": "a" }));
    let listening = home.allocate(&json!({ "service_type": sort::WEB, "instance_id": "a" }));
    let server = Server::on(&home, listening.port.get());
    let ended: EndInstanceAnswer = home.socket().delete("/instance/a").ok();
    let released: Vec<_> = ended.released.iter().map(|lease| lease.port).collect();
    assert_eq!(released, [silent.port], "the other one passed to its server");
    assert_eq!(pid_of(&home.lease_of(&listening).unwrap().owner), Some(server.pid()));
    home.socket().delete("/instance/a").refused(404, "unknown_instance");
}

#[test]
fn a_live_instance_is_updated_by_its_own_process_and_by_no_other() {
    let home = Home::new();
    let (owner, other) = (Running::idle(), Running::idle());
    let register = |pid: u32| home.socket().post("/instance/register", &json!({ "instance_id": "a", "pid": pid }));
    register(owner.pid()).ok::<RegisterAnswer>();
    register(owner.pid()).ok::<RegisterAnswer>();
    register(other.pid()).refused(409, "instance_exists");
    owner.kill();
    register(other.pid()).ok::<RegisterAnswer>();
}

#[test]
fn an_unregistered_instance_id_is_a_label() {
    let home = Home::new();
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "instance_id": "label" }));
    assert_eq!(grant.owner.kind, OwnerKind::Listener);
    assert_eq!(home.lease_of(&grant).unwrap().instance_id.unwrap().as_str(), "label");
}

// Everything tells one story.

#[test]
fn check_list_scan_and_events_tell_the_same_story() {
    let home = Home::new();
    let mut events = home.socket().events(None);
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "service_name": "web", "project_path": home.project() }));
    let server = Server::on(&home, grant.port.get());
    let listed = home.active(&grant);
    let check: CheckAnswer = home.socket().get(&format!("/check/{}", grant.port)).ok();
    let leased = check.allocated_to.clone().expect("a lease");
    assert_eq!((leased.lock_id, &leased.owner, leased.state), (listed.lock_id, &listed.owner, listed.state));
    let usage = check.system_usage.expect("a server");
    assert_eq!(usage.pid.map(styxy_core::Pid::get), Some(server.pid()));
    assert_eq!(usage.addresses, ["127.0.0.1"]);
    let scan: styxy_core::api::ScanAnswer = home.socket().get(&format!("/scan?start={0}&end={0}", grant.port)).ok();
    assert_eq!(scan.scan_range, format!("{0}-{0}", grant.port));
    assert_eq!(scan.ports_in_use[0].system_usage.as_ref().and_then(|usage| usage.pid), usage.pid);
    assert_eq!(scan.ports_in_use[0].allocated_to.as_ref().map(|lease| lease.lock_id), grant.lock_id);
    for name in ["granted", "activated", "passed"] {
        assert_eq!(Some(events.expect(name).1.lease.unwrap().lock_id), grant.lock_id);
    }
}

#[test]
fn suggest_reserves_nothing_and_says_what_allocate_grants() {
    let home = Home::new();
    let suggest: styxy_core::api::SuggestAnswer = home.socket().get("/suggest/web?count=3").ok();
    let expected: Vec<u16> = home.range(sort::WEB).take(3).collect();
    assert_eq!(suggest.suggestions.iter().map(|port| port.get()).collect::<Vec<_>>(), expected);
    assert_eq!(home.leases(), []);
    assert_eq!(Some(home.allocate(&json!({ "service_type": sort::WEB })).port), suggest.port);
}

#[test]
fn a_forced_cleanup_ends_every_lease_and_no_server() {
    let home = Home::new();
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "pid": std::process::id() }));
    let server = Server::on(&home, grant.port.get());
    home.active(&grant);
    let cleaned: CleanupAnswer = home.socket().post("/cleanup", &json!({ "force": true })).ok();
    assert_eq!((cleaned.cleaned, cleaned.released.len()), (1, 1));
    assert_eq!(home.leases(), []);
    assert!(alive(server.pid()));
    // The port is foreign now.
    let exact = json!({ "service_type": sort::WEB, "port": grant.port, "exact": true });
    home.socket().post("/allocate", &exact).refused(409, "port_unavailable");
}

#[test]
fn a_grant_has_everything_a_person_needs() {
    let home = Home::new();
    let answer: AllocateAnswer = home.socket().post("/allocate", &json!({ "service": sort::WEB, "service_name": "web" })).ok();
    let grant: &Grant = &answer.grants()[0];
    assert_eq!(grant.url, format!("http://localhost:{}", grant.port));
    assert_eq!(grant.message, format!("Port {} allocated for web service", grant.port));
    assert_eq!(grant.service_name.as_ref().unwrap().as_str(), "web");
    assert!(grant.success && !grant.reused && !grant.existing && grant.reason.is_none() && grant.displaced_from.is_none());
}
