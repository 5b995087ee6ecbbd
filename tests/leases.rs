//! A lease lives exactly as long as its owner, and nobody else gets its port in that time.

use std::net::{SocketAddr, TcpStream};

#[cfg(unix)]
use rustix::process::Signal;
use serde_json::json;
use styxy_core::api::{CheckAnswer, CleanupAnswer, OwnerKind, ReleaseAnswer, ScanAnswer, State};
use styxy_core::{EndReason, Pid};

#[cfg(unix)]
use crate::support::nobody;
use crate::support::{
    Home, Running, Server, addresses, alive, eventually, forked_server, has_ended, helper, names_process,
    pid_of, sort, until,
};

/// Checks every owner and every listener now: the leases that remain are those that should.
fn look_again(home: &Home) -> CleanupAnswer {
    home.socket().post("/cleanup", &json!({})).ok()
}

// A lease with a pid.

#[test]
fn the_port_of_a_killed_owner_goes_to_the_next_request() {
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
#[cfg(unix)]
fn a_zombie_owner_has_ended() {
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
#[cfg(unix)]
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
fn a_process_keeps_its_lease_while_it_does_not_listen() {
    let home = Home::with(&json!({ "unbind_grace": 0 }));
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "pid": std::process::id() }));
    let mut server = Server::on(&home, grant.port.get());
    home.active(&grant);
    server.close();
    until("the lease is silent again", || home.lease_of(&grant).expect("the lease").state == State::Granted);
    server.reopen();
    home.active(&grant);
    server.kill();
    until("the lease is silent for good", || {
        home.lease_of(&grant).expect("the lease").state == State::Granted
    });
    assert_eq!(look_again(&home).cleaned, 0);
}

#[test]
fn a_lease_passes_to_the_child_that_listens_when_its_owner_dies() {
    let home = Home::new();
    let port = home.spare_port();
    let (mut parent, child) = forked_server(&home, ([127, 0, 0, 1], port).into());
    // The port is taken by now, and the lease still belongs to the parent.
    home.socket()
        .post("/allocate", &json!({ "service_type": sort::WEB, "port": port, "exact": true }))
        .refused(409, "port_unavailable");
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
    // The server's parent has nothing to do with the lease.
    parent.kill_alone();
    assert_eq!(look_again(&home).cleaned, 0);
    assert!(home.lease_of(&grant).is_some());
    drop(parent);
    home.ended(&grant);
}

fn drop_child(parent: &mut Server, child: u32) {
    parent.kill_alone();
    parent.hang_up();
    until("the child ends", || has_ended(child));
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

#[test]
fn a_server_whose_parent_exits_before_it_has_bound_gets_a_new_lease_of_its_key() {
    let home = Home::new();
    let key = json!({ "service_type": sort::WEB, "service_name": "npm", "project_path": home.project() });
    let port = home.socket().get("/suggest/web?count=1").json()["port"].as_u64().unwrap();
    let address = format!("127.0.0.1:{port}");
    let mut parent = Server::run(&mut helper(&home, "late-parent", &[address.as_str()]));
    let child: u32 = parent.hear().parse().unwrap();
    let mut ask = key;
    ask["pid"] = json!(parent.pid());
    let grant = home.allocate(&ask);
    assert_eq!(u64::from(grant.port.get()), port);
    parent.kill_alone();
    home.ended(&grant);
    parent.tell("bind now");
    assert_eq!(parent.hear(), "ready");
    let again = eventually("the server is seen", || {
        home.leases().into_iter().find(|lease| u64::from(lease.port.get()) == port)
    });
    assert_eq!((again.state, pid_of(&again.owner)), (State::Active, Some(child)));
    assert_eq!(again.service_name.unwrap().as_str(), "npm");
    assert_ne!(Some(again.lock_id), grant.lock_id);
}

// A lease without one.

#[test]
fn a_lease_without_an_owner_becomes_its_servers_and_ends_with_it() {
    let home = Home::new();
    let grant = home.allocate(&json!({ "service_type": sort::WEB }));
    assert_eq!((grant.state, grant.owner.kind, grant.owner.pid), (State::Granted, OwnerKind::Listener, None));
    let mut events = home.socket().events(None);
    let server = Server::on(&home, grant.port.get());
    // Without a request the daemon looks by itself.
    events.expect("activated");
    let (_, passed) = events.expect("passed");
    assert_eq!(pid_of(&passed.lease.unwrap().owner), Some(server.pid()));
    let lease = home.lease_of(&grant).unwrap();
    assert_eq!((lease.state, pid_of(&lease.owner)), (State::Active, Some(server.pid())));
    assert!(
        lease.last_seen_listening.is_some()
            && lease.owner.process.is_some()
            && lease.owner.started_at.is_some()
    );
    server.kill();
    let ended = eventually("ended", || events.next().filter(|event| event.name == "ended"));
    assert_eq!(
        (&ended.data["lease"]["port"], &ended.data["reason"]),
        (&json!(grant.port), &json!("listener_exited"))
    );
    assert_eq!(home.leases(), []);
}

#[test]
fn a_server_on_any_address_makes_its_lease_active() {
    let home = Home::new();
    for address in addresses(0).into_iter().filter(names_process) {
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
    assert_eq!(
        (ended.lease.unwrap().lock_id, ended.reason),
        (grant.lock_id.unwrap(), Some(EndReason::BindTtl))
    );
}

#[test]
fn release_ends_a_lease_at_once_even_if_its_server_listens() {
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

#[test]
fn a_server_of_a_related_worktree_is_not_a_stranger() {
    let home = Home::new();
    let inner = home.project().join("packages/inner");
    std::fs::create_dir_all(inner.join(".git")).unwrap();
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "project_path": home.project() }));
    let server = Server::in_folder(&home, &inner, grant.port.get());
    let lease = home.active(&grant);
    assert_eq!((lease.conflict, pid_of(&lease.owner)), (None, Some(server.pid())));
}

