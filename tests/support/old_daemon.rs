//! A stand-in for a daemon of version 0.0.9: a process with the lock, the socket and the answers of one, and no leases.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::json;

use super::helper::{Server, helper, say};
use super::home::Home;
use super::wait::until;

/// Its version.
pub(crate) const OLD: &str = "0.0.9";

/// A stand-in that serves in `home`, as `daemon.json` says in `mode`; none runs there.
pub(crate) fn old_daemon(home: &Home, mode: &str) -> Server {
    old_daemon_for(home, mode, 1)
}

/// As [`old_daemon`], which does not stop before it was asked for its status by so many clients.
pub(crate) fn old_daemon_for(home: &Home, mode: &str, clients: usize) -> Server {
    let words = [home.root().to_str().unwrap(), mode, &clients.to_string()];
    let server = Server::run(&mut helper(home, "old-daemon", &words));
    assert_eq!(server.hear(), "ready");
    server
}

/// Waits until the stand-in was told to stop, and has ended.
#[track_caller]
pub(crate) fn is_stopped_by_request(server: Server) {
    let (_, said) = server.ends();
    assert!(said.iter().any(|word| word == "POST /shutdown"), "{said:?}");
}

/// What the helper does: locks, listens and answers until it is told to stop.
pub(super) fn serve(root: &str, mode: &str, clients: usize) {
    let root = Path::new(root);
    let lock =
        File::options().create(true).truncate(false).write(true).open(root.join("daemon.lock")).unwrap();
    until("the lock is free", || lock.try_lock().is_ok());
    let socket = root.join("styxy.sock");
    let _ = fs::remove_file(&socket);
    let listener = UnixListener::bind(&socket).unwrap();
    let pid = std::process::id();
    let file =
        json!({ "pid": pid, "version": OLD, "api_version": 1, "tcp": [], "socket": socket, "mode": mode });
    fs::write(root.join("daemon.json"), file.to_string()).unwrap();
    say("ready");
    let asked = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let (stream, socket, asked) = (stream.unwrap(), socket.clone(), asked.clone());
        thread::spawn(move || {
            answer(&stream, pid, &socket, &asked, || {
                until("all have asked", || asked.load(Ordering::SeqCst) >= clients);
            });
        });
    }
}

/// Answers the requests of one connection; ends the process if one of them is to stop.
fn answer(stream: &UnixStream, pid: u32, socket: &Path, statuses: &AtomicUsize, wait: impl Fn()) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    while let Some(first) = lines.next() {
        while lines.next().is_some_and(|line| !line.is_empty()) {}
        let asked = first.trim_end_matches(" HTTP/1.1");
        say(asked);
        match asked {
            "GET /status" => drop(statuses.fetch_add(1, Ordering::SeqCst)),
            "POST /shutdown" => wait(),
            _ => {}
        }
        let body = match asked.split('?').next().unwrap() {
            "GET /status" => json!({
                "status": "running", "version": OLD, "api_version": 1, "pid": pid, "uptime": 1.0, "allocations": 0,
                "instances": 0, "listen": { "tcp": ["127.0.0.1:9876"], "socket": socket }, "memory": { "rss": 1 },
            }),
            "GET /config" => {
                json!({ "path": "config.json", "config": styxy_core::config::Config::default(), "from_file": [] })
            }
            "GET /allocations" => json!({ "allocations": [] }),
            _ => json!({ "success": true }),
        };
        let body = body.to_string();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nstyxy-api: 1\r\nstyxy-version: {OLD}\r\ncontent-length: {length}"
        );
        let _ = (&mut &*stream).write_all(format!("{head}\r\n\r\n{body}").as_bytes());
        if asked == "POST /shutdown" {
            let _ = fs::remove_file(socket);
            std::process::exit(0);
        }
    }
}
