//! One app that has far more clients than anybody needs: it gets what one app may have, and nobody else notices.
//!
//! `STYXY_TEST_TUNNELS=10000` says how many clients there are; `--nocapture` shows what was measured.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::door::{get, owned, web};
use crate::support::web::MARK;
use crate::support::{Home, sort, until, wine_lacks};

/// How long nothing may happen before a test has failed.
const PATIENCE: Duration = Duration::from_mins(1);
/// How much more memory the daemon may need for each tunnel, in KiB.
const EACH: usize = 32;

fn clients() -> usize {
    std::env::var("STYXY_TEST_TUNNELS").ok().and_then(|count| count.parse().ok()).unwrap_or(1100)
}

/// Becomes a tunnel with each client that asks, and says what it hears.
fn echoes(listener: &TcpListener) {
    for mut stream in listener.incoming().map_while(Result::ok) {
        thread::Builder::new()
            .stack_size(64 * 1024)
            .spawn(move || {
                let mut byte = [0; 1];
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    if stream.read(&mut byte).unwrap_or(0) == 0 {
                        return;
                    }
                    head.push(byte[0]);
                }
                let answer =
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
                let _ = stream.write_all(answer.as_bytes());
                while let Ok(1) = stream.read(&mut byte) {
                    let _ = stream.write_all(&byte);
                }
            })
            .unwrap();
    }
}

/// A client that asks for a tunnel, and the status that it got.
fn tunnel(home: &Home, host: &str) -> (TcpStream, u16) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, home.listen_port())).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let ask = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    stream.write_all(ask.as_bytes()).unwrap();
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    let status = std::str::from_utf8(&start[9..]).unwrap().parse().unwrap();
    if status == 101 {
        let mut head = start.to_vec();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0; 1];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
    }
    (stream, status)
}

/// The daemon's memory in KiB; none where the system has no /proc.
fn memory(pid: u32) -> Option<usize> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok())
}

#[test]
fn an_app_with_ten_thousand_clients_gets_its_share_and_the_others_theirs() {
    if wine_lacks("a table of sockets that is read a thousand times in a minute") {
        return;
    }
    let home = Home::new();
    let pid = home.start().pid.get();
    let (grant, fix) = (owned(&home), home.worktree("fix"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, grant.port.get())).unwrap();
    thread::spawn(move || echoes(&listener));
    let other = home.allocate(
        &json!({ "service_type": sort::WEB, "project_path": fix, "label": "fix-project", "pid": std::process::id() }),
    );
    let _other = web(&home, &fix, Ipv4Addr::LOCALHOST, other.port.get(), "other");
    let (host, others) = (format!("{}.project.localhost", sort::WEB), other.host.unwrap());
    let before = memory(pid);
    let mut open: Vec<(TcpStream, u16)> = (0..clients()).map(|_| tunnel(&home, &host)).collect();
    let of = |status| open.iter().filter(|(_, got)| *got == status).count();
    let (tunnels, refused) = (of(101), of(503));
    assert_eq!(tunnels + refused, clients());
    assert!(tunnels > 0 && (tunnels == clients() || refused > 0));
    // Every client keeps its connection, and those with a tunnel use it.
    for (stream, _) in open.iter_mut().filter(|(_, status)| *status == 101) {
        stream.write_all(b"x").unwrap();
        let mut byte = [0; 1];
        stream.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
    }
    let answer = get(&home, &others);
    assert_eq!((answer.status, answer.header(MARK)), (200, Some("other")), "{}", answer.text());
    home.allocate(&json!({ "service_type": sort::API }));
    let under = memory(pid);
    println!(
        "{} clients: {tunnels} tunnels, {refused} refused; memory {before:?} KiB before, {under:?} KiB with them",
        clients()
    );
    if let Some((before, under)) = before.zip(under) {
        assert!(
            under < before + 8 * 1024 + EACH * tunnels,
            "{before} KiB before, {under} KiB with {tunnels} tunnels"
        );
    }
    for (stream, _) in open {
        let _ = stream.shutdown(Shutdown::Both);
    }
    until("there is room again", || tunnel(&home, &host).1 == 101);
}
