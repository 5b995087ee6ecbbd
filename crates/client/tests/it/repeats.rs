//! A call is sent again until its own time is over.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use styxy_client::{Client, Error, Options, Start};
use styxy_core::api::{BeatRequest, Code, Refusal};
use styxy_core::{InstanceId, LockId};

use crate::fake::{Fake, Home, Reply, block_on, refuse, status};

const ID: &str = "4f5e0b54-0b3c-4a4b-9d6e-0c8f4d2f8f11";

fn lease() -> LockId {
    LockId::parse(ID).unwrap()
}

fn ended(reason: &str) -> Reply {
    let refusal = Refusal::new(Code::LeaseEnded, "this lease has ended").detail("port", 3001);
    refuse(410, &refusal.detail("reason", reason))
}

/// A daemon that breaks off so many answers, and then gives this one.
fn breaks_off(home: &Home, times: usize, reply: impl Fn() -> Reply + Send + Sync + 'static) -> Fake {
    let left = AtomicUsize::new(times);
    let one_less = |left: usize| left.checked_sub(1);
    Fake::serve(&home.socket(), move |_| {
        match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less) {
            Ok(_) => Reply::HangUp,
            Err(_) => reply(),
        }
    })
}

#[test]
fn a_release_whose_answers_broke_off_is_repeated_until_it_is_known_to_be_done() {
    let home = Home::new();
    let fake = breaks_off(&home, 5, || ended("released"));
    let answer = block_on(home.client(Start::Never).release(lease())).unwrap();
    assert_eq!((answer.port.get(), answer.message.as_str()), (3001, "Port 3001 released"));
    assert_eq!(fake.lines().len(), 6);
}

#[test]
fn only_a_release_that_this_call_may_have_made_counts_as_its_own() {
    for (times, reason) in [(0, "released"), (1, "owner_exited")] {
        let home = Home::new();
        let _fake = breaks_off(&home, times, move || ended(reason));
        let error = block_on(home.client(Start::Never).release(lease())).unwrap_err();
        assert!(matches!(&error, Error::Refused(refusal) if refusal.code == Code::LeaseEnded), "{error:?}");
    }
}

#[test]
fn an_instance_that_is_gone_after_a_broken_off_answer_is_unregistered() {
    let id = InstanceId::new("claude:1").unwrap();
    let gone = || refuse(404, &Refusal::new(Code::UnknownInstance, "there is no such instance"));
    let home = Home::new();
    let _fake = breaks_off(&home, 2, gone);
    let answer = block_on(home.client(Start::Never).end_instance(&id)).unwrap();
    assert_eq!((answer.instance_id, answer.released), (id.clone(), Vec::new()));

    let home = Home::new();
    let _fake = breaks_off(&home, 0, gone);
    let error = block_on(home.client(Start::Never).end_instance(&id)).unwrap_err();
    assert!(matches!(&error, Error::Refused(refusal) if refusal.code == Code::UnknownInstance), "{error:?}");
}

#[test]
fn a_heartbeat_is_sent_again() {
    let home = Home::new();
    let beat = json!({
        "success": true, "instance_id": "claude:1", "last_heartbeat": "2026-01-02T03:04:05.678Z", "expires_in": 60.0,
    });
    let beat = move || Reply::Json(200, beat.to_string());
    let fake = breaks_off(&home, 3, beat);
    let request = BeatRequest { instance_id: InstanceId::new("claude:1").unwrap() };
    block_on(home.client(Start::Never).heartbeat(&request)).unwrap();
    assert_eq!(fake.lines(), ["POST /instance/heartbeat"; 4]);
}

#[test]
fn a_call_goes_on_until_its_own_time_is_over_and_no_longer() {
    let home = Home::new();
    let fake = Fake::serve(&home.socket(), |_| Reply::HangUp);
    let options = Options { timeout: Duration::from_millis(300), ..home.options(Start::Auto) };
    let begun = Instant::now();
    let error = block_on(Client::new(options).unwrap().status()).unwrap_err();
    assert!(matches!(error, Error::BrokenOff { .. }), "{error:?}");
    assert!(fake.lines().len() > 3, "{:?}", fake.lines());
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(home.starts().is_empty());
}

#[test]
fn a_daemon_that_is_killed_again_and_again_is_started_again_and_again() {
    let home = Home::new();
    home.plan("die 4");
    block_on(home.client(Start::Auto).status()).unwrap();
    assert_eq!(home.starts(), ["killed", "killed", "killed", "killed", "ready"]);
}

#[test]
fn a_client_that_starts_none_finds_the_daemon_that_follows_the_one_that_died() {
    let home = Home::new();
    let socket = home.socket();
    let first = Fake::serve(&home.socket(), move |_| {
        std::fs::remove_file(&socket).unwrap();
        Reply::HangUp
    });
    let client = home.client(Start::Never);
    block_on(async {
        let follow = async {
            while first.lines().is_empty() || home.socket().exists() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Fake::serve(&home.socket(), |_| status())
        };
        let both = async { tokio::join!(client.status(), follow) };
        let both = tokio::time::timeout(Duration::from_secs(10), both).await;
        let (answer, second) = both.expect("the first one has ended and the second one has answered");
        answer.unwrap();
        assert_eq!(second.lines(), ["GET /status"]);
    });
}
