//! Which sockets listen on a port of this machine, for connections from this machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use styxy_core::Port;

use crate::system::{ListenerLookup, ListeningSocket, SocketTable};

/// How long the table counts, where it takes long to read.
const FRESH: Duration = Duration::from_millis(250);

/// The addresses of a server on this machine, in the order in which they are tried.
pub(super) const HERE: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// The system's answer to who listens.
#[derive(Debug)]
pub(super) enum Look {
    /// One socket at a time.
    Exact(ListenerLookup),
    /// The whole table.
    Table { table: SocketTable, read: Vec<ListeningSocket>, at: Option<Instant> },
}

impl Look {
    /// # Errors
    /// The system has neither way.
    pub(super) fn open() -> io::Result<Self> {
        match ListenerLookup::open() {
            Ok(lookup) => Ok(Self::Exact(lookup)),
            Err(_) => Ok(Self::Table { table: SocketTable::open()?, read: Vec::new(), at: None }),
        }
    }

    /// The socket that a connection to this address would reach now. None if there is none, or if the system does not say.
    pub(super) fn at(&mut self, address: SocketAddr) -> Option<ListeningSocket> {
        match self {
            Self::Exact(lookup) => lookup.at(address).unwrap_or_else(|error| {
                tracing::warn!(%error, "who listens is unknown");
                None
            }),
            Self::Table { table, read, at } => {
                if at.is_none_or(|at| at.elapsed() > FRESH) {
                    *read = table.listening().unwrap_or_default();
                    *at = Some(Instant::now());
                }
                let port = Port::new(address.port()).ok()?;
                reached(read.iter().filter(|socket| socket.port == port), address.ip())
            }
        }
    }
}

/// What tells a socket from every other one: the kernel's number, else its process.
pub(super) fn number(socket: &ListeningSocket) -> u64 {
    match (socket.cookie, socket.pid) {
        (0, Some(pid)) => pid.get().into(),
        (0, None) => socket.inode,
        (cookie, _) => cookie,
    }
}

/// Of the sockets on one port, the one that a connection to `address` reaches: the most specific one.
fn reached<'s>(
    sockets: impl Iterator<Item = &'s ListeningSocket>,
    address: IpAddr,
) -> Option<ListeningSocket> {
    let rank = |socket: &ListeningSocket| match (socket.address, address) {
        (bound, wanted) if bound == wanted => Some(0),
        (IpAddr::V4(bound), IpAddr::V4(_)) if bound.is_unspecified() => Some(1),
        (IpAddr::V6(bound), _) if bound.is_unspecified() => Some(2),
        _ => None,
    };
    sockets
        .filter_map(|socket| Some((rank(socket)?, socket)))
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, socket)| *socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_socket_is_reached() {
        let port = Port::new(3000).unwrap();
        let bound = |addresses: &[&str]| -> Vec<ListeningSocket> {
            let socket = |(inode, address): (u64, &&str)| {
                let address = address.parse().unwrap();
                ListeningSocket { port, address, inode, uid: None, cookie: 0, pid: None }
            };
            (1..).zip(addresses).map(socket).collect()
        };
        for (addresses, asked, expected) in [
            (&["127.0.0.1"][..], "127.0.0.1", Some(1)),
            (&["0.0.0.0", "127.0.0.1"], "127.0.0.1", Some(2)),
            (&["::", "0.0.0.0"], "127.0.0.1", Some(2)),
            (&["::"], "127.0.0.1", Some(1)),
            (&["::", "::1"], "::1", Some(2)),
            (&["0.0.0.0"], "::1", None),
            (&["192.168.0.2"], "127.0.0.1", None),
        ] {
            let found = reached(bound(addresses).iter(), asked.parse().unwrap());
            assert_eq!(found.map(|socket| socket.inode), expected, "{addresses:?} {asked}");
        }
    }
}
