//! HTTP by hand, so that headers and bodies can be forged.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
#[cfg(unix)]
use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use styxy_core::api::{EventMessage, Refusal};

#[cfg(windows)]
use super::pipe::local;
use super::run::exactly;
use super::wait::DEADLINE;

/// A way to a daemon.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    Tcp(SocketAddr),
    /// TCP with the token.
    Trusted(SocketAddr, String),
    /// The socket; on Windows the named pipe.
    Unix(PathBuf),
}

/// A connection by either way.
pub(super) trait Stream: Read + Write {
    /// Says that nothing more is sent.
    fn end(&self);
}
impl Stream for TcpStream {
    fn end(&self) {
        let _ = self.shutdown(Shutdown::Write);
    }
}
#[cfg(unix)]
impl Stream for UnixStream {
    fn end(&self) {
        let _ = self.shutdown(Shutdown::Write);
    }
}
#[cfg(unix)]
fn local(path: &Path) -> std::io::Result<UnixStream> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    Ok(stream)
}

/// A request, as it will be written.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: &'static str,
    path: String,
    /// None: as the way says.
    host: Option<Vec<String>>,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    pub(crate) fn new(method: &'static str, path: &str) -> Self {
        Self { method, path: path.to_owned(), host: None, headers: Vec::new(), body: None }
    }
    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
    /// So many Host headers, instead of the right one.
    pub(crate) fn hosts(mut self, hosts: &[&str]) -> Self {
        self.host = Some(hosts.iter().map(|host| (*host).to_owned()).collect());
        self
    }
    /// A body with no word on what it is.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }
    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json").body(body.to_string())
    }

    fn bytes(&self, way: &Way) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, self.path).into_bytes();
        let mut add = |name: &str, value: &str| bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        let ours = || match way {
            Way::Tcp(address) | Way::Trusted(address, _) => vec![address.to_string()],
            Way::Unix(_) => vec!["styxy".to_owned()],
        };
        for host in self.host.clone().unwrap_or_else(ours) {
            add("Host", &host);
        }
        if let Way::Trusted(_, token) = way {
            add("Authorization", &format!("Bearer {token}"));
        }
        for (name, value) in &self.headers {
            add(name, value);
        }
        if let Some(body) = &self.body {
            add("Content-Length", &body.len().to_string());
        }
        add("Connection", "close");
        bytes.extend(b"\r\n");
        bytes.extend(self.body.iter().flatten());
        bytes
    }
}

impl Way {
    fn connect(&self) -> std::io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Tcp(address) | Self::Trusted(address, _) => {
                let stream = TcpStream::connect(address)?;
                stream.set_read_timeout(Some(DEADLINE))?;
                Box::new(stream)
            }
            Self::Unix(path) => Box::new(local(path)?),
        })
    }

    /// The answer to `request`.
    #[track_caller]
    pub(crate) fn send(&self, request: &Request) -> Answer {
        self.try_send(request).unwrap_or_else(|error| panic!("{error}: {request:?} to {self:?}"))
    }

    pub(crate) fn try_send(&self, request: &Request) -> std::io::Result<Answer> {
        self.begin(&request.bytes(self))?.finish()
    }

    /// Sends `bytes`, which may be less than a request.
    pub(crate) fn begin(&self, bytes: &[u8]) -> std::io::Result<Exchange> {
        let mut stream = self.connect()?;
        stream.write_all(bytes)?;
        Ok(Exchange { stream: BufReader::new(stream) })
    }

    /// Sends `bytes`, as many of them as the other side takes, and gives what it sends until it closes.
    #[track_caller]
    pub(crate) fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        Self::until_closed(self.connect().unwrap(), bytes)
    }

    /// As [`Way::raw`]; the other side knows that nothing more comes.
    #[track_caller]
    pub(crate) fn half_closed(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect().unwrap();
        let _ = stream.write_all(bytes);
        stream.end();
        Self::until_closed(stream, b"")
    }

    #[track_caller]
    fn until_closed(mut stream: Box<dyn Stream>, bytes: &[u8]) -> Vec<u8> {
        let _ = stream.write_all(bytes);
        let mut received = Vec::new();
        match stream.read_to_end(&mut received) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("neither an answer nor an end: {:?}", String::from_utf8_lossy(bytes))
            }
            Ok(_) | Err(_) => received,
        }
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(&Request::get(path))
    }

    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(&Request::new("POST", path).json(body))
    }

    #[track_caller]
    pub(crate) fn delete(&self, path: &str) -> Answer {
        self.send(&Request::new("DELETE", path))
    }

    /// The events from now on, or after the one of this id.
    #[track_caller]
    pub(crate) fn events(&self, after: Option<u64>) -> Events {
        let mut request = Request::get("/events");
        if let Some(after) = after {
            request = request.header("Last-Event-ID", &after.to_string());
        }
        let mut exchange = self.begin(&request.bytes(self)).unwrap();
        let (status, headers) = exchange.head().unwrap();
        assert_eq!(status, 200);
        assert_eq!(find(&headers, "content-type"), Some("text/event-stream"));
        let chunked = find(&headers, "transfer-encoding") == Some("chunked");
        Events { lines: BufReader::new(Body { from: exchange.stream, chunked, left: 0 }) }
    }
}

