//! Stopping the daemon.

use std::fs::File;
use std::sync::Mutex;
use std::time::Duration;

use styxy_client::{Error, Start, Stopped};
use styxy_core::api::{Code, Refusal};

use crate::fake::{Fake, Home, Reply, block_on, http, refuse, status};

#[test]
fn a_stop_ends_the_daemon_and_a_second_one_finds_none() {
    let home = Home::new();
    let client = home.client(Start::Auto);
    block_on(async {
        client.status().await.unwrap();
        assert!(matches!(client.stop().await.unwrap(), Stopped::WasRunning(_)));
        assert_eq!(client.running().await.unwrap(), None);
        assert_eq!(client.stop().await.unwrap(), Stopped::WasNot);
    });
    assert_eq!(home.starts(), ["ready"], "a stop starts nothing");
}

#[test]
fn a_stop_returns_when_the_daemon_has_let_go_of_its_lock() {
    let home = Home::new();
    let lock = File::create(home.layout().lock()).unwrap();
    lock.lock().unwrap();
    let fake = Fake::serve(&home.socket(), |asked| match asked.line.as_str() {
        "POST /shutdown" => Reply::Json(200, r#"{"success":true}"#.into()),
        _ => status(),
    });
    let client = home.client(Start::Never);
    block_on(async {
        let mut stop = std::pin::pin!(client.stop());
        let early = tokio::time::timeout(Duration::from_millis(100), &mut stop).await;
        assert!(early.is_err(), "the lock is still held: {early:?}");
        drop(lock);
        assert!(matches!(stop.await.unwrap(), Stopped::WasRunning(_)));
    });
    assert_eq!(fake.lines(), ["GET /status", "POST /shutdown"]);
}

#[test]
fn a_daemon_that_is_still_starting_is_waited_for_and_stopped() {
    let home = Home::new();
    let lock = Mutex::new(Some(File::create(home.layout().lock()).unwrap()));
    lock.lock().unwrap().as_ref().unwrap().lock().unwrap();
    let client = home.client(Start::Never);
    let stopped = block_on(async {
        // It has the lock and no socket yet: the first look finds nobody, so the stop must still be waiting here.
        let stop = std::pin::pin!(client.stop());
        let started = async {
            tokio::task::yield_now().await;
            Fake::serve(&home.socket(), |asked| match asked.line.as_str() {
                "POST /shutdown" => Reply::HangUp,
                _ => status(),
            })
        };
        let told = |fake: &Fake| fake.lines().contains(&"POST /shutdown".to_owned());
        let release = async {
            let fake = started.await;
            while !told(&fake) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            lock.lock().unwrap().take();
        };
        let both = async { tokio::join!(stop, release).0.unwrap() };
        tokio::time::timeout(Duration::from_secs(10), both).await.expect("it is told to stop")
    });
    assert!(matches!(stopped, Stopped::WasRunning(_)), "{stopped:?}");
}

#[test]
fn a_daemon_that_will_not_stop_says_why() {
    let home = Home::new();
    let _fake = Fake::serve(&home.socket(), |asked| match asked.line.as_str() {
        "POST /shutdown" => refuse(403, &Refusal::new(Code::Forbidden, "not over this")),
        _ => status(),
    });
    let error = block_on(home.client(Start::Never).stop()).unwrap_err();
    assert!(matches!(&error, Error::Refused(refusal) if refusal.code == Code::Forbidden), "{error:?}");
}

#[test]
fn an_older_daemon_can_be_stopped_and_a_newer_one_is_left_alone() {
    for (theirs, asked) in [("0", ["GET /status", "POST /shutdown"].as_slice()), ("2", &["GET /status"])] {
        let home = Home::new();
        let fake = Fake::serve(&home.socket(), move |_| {
            let Reply::Json(code, body) = status() else { return Reply::HangUp };
            let answer = String::from_utf8(http(code, &body)).unwrap();
            // The fake closes the connection. The header says so, so that the client does not send a second request on it.
            let headers = format!("styxy-api: {theirs}\r\nconnection: close");
            Reply::Raw(answer.replace("styxy-api: 1", &headers).into_bytes())
        });
        let stopped = block_on(home.client(Start::Never).stop());
        assert_eq!(fake.lines(), asked, "{stopped:?}");
        match stopped {
            Ok(stopped) => assert!(theirs == "0" && stopped != Stopped::WasNot),
            Err(error) => assert!(theirs == "2" && matches!(error, Error::OtherApi { .. }), "{error:?}"),
        }
    }
}
