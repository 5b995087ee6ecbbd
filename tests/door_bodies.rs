//! Large bodies, events and web sockets by a name: they come through unchanged, at once, and without gathering in the daemon.
//!
//! `STYXY_TEST_MEGABYTES=300` says how large the bodies are; `--nocapture` shows what was measured.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::door::owned;
use crate::support::{Home, sort};

/// How long nothing may happen before a test has failed.
const PATIENCE: Duration = Duration::from_mins(1);
/// A piece of a body.
const PIECE: usize = 64 * 1024;
/// How large a message of the WebSocket is.
const MESSAGE: usize = 10_000_000;
const EVENTS: usize = 100;
/// How much more memory the daemon may need, in KiB.
const MORE: u64 = 16 * 1024;

fn megabytes() -> usize {
    std::env::var("STYXY_TEST_MEGABYTES").ok().and_then(|size| size.parse().ok()).unwrap_or(30)
}

/// One end of a connection that speaks HTTP byte by byte.
struct Wire(BufReader<TcpStream>);

impl Wire {
    fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::with_capacity(PIECE, stream))
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    /// A head, or the trailers, up to the empty line, in lower case; nothing at the end.
    fn head(&mut self) -> Option<String> {
        let mut head = String::new();
        loop {
            let line = self.line();
            if line.is_empty() {
                return None;
            }
            if line == "\r\n" {
                return Some(head.to_lowercase());
            }
            head.push_str(&line);
        }
    }

    fn exactly(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Reads `length` bytes of the body.
    fn seen(&mut self, length: usize) -> usize {
        let (mut seen, mut piece) = (Seen::new(), vec![0; PIECE]);
        while seen.length < length {
            let size = self.0.read(&mut piece[..PIECE.min(length - seen.length)]).unwrap();
            assert_ne!(size, 0, "the body ended after {} bytes", seen.length);
            seen.add(&piece[..size]);
        }
        seen.length
    }

    /// Gives each chunk of a chunked body to `take`, and returns the trailers.
    fn chunks(&mut self, mut take: impl FnMut(&[u8])) -> String {
        loop {
            let length = usize::from_str_radix(self.line().trim(), 16).unwrap();
            if length == 0 {
                return self.head().unwrap();
            }
            take(&self.exactly(length));
            assert_eq!(self.line(), "\r\n");
        }
    }
}

/// The body that is expected, and how much of it was there.
struct Seen {
    piece: Vec<u8>,
    length: usize,
}

impl Seen {
    fn new() -> Self {
        Self { piece: piece(0), length: 0 }
    }

    /// The next bytes; a panic if they are other ones.
    fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (number, at) = (self.length / PIECE, self.length % PIECE);
            if at == 0 {
                mark(&mut self.piece, number);
            }
            let (part, rest) = bytes.split_at(bytes.len().min(PIECE - at));
            assert!(part == &self.piece[at..at + part.len()], "other bytes behind {}", self.length);
            self.length += part.len();
            bytes = rest;
        }
    }
}

fn piece(number: usize) -> Vec<u8> {
    let mut piece: Vec<u8> = (0..PIECE).map(|at| at.to_le_bytes()[0].wrapping_mul(7)).collect();
    mark(&mut piece, number);
    piece
}

/// No two pieces are alike.
fn mark(piece: &mut [u8], number: usize) {
    piece[..8].copy_from_slice(&(number as u64).to_be_bytes());
}

/// Sends a body of so many megabytes, piece by piece, with `around` before and behind each.
fn sends(wire: &mut Wire, around: (&str, &str)) {
    let mut piece = piece(0);
    for number in 0..size() / PIECE {
        mark(&mut piece, number);
        wire.send(around.0);
        wire.send(&piece);
        wire.send(around.1);
    }
}

fn size() -> usize {
    megabytes() * 1_000_000 / PIECE * PIECE
}

