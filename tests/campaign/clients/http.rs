//! One keep-alive connection, HTTP/1.1 by hand: what is sent and what comes back is under the test's control.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

/// A way to a daemon.
#[derive(Debug, Clone)]
pub(crate) enum Way {
    Socket(PathBuf),
    Tcp(SocketAddr),
}

impl Way {
    fn host(&self) -> String {
        match self {
            Self::Socket(_) => "styxy".to_owned(),
            Self::Tcp(address) => address.to_string(),
        }
    }
}

#[derive(Debug)]
enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// A connection, its answers read one by one.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    host: String,
    buffer: Vec<u8>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> io::Result<Value> {
        serde_json::from_slice(&self.body).map_err(io::Error::other)
    }
}

impl Connection {
    /// Connects; reads and writes then fail after `patience`.
    pub(crate) fn open(way: &Way, patience: Duration) -> io::Result<Self> {
        let stream = match way {
            Way::Socket(path) => Stream::Unix(UnixStream::connect(path)?),
            Way::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, patience)?;
                stream.set_nodelay(true)?;
                Stream::Tcp(stream)
            }
        };
        let connection = Self { stream, host: way.host(), buffer: Vec::new() };
        connection.patience(patience)?;
        Ok(connection)
    }

    /// Sets how long one read or write may take.
    pub(crate) fn patience(&self, patience: Duration) -> io::Result<()> {
        // Zero would mean for ever.
        let patience = Some(patience.max(Duration::from_millis(1)));
        match &self.stream {
            Stream::Unix(stream) => stream.set_read_timeout(patience).and(stream.set_write_timeout(patience)),
            Stream::Tcp(stream) => stream.set_read_timeout(patience).and(stream.set_write_timeout(patience)),
        }
    }

    /// The process that listens at the other end, as the kernel says it; a Unix socket only.
    pub(crate) fn daemon(&self) -> Option<u32> {
        let Stream::Unix(stream) = &self.stream else { return None };
        let peer = rustix::net::sockopt::socket_peercred(stream.as_fd()).ok()?;
        u32::try_from(peer.pid.as_raw_nonzero().get()).ok()
    }

    /// Sends a request and reads its answer.
    pub(crate) fn ask(&mut self, method: &str, path: &str, body: Option<&Value>) -> io::Result<Answer> {
        self.send(method, path, body)?;
        self.read_answer()
    }

    /// Sends a request.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: Option<&Value>) -> io::Result<()> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let length = if method == "GET" && body.is_empty() {
            String::new()
        } else {
            format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())
        };
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n{length}\r\n{body}", self.host);
        self.write(request.as_bytes())
    }

    /// Sends bytes, which may be less than a request.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Unix(stream) => stream.write_all(bytes),
            Stream::Tcp(stream) => stream.write_all(bytes),
        }
    }

    fn read_some(&mut self) -> io::Result<()> {
        let mut bytes = [0; 16 * 1024];
        let read = match &mut self.stream {
            Stream::Unix(stream) => stream.read(&mut bytes)?,
            Stream::Tcp(stream) => stream.read(&mut bytes)?,
        };
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the daemon closed the connection"));
        }
        self.buffer.extend_from_slice(&bytes[..read]);
        Ok(())
    }

    /// Reads one answer, which has a length.
    pub(crate) fn read_answer(&mut self) -> io::Result<Answer> {
        let head = loop {
            if let Some(at) = find(&self.buffer, b"\r\n\r\n") {
                break at + 4;
            }
            self.read_some()?;
        };
        let text = String::from_utf8_lossy(&self.buffer[..head]).to_ascii_lowercase();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("not a status line: {text}")))?;
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        let length: usize = length.ok_or_else(|| io::Error::other(format!("no length: {text}")))?;
        while self.buffer.len() < head + length {
            self.read_some()?;
        }
        let rest = self.buffer.split_off(head + length);
        let body = std::mem::replace(&mut self.buffer, rest).split_off(head);
        Ok(Answer { status, body })
    }

    /// Reads the head of an answer that goes on, and leaves what follows unread.
    pub(crate) fn read_head(&mut self) -> io::Result<()> {
        while find(&self.buffer, b"\r\n\r\n").is_none() {
            self.read_some()?;
        }
        Ok(())
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
