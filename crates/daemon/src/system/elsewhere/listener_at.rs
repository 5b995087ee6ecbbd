//! The one socket that a connection to an address would reach, by the table of sockets.

use std::io;
use std::net::SocketAddr;

use crate::system::ListeningSocket;

/// There is no exact look-up on this system: the table is read.
#[derive(Debug)]
pub struct ListenerLookup;

impl ListenerLookup {
    /// None on this system.
    ///
    /// # Errors
    /// Always `Unsupported`: read the table.
    pub fn open() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Never asked.
    ///
    /// # Errors
    /// Always `Unsupported`.
    pub fn at(&mut self, _address: SocketAddr) -> io::Result<Option<ListeningSocket>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
