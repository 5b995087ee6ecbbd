//! Whether a port is free, by four exclusive binds, and by the table of listening sockets where these say no.
//!
//! An exclusive bind is refused too while a connection that was accepted on the port is not gone (TIME_WAIT): after each restart
//! of a server that had a browser connected. A plain bind is not, but it does not see a listener on another address. So if plain
//! binds work and the table has no listener, the port is free.
#![expect(unsafe_code, reason = "socket2 has no SO_EXCLUSIVEADDRUSE")]

use std::io;
use std::mem::size_of_val;
use std::os::windows::io::AsRawSocket as _;

use socket2::Socket;
use styxy_core::{Occupancy, Port, PortSet};
use windows_sys::Win32::Networking::WinSock::{SO_EXCLUSIVEADDRUSE, SOCKET, SOL_SOCKET, setsockopt};

use crate::system::elsewhere::{SocketTable, bind_all};

/// Says whether ports are free. Remembers nothing, holds no handle.
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
    /// Every failure is `Busy`, never `Denied`: "access denied" here says that the port is in a range that the system
    /// keeps for something else, or that its holder is exclusive. Takes some 10 ms if only connections linger on the port.
    #[must_use]
    pub fn occupancy(self, port: Port) -> Occupancy {
        let exclusive = bind_all(port, be_exclusive);
        let free = is_free(exclusive.is_ok(), || bind_all(port, |_| Ok(())).is_ok(), || is_silent(port));
        if free { Occupancy::Free } else { Occupancy::Busy }
    }
}

/// The rule: what is asked later costs more.
fn is_free(exclusive: bool, plain: impl FnOnce() -> bool, silent: impl FnOnce() -> bool) -> bool {
    exclusive || (plain() && silent())
}

/// Whether nobody listens on the port, on whichever address. If the table cannot be read, somebody may.
fn is_silent(port: Port) -> bool {
    let only = PortSet::from_iter([port]);
    let table = SocketTable::open().and_then(|mut table| table.listening_on(&only));
    table.is_ok_and(|listening| listening.is_empty())
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
    fn a_port_on_which_connections_linger_is_free_if_nobody_listens() {
        let rule = |exclusive, plain, silent| is_free(exclusive, || plain, || silent);
        assert!(rule(true, false, false), "an exclusive bind says enough");
        assert!(rule(false, true, true), "only connections are left");
        assert!(!rule(false, true, false), "somebody listens on another address");
        assert!(!rule(false, false, true), "bound, or kept by the system");
    }

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
