//! An agent session's leases live as long as the session does.

use std::time::Duration;

#[cfg(unix)]
use rustix::process::Signal;
use serde_json::json;
use styxy_core::EndReason;
use styxy_core::api::{BeatAnswer, EndInstanceAnswer, InstancesAnswer, OwnerKind, RegisterAnswer};

#[cfg(unix)]
use crate::support::kill;
use crate::support::{Home, Request, Running, Server, pid_of, sort};

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
    home.socket()
        .post("/instance/heartbeat", &json!({ "instance_id": "claude-1" }))
        .refused(410, "instance_expired");
}

#[test]
fn an_instance_without_a_process_lives_by_its_heartbeats() {
    let home = Home::with(&json!({ "instance_ttl": 0.6 }));
    let mut events = home.socket().events(None);
    let registered: RegisterAnswer =
        home.socket().post("/instance/register", &json!({ "instance_id": "beats" })).ok();
    let seconds = |text: Option<f64>| text.map(|seconds| (seconds * 10.0).round() / 10.0);
    assert_eq!(
        (seconds(registered.heartbeat_interval), seconds(registered.expires_in)),
        (Some(0.2), Some(0.6))
    );
    events.expect("instance_registered");
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "instance_id": "beats" }));
    events.expect("granted");
    let beat: BeatAnswer = home.socket().send(&Request::new("PUT", "/instance/beats/heartbeat")).ok();
    assert_eq!(seconds(beat.expires_in), Some(0.6));
    let (_, ended) = events.expect("ended");
    assert_eq!(
        (ended.lease.unwrap().lock_id, ended.reason),
        (grant.lock_id.unwrap(), Some(EndReason::InstanceExpired))
    );
    let (_, expired) = events.expect("instance_expired");
    // The clock has whole milliseconds, so the TTL may be shorter by the fraction that was cut off the heartbeat's time.
    assert!(expired.at.0 >= beat.last_heartbeat.0 + 599, "it expired before its time");
}

#[test]
fn an_instance_that_is_unregistered_loses_its_leases() {
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
fn a_live_instance_is_updated_only_by_its_own_process() {
    let home = Home::new();
    let (owner, other) = (Running::idle(), Running::idle());
    let register =
        |pid: u32| home.socket().post("/instance/register", &json!({ "instance_id": "a", "pid": pid }));
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

#[test]
#[cfg(unix)]
fn an_instance_does_not_expire_while_the_daemon_is_stopped() {
    unheard(|home| {
        let pid = home.daemon_file().unwrap().pid.get();
        kill(pid, Signal::STOP);
        pass_time();
        kill(pid, Signal::CONT);
    });
}

#[test]
fn an_instance_does_not_expire_while_no_daemon_runs() {
    unheard(|home| {
        home.kill_daemon();
        pass_time();
        home.start();
    });
}

/// An instance may still send heartbeats after a `silence` in which it could not be heard.
#[track_caller]
fn unheard(silence: impl FnOnce(&Home)) {
    let home = Home::with(&json!({ "instance_ttl": 1 }));
    home.socket().post("/instance/register", &json!({ "instance_id": "beats" })).ok::<RegisterAnswer>();
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "instance_id": "beats" }));
    silence(&home);
    let beat = home.socket().post("/instance/heartbeat", &json!({ "instance_id": "beats" }));
    assert_eq!(beat.status, 200, "{}", beat.text());
    assert!(home.lease_of(&grant).is_some());
}

/// More than the instance's time to live, in which nobody hears it: this is the scenario, not a wait for anything.
fn pass_time() {
    std::thread::sleep(Duration::from_millis(1500));
}