/// A binary message as a WebSocket frames it; a client's is masked.
fn frame(message: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut frame = vec![0x82, 127 | if mask.is_some() { 0x80 } else { 0 }];
    frame.extend((message.len() as u64).to_be_bytes());
    frame.extend(mask.iter().flatten());
    let mask = mask.unwrap_or_default();
    frame.extend(message.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]));
    frame
}

fn message(wire: &mut Wire) -> Vec<u8> {
    let head = wire.exactly(10);
    let length = usize::try_from(u64::from_be_bytes(head[2..].try_into().unwrap())).unwrap();
    let mask = if head[1] & 0x80 == 0 { vec![0; 4] } else { wire.exactly(4) };
    let mut message = wire.exactly(length);
    message.iter_mut().enumerate().for_each(|(at, byte)| *byte ^= mask[at % 4]);
    message
}

const OK: &str = "HTTP/1.1 200 OK\r\n";

/// The server, and whoever reads its events: the next one is sent when the one before it has arrived.
struct Events {
    next: mpsc::Receiver<()>,
    sent: mpsc::Sender<Instant>,
}

/// What the server does with each connection.
fn serve(stream: TcpStream, events: &Mutex<Events>) {
    let mut wire = Wire::new(stream);
    while let Some(head) = wire.head() {
        match head.split(' ').nth(1).unwrap() {
            "/download" => {
                wire.send(format!("{OK}Content-Length: {}\r\n\r\n", size()));
                sends(&mut wire, ("", ""));
            }
            "/upload" => uploaded(&mut wire, &head),
            "/events" => {
                wire.send(format!("{OK}Content-Type: text/event-stream\r\n\r\n"));
                let events = events.lock().unwrap();
                for (number, ()) in events.next.iter().enumerate() {
                    events.sent.send(Instant::now()).unwrap();
                    wire.send(format!("data: {number}\n\n"));
                }
                return;
            }
            "/socket" => {
                wire.send(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
                );
                wire.send("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
                let message = message(&mut wire);
                wire.send(frame(&message, None));
            }
            other => panic!("{other}"),
        }
    }
}

/// Answers an upload with its length and its trailers, and with a trailer of its own.
fn uploaded(wire: &mut Wire, head: &str) {
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    if head.contains("expect: 100-continue") {
        wire.send("HTTP/1.1 100 Continue\r\n\r\n");
    }
    let (length, trailers) = if let Some(length) = length {
        (wire.seen(length.parse().unwrap()), String::new())
    } else {
        let mut seen = Seen::new();
        let trailers = wire.chunks(|chunk| seen.add(chunk));
        (seen.length, trailers)
    };
    let said = format!("{length} {}", trailers.trim());
    let body = format!("{:x}\r\n{said}\r\n0\r\nX-Length: {length}\r\n\r\n", said.len());
    wire.send(format!("{OK}Transfer-Encoding: chunked\r\nTrailer: X-Length\r\n\r\n{body}"));
}

/// What a server said of an upload, and its trailers.
fn answer(wire: &mut Wire) -> (String, String) {
    let head = wire.head().unwrap();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let mut said = Vec::new();
    let trailers = wire.chunks(|chunk| said.extend(chunk));
    (String::from_utf8(said).unwrap(), trailers.trim().to_owned())
}

/// A client of the door, and what it asks for.
struct Client<'h> {
    home: &'h Home,
    host: String,
}

