//! A door on a port of its own, servers behind it, and clients that say every byte themselves.

use std::collections::HashMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use styxy_core::{DoorRules, LockId, Port, WallTime};
use styxy_door::{
    Api, Arrival, Behind, Body, Directory, Door, DoorThread, Found, Host, Limits, Past, Served, Stranger,
};

/// How long anything may take before a test has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Who has which name, as a test says.
#[derive(Default)]
pub(crate) struct Table {
    names: Mutex<HashMap<String, Found>>,
    behind: Mutex<HashMap<LockId, Behind>>,
    /// How often it was asked who has a name, and who listens.
    pub(crate) finds: AtomicU64,
    pub(crate) looks: AtomicU64,
    /// What becomes of a socket between the two looks at it.
    swapped: Mutex<Option<Behind>>,
}

impl Directory for Table {
    async fn find(&self, host: &Host) -> Found {
        self.finds.fetch_add(1, Ordering::Relaxed);
        self.names.lock().unwrap().get(host.as_str()).cloned().unwrap_or(Found::Nobody)
    }

    async fn behind(&self, lease: LockId, _: Port) -> Behind {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.behind.lock().unwrap().get(&lease).cloned().unwrap_or(Behind::Ended)
    }

    fn is_still(&self, address: SocketAddr, socket: u64) -> bool {
        let mut behind = self.behind.lock().unwrap();
        if let Some(swapped) = self.swapped.lock().unwrap().take() {
            behind.values_mut().for_each(|behind| *behind = swapped.clone());
        }
        behind.values().any(|behind| *behind == Behind::Server { address, socket })
    }

    async fn all(&self) -> Vec<Arc<Served>> {
        let names = self.names.lock().unwrap();
        let served = |found: &Found| match found {
            Found::Service(served) => Some(Arc::clone(served)),
            _ => None,
        };
        names.values().filter_map(served).collect()
    }

    async fn branch(&self, _: &str) -> Option<String> {
        Some("main".into())
    }
}

/// Says that the API was asked.
struct Teapot;

impl Api for Teapot {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let body: http_body_util::Full<hyper::body::Bytes> = format!("api {}", request.uri().path()).into();
        let mut response = Response::new(Body::other(body));
        *response.status_mut() = hyper::StatusCode::IM_A_TEAPOT;
        response
    }
}

/// A door, and what it knows.
pub(crate) struct World {
    pub(crate) table: Arc<Table>,
    pub(crate) address: SocketAddr,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let table = Arc::new(Table::default());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let door_thread = DoorThread::new(Arc::new(Door::new(Arc::clone(&table), limits)), || {});
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let from = stream.peer_addr().unwrap().ip();
                stream.set_nonblocking(true).unwrap();
                door_thread
                    .take(stream, Arrival { from, port: address.port(), head: Bytes::new(), api: Teapot })
                    .unwrap();
            }
        });
        Self { table, address }
    }

    /// `name` has a lease from now on; nothing listens.
    pub(crate) fn lease(&self, name: &str) -> LockId {
        self.lease_by(name, DoorRules::default())
    }

    /// The same, with rules of its own.
    pub(crate) fn lease_by(&self, name: &str, rules: DoorRules) -> LockId {
        self.lease_after(name, rules, None)
    }

    /// `name` has a lease that only keeps its port, since its server has ended.
    pub(crate) fn lease_left(&self, name: &str, returns_within_ms: u64) -> LockId {
        let past = past(name, returns_within_ms, DoorRules::default());
        self.lease_after(name, DoorRules::default(), Some(Arc::new(past)))
    }

    fn lease_after(&self, name: &str, rules: DoorRules, past: Option<Arc<Past>>) -> LockId {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let lease = LockId::parse(&format!("4f5e0000-0000-4000-8000-{number:012}")).unwrap();
        let served = Served {
            lease,
            port: Port::new(3000).unwrap(),
            host: name.into(),
            service: "dev".into(),
            folder: Some("/w/shop".into()),
            since: WallTime(0),
            rules,
            past,
        };
        self.table.names.lock().unwrap().insert(name.to_owned(), Found::Service(Arc::new(served)));
        self.table.behind.lock().unwrap().insert(lease, Behind::Nobody);
        lease
    }

    /// `other` leads to the server called `name` too.
    pub(crate) fn also_called(&self, name: &str, other: &str) {
        let mut names = self.table.names.lock().unwrap();
        let found = names[name].clone();
        names.insert(other.to_owned(), found);
    }

    pub(crate) fn has_ended(&self, name: &str, returns_within_ms: u64) {
        self.has_ended_by(name, returns_within_ms, DoorRules::default());
    }

    /// The same, with rules of its own.
    pub(crate) fn has_ended_by(&self, name: &str, returns_within_ms: u64, rules: DoorRules) {
        let past = past(name, returns_within_ms, rules);
        self.table.names.lock().unwrap().insert(name.to_owned(), Found::Past(Arc::new(past)));
    }

    /// The server at `address` is the one of `lease`.
    pub(crate) fn listens(&self, lease: LockId, address: SocketAddr) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let socket = NEXT.fetch_add(1, Ordering::Relaxed);
        self.table.behind.lock().unwrap().insert(lease, Behind::Server { address, socket });
    }

    pub(crate) fn is_a_stranger(&self, lease: LockId) {
        self.table.behind.lock().unwrap().insert(lease, stranger());
    }

    /// The next server that is looked at is a stranger's at the second look.
    pub(crate) fn swaps(&self) {
        *self.table.swapped.lock().unwrap() = Some(stranger());
    }

    /// `dev.shop.localhost`, served by `server` on each connection.
    pub(crate) fn served(&self, server: impl Fn(TcpStream) + Send + Sync + 'static) -> LockId {
        let lease = self.lease("dev.shop.localhost");
        self.listens(lease, backend(server));
        lease
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(TcpStream::connect(self.address).unwrap())
    }

    /// The whole answer to one request, on a connection of its own.
    pub(crate) fn ask(&self, request: &str) -> Answer {
        let mut client = self.client();
        client.send(request);
        client.answer()
    }

    pub(crate) fn get(&self, name: &str) -> Answer {
        self.ask(&format!("GET / HTTP/1.1\r\nHost: {name}\r\n\r\n"))
    }
}

