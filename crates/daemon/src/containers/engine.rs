//! One question to an engine over its Unix socket, in HTTP/1.0: the answer ends with the connection.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

/// No answer is longer, in bytes: some thousand containers.
const LONGEST: usize = 4 << 20;

/// The body that the engine at `place` answers for `path`.
///
/// # Errors
/// There is no engine, this user may not ask it, it says no, or `deadline` passes first.
pub(super) fn get(place: &Path, path: &str, deadline: Instant) -> io::Result<Vec<u8>> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A connect waits as long as a write if the engine accepts nobody.
    socket.set_write_timeout(Some(left(deadline)?))?;
    socket.connect(&SockAddr::unix(place)?)?;
    let mut stream = UnixStream::from(std::os::fd::OwnedFd::from(socket));
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\nUser-Agent: styxy\r\n\r\n")?;
    let mut answer = Vec::new();
    let mut part = [0; 16 * 1024];
    loop {
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(&mut part)? {
            0 => break,
            length if answer.len() + length > LONGEST => return Err(io::ErrorKind::FileTooLarge.into()),
            length => answer.extend_from_slice(&part[..length]),
        }
    }
    body(answer)
}

/// Time that is left; a time-out of nothing would mean no time-out.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// What follows the head of a successful answer.
fn body(mut answer: Vec<u8>) -> io::Result<Vec<u8>> {
    let end =
        answer.windows(4).position(|window| window == b"\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let head = answer.get(..end).unwrap_or_default();
    let status = head.split(|byte| *byte == b' ').nth(1);
    if status != Some(b"200") {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(answer.split_off(end + 4))
}
