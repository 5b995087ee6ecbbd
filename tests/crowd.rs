//! More clients and owners than there are descriptors, clients that are slow, and clients that have gone: the others are
//! served, and nothing is done for nobody.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::json;
use styxy_core::api::AllocationsAnswer;
#[cfg(target_os = "linux")]
use {
    crate::support::{Running, finish},
    serde_json::Value,
    std::time::Duration,
    styxy_core::api::{Grant, Refusal, StatusAnswer},
};

use crate::support::{Home, Request, Way, has_ended, kill, sort, until};

/// A daemon with so many descriptors at most.
#[cfg(target_os = "linux")]
#[track_caller]
fn limited(home: &Home, descriptors: u32) -> StatusAnswer {
    let script = format!("ulimit -n {descriptors} && exec $STYXY daemon start --json");
    finish(&mut home.shell(&script)).done().wire()
}

fn socket(home: &Home) -> PathBuf {
    home.daemon_file().unwrap().socket.into()
}

/// A connection that is kept, and asks one thing after the other.
#[cfg(target_os = "linux")]
struct Kept(UnixStream);

#[cfg(target_os = "linux")]
impl Kept {
    fn open(home: &Home) -> Self {
        let stream = UnixStream::connect(socket(home)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self(stream)
    }

    /// The body of the answer.
    fn ask(&mut self, method: &str, path: &str, body: &str) -> Value {
        let length = body.len();
        write!(self.0, "{method} {path} HTTP/1.1\r\nHost: styxy\r\nContent-Length: {length}\r\n\r\n{body}")
            .unwrap();
        let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            let read = self.0.read(&mut buffer).unwrap();
            assert_ne!(read, 0, "closed after {}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&answer);
            if let Some((_, body)) = text.split_once("\r\n\r\n")
                && let Ok(value) = serde_json::from_str(body)
            {
                return value;
            }
        }
    }

    fn pair(&mut self) {
        let body = json!({ "service_type": sort::MANY }).to_string();
        let lease = self.ask("POST", "/allocate", &body);
        let path = format!("/allocate/{}", lease["lock_id"].as_str().unwrap());
        assert_eq!(self.ask("DELETE", &path, "")["success"], true);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn many_silent_clients_keep_nobody_out() {
    let home = Home::new();
    let daemon = limited(&home, 64);
    let mut owner = Kept::open(&home);
    owner.pair();
    let silent: Vec<UnixStream> = (0..200)
        .filter_map(|_| {
            let stream = UnixStream::connect(socket(&home)).ok()?;
            // Each time until the daemon has seen it: what waits in the queue is no test.
            owner.pair();
            Some(stream)
        })
        .collect();
    assert_eq!(silent.len(), 200);
    assert_eq!(home.status().unwrap().pid, daemon.pid);
    home.tcp().get("/status").ok::<StatusAnswer>();
    owner.pair();
}

#[test]
#[cfg(target_os = "linux")]
fn clients_that_send_half_a_request_keep_nobody_out() {
    let home = Home::new();
    limited(&home, 64);
    let mut owner = Kept::open(&home);
    let parts = [
        "GET /status HTTP/1.1\r\nX-Slow: ",
        "POST /allocate HTTP/1.1\r\nHost: styxy\r\nContent-Length: 9\r\n\r\n{",
    ];
    let mut slow = Vec::new();
    for part in parts.iter().cycle().take(120) {
        let mut stream = UnixStream::connect(socket(&home)).unwrap();
        stream.write_all(part.as_bytes()).unwrap();
        slow.push(stream);
        owner.pair();
    }
    home.socket().get("/status").ok::<StatusAnswer>();
}

#[test]
#[cfg(target_os = "linux")]
fn more_owners_than_descriptors_are_leased_kept_and_freed() {
    let home = Home::new();
    limited(&home, 64);
    let mut owners: Vec<Running> = (0..90).map(|_| Running::idle()).collect();
    let leases: Vec<Grant> = owners
        .iter()
        .map(|owner| home.allocate(&json!({ "service_type": sort::MANY, "pid": owner.pid() })))
        .collect();
    let watches = home.status().unwrap().watches.unwrap();
    assert_eq!(watches.processes + watches.polled, 90, "{watches:?}");
    assert!(watches.polled > 50, "{watches:?}");
    // The same after a start that finds them all.
    home.kill_daemon();
    limited(&home, 64);
    assert_eq!(home.leases().len(), leases.len());
    home.tcp().get("/status").ok::<StatusAnswer>();
    for owner in &mut owners {
        owner.kill_unreaped();
    }
    until("every lease has ended", || home.leases().is_empty());
}

#[test]
#[cfg(target_os = "linux")]
fn with_few_descriptors_it_works_or_says_why_not() {
    for limit in [12, 16, 20, 24, 28, 32] {
        let home = Home::new();
        let script = format!("ulimit -n {limit} && exec $STYXY daemon start --json");
        let said = finish(&mut home.shell(&script));
        if said.code == 0 {
            let owner = Running::idle();
            let lease = home.allocate(&json!({ "service_type": sort::WEB, "pid": owner.pid() }));
            owner.kill();
            home.ended(&lease);
            println!("{limit}: works");
        } else {
            let refusal: Refusal = said.wire();
            // The words of the second one are the C library's.
            let said = ["open files", "(os error 24)"].map(|words| refusal.error.contains(words));
            assert!(said.contains(&true), "{limit}: {refusal}");
            println!("{limit}: {refusal}");
        }
    }
}

#[test]
fn as_many_read_events_as_there_is_room_for_and_the_next_one_is_told() {
    let home = Home::new();
    home.start();
    let read = || {
        let mut stream = UnixStream::connect(socket(&home)).unwrap();
        write!(stream, "GET /events HTTP/1.1\r\nHost: styxy\r\n\r\n").unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        (stream, String::from_utf8_lossy(&head).into_owned())
    };
    let readers: Vec<_> = (0..64).map(|_| read()).collect();
    assert!(readers.iter().all(|(_, head)| head == "HTTP/1.1 200"), "{readers:?}");
    let (_, head) = read();
    assert_eq!(head, "HTTP/1.1 503");
    drop(readers);
    until("there is room again", || read().1 == "HTTP/1.1 200");
}

#[test]
fn what_a_client_asked_for_that_has_gone_is_not_done() {
    let home = Home::new();
    let pid = home.start().pid.get();
    let Way::Tcp(address) = home.tcp() else { unreachable!("it is TCP") };
    let kept = home.allocate(&json!({ "service_type": sort::WEB }));
    kill(pid, Signal::STOP);
    let ask = |stream: &mut dyn Write, host: &str| {
        let body = json!({ "service_type": sort::API }).to_string();
        let length = body.len();
        write!(stream, "POST /allocate HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}")
            .unwrap();
        let id = kept.lock_id.unwrap();
        write!(stream, "DELETE /allocate/{id} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    };
    for _ in 0..5 {
        ask(&mut UnixStream::connect(socket(&home)).unwrap(), "styxy");
        ask(&mut TcpStream::connect(address).unwrap(), &address.to_string());
    }
    kill(pid, Signal::CONT);
    // The daemon accepts in order, so that what came before this was seen.
    for way in [home.socket(), home.tcp()] {
        let leases = way.send(&Request::get("/allocations")).ok::<AllocationsAnswer>().allocations;
        assert_eq!(leases.iter().map(|lease| lease.lock_id).collect::<Vec<_>>(), [kept.lock_id.unwrap()]);
    }
    assert!(!has_ended(pid));
}

#[test]
#[cfg(target_os = "linux")]
fn requests_by_a_name_take_no_seat_of_the_api_however_long_their_heads_are() {
    let home = Home::new();
    limited(&home, 200);
    let grant = crate::door::owned(&home);
    // It accepts, and never answers.
    let _server = std::net::TcpListener::bind(("127.0.0.1", grant.port.get())).unwrap();
    let (port, long) = (home.listen_port(), "q".repeat(3000));
    let asking: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let host = grant.host.as_deref().unwrap();
            write!(stream, "GET /?{long} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
            stream
        })
        .collect();
    for _ in 0..20 {
        let grant = home.allocate(&json!({ "service_type": sort::MANY }));
        let path = format!("/allocate/{}", grant.lock_id.unwrap());
        assert_eq!(home.tcp().send(&Request::new("DELETE", &path)).status, 200);
    }
    drop(asking);
}