fn past(name: &str, returns_within_ms: u64, rules: DoorRules) -> Past {
    Past {
        host: name.into(),
        service: "dev".into(),
        folder: None,
        ended: None,
        why: "its process ended",
        rules,
        returns_within_ms,
    }
}

fn stranger() -> Behind {
    Behind::Stranger(Stranger { pid: None, process: Some("thief".into()), folder: Some("/w/other".into()) })
}

/// A server that does `serve` with each connection, in a thread of its own.
pub(crate) fn backend(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((IpAddr::from(Ipv4Addr::LOCALHOST), 0)).unwrap();
    let (address, serve) = (listener.local_addr().unwrap(), Arc::new(serve));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, serve) = (stream.unwrap(), Arc::clone(&serve));
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Answers each request of a connection with the same bytes.
pub(crate) fn says(answer: impl Into<Vec<u8>>) -> impl Fn(TcpStream) + Send + Sync {
    let answer = answer.into();
    move |stream| {
        let mut client = Client::new(stream);
        while client.head().is_some() {
            client.send_bytes(&answer);
        }
    }
}

/// One end of a connection.
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap_or_default().parse().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    let mut fields = lines.filter(|(field, _)| field.eq_ignore_ascii_case(name));
    fields.next().map(|(_, value)| value.trim())
}

impl Client {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, read: Vec::new() }
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes());
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// More bytes; false at the end.
    pub(crate) fn more(&mut self) -> bool {
        let mut buffer = vec![0; 65536];
        match self.stream.read(&mut buffer) {
            Ok(0) => false,
            Ok(length) => {
                self.read.extend_from_slice(&buffer[..length]);
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&self.read)),
        }
    }

    /// The bytes up to the end of `mark`; none if the connection ends before.
    pub(crate) fn until(&mut self, mark: &str) -> Option<String> {
        let began = Instant::now();
        loop {
            let at = self.read.windows(mark.len()).position(|bytes| bytes == mark.as_bytes());
            if let Some(at) = at {
                let bytes: Vec<u8> = self.read.drain(..at + mark.len()).collect();
                return Some(String::from_utf8(bytes).unwrap());
            }
            assert!(began.elapsed() < PATIENCE, "no {mark:?} in {:?}", String::from_utf8_lossy(&self.read));
            if !self.more() {
                return None;
            }
        }
    }

    pub(crate) fn head(&mut self) -> Option<String> {
        self.until("\r\n\r\n")
    }

    pub(crate) fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length && self.more() {}
        let length = length.min(self.read.len());
        self.read.drain(..length).collect()
    }

    /// Everything up to the end of the connection.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.more() {}
        std::mem::take(&mut self.read)
    }

    /// An answer whose length is said, or that is chunked.
    pub(crate) fn answer(&mut self) -> Answer {
        let head = self.head().unwrap_or_default();
        let body = self.body(&head);
        Answer { head, body }
    }

    /// The body of a message with this head.
    pub(crate) fn body(&mut self, head: &str) -> Vec<u8> {
        if header(head, "transfer-encoding").is_some() {
            let mut body = Vec::new();
            while let Some(line) = self.until("\r\n") {
                let length = usize::from_str_radix(line.trim().split(';').next().unwrap(), 16).unwrap();
                if length == 0 {
                    break;
                }
                body.extend(self.exactly(length));
                self.exactly(2);
            }
            return body;
        }
        let length = header(head, "content-length").map_or(0, |length| length.parse().unwrap());
        self.exactly(length)
    }
}

/// Waits until it is so.
#[track_caller]
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "it is not so after {PATIENCE:?}");
        thread::sleep(Duration::from_millis(2));
    }
}
