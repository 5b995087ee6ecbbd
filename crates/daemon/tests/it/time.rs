//! Deadlines of a live daemon: they pass without any request.

use serde_json::json;

use crate::live::Live;

#[test]
fn a_lease_that_nobody_listens_on_ends_after_bind_ttl() {
    let daemon = Live::start(r#"{"bind_ttl": 0.2}"#);
    let mut events = daemon.events();
    let lease = daemon.allocate(&json!({"service_type": "waiting"}));
    let (ended, _) = events.wait_for("ended");
    assert_eq!((&ended["reason"], &ended["lease"]["lock_id"]), (&"bind_ttl".into(), &lease["lock_id"]));
    assert_eq!(daemon.release(&lease), 410);
}

#[test]
fn an_instance_without_heartbeats_expires_with_its_leases() {
    let daemon = Live::start(r#"{"instance_ttl": 0.3}"#);
    let mut events = daemon.events();
    let (status, registered) = daemon.ask("POST", "/instance/register", r#"{"instance_id": "agent-1"}"#);
    assert_eq!(
        (status, &registered["expires_in"], &registered["heartbeat_interval"]),
        (200, &json!(0.3), &json!(0.1))
    );
    daemon.allocate(&json!({"service_type": "waiting", "instance_id": "agent-1"}));
    let (ended, _) = events.wait_for("ended");
    assert_eq!(ended["reason"], "instance_expired");
    let (expired, _) = events.wait_for("instance_expired");
    assert_eq!(expired["instance"]["instance_id"], "agent-1");
    let (status, refusal) = daemon.ask("POST", "/instance/heartbeat", r#"{"instance_id": "agent-1"}"#);
    assert_eq!((status, &refusal["code"]), (410, &json!("instance_expired")));
}

#[test]
fn an_instance_with_a_process_lives_without_heartbeats_and_ends_with_it() {
    let daemon = Live::start(r#"{"instance_ttl": 0.1}"#);
    let mut events = daemon.events();
    let mut process = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let body = json!({"instance_id": "agent-2", "pid": process.id()}).to_string();
    let (status, registered) = daemon.ask("POST", "/instance/register", &body);
    assert_eq!((status, &registered["expires_in"]), (200, &json!(null)));
    // By then an instance without a process would have expired twice over.
    daemon.ask("POST", "/instance/register", r#"{"instance_id": "heartbeats"}"#);
    let (expired, _) = events.wait_for("instance_expired");
    assert_eq!(expired["instance"]["instance_id"], "heartbeats");
    assert_eq!(daemon.get("/instance/list")["instances"][0]["instance_id"], "agent-2");
    process.kill().unwrap();
    process.wait().unwrap();
    let (expired, _) = events.wait_for("instance_expired");
    assert_eq!(expired["instance"]["instance_id"], "agent-2");
}
