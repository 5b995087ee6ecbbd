//! Starting the daemon when it is needed.

use std::fs::{self, File};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use styxy_client::{Client, Contact, Error, Holder, Mute, Options, Start, Stopped};
use styxy_core::api::{AllocateRequest, Code};
use styxy_core::{Pid, RequestId, ServiceType};

use crate::fake::{Fake, Home, Reply, block_on, status, wait_until};

fn allocate(request_id: Option<RequestId>) -> AllocateRequest {
    AllocateRequest { service_type: ServiceType::new("dev").ok(), request_id, ..AllocateRequest::default() }
}

#[test]
fn the_first_call_starts_the_daemon_and_the_next_one_finds_it() {
    let home = Home::new();
    block_on(async {
        let client = home.client(Start::Auto);
        match client.connect().await.unwrap() {
            Contact::Started { notes, .. } => assert_eq!(notes, ["a note"]),
            Contact::Running(status) => panic!("{status:?}"),
        }
        assert!(matches!(client.connect().await.unwrap(), Contact::Running(_)));
        assert!(matches!(home.client(Start::Never).connect().await.unwrap(), Contact::Running(_)));
    });
    assert_eq!(home.starts(), ["ready"]);
}

#[test]
fn calls_at_the_same_time_share_one_start() {
    let home = Home::new();
    let client = home.client(Start::Auto);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let calls: Vec<_> = (0..50)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.status().await })
            })
            .collect();
        for call in calls {
            call.await.unwrap().unwrap();
        }
    });
    assert_eq!(home.starts(), ["ready"]);
}

