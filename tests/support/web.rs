//! A server that speaks enough HTTP to say who it is, and how much came to it.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::helper::{listener, say};

/// What its answers have, and no answer of the daemon's.
pub(crate) const MARK: &str = "x-web";
/// The `Host` that it got.
pub(crate) const HOST: &str = "x-host";

/// Answers every request at `address` with `name`, and says after `count` on standard input how many bytes came. The first line of each
/// request is noted in the file `notes` before anything is done, so that it is known even if this process is killed.
pub(super) fn web(address: SocketAddr, name: &'static str, notes: Option<&'static str>) {
    let (listener, received) = (listener(&address), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&received);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let received = Arc::clone(&counted);
            thread::spawn(move || serve(stream, name, notes, &received));
        }
    });
    say("ready");
    for line in std::io::stdin().lines().map_while(Result::ok) {
        assert_eq!(line, "count");
        say(&received.load(Ordering::SeqCst).to_string());
    }
}

fn serve(mut stream: TcpStream, name: &str, notes: Option<&str>, received: &AtomicU64) {
    let _ = stream.set_nodelay(true);
    let Ok(reading) = stream.try_clone() else { return };
    let mut reader = BufReader::new(reading);
    loop {
        let (mut line, mut first, mut host, mut length) = (String::new(), String::new(), String::new(), 0);
        loop {
            line.clear();
            let Ok(bytes @ 1..) = reader.read_line(&mut line) else { return };
            received.fetch_add(bytes as u64, Ordering::SeqCst);
            if first.is_empty() {
                first.clone_from(&line);
                if let Some(notes) = notes {
                    let mut notes = OpenOptions::new().append(true).create(true).open(notes).unwrap();
                    // One write is one line, whoever else writes.
                    notes.write_all(first.as_bytes()).unwrap();
                }
            }
            if let Some(text) = line.to_lowercase().strip_prefix("content-length:") {
                length = text.trim().parse().unwrap_or(0);
            }
            if let Some(text) = line.to_lowercase().strip_prefix("host:") {
                host = text.trim().to_owned();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        if std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink()).is_err() {
            return;
        }
        received.fetch_add(length, Ordering::SeqCst);
        let text = format!("{name} {}", first.trim());
        let body = if first.starts_with("HEAD ") { "" } else { &text };
        let length = text.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\n{MARK}: {name}\r\n{HOST}: {host}\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
