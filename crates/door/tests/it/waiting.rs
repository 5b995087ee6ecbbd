//! Requests that wait for a server, and what gets nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use styxy_door::Limits;

use crate::world::{Client, World, backend, says, until};

const NAME: &str = "dev.shop.localhost";
const HI: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
const PAGE: &str =
    "GET / HTTP/1.1\r\nHost: dev.shop.localhost\r\nAccept: text/html\r\nSec-Fetch-Mode: navigate\r\n\r\n";

#[test]
fn whatever_asks_waits_until_there_is_a_server() {
    let world = World::new();
    let lease = world.lease(NAME);
    thread::scope(|scope| {
        let requests = [
            "GET / HTTP/1.1\r\nHost: dev.shop.localhost\r\n\r\n".to_owned(),
            "POST / HTTP/1.1\r\nHost: dev.shop.localhost\r\nContent-Length: 3\r\n\r\nyes".to_owned(),
            "GET / HTTP/1.1\r\nHost: dev.shop.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
                .to_owned(),
            PAGE.to_owned(),
        ];
        let world = &world;
        let waiting = requests.map(|request| scope.spawn(move || world.ask(&request)));
        until(|| world.table.looks.load(Ordering::Relaxed) > 20);
        world.listens(
            lease,
            backend(|stream| {
                let mut client = Client::new(stream);
                while let Some(head) = client.head() {
                    client.body(&head);
                    client.send(HI);
                }
            }),
        );
        for answer in waiting {
            assert_eq!(answer.join().unwrap().text(), "hi");
        }
    });
}

#[test]
fn all_who_wait_for_one_server_share_the_looks_and_nobody_looks_when_nobody_waits() {
    let world = World::new();
    let lease = world.lease(NAME);
    let looks = || world.table.looks.load(Ordering::Relaxed);
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..50).map(|_| scope.spawn(|| world.get(NAME))).collect();
        let began = Instant::now();
        until(|| began.elapsed() > Duration::from_millis(500));
        // Each has looked once by itself, and all together every 5 ms.
        assert!(looks() < 50 + 150, "{}", looks());
        world.listens(lease, backend(says(HI)));
        assert!(waiting.into_iter().all(|answer| answer.join().unwrap().text() == "hi"));
    });
    // The last look may still be under way.
    let quiet = |time: Duration| {
        let (before, began) = (looks(), Instant::now());
        until(|| began.elapsed() > time);
        looks() == before
    };
    until(|| quiet(Duration::from_millis(50)));
    assert!(quiet(Duration::from_millis(200)));
}

#[test]
fn so_many_wait_and_the_next_one_is_told() {
    let world = World::with(Limits { waiting_per_server: 10, ..Limits::default() });
    let lease = world.lease(NAME);
    let refused = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..15 {
            scope.spawn(|| {
                let answer = world.get(NAME);
                if answer.status() == 503 {
                    assert_eq!(answer.header("retry-after"), Some("1"));
                    refused.fetch_add(1, Ordering::SeqCst);
                } else {
                    assert_eq!(answer.text(), "hi");
                }
            });
        }
        until(|| refused.load(Ordering::SeqCst) == 5);
        world.listens(lease, backend(says(HI)));
    });
    assert_eq!(refused.load(Ordering::SeqCst), 5);
}

#[test]
fn names_of_one_apps_customers_wait_for_one_server_and_keep_nobody_else_out() {
    let world = World::with(Limits { waiting_per_server: 10, waiting: 25, ..Limits::default() });
    let lease = world.lease(NAME);
    world.lease("dev.other.localhost");
    let customers: Vec<String> = (0..25).map(|number| format!("c{number}.{NAME}")).collect();
    for name in &customers {
        world.also_called(NAME, name);
    }
    let refused = AtomicU64::new(0);
    thread::scope(|scope| {
        for name in &customers {
            let (world, refused) = (&world, &refused);
            scope.spawn(move || {
                let answer = world.get(name);
                if answer.status() == 503 {
                    assert!(answer.text().contains("too many requests wait for"), "{}", answer.text());
                    refused.fetch_add(1, Ordering::SeqCst);
                } else {
                    assert_eq!(answer.text(), "hi");
                }
            });
        }
        until(|| refused.load(Ordering::SeqCst) == 15);
        let other = world.ask(&PAGE.replace(NAME, "dev.other.localhost"));
        assert!(other.text().contains("is starting"), "{}", other.text());
        world.listens(lease, backend(says(HI)));
    });
    assert_eq!(refused.load(Ordering::SeqCst), 15);
}

#[test]
fn those_who_find_every_place_taken_learn_that_it_is_not_their_servers_doing() {
    let world = World::with(Limits { waiting: 1, ..Limits::default() });
    let lease = world.lease(NAME);
    world.lease("dev.other.localhost");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| world.get(NAME));
        until(|| world.table.looks.load(Ordering::Relaxed) > 5);
        let answer = world.get("dev.other.localhost");
        let all = "too many requests wait for servers of this machine";
        assert!(answer.status() == 503 && answer.text().contains(all), "{}", answer.text());
        world.listens(lease, backend(says(HI)));
        assert_eq!(waiting.join().unwrap().text(), "hi");
    });
}

