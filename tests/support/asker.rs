//! Helpers that ask a daemon, from another process than the test.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use super::helper::say;
use super::http::{Request, Way};

/// Says the status and the body of the answer of a daemon at an address or behind a socket, or what kept it from asking.
pub(super) fn get(place: &str, path: &str) {
    let way = place.parse().map_or_else(|_| Way::Unix(place.into()), Way::Tcp);
    say(&match way.try_send(&Request::get(path)) {
        Ok(answer) => format!("{} {}", answer.status, answer.text()),
        Err(error) => format!("{:?}", error.kind()),
    });
}

/// Says what a daemon answers to a request for a port of this process, which then lives until the end of standard input.
pub(super) fn allocate(place: &str, service: &str) {
    let way = place.parse().map_or_else(|_| Way::Unix(place.into()), Way::Tcp);
    let answer = way.post("/allocate", &json!({ "service_type": service, "pid": std::process::id() }));
    say(&format!("{} {}", answer.status, answer.text()));
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// As [`get`], for a request like `POST/allocate`, with a body that would change something.
pub(super) fn asks(place: &str, request: &'static str) {
    let way = place.parse().map_or_else(|_| Way::Unix(place.into()), Way::Tcp);
    let (method, path) = request.split_at(request.find('/').unwrap());
    let body = match path {
        "/allocate" => json!({ "service_type": "web" }),
        "/cleanup" => json!({ "force": true }),
        "/instance/register" => json!({ "instance_id": "stranger" }),
        _ => json!({}),
    };
    let asked = Request::new(method, path);
    say(&match way.try_send(&if method == "POST" { asked.json(&body) } else { asked }) {
        Ok(answer) => format!("{} {}", answer.status, answer.text()),
        Err(error) => format!("{:?}", error.kind()),
    });
}

/// Sends half a request on each of many connections; for each word then says how many the other side has left open.
pub(super) fn half_asks(address: &str, count: usize) {
    let connect = || {
        let mut stream = TcpStream::connect(address).unwrap();
        let _ = stream.write_all(b"GET /status HTTP/1.1\r\nHos");
        stream
    };
    let streams: Vec<TcpStream> = (0..count).map(|_| connect()).collect();
    say("connected");
    let is_open = |stream: &&TcpStream| {
        let mut stream: &TcpStream = stream;
        stream.set_nonblocking(true).unwrap();
        let ended = stream.read_to_end(&mut Vec::new());
        matches!(ended, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    };
    for _ in std::io::stdin().lines().map_while(Result::ok) {
        say(&format!("{} open", streams.iter().filter(is_open).count()));
    }
}