/// A connection whose answer is still to come.
pub(crate) struct Exchange {
    stream: BufReader<Box<dyn Stream>>,
}

impl Exchange {
    /// Sends more of the request.
    pub(crate) fn more(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap();
    }

    fn head(&mut self) -> std::io::Result<(u16, Vec<(String, String)>)> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| std::io::Error::other(format!("no status line: {line:?}")))?;
        let mut headers = Vec::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { return Ok((status, headers)) };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// The whole answer.
    pub(crate) fn finish(mut self) -> std::io::Result<Answer> {
        let (status, headers) = self.head()?;
        let mut body = Vec::new();
        if find(&headers, "transfer-encoding") == Some("chunked") {
            Body { from: self.stream, chunked: true, left: 0 }.read_to_end(&mut body)?;
        } else {
            let length = find(&headers, "content-length").and_then(|length| length.parse().ok());
            self.stream.take(length.unwrap_or(u64::MAX)).read_to_end(&mut body)?;
        }
        Ok(Answer { status, headers, body })
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// A body without the marks between its chunks.
struct Body<R> {
    from: R,
    chunked: bool,
    left: usize,
}

impl<R: BufRead> Read for Body<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if !self.chunked {
            return self.from.read(into);
        }
        if self.left == 0 {
            let mut line = String::new();
            // The end of the chunk before.
            while line.trim().is_empty() {
                line.clear();
                if self.from.read_line(&mut line)? == 0 {
                    return Ok(0);
                }
            }
            self.left = usize::from_str_radix(line.trim(), 16).map_err(std::io::Error::other)?;
            if self.left == 0 {
                return Ok(0);
            }
        }
        let wanted = into.len().min(self.left);
        let read = self.from.read(&mut into[..wanted])?;
        self.left -= read;
        Ok(read)
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    #[track_caller]
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{}", self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.text()))
    }

    /// A 200 with exactly a `T`.
    #[track_caller]
    pub(crate) fn ok<T: DeserializeOwned + Serialize>(&self) -> T {
        assert_eq!(self.status, 200, "{}", self.text());
        exactly(&self.json())
    }

    /// A refusal with this status and this code.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) -> Refusal {
        let refusal: Refusal = exactly(&self.json());
        assert_eq!((self.status, refusal.code.as_str()), (status, code), "{}", self.text());
        assert!(!refusal.success && !refusal.error.is_empty(), "{refusal:?}");
        refusal
    }
}

/// The answer has the headers that every answer has, none that lets a web page read it, and is JSON unless it is a text
/// for Prometheus.
#[track_caller]
pub(crate) fn proper(answer: &Answer) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let cors = answer.headers.iter().find(|(name, _)| name.starts_with("access-control-"));
    assert_eq!(cors, None);
    if !answer.header("content-type").is_some_and(|media| media.starts_with("text/plain; version=")) {
        answer.json();
    }
}

/// The stream of `GET /events`.
pub(crate) struct Events {
    lines: BufReader<Body<BufReader<Box<dyn Stream>>>>,
}

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: Option<u64>,
    pub(crate) name: String,
    pub(crate) data: Value,
}

impl Events {
    /// The next event; none if the stream has ended.
    #[track_caller]
    pub(crate) fn next(&mut self) -> Option<Event> {
        let (mut id, mut name, mut data) = (None, None, None);
        let mut line = String::new();
        loop {
            line.clear();
            match self.lines.read_line(&mut line) {
                // A stream that is cut ends in the middle of a line. What is left of that is no event.
                Ok(_) if line.ends_with('\n') => {}
                Ok(_) => return None,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no event before the deadline: {error}"),
            }
            match line.trim_end_matches('\n').split_once(':') {
                // A comment keeps the connection alive.
                Some(("", _)) => {}
                Some(("id", value)) => id = Some(value.trim().parse().unwrap()),
                Some(("event", value)) => name = Some(value.trim().to_owned()),
                Some(("data", value)) => data = Some(serde_json::from_str(value.trim()).unwrap()),
                Some((other, _)) => panic!("no field of an event: {other}"),
                None => {
                    if let (Some(name), Some(data)) = (name.take(), data.take()) {
                        return Some(Event { id, name, data });
                    }
                }
            }
        }
    }

    /// The next event, which is of this name.
    #[track_caller]
    pub(crate) fn expect(&mut self, name: &str) -> (u64, EventMessage) {
        let event = self.next().unwrap_or_else(|| panic!("the stream ended before {name}"));
        assert_eq!(event.name, name, "{}", event.data);
        let message: EventMessage = exactly(&event.data);
        assert_eq!(event.id, Some(message.seq), "the id is the number of the event");
        (message.seq, message)
    }
}
