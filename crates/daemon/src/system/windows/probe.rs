//! Whether a port is free, by four exclusive binds, and by the table of listening sockets where these say no.
//!
//! An exclusive bind is refused too while a connection that was accepted on the port is not gone: after each restart of a server
//! that had a browser connected. Read in libuv's and Microsoft's documentation; Wine does not have this difference.
#![expect(unsafe_code, reason = "socket2 has no SO_EXCLUSIVEADDRUSE")]

use std::io;
use std::mem::size_of_val;
use std::os::windows::io::AsRawSocket as _;

use socket2::Socket;
use styxy_core::{Occupancy, Port};
use windows_sys::Win32::Networking::WinSock::{SO_EXCLUSIVEADDRUSE, SOCKET, SOL_SOCKET, setsockopt};

use crate::system::four::{bind_all, bind_everywhere};
use crate::system::lingering::{self, Looks};

/// Says whether ports are free. Remembers nothing, holds no handle.
#[derive(Debug, Clone, Copy, Default)]
pub struct Prober;

impl Prober {
    /// Ready at once.
    #[must_use]
    pub fn new() -> Self {
        Self
    }

    /// Whether nothing has `port` on any of this machine's addresses. A connection that lingers does not count.
    ///
    /// Every failure is `Busy`, never `Denied`. A port in a range that the system keeps is `Reserved`. Takes some 10 ms if only
    /// connections linger on the port.
    #[must_use]
    pub fn occupancy(self, port: Port) -> Occupancy {
        lingering::occupancy(&Candidate(port))
    }
}

struct Candidate(Port);

impl Looks for Candidate {
    fn bind_alone(&self) -> io::Result<()> {
        bind_all(self.0, be_exclusive).map_err(|error| match error.kind() {
            // "Access denied" says that the system keeps the port, or that its holder is exclusive too: `is_reserved` says which.
            io::ErrorKind::PermissionDenied => io::ErrorKind::AddrInUse.into(),
            _ => error,
        })
    }

    fn bind_like_a_server(&self) -> io::Result<()> {
        bind_all(self.0, |_| Ok(()))
    }

    fn is_reserved(&self) -> io::Result<bool> {
        // By Microsoft's table ("Sharing Transport Addresses") no socket makes this bind end with "access denied": any other one on
        // the port makes it end with "in use". What remains are the excluded ranges.
        match bind_everywhere(self.0, be_exclusive) {
            Err(error) => Ok(error.kind() == io::ErrorKind::PermissionDenied),
            Ok(()) => Ok(false),
        }
    }

    fn is_answered(&self) -> io::Result<bool> {
        // A refused connect takes a second here, and an exclusive bind is refused by every listener.
        Ok(false)
    }

    fn has_listener(&self) -> io::Result<bool> {
        lingering::is_in_the_table(self.0)
    }
}

fn be_exclusive(socket: &Socket) -> io::Result<()> {
    let on = 1_i32;
    let length = i32::try_from(size_of_val(&on)).map_err(io::Error::other)?;
    let number = SOCKET::try_from(socket.as_raw_socket()).map_err(io::Error::other)?;
    // SAFETY: the socket is open while it is borrowed, and `length` bytes of `on` are read.
    let failed =
        unsafe { setsockopt(number, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (&raw const on).cast(), length) };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_listener_on_one_address_makes_the_port_busy() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let port = Port::new(listener.local_addr().unwrap().port()).unwrap();
            assert_eq!(Prober::new().occupancy(port), Occupancy::Busy, "{address}");
            drop(listener);
            assert_eq!(Prober::new().occupancy(port), Occupancy::Free, "{address}");
        }
    }
}
