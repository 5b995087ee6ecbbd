//! `GET /events` reports everything that happens, in order, and can be resumed where it broke off.

use serde_json::json;
use styxy_core::EndReason;
use styxy_core::api::{CleanupAnswer, EndInstanceAnswer, GroupAnswer, RegisterAnswer, ReleaseAnswer, State};

use crate::support::{Home, Request, Server, proper, sort, until};

#[test]
fn the_events_of_a_lease_come_in_order_over_every_transport() {
    let home = Home::new();
    home.start();
    let mut streams = [home.socket(), home.trusted_tcp(), home.trusted_tcp6()].map(|way| way.events(None));
    let grant = home.allocate(&json!({ "service_type": sort::WEB, "pid": std::process::id() }));
    let mut server = Server::on(&home, grant.port.get());
    home.active(&grant);
    server.close();
    until("it is silent", || home.lease_of(&grant).is_some_and(|lease| lease.state == State::Granted));
    home.socket().delete(&format!("/allocate/{}", grant.lock_id.unwrap())).ok::<ReleaseAnswer>();
    let mut told = Vec::new();
    for stream in &mut streams {
        let mut last = 0;
        let mut one = Vec::new();
        for (name, state) in [
            ("granted", State::Granted),
            ("activated", State::Active),
            ("deactivated", State::Granted),
            ("ended", State::Granted),
        ] {
            let (id, message) = stream.expect(name);
            assert!(id > last, "{id} comes after {last}");
            last = id;
            let lease = message.lease.clone().expect("the lease");
            assert_eq!((Some(lease.lock_id), lease.state), (grant.lock_id, state), "{name}");
            assert_eq!(message.reason, (name == "ended").then_some(EndReason::Released));
            one.push(message);
        }
        told.push(one);
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0], told[2]);
}

#[test]
fn instances_have_events_too() {
    let home = Home::new();
    let mut events = home.socket().events(None);
    home.socket().post("/instance/register", &json!({ "instance_id": "a" })).ok::<RegisterAnswer>();
    home.socket().delete("/instance/a").ok::<EndInstanceAnswer>();
    for name in ["instance_registered", "instance_ended"] {
        assert_eq!(events.expect(name).1.instance.expect("the instance").instance_id.as_str(), "a");
    }
}

#[test]
fn a_reader_resumes_after_the_last_event_that_it_saw() {
    let home = Home::new();
    let mut first = home.socket().events(None);
    let mut seen = Vec::new();
    for _ in 0..4 {
        home.allocate(&json!({ "service_type": sort::WEB }));
        seen.push(first.expect("granted"));
    }
    drop(first);
    let mut again = home.trusted_tcp().events(Some(seen[1].0));
    assert_eq!(again.expect("granted"), seen[2]);
    assert_eq!(again.expect("granted"), seen[3]);
    // From there on it gets live events.
    let grant = home.allocate(&json!({ "service_type": sort::WEB }));
    assert_eq!(again.expect("granted").1.lease.unwrap().port, grant.port);
}

#[test]
fn a_reader_resumes_after_a_restart_of_the_daemon() {
    let home = Home::new();
    let mut first = home.socket().events(None);
    home.allocate(&json!({ "service_type": sort::WEB }));
    let (seen, _) = first.expect("granted");
    let missed = home.allocate(&json!({ "service_type": sort::WEB }));
    home.styxy(&["daemon", "restart"]).done();
    let later = home.allocate(&json!({ "service_type": sort::WEB }));
    let mut again = home.socket().events(Some(seen));
    let (second, message) = again.expect("granted");
    assert_eq!(message.lease.unwrap().port, missed.port);
    let (third, message) = again.expect("granted");
    assert_eq!(message.lease.unwrap().port, later.port);
    assert!(seen < second && second < third, "{seen} {second} {third}");
}

#[test]
fn a_reader_of_another_daemons_events_learns_to_start_again() {
    let home = Home::new();
    home.allocate(&json!({ "service_type": sort::WEB }));
    let mut events = home.socket().events(Some(1_000_000));
    let reset = events.next().expect("an event");
    assert_eq!(reset.name, "reset");
    let listed = home.leases();
    assert_eq!(listed.len(), 1);
}

#[test]
fn an_id_that_is_not_a_number_is_refused() {
    let home = Home::new();
    for id in ["abc", "-1", "1.5"] {
        let answer = home.socket().send(&Request::get("/events").header("Last-Event-ID", id));
        proper(&answer);
        answer.refused(400, "invalid_request");
    }
}

#[test]
fn the_stream_ends_with_the_daemon_and_does_not_delay_its_end() {
    let home = Home::new();
    let mut events = home.socket().events(None);
    home.allocate(&json!({ "service_type": sort::WEB }));
    home.styxy(&["daemon", "stop"]).done();
    events.expect("granted");
    assert!(events.next().is_none());
}

#[test]
fn a_reader_that_reads_nothing_is_disconnected_and_does_no_harm() {
    let home = Home::new();
    let mut slow = home.socket().events(None);
    let mut granted = 0;
    let members: Vec<_> = (0..64).map(|_| json!({ "service_type": sort::MANY })).collect();
    for _ in 0..60 {
        let group: GroupAnswer = home.socket().post("/allocate", &json!({ "services": members })).ok();
        granted += group.leases.len();
        home.socket().post("/cleanup", &json!({ "force": true })).ok::<CleanupAnswer>();
    }
    let (mut read, mut last) = (0, 0);
    while let Some(event) = slow.next() {
        read += 1;
        last = event.id.expect("an id");
    }
    assert!(
        read > 0 && read < 2 * granted,
        "{read} events of {} were kept for a reader that did not read",
        2 * granted
    );
    // It has missed too much by now, and learns so.
    assert_eq!(home.socket().events(Some(last)).next().expect("an event").name, "reset");
}
