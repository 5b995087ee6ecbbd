//! Whether a port is free, by four exclusive binds.
#![expect(unsafe_code, reason = "socket2 has no SO_EXCLUSIVEADDRUSE")]

use std::io;
use std::mem::size_of_val;
use std::os::windows::io::AsRawSocket as _;

use socket2::Socket;
use styxy_core::{Occupancy, Port};
use windows_sys::Win32::Networking::WinSock::{SO_EXCLUSIVEADDRUSE, SOCKET, SOL_SOCKET, setsockopt};

use crate::system::four::bind_all;

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
    /// keeps for something else, or that its holder is exclusive.
    #[must_use]
    pub fn occupancy(self, port: Port) -> Occupancy {
        if bind_all(port, be_exclusive).is_ok() { Occupancy::Free } else { Occupancy::Busy }
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
