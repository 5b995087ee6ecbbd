//! A daemon on a thread of its own, and a client that speaks plain HTTP to it.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use styxy_core::api::Listen;
use styxy_core::config;
use styxy_core::layout::Layout;
use styxy_daemon::{Parts, serve};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// How long a test waits for anything, on the slowest machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Live {
    address: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    home: TempDir,
}

impl Live {
    /// A daemon with this configuration, ready.
    pub(crate) fn start(config: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), config)
    }

    /// A daemon that finds in its folder what is there.
    pub(crate) fn start_in(home: TempDir, config: &str) -> Self {
        let path = home.path().join("styxy.sock");
        let (tcp, socket) = (TcpListener::bind("127.0.0.1:0").unwrap(), UnixListener::bind(&path).unwrap());
        tcp.set_nonblocking(true).unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = tcp.local_addr().unwrap().to_string();
        let listen = Listen { tcp: vec![address.clone()], socket: path.display().to_string() };
        let layout = Layout::new(home.path().to_owned());
        let config = config::parse(config).unwrap();
        let parts = Parts {
            layout,
            config,
            socket,
            tcp: vec![tcp],
            listen,
            notes: Vec::new(),
            token: None,
            #[cfg(target_os = "linux")]
            guard: None,
            place: None,
            sockets: None,
        };
        let (ready, is_ready) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let stop = async { drop(stopped.await) };
            runtime.block_on(serve(parts, move |_| ready.send(()).unwrap(), stop)).unwrap();
        });
        is_ready.recv().unwrap();
        Self { address, stop: Some(stop), thread: Some(thread), home }
    }

    /// Its folder.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// A daemon that finds what a kill of this one would leave now.
    pub(crate) fn after_a_kill(&self) -> Self {
        let home = tempfile::tempdir().unwrap();
        for journal in self.journals() {
            std::fs::copy(&journal, home.path().join(journal.file_name().unwrap())).unwrap();
        }
        Self::start_in(home, "{}")
    }

    /// The files of its journal, and what was moved aside, by name.
    pub(crate) fn journals(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.home()).unwrap().map(|entry| entry.unwrap().path());
        let is_journal = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("journal.");
        let mut journals: Vec<PathBuf> = entries.filter(is_journal).collect();
        journals.sort();
        journals
    }

    /// The port that it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.address.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// One request with these headers and no others, on a connection of its own: the head of the answer, and its body.
    pub(crate) fn send(&self, line: &str, headers: &[(&str, &str)]) -> (String, String) {
        let mut stream = self.connect();
        write!(stream, "{line} HTTP/1.1\r\nconnection: close\r\n").unwrap();
        for (name, value) in headers {
            write!(stream, "{name}: {value}\r\n").unwrap();
        }
        write!(stream, "\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// One request on a connection of its own: the status and the JSON.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = self.connect();
        let (host, length) = (&self.address, body.len());
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, answer) = self.ask("GET", path, "");
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// A lease that is granted.
    pub(crate) fn allocate(&self, body: &Value) -> Value {
        let (status, answer) = self.ask("POST", "/allocate", &body.to_string());
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub(crate) fn release(&self, lease: &Value) -> u16 {
        self.ask("DELETE", &format!("/allocate/{}", lease["lock_id"].as_str().unwrap()), "").0
    }

    /// The events from now on.
    pub(crate) fn events(&self) -> Events {
        let mut stream = self.connect();
        write!(stream, "GET /events HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address)
            .unwrap();
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the stream ended in its head");
        }
        Events::of(lines)
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(std::thread::panicking() || ended.is_ok(), "the daemon's thread panicked");
        }
    }
}

/// A stream of events being read.
pub(crate) struct Events {
    lines: BufReader<TcpStream>,
}

impl Events {
    /// What is sent on a connection from here on.
    pub(crate) const fn of(lines: BufReader<TcpStream>) -> Self {
        Self { lines }
    }

    /// The next event of this name, and when it was read.
    pub(crate) fn wait_for(&mut self, name: &str) -> (Value, Instant) {
        loop {
            let (event, data) = self.next().unwrap_or_else(|| panic!("the stream ended before {name}"));
            if event == name {
                return (data, Instant::now());
            }
        }
    }

    /// The next event; nothing when the stream has ended.
    pub(crate) fn next(&mut self) -> Option<(String, Value)> {
        let (mut name, mut line) = (String::new(), String::new());
        loop {
            line.clear();
            match self.lines.read_line(&mut line) {
                // A stream that is cut ends in the middle of a line. What is left of that is no event.
                Ok(_) if line.ends_with('\n') => {}
                Ok(_) => return None,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("the stream cannot be read: {error}"),
            }
            if let Some(event) = line.strip_prefix("event: ") {
                event.trim().clone_into(&mut name);
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Some((name, serde_json::from_str(data).unwrap()));
            }
        }
    }
}

/// A range of ports that nothing listens on now, as `[first, last]`.
pub(crate) fn free_range(length: u16) -> [u16; 2] {
    let offset = u16::try_from(std::process::id() % 40).unwrap() * 400;
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let starts = (0..40).map(|step| 11_000 + (offset + step * 400) % 16_000);
    let first = starts.into_iter().find(|start| (*start..start + length).all(free)).unwrap();
    [first, first + length - 1]
}

/// Waits until `what` gives something, looking again and again.
pub(crate) fn eventually<T>(claim: &str, mut what: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(result) = what() {
            return result;
        }
        assert!(Instant::now() < deadline, "never: {claim}");
        std::thread::yield_now();
    }
}