#[test]
fn check_list_scan_and_events_tell_the_same_story() {
    let home = Home::new();
    let mut events = home.socket().events(None);
    let grant = home.allocate(
        &json!({ "service_type": sort::WEB, "service_name": "web", "project_path": home.project() }),
    );
    let server = Server::on(&home, grant.port.get());
    let listed = home.active(&grant);
    let check: CheckAnswer = home.socket().get(&format!("/check/{}", grant.port)).ok();
    let leased = check.allocated_to.clone().expect("a lease");
    assert_eq!((leased.lock_id, &leased.owner, leased.state), (listed.lock_id, &listed.owner, listed.state));
    let usage = check.system_usage.expect("a server");
    assert_eq!(usage.pid.map(Pid::get), Some(server.pid()));
    assert_eq!(usage.addresses, ["127.0.0.1"]);
    let scan: ScanAnswer = home.socket().get(&format!("/scan?start={0}&end={0}", grant.port)).ok();
    assert_eq!(scan.scan_range, format!("{0}-{0}", grant.port));
    assert_eq!(scan.ports_in_use[0].system_usage.as_ref().and_then(|usage| usage.pid), usage.pid);
    assert_eq!(scan.ports_in_use[0].allocated_to.as_ref().map(|lease| lease.lock_id), grant.lock_id);
    for name in ["granted", "activated", "passed"] {
        assert_eq!(Some(events.expect(name).1.lease.unwrap().lock_id), grant.lock_id);
    }
}

#[test]
fn a_forced_cleanup_ends_every_lease_but_no_server() {
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
#[cfg(unix)]
fn another_users_server_on_a_leased_port_is_a_stranger() {
    let home = Home::new();
    let grant = home.allocate(&json!({ "service_type": sort::WEB }));
    let address = format!("127.0.0.1:{}", grant.port);
    let mut command = helper(&home, "listen", &[address.as_str()]);
    if !nobody(command.current_dir("/")) {
        return;
    }
    let stranger = Server::listening(&mut command);
    let conflict = eventually("the stranger is seen", || home.lease_of(&grant).expect("the lease").conflict);
    assert_eq!(conflict.pid.map(Pid::get), Some(stranger.pid()));
    assert_eq!(home.lease_of(&grant).unwrap().owner.pid, None, "the lease passed to a stranger");
    stranger.kill();
    until("the conflict is over", || home.lease_of(&grant).expect("the lease").conflict.is_none());
    // The lease still waits for its own server.
    let server = Server::on(&home, grant.port.get());
    assert_eq!(pid_of(&home.active(&grant).owner), Some(server.pid()));
}
