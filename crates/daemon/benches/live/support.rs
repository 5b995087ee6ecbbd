//! A daemon on a thread of its own, and the smallest client there can be.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use styxy_core::api::Listen;
use styxy_core::config::{self, Parsed};
use styxy_core::layout::Layout;
use styxy_daemon::{Parts, serve};
use tokio::sync::oneshot;

/// Enough ports for everything, and no quota in the way: one client has all the leases here.
pub(crate) const CONFIG: &str = r#"{"service_types": {"bench": {"range": [11000, 31999]}}, "bind_ttl": 86400,
    "quotas": {"leases_per_checkout": 65535, "waiting_per_owner": 65535}}"#;

/// A server on a thread of its own; it ends with this value.
pub(crate) struct Server {
    pub(crate) tcp: SocketAddr,
    pub(crate) socket: PathBuf,
    pub(crate) _stop: oneshot::Sender<()>,
}

/// Where both servers listen.
pub(crate) fn listen(socket: &Path) -> (TcpListener, UnixListener) {
    let (tcp, unix) = (TcpListener::bind("127.0.0.1:0").unwrap(), UnixListener::bind(socket).unwrap());
    tcp.set_nonblocking(true).unwrap();
    unix.set_nonblocking(true).unwrap();
    (tcp, unix)
}

/// Runs a server on a thread and a runtime of its own, as the daemon's process does.
pub(crate) fn spawn<F: Future<Output = ()>>(serve: impl FnOnce() -> F + Send + 'static) {
    let thread = std::thread::Builder::new().name("server".into());
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(serve());
    };
    thread.spawn(run).unwrap();
}

pub(crate) fn daemon(home: &Path, config: &str) -> Server {
    std::fs::create_dir(home).unwrap();
    let socket = home.join("styxy.sock");
    let (tcp, unix) = listen(&socket);
    let address = tcp.local_addr().unwrap();
    let config: Parsed = config::parse(config).unwrap();
    let listen = Listen { tcp: vec![address.to_string()], socket: socket.display().to_string() };
    let layout = Layout::new(home.to_owned());
    let parts = Parts {
        layout,
        config,
        socket: unix,
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
    spawn(move || async move {
        let stop = async { drop(stopped.await) };
        serve(parts, move |_| ready.send(()).unwrap(), stop).await.unwrap();
    });
    is_ready.recv().unwrap();
    Server { tcp: address, socket, _stop: stop }
}

/// The smallest client there can be: one keep-alive connection, HTTP written by hand, blocking.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
    host: String,
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

impl Client {
    pub(crate) fn tcp(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: Box::new(stream), buffer: vec![0; 16 * 1024], host: address.to_string() }
    }

    pub(crate) fn unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        Self { stream: Box::new(stream), buffer: vec![0; 16 * 1024], host: "localhost".into() }
    }

    /// One allocate, timed, and its release.
    pub(crate) fn pair(&mut self) -> Duration {
        let begun = Instant::now();
        let lock_id = self.allocate();
        let time = begun.elapsed();
        self.release(&lock_id);
        time
    }

    pub(crate) fn release(&mut self, lock_id: &str) {
        let request = format!("DELETE /allocate/{lock_id} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host);
        self.ask(&request);
    }

    pub(crate) fn allocate(&mut self) -> String {
        let body =
            r#"{"service_type":"bench","service_name":"web","project_path":"/home/someone/projects/app"}"#;
        let (host, length) = (&self.host, body.len());
        let request = format!(
            "POST /allocate HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let answer = self.ask(&request);
        let at = answer.find(r#""lock_id":""#).unwrap() + 11;
        answer[at..at + 36].to_owned()
    }

    /// The body of a successful answer.
    pub(crate) fn ask(&mut self, request: &str) -> String {
        let (head, body) = self.exchange(request);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}\n{body}");
        body
    }

    /// `POST /allocate` with this body: the answer if it is a lease.
    pub(crate) fn try_allocate(&mut self, body: &str) -> Option<String> {
        let (host, length) = (&self.host, body.len());
        let request =
            format!("POST /allocate HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n\r\n{body}");
        let (head, body) = self.exchange(&request);
        head.starts_with("HTTP/1.1 200").then_some(body)
    }

    pub(crate) fn get(&mut self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host);
        self.ask(&request)
    }

    fn exchange(&mut self, request: &str) -> (String, String) {
        self.stream.write_all(request.as_bytes()).unwrap();
        let mut read = 0;
        loop {
            if read == self.buffer.len() {
                self.buffer.resize(2 * read, 0);
            }
            read += self.stream.read(&mut self.buffer[read..]).unwrap();
            let text = std::str::from_utf8(&self.buffer[..read]).unwrap();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                if body.len() >= length.parse::<usize>().unwrap() {
                    return (head.to_owned(), body.to_owned());
                }
            }
        }
    }
}

/// The middle and the tail of many times, in microseconds.
pub(crate) struct Figures {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Figures {
    pub(crate) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |hundredths: usize| times[times.len() * hundredths / 100].as_secs_f64() * 1e6;
        let max = times.last().map_or(0.0, |time| time.as_secs_f64() * 1e6);
        Self { p50: at(50), p99: at(99), max }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:>5.1} / {:>6.1}", self.p50, self.p99)
    }
}
