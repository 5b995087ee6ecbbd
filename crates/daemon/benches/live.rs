//! A live daemon beside a plain axum handler that decodes the same bodies, makes the same one probe and encodes the
//! same answers: what a lease costs over what any HTTP answer costs. Both run in this process, each on a thread and a
//! `current_thread` runtime of its own, and are asked in turn, so that a noisy machine is noisy for both.
//!
//! `cargo bench -p styxy-daemon --bench live`

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints its figures and may stop at anything odd"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use axum::extract::{Path as Segment, State};
use axum::routing::{delete, post};
use axum::{Json, Router};
use styxy_core::api::{
    AllocateAnswer, AllocateRequest, Grant, Listen, OwnerKind, OwnerView, ReleaseAnswer, State as LeaseState,
};
use styxy_core::config::{self, Parsed};
use styxy_core::layout::Layout;
use styxy_core::{LockId, Occupancy, Port};
use styxy_daemon::{Parts, serve, system};
use tokio::sync::oneshot;

/// Pairs of allocate and release, for each of the servers.
const PAIRS: usize = 20_000;
const CLIENTS: usize = 32;
const SPELL: Duration = Duration::from_secs(3);
const LIVE: usize = 10_000;

fn main() {
    let home = tempfile::tempdir().unwrap();
    let daemon = daemon(&home.path().join("daemon"));
    let plain = plain(home.path());
    println!(
        "allocate, keep-alive, one client, {PAIRS} pairs, in turn with a plain axum handler (p50 / p99 µs)"
    );
    compare("tcp   ", &mut Client::tcp(daemon.tcp), &mut Client::tcp(plain.tcp));
    compare("socket", &mut Client::unix(&daemon.socket), &mut Client::unix(&plain.socket));

    println!(
        "allocate and release, keep-alive, {CLIENTS} clients, {} s each (pairs a second)",
        SPELL.as_secs()
    );
    for (name, open) in [("tcp   ", Client::by_tcp as fn(&Server) -> Client), ("socket", Client::by_unix)] {
        let (ours, theirs) = (throughput(&daemon, open), throughput(&plain, open));
        println!("  {name} daemon {ours:>8.0}   axum {theirs:>8.0}   ratio {:.2}", ours / theirs);
    }

    println!("allocate by live leases, over tcp (p50 / p99 µs)");
    let mut client = Client::tcp(daemon.tcp);
    let at_none = measure(&mut client, PAIRS / 2);
    for _ in 0..LIVE {
        client.allocate();
    }
    let at_many = measure(&mut client, PAIRS / 2);
    println!("  at 0      {}\n  at {LIVE}  {}   ratio {:.2}", at_none, at_many, at_many.p50 / at_none.p50);
}

fn compare(name: &str, daemon: &mut Client, plain: &mut Client) {
    let (mut ours, mut theirs) = (Vec::with_capacity(PAIRS), Vec::with_capacity(PAIRS));
    for round in 0..PAIRS + 1000 {
        for (client, times) in [(&mut *daemon, &mut ours), (&mut *plain, &mut theirs)] {
            let time = client.pair();
            if round >= 1000 {
                times.push(time);
            }
        }
    }
    let (ours, theirs) = (Figures::of(ours), Figures::of(theirs));
    println!("  {name} daemon {ours}   axum {theirs}   ratio {:.2}", ours.p50 / theirs.p50);
}

fn measure(client: &mut Client, pairs: usize) -> Figures {
    Figures::of((0..pairs).map(|_| client.pair()).collect())
}

fn throughput(server: &Server, open: fn(&Server) -> Client) -> f64 {
    let (barrier, stop) = (Arc::new(Barrier::new(CLIENTS + 1)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (mut client, barrier, stop) = (open(server), Arc::clone(&barrier), Arc::clone(&stop));
            std::thread::spawn(move || {
                barrier.wait();
                let mut pairs = 0;
                while !stop.load(Ordering::Relaxed) {
                    client.pair();
                    pairs += 1;
                }
                pairs
            })
        })
        .collect();
    barrier.wait();
    let begun = Instant::now();
    std::thread::sleep(SPELL);
    stop.store(true, Ordering::Relaxed);
    let pairs: u32 = clients.into_iter().map(|client| client.join().unwrap()).sum();
    f64::from(pairs) / begun.elapsed().as_secs_f64()
}

/// The middle and the tail of many times, in microseconds.
struct Figures {
    p50: f64,
    p99: f64,
}

impl Figures {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |hundredths: usize| times[times.len() * hundredths / 100].as_secs_f64() * 1e6;
        Self { p50: at(50), p99: at(99) }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:>5.1} / {:>6.1}", self.p50, self.p99)
    }
}

struct Server {
    tcp: SocketAddr,
    socket: PathBuf,
    _stop: oneshot::Sender<()>,
}

/// Where both servers listen.
fn listen(socket: &Path) -> (TcpListener, UnixListener) {
    let (tcp, unix) = (TcpListener::bind("127.0.0.1:0").unwrap(), UnixListener::bind(socket).unwrap());
    tcp.set_nonblocking(true).unwrap();
    unix.set_nonblocking(true).unwrap();
    (tcp, unix)
}