#[test]
fn a_server_that_ends_by_itself_may_come_back_and_one_that_was_released_does_not() {
    let world = World::new();
    world.has_ended(NAME, 0);
    let answer = world.get(NAME);
    assert_eq!(answer.status(), 503);
    assert!(answer.text().contains("its process ended"), "{}", answer.text());
    world.has_ended(NAME, 10_000);
    let finds = world.table.finds.load(Ordering::Relaxed);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| world.get(NAME));
        until(|| world.table.finds.load(Ordering::Relaxed) > finds + 10);
        // Under another lease, as `styxy run` gives it.
        let lease = world.lease(NAME);
        world.listens(lease, backend(says(HI)));
        assert_eq!(waiting.join().unwrap().text(), "hi");
    });
}

#[test]
fn whoever_goes_to_a_page_has_one_after_a_second_that_asks_again() {
    let world = World::new();
    world.lease(NAME);
    let began = Instant::now();
    let answer = world.ask(PAGE);
    assert!((900..10_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!((answer.status(), answer.header("refresh")), (503, Some("1")));
    for shown in ["dev.shop.localhost is starting", "/w/shop", "main", "3000"] {
        assert!(answer.text().contains(shown), "{shown}: {}", answer.text());
    }
    assert!(!answer.text().contains("<script") && !answer.text().contains("src="));
}

#[test]
fn a_page_of_a_server_that_has_ended_says_whether_it_may_come_back() {
    let world = World::new();
    for (returns_within_ms, refresh) in [(10_000, Some("1")), (0, None)] {
        world.has_ended(NAME, returns_within_ms);
        let answer = world.ask(PAGE);
        assert_eq!((answer.status(), answer.header("refresh")), (503, refresh));
        assert_eq!(answer.text().contains("may come back"), refresh.is_some(), "{}", answer.text());
        assert!(
            answer.text().contains("<code>styxy up, or styxy run -- COMMAND</code>"),
            "{}",
            answer.text()
        );
    }
}

#[test]
fn a_server_whose_lease_only_keeps_its_port_counts_as_one_that_has_ended() {
    let world = World::new();
    world.lease_left(NAME, 0);
    let answer = world.get(NAME);
    assert!(answer.status() == 503 && answer.text().contains("its process ended"), "{}", answer.text());
    world.lease_left(NAME, 10_000);
    let page = world.ask(PAGE);
    assert_eq!((page.status(), page.header("refresh")), (503, Some("1")));
    assert!(page.text().contains("may come back"), "{}", page.text());
    // Whoever has come before its end learns of it too.
    world.lease(NAME);
    thread::scope(|scope| {
        let looks = world.table.looks.load(Ordering::Relaxed);
        let waiting = scope.spawn(|| world.get(NAME));
        until(|| world.table.looks.load(Ordering::Relaxed) > looks + 5);
        world.lease_left(NAME, 0);
        assert!(waiting.join().unwrap().text().contains("its process ended"));
    });
    let lease = world.lease_left(NAME, 10_000);
    thread::scope(|scope| {
        let looks = world.table.looks.load(Ordering::Relaxed);
        let waiting = scope.spawn(|| world.get(NAME));
        until(|| world.table.looks.load(Ordering::Relaxed) > looks + 5);
        // The next server is there before the registry has heard it.
        world.listens(lease, backend(says(HI)));
        assert_eq!(waiting.join().unwrap().text(), "hi");
    });
}

#[test]
fn a_stranger_gets_nothing_and_programs_read_who_it_is() {
    let world = World::new();
    let lease = world.lease(NAME);
    world.is_a_stranger(lease);
    let answer = world.ask("GET / HTTP/1.1\r\nHost: dev.shop.localhost\r\nAccept: application/json\r\n\r\n");
    assert_eq!((answer.status(), answer.header("content-type")), (409, Some("application/json")));
    let refusal: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        (&refusal["code"], &refusal["details"]["process"]),
        (&"port_unavailable".into(), &"thief".into())
    );
}

#[test]
fn a_socket_that_is_swapped_between_the_two_looks_gets_nothing() {
    let world = World::new();
    let received = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&received);
    let address = backend(move |stream| {
        let bytes = Client::new(stream).rest().len();
        counted.fetch_add(bytes as u64, Ordering::SeqCst);
    });
    let lease = world.lease(NAME);
    for _ in 0..20 {
        world.listens(lease, address);
        world.swaps();
        assert_eq!(world.get(NAME).status(), 409);
        assert_eq!(received.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn a_question_is_answered_although_every_kept_connection_is_dead() {
    let world = World::new();
    let (release, held) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (free, count) = (Arc::clone(&release), Arc::clone(&held));
    // All requests of the first round are under way at once, so that each has a connection. The server answers them, and hangs up
    // at the next request on each.
    let lease = world.served(move |stream| {
        let mut client = Client::new(stream);
        client.head();
        count.fetch_add(1, Ordering::SeqCst);
        until(|| free.load(Ordering::SeqCst) == 1);
        client.send(HI);
        client.head();
    });
    thread::scope(|scope| {
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(|| world.get(NAME))).collect();
        until(|| held.load(Ordering::SeqCst) == 8);
        release.store(1, Ordering::SeqCst);
        assert!(asking.into_iter().all(|answer| answer.join().unwrap().text() == "hi"));
    });
    world.listens(lease, backend(says(HI)));
    assert_eq!(world.get(NAME).text(), "hi");
}
