//! The one socket that a connection to an address would reach, by an exact `sock_diag` look-up.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
use netlink_packet_sock_diag::{AF_INET, AF_INET6, IPPROTO_TCP, TCP_LISTEN};
use styxy_core::Port;

use super::netlink::{Diag, Question};
use crate::system::ListeningSocket;

/// Asks the kernel who would accept a connection; keeps one netlink socket.
#[derive(Debug)]
pub struct ListenerLookup {
    diag: Diag,
}

impl ListenerLookup {
    /// Opens the netlink socket; no privilege is needed.
    ///
    /// # Errors
    /// No descriptor is left, or the kernel or a sandbox has no `sock_diag`.
    pub fn open() -> io::Result<Self> {
        let mut lookup = Self { diag: Diag::open()? };
        // Some kernels have the socket and no answers.
        lookup.at(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)))?;
        Ok(lookup)
    }

    /// The socket that listens for connections to `address`, on whichever address it is bound. None if nothing does.
    ///
    /// Takes about 2 µs and never blocks. Of several sockets that share the address, it is one.
    ///
    /// # Errors
    /// The kernel did not answer: that says nothing about who listens.
    pub fn at(&mut self, address: SocketAddr) -> io::Result<Option<ListeningSocket>> {
        let (family, anywhere) = match address.ip() {
            IpAddr::V4(_) => (AF_INET, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            IpAddr::V6(_) => (AF_INET6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        };
        let request = InetRequest {
            family,
            protocol: IPPROTO_TCP,
            extensions: ExtensionFlags::empty(),
            states: StateFlags::LISTEN,
            socket_id: SocketId {
                source_port: address.port(),
                destination_port: 0,
                source_address: address.ip(),
                destination_address: anywhere,
                interface_id: 0,
                cookie: [0xff; 8], // INET_DIAG_NOCOOKIE
            },
        };
        let mut socket = None;
        let asked = self.diag.ask(&request, Question::Exact, |found| {
            let id = &found.socket_id;
            let port = Port::new(id.source_port).ok().filter(|port| port.get() == address.port());
            socket = port.filter(|_| found.state == TCP_LISTEN).map(|port| ListeningSocket {
                port,
                address: id.source_address,
                inode: found.inode.into(),
                uid: Some(found.uid),
                cookie: u64::from_ne_bytes(id.cookie),
                pid: None,
            });
        });
        match asked {
            Ok(()) => Ok(socket),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use rustix::fs::fstat;

    use super::*;

    #[test]
    fn the_socket_that_a_connection_would_reach_is_found_whatever_address_it_is_bound_to() {
        let mut lookup = ListenerLookup::open().unwrap();
        for (bound, asked) in [
            ("127.0.0.1:0", "127.0.0.1"),
            ("0.0.0.0:0", "127.0.0.1"),
            ("[::]:0", "127.0.0.1"),
            ("[::1]:0", "::1"),
            ("[::]:0", "::1"),
        ] {
            let Ok(listener) = TcpListener::bind(bound) else { continue }; // no IPv6 here
            let port = listener.local_addr().unwrap().port();
            let address = SocketAddr::new(asked.parse().unwrap(), port);
            let found = lookup.at(address).unwrap().unwrap_or_else(|| panic!("nothing for {bound}"));
            assert_eq!((found.inode, found.port.get()), (fstat(&listener).unwrap().st_ino, port), "{bound}");
            assert_eq!(lookup.at(address).unwrap().unwrap().cookie, found.cookie);
            drop(listener);
            assert_eq!(lookup.at(address).unwrap(), None, "{bound}");
        }
    }

    #[test]
    fn a_listener_on_one_address_is_not_one_on_the_other() {
        let mut lookup = ListenerLookup::open().unwrap();
        // Where there is no IPv6, the address of IPv4 is the other one.
        let (listener, other) = match TcpListener::bind("[::1]:0") {
            Ok(listener) => (listener, IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Err(_) => (TcpListener::bind("127.0.0.1:0").unwrap(), IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2))),
        };
        let port = listener.local_addr().unwrap().port();
        assert_eq!(lookup.at(SocketAddr::new(other, port)).unwrap(), None);
    }

    #[test]
    fn a_connection_is_no_listener() {
        let mut lookup = ListenerLookup::open().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert_eq!(lookup.at(client.local_addr().unwrap()).unwrap(), None);
    }
}
