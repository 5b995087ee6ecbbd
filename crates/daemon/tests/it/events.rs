//! `/events` of a live daemon.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use serde_json::json;

use crate::live::{Events, Live, free_range};

#[test]
fn a_listener_that_opens_and_closes_is_an_event_while_its_owner_lives() {
    let [first, last] = free_range(4);
    let daemon = Live::start(&format!(r#"{{"service_types": {{"web": {{"range": [{first}, {last}]}}}}}}"#));
    let mut events = daemon.events();
    let lease = daemon.allocate(&json!({"service_type": "web", "pid": std::process::id()}));
    let port = u16::try_from(lease["port"].as_u64().unwrap()).unwrap();
    for _ in 0..3 {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let (activated, _) = events.wait_for("activated");
        assert_eq!(activated["lease"]["lock_id"], lease["lock_id"]);
        assert_eq!(daemon.get(&format!("/check/{port}"))["system_usage"]["pid"], std::process::id());
        drop(listener);
        let (deactivated, _) = events.wait_for("deactivated");
        assert_eq!(deactivated["lease"]["state"], "granted");
    }
    assert_eq!(daemon.release(&lease), 200);
}

#[test]
fn a_stream_that_is_cut_within_an_event_has_the_events_before_it() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut daemon, _) = listener.accept().unwrap();
    daemon.write_all(b"event: one\ndata: {\"a\": 1}\n\nevent: two\ndata: {\"a\": ").unwrap();
    drop(daemon);
    let mut events = Events::of(BufReader::new(stream));
    assert_eq!(events.next(), Some(("one".into(), json!({"a": 1}))));
    assert_eq!(events.next(), None);
}

/// How many events of 15 kB are sent: 40 MB.
const SENT: usize = 2700;

#[test]
fn a_slow_reader_is_disconnected_and_the_others_are_not() {
    let daemon = Live::start(r#"{"quotas": {"metadata_bytes": 16384}}"#);
    let mut slow = daemon.events();
    let mut fast = daemon.events();
    // More than the sockets' buffers and the feed hold together. The fast reader keeps up.
    let body = json!({"instance_id": "talkative", "metadata": {"about": "x".repeat(15_000)}}).to_string();
    for _ in 0..SENT {
        assert_eq!(daemon.ask("POST", "/instance/register", &body).0, 200);
        fast.wait_for("instance_registered");
    }
    let mut received = 0;
    while slow.next().is_some() {
        received += 1;
    }
    assert!(received < SENT, "the slow reader received everything");
    let lease = daemon.allocate(&json!({"service_type": "churn"}));
    assert_eq!(fast.wait_for("granted").0["lease"]["lock_id"], lease["lock_id"]);
}
