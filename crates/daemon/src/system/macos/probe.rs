//! Whether a port is free, by binds, connects and the table of sockets.

use std::io;
use std::net::SocketAddr;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use socket2::{Domain, Protocol, Socket, Type};
use styxy_core::{Occupancy, Port};

use crate::system::four::{bind_all, on_all_addresses};
use crate::system::lingering::{self, Looks};

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

    /// Whether nothing has `port` on any of this machine's addresses. A connection in `TIME_WAIT` does not count.
    ///
    /// Takes some 50 µs; some 10 ms if connections remain on a port without a listener, because the table is read then; and at
    /// most 0.1 s if something listens that does not answer. Every failure but "not allowed" is `Busy`.
    #[must_use]
    pub fn occupancy(self, port: Port) -> Occupancy {
        lingering::occupancy(&Candidate(port))
    }
}

struct Candidate(Port);

impl Looks for Candidate {
    fn bind_alone(&self) -> io::Result<()> {
        bind_all(self.0, |_| Ok(()))
    }

    fn bind_like_a_server(&self) -> io::Result<()> {
        bind_all(self.0, |socket| socket.set_reuse_address(true))
    }

    fn is_reserved(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn is_answered(&self) -> io::Result<bool> {
        match on_all_addresses(self.0, is_refused) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(true),
            asked => asked.map(|()| false),
        }
    }

    fn has_listener(&self) -> io::Result<bool> {
        lingering::is_in_the_table(self.0)
    }
}

/// An error of the kind `AddrInUse` if something takes connections there, or may.
fn is_refused(address: SocketAddr) -> io::Result<()> {
    if address.ip().is_unspecified() {
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