/// Runs a server on a thread and a runtime of its own, as the daemon's process does.
fn spawn<F: Future<Output = ()>>(serve: impl FnOnce() -> F + Send + 'static) {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(serve());
    });
}

fn daemon(home: &Path) -> Server {
    std::fs::create_dir(home).unwrap();
    let socket = home.join("styxy.sock");
    let (tcp, unix) = listen(&socket);
    let address = tcp.local_addr().unwrap();
    let config: Parsed =
        config::parse(r#"{"service_types": {"bench": {"range": [11000, 31999]}}, "bind_ttl": 86400}"#)
            .unwrap();
    let listen = Listen { tcp: vec![address.to_string()], socket: socket.display().to_string() };
    let layout = Layout::new(home.to_owned());
    let parts =
        Parts { layout, config, socket: unix, tcp: vec![tcp], listen, notes: Vec::new(), token: None };
    let (ready, is_ready) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    spawn(move || async move {
        let stop = async { drop(stopped.await) };
        serve(parts, move |_| ready.send(()).unwrap(), stop).await.unwrap();
    });
    is_ready.recv().unwrap();
    Server { tcp: address, socket, _stop: stop }
}

/// The handler that does no more than it must: decode, one probe, encode.
fn plain(home: &Path) -> Server {
    let socket = home.join("plain.sock");
    let (tcp, unix) = listen(&socket);
    let address = tcp.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let next = Arc::new(AtomicU16::new(11_000));
    let router = Router::new()
        .route("/allocate", post(answer))
        .route("/allocate/{lock_id}", delete(release))
        .with_state(next);
    spawn(move || async move {
        let (tcp, unix) = (
            tokio::net::TcpListener::from_std(tcp).unwrap(),
            tokio::net::UnixListener::from_std(unix).unwrap(),
        );
        let tcp = axum::serve::ListenerExt::tap_io(tcp, |stream| stream.set_nodelay(true).unwrap());
        let (tcp, unix) = (axum::serve(tcp, router.clone()), axum::serve(unix, router));
        tokio::select! { _ = tcp => {}, _ = unix => {}, _ = stopped => {} }
    });
    Server { tcp: address, socket, _stop: stop }
}

async fn answer(
    State(next): State<Arc<AtomicU16>>,
    Json(request): Json<AllocateRequest>,
) -> Json<AllocateAnswer> {
    let port = Port::new(next.load(Ordering::Relaxed)).unwrap();
    assert_eq!(system::Prober::new().occupancy(port), Occupancy::Free);
    let service_type = request.service_type.unwrap();
    Json(AllocateAnswer::One(Grant {
        success: true,
        port,
        lock_id: Some(LockId::new(uuid::Uuid::new_v4())),
        service_name: request.service_name,
        state: LeaseState::Granted,
        owner: OwnerView { kind: OwnerKind::Listener, pid: None, process: None, started_at: None },
        url: format!("http://localhost:{port}"),
        reused: false,
        existing: false,
        reason: None,
        displaced_from: None,
        message: format!("Port {port} allocated for {service_type} service"),
        service_type,
    }))
}

async fn release(Segment(lock_id): Segment<uuid::Uuid>) -> Json<ReleaseAnswer> {
    assert!(!lock_id.is_nil());
    let port = Port::new(11_000).unwrap();
    Json(ReleaseAnswer { success: true, port, message: format!("Port {port} released") })
}

/// The least client there is: one keep-alive connection, HTTP written by hand, blocking.
struct Client {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
    host: String,
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

impl Client {
    fn tcp(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: Box::new(stream), buffer: vec![0; 16 * 1024], host: address.to_string() }
    }

    fn unix(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        Self { stream: Box::new(stream), buffer: vec![0; 16 * 1024], host: "localhost".into() }
    }

    fn by_tcp(server: &Server) -> Self {
        Self::tcp(server.tcp)
    }

    fn by_unix(server: &Server) -> Self {
        Self::unix(&server.socket)
    }

    /// One allocate, timed, and its release.
    fn pair(&mut self) -> Duration {
        let begun = Instant::now();
        let lock_id = self.allocate();
        let time = begun.elapsed();
        let request = format!("DELETE /allocate/{lock_id} HTTP/1.1\r\nhost: {}\r\n\r\n", self.host);
        self.ask(&request);
        time
    }

    fn allocate(&mut self) -> String {
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

    fn ask(&mut self, request: &str) -> String {
        self.stream.write_all(request.as_bytes()).unwrap();
        let mut read = 0;
        loop {
            read += self.stream.read(&mut self.buffer[read..]).unwrap();
            let text = std::str::from_utf8(&self.buffer[..read]).unwrap();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                assert!(head.starts_with("HTTP/1.1 200"), "{text}");
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                if body.len() >= length.parse::<usize>().unwrap() {
                    return body.to_owned();
                }
            }
        }
    }
}