#[test]
fn clients_that_know_nothing_of_each_other_end_with_one_daemon() {
    let home = Home::new();
    let pids: Vec<Pid> = thread::scope(|scope| {
        let calling = || block_on(home.client(Start::Auto).status()).unwrap().pid;
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(calling)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(pids.iter().all(|pid| *pid == pids[0]), "{pids:?}");
    assert_eq!(home.starts().iter().filter(|how| *how == "ready").count(), 1);
}

#[test]
fn a_daemon_that_refuses_to_start_is_heard() {
    let home = Home::new();
    home.plan("refuse");
    let error = block_on(home.client(Start::Auto).connect()).unwrap_err();
    assert!(matches!(error, Error::StartRefused(_)), "{error:?}");
    let refusal = error.refusal();
    assert_eq!((refusal.code, refusal.hint.as_deref()), (Code::PortUnavailable, Some("styxy list")));
    assert!(refusal.error.contains("port 9876 is taken by node"), "{refusal}");
    assert_eq!(home.starts(), ["refused"]);
}

#[test]
fn a_failed_start_is_shared_and_the_next_call_tries_anew() {
    let home = Home::new();
    home.plan("refuse");
    let client = home.client(Start::Auto);
    block_on(async {
        let (a, b) = tokio::join!(client.status(), client.status());
        assert!(a.is_err() && b.is_err());
        assert_eq!(home.starts(), ["refused"]);
        home.plan("serve");
        client.status().await.unwrap();
    });
    assert_eq!(home.starts(), ["refused", "ready"]);
}

#[test]
fn a_program_that_is_missing_or_ends_without_a_word_is_named() {
    let home = Home::new();
    let with = |daemon: &str| {
        let client = Client::new(Options { daemon: daemon.into(), ..home.options(Start::Auto) }).unwrap();
        block_on(client.status()).unwrap_err()
    };
    let missing = with("/nowhere/styxy");
    assert!(matches!(missing, Error::NotStarted { .. }), "{missing:?}");
    assert!(missing.refusal().error.contains("/nowhere/styxy"));
    let mute = with("true");
    assert!(matches!(&mute, Error::StartFailed { said } if said.is_empty()), "{mute:?}");
    let chatty = with("echo");
    assert!(matches!(&chatty, Error::StartFailed { said } if said == "daemon run --detached"), "{chatty:?}");
}

#[test]
fn a_daemon_that_is_just_stopping_is_waited_for_and_followed_by_another() {
    let home = Home::new();
    let lock = File::create(home.layout().lock()).unwrap();
    lock.lock().unwrap();
    let client = home.client(Start::Auto);
    block_on(async {
        let mut call = pin!(client.status());
        let early = tokio::time::timeout(Duration::from_millis(50), &mut call).await;
        assert!(early.is_err() && home.starts().is_empty(), "the lock is still held: {early:?}");
        drop(lock);
        call.await.unwrap();
    });
    assert_eq!(home.starts(), ["ready"]);
}

#[test]
fn a_lock_whose_holder_answers_nobody_is_reported_within_seconds_with_its_process() {
    let home = Home::new();
    let lock = File::create(home.layout().lock()).unwrap();
    lock.lock().unwrap();
    let begun = Instant::now();
    let error = block_on(home.client(Start::Auto).status()).unwrap_err();
    let ours = Pid::new(std::process::id()).unwrap();
    let Error::Stuck { holder: Holder::Process { pid, mute: Mute::Silent }, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(*pid, ours);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert!(home.starts().is_empty(), "none can start");
    assert!(block_on(home.client(Start::Never).status()).is_err());
}

#[test]
fn a_daemon_whose_socket_is_gone_is_named_within_two_seconds() {
    let home = Home::new();
    let lock = File::create(home.layout().lock()).unwrap();
    lock.lock().unwrap();
    let ours = Pid::new(std::process::id()).unwrap();
    home.publish(ours, &home.socket(), None);
    let begun = Instant::now();
    let holder = Holder::Process { pid: ours, mute: Mute::NoSocket };
    for client in [home.client(Start::Auto), home.client(Start::Never)] {
        let errors =
            block_on(async { [client.running().await.unwrap_err(), client.status().await.unwrap_err()] });
        for error in errors {
            assert!(matches!(&error, Error::Stuck { holder: found, .. } if *found == holder), "{error:?}");
        }
        assert_eq!(client.holder(), Some(holder.clone()));
    }
    assert!(begun.elapsed() < 4 * Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[test]
fn what_may_be_repeated_is_sent_again_to_a_new_daemon_when_the_old_one_dies_under_it() {
    let dying = |home: &Home| {
        let socket = home.socket();
        Fake::serve(&home.socket(), move |_| {
            fs::remove_file(&socket).unwrap();
            Reply::HangUp
        })
    };
    let home = Home::new();
    let _fake = dying(&home);
    block_on(home.client(Start::Auto).status()).unwrap();
    assert_eq!(home.starts(), ["ready"]);

    let home = Home::new();
    let fake = dying(&home);
    let answer = block_on(home.client(Start::Auto).allocate(&allocate(RequestId::new("r1").ok())));
    // The fake daemon answers everything with its status.
    assert!(matches!(answer, Err(Error::Unintelligible { .. })), "{answer:?}");
    assert_eq!((fake.lines().len(), home.starts()), (1, vec!["ready".to_owned()]));
}

#[test]
fn what_must_not_be_repeated_is_not() {
    let home = Home::new();
    let fake = Fake::serve(&home.socket(), |_| Reply::HangUp);
    let error = block_on(home.client(Start::Auto).allocate(&allocate(None))).unwrap_err();
    assert!(matches!(error, Error::BrokenOff { .. }), "{error:?}");
    assert_eq!((fake.lines().len(), home.starts().len()), (1, 0));
}

#[test]
fn an_answer_that_breaks_off_halfway_is_asked_for_again_only_where_that_is_safe() {
    let home = Home::new();
    let half = || Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"status\"".to_vec());
    let broken = AtomicBool::new(false);
    let fake = Fake::serve(&home.socket(), move |asked| match asked.line.as_str() {
        "GET /status" if broken.swap(true, Ordering::SeqCst) => status(),
        _ => half(),
    });
    let client = home.client(Start::Auto);
    block_on(client.status()).unwrap();
    let error = block_on(client.allocate(&allocate(None))).unwrap_err();
    assert!(matches!(error, Error::BrokenOff { .. }), "{error:?}");
    assert_eq!(fake.lines(), ["GET /status", "GET /status", "POST /allocate"]);
    assert!(home.starts().is_empty());
}

#[test]
fn a_daemon_that_ends_leaves_no_zombie_behind() {
    let home = Home::new();
    let client = home.client(Start::Auto);
    let stopped = block_on(async {
        client.status().await.unwrap();
        client.stop().await.unwrap()
    });
    let Stopped::WasRunning(status) = stopped else { panic!("{stopped:?}") };
    let pid = rustix::process::Pid::from_raw(status.pid.get().try_into().unwrap()).unwrap();
    // A zombie of ours can still be signalled.
    wait_until("the child is reaped", || rustix::process::test_kill_process(pid).is_err());
}

#[test]
fn a_running_daemon_is_not_started_again() {
    let home = Home::new();
    let _fake = Fake::serve(&home.socket(), |_| status());
    assert!(matches!(block_on(home.client(Start::Auto).connect()).unwrap(), Contact::Running(_)));
    assert!(home.starts().is_empty());
}
