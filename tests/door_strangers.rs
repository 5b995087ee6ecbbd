//! Whoever listens on a leased port and is not its server gets not one byte of the requests by name.
//!
//! `STYXY_TEST_ROUNDS=1000` says how many requests each form makes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::door::{ask, bytes_of, get, owned, page, web};
use crate::support::web::MARK;
use crate::support::{Home, Request, sort, until, wine_lacks};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

fn requests() -> u64 {
    std::env::var("STYXY_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(100)
}

fn name() -> String {
    format!("{}.project.localhost", sort::WEB)
}

#[test]
fn a_stranger_on_the_port_gets_nothing_and_is_named() {
    let home = Home::new();
    home.start();
    let (grant, fix, host) = (owned(&home), home.worktree("fix"), name());
    let mut stranger = web(&home, &fix, V4, grant.port.get(), "stranger");
    for _ in 0..requests() {
        let answer = get(&home, &host);
        assert_eq!((answer.status, answer.header("styxy-door")), (409, Some("page")), "{}", answer.text());
    }
    let answer = ask(&home, &host, &page());
    let pid = stranger.pid().to_string();
    assert!(answer.text().contains(&pid) && answer.text().contains("fix"), "{}", answer.text());
    assert_eq!(bytes_of(&mut stranger), 0);
    println!("{} requests, 0 bytes forwarded", requests());
}

#[test]
fn a_server_is_reached_and_not_the_stranger_on_the_other_address() {
    if wine_lacks("the processes of IPv6 sockets") {
        return;
    }
    for (own, other) in [(V4, V6), (V6, V4)] {
        let home = Home::new();
        home.start();
        let (grant, fix, host) = (owned(&home), home.worktree("fix"), name());
        let mut stranger = web(&home, &fix, other, grant.port.get(), "stranger");
        let _own = web(&home, &home.project(), own, grant.port.get(), "web");
        until("its server answers", || get(&home, &host).status == 200);
        for _ in 0..requests() {
            let answer = get(&home, &host);
            assert_eq!((answer.status, answer.header(MARK)), (200, Some("web")), "{}", answer.text());
        }
        assert_eq!(bytes_of(&mut stranger), 0, "at {other} beside {own}");
        println!("{} requests beside a stranger at {other}, 0 bytes forwarded", requests());
    }
}

#[test]
fn a_stranger_that_takes_the_servers_place_under_load_gets_nothing() {
    if wine_lacks("a table of sockets that is read a hundred times in a second") {
        return;
    }
    let home = Home::new();
    home.start();
    let (grant, fix, host) = (owned(&home), home.worktree("fix"), name());
    let (asked, wrong) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let start = |folder: &Path, name| web(&home, folder, V4, grant.port.get(), name);
    let (mut bytes, mut swaps, mut last) = (0, 0, None);
    let is_over = || asked.load(Ordering::Relaxed) >= requests();
    thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    while !is_over() {
                        let answer = home.tcp().send(&Request::get("/").hosts(&[&host]));
                        asked.fetch_add(1, Ordering::Relaxed);
                        if !matches!((answer.status, answer.header(MARK)), (200, Some("web")) | (409, None)) {
                            wrong.lock().unwrap().push(answer.text().to_owned());
                        }
                    }
                })
            })
            .collect();
        // So that each swap meets requests.
        let some = |count: u64| {
            let before = asked.load(Ordering::Relaxed);
            until("some were answered", || is_over() || asked.load(Ordering::Relaxed) > before + count);
        };
        while !is_over() || swaps < 3 {
            let own = start(&home.project(), "web");
            until("it answers", || get(&home, &host).header(MARK) == Some("web"));
            some(8);
            own.kill();
            let mut stranger = start(&fix, "stranger");
            until("the stranger is seen", || get(&home, &host).status == 409);
            some(8);
            bytes += bytes_of(&mut stranger);
            stranger.kill();
            swaps += 1;
        }
        // It stays until the last request has its answer.
        last = Some(start(&home.project(), "web"));
        for one in asking {
            one.join().unwrap();
        }
    });
    drop(last);
    println!("{} requests, {swaps} swaps, {bytes} bytes forwarded", asked.load(Ordering::Relaxed));
    assert_eq!((bytes, wrong.into_inner().unwrap()), (0, Vec::<String>::new()));
}
