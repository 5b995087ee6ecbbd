//! Requests by a name: wherever in their head it is, and whoever still waits for their answer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::live::{Live, PATIENCE, free_range};

const HI: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// A daemon with one port that nobody listens on, leased for a project for as long as this test lives; and its name. Each test has a
/// port of its own.
fn shop(number: u16) -> (Live, u16, String) {
    let port = free_range(2)[0] + number;
    let daemon = Live::start("{}");
    let folder = daemon.home().join("shop");
    std::fs::create_dir_all(&folder).unwrap();
    let lease = daemon.allocate(&json!({
        "service_type": "dev",
        "project_path": folder,
        "pid": std::process::id(),
        "preferred_port": port,
        "exact": true,
    }));
    let host = lease["host"].as_str().unwrap().to_owned();
    (daemon, port, host)
}

/// Answers each request on this port, and says what it was.
fn serve(port: u16) -> Receiver<String> {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let (say, asked) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let say = say.clone();
            thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while let Some(Ok(first)) = lines.next() {
                    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                    if say.send(first).is_err() || stream.write_all(HI.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    asked
}

#[test]
fn a_name_is_found_behind_a_long_target_and_the_doors_limits_count() {
    let (daemon, port, host) = shop(0);
    let asked = serve(port);
    // The API takes heads of up to 16 KiB.
    for length in [10, 2000, 3000, 20_000, 60_000] {
        let target = format!("/?{}", "q".repeat(length));
        let (head, body) = daemon.send(&format!("GET {target}"), &[("host", &host)]);
        assert!(head.starts_with("HTTP/1.1 200") && body == "hi", "{length}: {head}");
        assert_eq!(asked.recv_timeout(PATIENCE).unwrap(), format!("GET {target} HTTP/1.1"));
    }
    // The rest of a longer head is not read, so its sender sees the refusal, or that the connection was reset.
    let mut stream = TcpStream::connect(("127.0.0.1", daemon.port())).unwrap();
    let mut answer = String::new();
    let long = format!("GET /?{} HTTP/1.1\r\nHost: {host}\r\n\r\n", "q".repeat(70_000));
    let _ = stream.write_all(long.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert!(asked.try_recv().is_err());
}

#[test]
fn what_nobody_waits_for_any_more_never_reaches_the_server() {
    let (daemon, port, host) = shop(1);
    let api = format!("GET /status HTTP/1.1\r\nHost: localhost:{}\r\n\r\n", daemon.port());
    let long = "q".repeat(3000);
    for (before, order, body) in [
        ("", "POST /gone HTTP/1.1\r\n".to_owned(), ""),
        ("", format!("POST /gone?{long} HTTP/1.1\r\n"), ""),
        // A connection that was the API's so far.
        (&api, "POST /gone HTTP/1.1\r\n".to_owned(), ""),
        ("", "POST /gone HTTP/1.1\r\n".to_owned(), "hello"),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", daemon.port())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        write!(stream, "{before}{order}Host: {host}\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
        // The daemon answers on one thread: whatever came before these has been read, and waits for its server.
        for _ in 0..5 {
            daemon.get("/status");
        }
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (short, orders) = (&order[..10], answer.matches("HTTP/1.1 ").count());
        assert_eq!(orders, usize::from(!before.is_empty()), "{short} is not answered: {answer}");
    }
    let asked = serve(port);
    // For longer than it takes the door to notice that somebody listens, whoever waits.
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(200) {
        let (head, _) = daemon.send("GET /after", &[("host", &host)]);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    }
    let gone: Vec<String> = asked.try_iter().filter(|first| first != "GET /after HTTP/1.1").collect();
    assert!(gone.is_empty(), "{gone:?}");
}
