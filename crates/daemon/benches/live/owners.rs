//! How soon a lease ends after its owner, and that none ends earlier: real processes, killed with -9.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::Value;
use styxy_daemon::system::raise_descriptor_limit;

use crate::support::{self, Client, Figures};

const WATCHED: usize = 1000;

/// Prints the figures, of a `share`-th of everything.
pub(crate) fn run(share: usize) {
    raise_descriptor_limit().unwrap();
    let home = tempfile::tempdir().unwrap();
    let daemon = support::daemon(&home.path().join("daemon"), support::CONFIG);
    let mut client = Client::tcp(daemon.tcp);
    let events = events(daemon.tcp);

    let mut watched: Vec<(Child, u64)> = (0..WATCHED).map(|_| owned(&mut client)).collect();
    handed_on(&mut client, &mut watched, 300 / share);
    all_at_once(&events, watched.split_off(WATCHED - 800));
    end(&mut client, watched);
    closed_listeners(&mut client, &events, 500 / share);
    many_deaths(&mut client, &events, 10_000 / share);
    random_operations(&mut client, 100_000 / share);
    idle(&mut client, Duration::from_secs(60 / u64::try_from(share).unwrap()));
}

/// kill -9 of an owner until the next asker has its port.
fn handed_on(client: &mut Client, watched: &mut [(Child, u64)], times: usize) {
    let mut waits = Vec::new();
    for index in 0..times {
        let (child, port) = &mut watched[index % WATCHED];
        let mut heir = sleeper();
        let body =
            format!(r#"{{"service_type":"bench","preferred_port":{port},"exact":true,"pid":{}}}"#, heir.id());
        assert_eq!(client.try_allocate(&body), None, "the owner lives and its port was given away");
        child.kill().unwrap();
        let killed = Instant::now();
        while client.try_allocate(&body).is_none() {}
        waits.push(killed.elapsed());
        child.wait().unwrap();
        std::mem::swap(child, &mut heir);
    }
    let figures = Figures::of(waits);
    println!(
        "kill -9 to the port with the next asker, {WATCHED} watched: p50 / p99 {figures} µs, max {:.0}",
        figures.max
    );
}

/// Many owners killed at once, until the last of their leases has ended.
fn all_at_once(events: &Receiver<Told>, owners: Vec<(Child, u64)>) {
    let count = owners.len();
    while events.try_recv().is_ok() {}
    let mut awaited: HashSet<u64> = owners.iter().map(|(_, port)| *port).collect();
    let mut children: Vec<Child> = owners.into_iter().map(|(child, _)| child).collect();
    let begun = Instant::now();
    for child in &mut children {
        child.kill().unwrap();
    }
    let killed = begun.elapsed();
    let mut last = begun;
    while !awaited.is_empty() {
        let told = events.recv_timeout(Duration::from_secs(10)).unwrap();
        if told.name == "ended" && awaited.remove(&told.port) {
            last = told.at;
        }
    }
    println!(
        "{count} owners killed at once: the kills took {:.1} ms, all leases ended {:.1} ms after the first",
        millis(killed),
        millis(last - begun)
    );
    for mut child in children {
        child.wait().unwrap();
    }
}

/// A listener's close until its event, while its process lives on.
fn closed_listeners(client: &mut Client, events: &Receiver<Told>, times: usize) {
    let body = format!(r#"{{"service_type":"bench","pid":{}}}"#, std::process::id());
    let lease: Value = serde_json::from_str(&client.try_allocate(&body).unwrap()).unwrap();
    let port = lease["port"].as_u64().unwrap();
    let mut waits = Vec::new();
    for _ in 0..times {
        let listener = TcpListener::bind(("127.0.0.1", u16::try_from(port).unwrap())).unwrap();
        wait_for(events, "activated", port);
        let closed = Instant::now();
        drop(listener);
        waits.push(wait_for(events, "deactivated", port) - closed);
    }
    let figures = Figures::of(waits);
    println!(
        "a listener's close to its event, {times} times: p50 / p99 {figures} µs, max {:.0}",
        figures.max
    );
    release(client, &lease);
}

/// Owner after owner: each lease stands while its owner lives and ends when it does.
fn many_deaths(client: &mut Client, events: &Receiver<Told>, deaths: usize) {
    let (mut early, mut missed) = (0, 0);
    let mut left = deaths;
    while left > 0 {
        let batch = left.min(100);
        left -= batch;
        let mut owners: HashMap<String, Child> = (0..batch).map(|_| owner(client)).collect();
        while let Ok(told) = events.try_recv() {
            early += usize::from(told.name == "ended" && owners.contains_key(&told.lock_id));
        }
        for child in owners.values_mut() {
            child.kill().unwrap();
        }
        for child in owners.values_mut() {
            child.wait().unwrap();
        }
        let mut awaited: HashSet<String> = owners.into_keys().collect();
        while !awaited.is_empty() {
            match events.recv_timeout(Duration::from_secs(10)) {
                Ok(told) if told.name == "ended" => drop(awaited.remove(&told.lock_id)),
                Ok(_) => {}
                Err(_) => {
                    missed += awaited.len();
                    break;
                }
            }
        }
    }
    println!("{deaths} owner deaths: {early} leases ended early, {missed} missed");
}

/// Allocates, releases and kills at random: as many watches as there are owners of leases, and no descriptor more.
fn random_operations(client: &mut Client, operations: usize) {
    let descriptors = || fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    let mut state: u64 = 11;
    let mut dice = move |sides: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % sides
    };
    let mut owners: Vec<Child> = (0..64).map(|_| sleeper()).collect();
    let mut leases: Vec<(u32, Value)> = Vec::new();
    let (mut deaths, mut disagreed) = (0, 0);
    for operation in 0..operations {
        match dice(1000) {
            0 => {
                let index = dice(owners.len());
                let mut dead = std::mem::replace(&mut owners[index], sleeper());
                dead.kill().unwrap();
                dead.wait().unwrap();
                leases.retain(|(pid, _)| *pid != dead.id());
                deaths += 1;
                while !client.get("/status").contains(&format!(r#""allocations":{},"#, leases.len())) {}
            }
            1..550 if leases.len() < 2000 => {
                let pid = owners[dice(owners.len())].id();
                let body = format!(r#"{{"service_type":"bench","pid":{pid}}}"#);
                leases.push((pid, serde_json::from_str(&client.try_allocate(&body).unwrap()).unwrap()));
            }
            _ if !leases.is_empty() => {
                let (_, lease) = leases.swap_remove(dice(leases.len()));
                release(client, &lease);
            }
            _ => {}
        }
        if operation % 100 == 0 {
            let watched = leases.iter().map(|(pid, _)| pid).collect::<HashSet<_>>().len();
            let status: Value = serde_json::from_str(&client.get("/status")).unwrap();
            disagreed += usize::from(status["watches"]["processes"] != watched);
        }
    }
    for mut owner in owners {
        owner.kill().unwrap();
        owner.wait().unwrap();
    }
    while !client.get("/status").contains(r#""allocations":0"#) {}
    println!(
        "{operations} random operations, {deaths} deaths among them: watches and owners disagreed {disagreed} times, \
         {} descriptors more than before",
        descriptors() - before
    );
}

/// What the daemon's thread costs while nothing happens and 100 leases are active.
fn idle(client: &mut Client, spell: Duration) {
    let body = format!(r#"{{"service_type":"bench","pid":{}}}"#, std::process::id());
    let leases: Vec<Value> =
        (0..100).map(|_| serde_json::from_str(&client.try_allocate(&body).unwrap()).unwrap()).collect();
    let port = |lease: &Value| u16::try_from(lease["port"].as_u64().unwrap()).unwrap();
    let listeners: Vec<TcpListener> =
        leases.iter().map(|lease| TcpListener::bind(("127.0.0.1", port(lease))).unwrap()).collect();
    while client.get("/allocations").matches(r#""state":"active""#).count() < 100 {}
    let before = usage();
    std::thread::sleep(spell);
    let after = usage();
    let wakes = after.wakes - before.wakes;
    println!(
        "100 active leases, {} s idle: {:.2} wake-ups a second, {} ms of CPU",
        spell.as_secs(),
        f64::from(wakes) / spell.as_secs_f64(),
        (after.ticks - before.ticks) * 10
    );
    drop(listeners);
    for lease in &leases {
        release(client, lease);
    }
}

struct Usage {
    wakes: u32,
    ticks: u32,
}

/// Of the daemon's thread, which is named by [`support::spawn`].
fn usage() -> Usage {
    let task = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let task = task
        .into_iter()
        .find(|task| fs::read_to_string(task.join("comm")).unwrap().trim() == "server")
        .unwrap();
    let status = fs::read_to_string(task.join("status")).unwrap();
    let wakes = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    let stat = fs::read_to_string(task.join("stat")).unwrap();
    let times: Vec<u32> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|time| time.parse().unwrap())
        .collect();
    Usage { wakes: wakes.trim().parse().unwrap(), ticks: times.iter().sum() }
}

fn sleeper() -> Child {
    Command::new("sleep").arg("3600").stdin(Stdio::null()).spawn().unwrap()
}

/// A process and the lease it owns.
fn lessee(client: &mut Client) -> (Child, Value) {
    let child = sleeper();
    let body = format!(r#"{{"service_type":"bench","pid":{}}}"#, child.id());
    (child, serde_json::from_str(&client.try_allocate(&body).unwrap()).unwrap())
}

/// A process and the port of the lease it owns.
fn owned(client: &mut Client) -> (Child, u64) {
    let (child, lease) = lessee(client);
    (child, lease["port"].as_u64().unwrap())
}

/// The id of a lease and the process that owns it.
fn owner(client: &mut Client) -> (String, Child) {
    let (child, lease) = lessee(client);
    (lease["lock_id"].as_str().unwrap().to_owned(), child)
}

fn end(client: &mut Client, owners: Vec<(Child, u64)>) {
    for (mut child, _) in owners {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    while !client.get("/status").contains(r#""allocations":0"#) {}
}

fn release(client: &mut Client, lease: &Value) {
    client.release(lease["lock_id"].as_str().unwrap());
}

struct Told {
    name: String,
    port: u64,
    lock_id: String,
    at: Instant,
}

/// The events from now on, with the instant each was read.
fn events(address: SocketAddr) -> Receiver<Told> {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert!(lines.next().unwrap().unwrap().contains("200"));
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut name = String::new();
        for line in lines.map_while(Result::ok) {
            if let Some(event) = line.strip_prefix("event: ") {
                event.clone_into(&mut name);
            } else if let Some(data) = line.strip_prefix("data: ") {
                let at = Instant::now();
                let data: Value = serde_json::from_str(data).unwrap();
                let port = data["lease"]["port"].as_u64().unwrap_or_default();
                let lock_id = data["lease"]["lock_id"].as_str().unwrap_or_default().to_owned();
                if tell.send(Told { name: name.clone(), port, lock_id, at }).is_err() {
                    return;
                }
            }
        }
    });
    told
}

fn wait_for(events: &Receiver<Told>, name: &str, port: u64) -> Instant {
    loop {
        let told = events.recv_timeout(Duration::from_secs(10)).unwrap();
        if told.name == name && told.port == port {
            return told.at;
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
