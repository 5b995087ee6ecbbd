//! `GET /events` tells everything that happens, in order, and can be taken up again where it broke off.

use serde_json::json;
use styxy_core::EndReason;
use styxy_core::api::{CleanupAnswer, EndInstanceAnswer, GroupAnswer, RegisterAnswer, ReleaseAnswer, State};

use crate::support::{Home, Request, Server, proper, sort, until};

#[test]
fn a_leases_life_is_told_in_order_by_every_way() {
    let home = Home::new();
    home.start();
    let mut streams = [home.socket(), home.tcp(), home.tcp6()].map(|way| way.events(None));
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
fn an_instances_life_is_told_too() {
    let home = Home::new();
    let mut events = home.socket().events(None);
    home.socket().post("/instance/register", &json!({ "instance_id": "a" })).ok::<RegisterAnswer>();
    home.socket().delete("/instance/a").ok::<EndInstanceAnswer>();
    for name in ["instance_registered", "instance_ended"] {
        assert_eq!(events.expect(name).1.instance.expect("the instance").instance_id.as_str(), "a");
    }
}

#[test]
fn a_reader_goes_on_after_the_last_event_it_saw() {
    let home = Home::new();
    let mut first = home.socket().events(None);
    let mut seen = Vec::new();
    for _ in 0..4 {
        home.allocate(&json!({ "service_type": sort::WEB }));
        seen.push(first.expect("granted"));
    }
    drop(first);
    let mut again = home.tcp().events(Some(seen[1].0));
    assert_eq!(again.expect("granted"), seen[2]);
    assert_eq!(again.expect("granted"), seen[3]);
    // And from there on it is live.
    let grant = home.allocate(&json!({ "service_type": sort::WEB }));
    assert_eq!(again.expect("granted").1.lease.unwrap().port, grant.port);
}

#[test]
fn a_reader_goes_on_where_it_was_after_a_restart_of_the_daemon() {
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
fn a_reader_of_another_daemons_events_is_told_to_begin_anew() {
    let home = Home::new();
    home.allocate(&json!({ "service_type": sort::WEB }));
    let mut events = home.socket().events(Some(1_000_000));
    let reset = events.next().expect("an event");
    assert_eq!(reset.name, "reset");
    let listed = home.leases();
    assert_eq!(listed.len(), 1);
}

#[test]
fn an_id_that_is_no_number_is_refused() {
    let home = Home::new();
    for id in ["abc", "-1", "1.5"] {
        let answer = home.socket().send(&Request::get("/events").header("Last-Event-ID", id));
        proper(&answer);
        answer.refused(400, "invalid_request");
    }
}

#[test]
fn the_stream_ends_with_the_daemon_and_does_not_hold_it_up() {
    let home = Home::new();
    let mut events = home.socket().events(None);
    home.allocate(&json!({ "service_type": sort::WEB }));
    home.styxy(&["daemon", "stop"]).done();
    events.expect("granted");
    assert!(events.next().is_none());
}

#[test]
fn a_reader_that_reads_nothing_is_cut_and_harms_nobody() {
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
    // What it missed is too much by now, and it is told so.
    assert_eq!(home.socket().events(Some(last)).next().expect("an event").name, "reset");
}