impl Client<'_> {
    fn ask(&self, line: &str, more: &str) -> Wire {
        let mut wire = Wire::new(TcpStream::connect((Ipv4Addr::LOCALHOST, self.home.listen_port())).unwrap());
        wire.send(format!("{line} HTTP/1.1\r\nHost: {}\r\n{more}\r\n", self.host));
        wire
    }

    fn downloads(&self) {
        let mut wire = self.ask("GET /download", "");
        assert!(wire.head().unwrap().contains(&format!("content-length: {}", size())));
        assert_eq!(wire.seen(size()), size());
    }

    fn uploads(&self) {
        let mut wire = self.ask("POST /upload", &format!("Content-Length: {}\r\n", size()));
        sends(&mut wire, ("", ""));
        assert_eq!(answer(&mut wire), (format!("{} ", size()), String::new()));
    }

    /// Asks before it sends, does not say how much it is, and has trailers.
    fn streams(&self) {
        let more =
            "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\nTE: trailers\r\nTrailer: X-Mine\r\n";
        let mut wire = self.ask("POST /upload", more);
        assert!(wire.head().unwrap().starts_with("http/1.1 100"));
        sends(&mut wire, (&format!("{PIECE:x}\r\n"), "\r\n"));
        wire.send("0\r\nX-Mine: yes\r\n\r\n");
        let expected = (format!("{} x-mine: yes", size()), format!("x-length: {}", size()));
        assert_eq!(answer(&mut wire), expected);
    }

    fn speaks(&self) {
        let more = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let mut wire = self.ask("GET /socket", more);
        let head = wire.head().unwrap();
        assert!(head.starts_with("http/1.1 101") && head.contains("s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
        let sent: Vec<u8> = (0..MESSAGE).map(|at| (at * 31 / 7).to_le_bytes()[0]).collect();
        wire.send(frame(&sent, Some([1, 2, 3, 4])));
        assert!(message(&mut wire) == sent, "another message came back");
    }

    /// How long each event takes, the quickest first.
    fn reads_events(&self, (next, sent): (mpsc::Sender<()>, mpsc::Receiver<Instant>)) -> Vec<Duration> {
        let mut wire = self.ask("GET /events", "");
        wire.head().unwrap();
        let mut took: Vec<Duration> = (0..EVENTS)
            .map(|number| {
                next.send(()).unwrap();
                let line = loop {
                    let line = wire.line();
                    // The length of a chunk is the door's, the empty lines are the event's end.
                    if line.starts_with("data: ") {
                        break line;
                    }
                };
                assert_eq!(line, format!("data: {number}\n"));
                sent.recv().unwrap().elapsed()
            })
            .collect();
        took.sort_unstable();
        took
    }
}

/// The daemon's memory and the most that it ever was, in KiB; none where the system has no /proc.
fn memory(pid: u32) -> Option<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let of = |name| {
        status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse().ok())
    };
    Some((of("VmRSS:")?, of("VmHWM:")?))
}

#[test]
fn large_bodies_events_and_a_socket_come_through_at_once_and_gather_nowhere() {
    let home = Home::new();
    let pid = home.start().pid;
    let grant = owned(&home);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, grant.port.get())).unwrap();
    let (next, waits) = mpsc::channel();
    let (sends, sent) = mpsc::channel();
    let events = Arc::new(Mutex::new(Events { next: waits, sent: sends }));
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let events = Arc::clone(&events);
            thread::spawn(move || serve(stream, &events));
        }
    });
    let client = Client { home: &home, host: format!("{}.project.localhost", sort::WEB) };
    let before = memory(pid.get());
    let began = Instant::now();
    let took = thread::scope(|scope| {
        let reading = scope.spawn(|| client.reads_events((next, sent)));
        for act in [Client::downloads, Client::uploads, Client::streams] {
            let client = &client;
            scope.spawn(move || act(client));
        }
        client.speaks();
        reading.join().unwrap()
    });
    println!(
        "{} MB down and twice up, and {MESSAGE} bytes there and back, took {:?}; an event took {:?} (p50), {:?} at most",
        megabytes(),
        began.elapsed(),
        took[EVENTS / 2],
        took[EVENTS - 1]
    );
    if let Some(((before, _), (_, most))) = before.zip(memory(pid.get())) {
        println!("memory of the daemon: {before} KiB before, {most} KiB at most");
        assert!(most < before + MORE, "{before} KiB before, {most} KiB at most");
    }
}
