//! Whether a port is free, by four binds and two connects.

use std::io;
use std::net::{IpAddr, SocketAddr};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use socket2::{Domain, Protocol, Socket, Type};
use styxy_core::{Occupancy, Port};

use crate::system::elsewhere::{bind_all, on_all_addresses};

/// A connect within this machine that takes longer is being answered by something. 50 ms.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Says whether ports are free. Remembers nothing, holds no descriptor.
#[derive(Debug, Clone, Copy, Default)]
pub struct Prober;

impl Prober {
    /// Ready at once.
    #[must_use]
    pub fn new() -> Self {
        Self
    }

    /// Whether nothing has `port` on any of 127.0.0.1, 0.0.0.0, ::1 and ::.
    ///
    /// The binds are without `SO_REUSEADDR`, with which one would succeed beside a listener; so a connection in
    /// `TIME_WAIT` makes the port busy. The connects find what the binds do not. Takes some 50 µs, and at most 0.1 s
    /// if something listens that does not answer. Every failure but "not allowed" is `Busy`.
    #[must_use]
    pub fn occupancy(self, port: Port) -> Occupancy {
        match bind_all(port, |_| Ok(())).and_then(|()| on_all_addresses(port, is_refused)) {
            Ok(()) => Occupancy::Free,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Occupancy::Denied,
            Err(_) => Occupancy::Busy,
        }
    }
}

/// An error of the kind `AddrInUse` if something takes connections there, or may.
fn is_refused(address: SocketAddr) -> io::Result<()> {
    if matches!(address.ip(), IpAddr::V4(ip) if ip.is_unspecified())
        || matches!(address.ip(), IpAddr::V6(ip) if ip.is_unspecified())
    {
        return Ok(());
    }
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    let refusal = match socket.connect(&address.into()) {
        Err(error) if error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error()) => {
            let mut asked = [PollFd::new(&socket, PollFlags::OUT)];
            let answered = retry_on_intr(|| poll(&mut asked, Some(&PATIENCE)))?;
            if answered == 0 { None } else { socket.take_error()? }
        }
        answered => answered.err(),
    };
    match refusal {
        None => Err(io::ErrorKind::AddrInUse.into()),
        Some(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Some(error) => Err(error),
    }
}
