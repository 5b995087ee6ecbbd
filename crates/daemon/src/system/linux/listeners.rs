//! The table of listening sockets, by one `sock_diag` dump.

use std::io;

use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags};
use netlink_packet_sock_diag::{AF_INET, AF_INET6, IPPROTO_TCP};
use styxy_core::{Port, PortSet};

use super::netlink::{Diag, Question};
use crate::system::ListeningSocket;

/// Reads the kernel's table of listening TCP sockets; keeps one netlink socket and a 32 KiB buffer.
#[derive(Debug)]
pub struct SocketTable {
    diag: Diag,
}

impl SocketTable {
    /// Opens the netlink socket; no privilege is needed.
    ///
    /// # Errors
    /// No descriptor is left, or the kernel or a sandbox has no `sock_diag`.
    pub fn open() -> io::Result<Self> {
        Ok(Self { diag: Diag::open()? })
    }

    /// Every TCP socket that listens in this network namespace, on IPv4 and IPv6, of any user, in no order.
    ///
    /// Takes about 50 µs and 1 µs more for each socket; never blocks.
    ///
    /// # Errors
    /// A part of the answer was lost: the result is the whole table or an error. The next call begins again.
    pub fn listening(&mut self) -> io::Result<Vec<ListeningSocket>> {
        self.dump(|_| true)
    }

    /// Those of [`listening`](Self::listening) whose port is in `ports`; the cost is the same.
    ///
    /// # Errors
    /// As for [`listening`](Self::listening).
    pub fn listening_on(&mut self, ports: &PortSet) -> io::Result<Vec<ListeningSocket>> {
        self.dump(|port| ports.contains(port))
    }

    fn dump(&mut self, wanted: impl Fn(Port) -> bool) -> io::Result<Vec<ListeningSocket>> {
        let mut sockets = Vec::new();
        let mut keep = |header: &InetResponseHeader| {
            sockets.extend(Port::new(header.socket_id.source_port).ok().filter(|port| wanted(*port)).map(
                |port| ListeningSocket {
                    port,
                    address: header.socket_id.source_address,
                    inode: header.inode.into(),
                    uid: Some(header.uid),
                    cookie: u64::from_ne_bytes(header.socket_id.cookie),
                    pid: None,
                },
            ));
        };
        for (family, socket_id) in [(AF_INET, SocketId::new_v4()), (AF_INET6, SocketId::new_v6())] {
            let request = InetRequest {
                family,
                protocol: IPPROTO_TCP,
                extensions: ExtensionFlags::empty(),
                states: StateFlags::LISTEN,
                socket_id,
            };
            self.diag.ask(&request, Question::Dump, &mut keep)?;
        }
        Ok(sockets)
    }
}
