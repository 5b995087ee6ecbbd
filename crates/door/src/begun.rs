//! The first bytes of a connection: read until they say for whom it is, and read again by whoever serves it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use crate::dispatch::END;

/// How many bytes are looked at for a `Host`: as many as the door takes for a head.
const MOST: usize = 64 * 1024;
/// How many bytes there is room for at a time.
const STEP: usize = 2048;

/// For whom a connection most likely is. It only says where its requests are answered fastest; `dispatch` decides about each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likely {
    /// For the door.
    Door,
    /// For the API, which also says what is wrong with a request.
    Api,
}

/// Reads from a connection until it is clear for whom it is. A long target, or cookies in front of the `Host`, take several reads.
///
/// May be dropped while it waits, together with the connection: what was read is lost then.
///
/// # Errors
/// The connection cannot be read.
pub async fn begin(io: &mut (impl AsyncRead + Unpin)) -> io::Result<(Bytes, Likely)> {
    let mut head = Vec::with_capacity(STEP);
    loop {
        head.reserve(STEP);
        let before = head.len();
        let is_over = io.read_buf(&mut head).await? == 0 || head.len() >= MOST;
        // Only a whole line says something new.
        let likely = if head[before..].contains(&b'\n') { by_lines(&head) } else { None };
        let likely = likely.or_else(|| (is_over || !begins_as_http(&head)).then_some(Likely::Api));
        if let Some(likely) = likely {
            return Ok((head.into(), likely));
        }
    }
}

/// Whether a request may begin like this. TLS does not.
fn begins_as_http(head: &[u8]) -> bool {
    head.trim_ascii_start().first().is_none_or(u8::is_ascii_alphabetic)
}

/// For whom it is, by the whole lines of a head; none if the `Host` is still to come.
fn by_lines(head: &[u8]) -> Option<Likely> {
    let mut lines = head.trim_ascii_start().split_inclusive(|byte| *byte == b'\n');
    let mut line = || Some(lines.next()?.strip_suffix(b"\n")?.trim_ascii_end());
    let version = line()?.rsplit(|byte| *byte == b' ').next()?;
    if !version.starts_with(b"HTTP/1.") {
        return Some(Likely::Api);
    }
    loop {
        let line = line()?;
        if line.is_empty() {
            return Some(Likely::Api);
        }
        if let Some((name, host)) = line.split_at_checked(5)
            && name.eq_ignore_ascii_case(b"host:")
        {
            let name = host.trim_ascii().split(|byte| *byte == b':').next().unwrap_or_default();
            let name = name.strip_suffix(b".").unwrap_or(name);
            let is_below =
                name.len() > END.len() && name[name.len() - END.len()..].eq_ignore_ascii_case(END.as_bytes());
            return Some(if is_below { Likely::Door } else { Likely::Api });
        }
    }
}

/// A connection of which something was read already: that comes first.
#[derive(Debug)]
pub struct Begun<I> {
    head: Bytes,
    io: I,
}

impl<I> Begun<I> {
    /// `head` comes first, and then what `io` has.
    pub const fn new(head: Bytes, io: I) -> Self {
        Self { head, io }
    }

    /// The connection itself.
    pub const fn io(&self) -> &I {
        &self.io
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Begun<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.head.is_empty() {
            return Pin::new(&mut self.io).poll_read(context, buffer);
        }
        let length = self.head.len().min(buffer.remaining());
        buffer.put_slice(&self.head.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Begun<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lines_say_for_whom_a_connection_most_likely_is() {
        let (door, api) = (Some(Likely::Door), Some(Likely::Api));
        for (head, expected) in [
            ("GET / HTTP/1.1\r\nHost: dev.shop.localhost:9876\r\n\r\n", door),
            ("GET / HTTP/1.1\r\naccept: */*\r\nhOST:dev.shop.localhost.\r\n", door),
            ("\r\nGET / HTTP/1.1\nhost: dev.shop.localhost\n", door),
            ("GET / HTTP/1.1\r\nHost: localhost:9876\r\n\r\n", api),
            ("GET / HTTP/1.1\r\nX: y\r\n\r\nHost: dev.shop.localhost\r\n", api),
            ("PRI * HTTP/2.0\r\n", api),
            ("hello\n", api),
            ("Host: dev.shop.localhost\r\n", api),
            // The line may go on.
            ("GET / HTTP/1.1\r\nHost: dev.shop.localhost", None),
            ("GET / HTTP/1.1\r\nX: y\r\n", None),
            ("GET /", None),
            ("", None),
        ] {
            assert_eq!(by_lines(head.as_bytes()), expected, "{head}");
        }
    }

    #[test]
    fn a_host_is_found_wherever_it_is_and_nothing_that_was_read_is_lost() {
        let run = |head: Vec<u8>| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let mut io = &head[..];
                let (read, likely) = begin(&mut io).await.unwrap();
                let mut again = Vec::new();
                Begun::new(read, io).read_to_end(&mut again).await.unwrap();
                assert!(again == head, "{likely:?}");
                likely
            })
        };
        let host = "Host: dev.shop.localhost\r\n\r\n";
        let padded = |length: usize, host: &str| {
            run(format!("GET /?{} HTTP/1.1\r\nX: {}\r\n{host}", "q".repeat(length), "x".repeat(length))
                .into())
        };
        for length in [10, 1000, 2048, 9000, 30_000] {
            assert_eq!(padded(length, host), Likely::Door, "{length}");
            assert_eq!(padded(length, "\r\n"), Likely::Api, "{length}");
        }
        assert_eq!(padded(60_000, host), Likely::Api, "too long for anybody");
        assert_eq!(run(b"\x16\x03\x01\x02\x00\x01".to_vec()), Likely::Api, "TLS");
        assert_eq!(run(b"GET / HTTP/1.1\r\nHost: dev".to_vec()), Likely::Api, "it has ended");
    }
}
