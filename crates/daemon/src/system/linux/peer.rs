//! The user of a TCP connection, by an exact `sock_diag` look-up of the client's own socket.

use std::io;
use std::net::{IpAddr, SocketAddr};

use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponseHeader, SocketId, StateFlags};
use netlink_packet_sock_diag::{AF_INET, AF_INET6, IPPROTO_TCP, TCP_LISTEN};

use super::netlink::{Diag, Question};
use crate::system::{TcpPeer, Verdict, unix};

const UNKNOWN: TcpPeer = TcpPeer { verdict: Verdict::Unknown, socket: None };

/// Asks the kernel who is at the other end; keeps one netlink socket.
#[derive(Debug)]
pub struct PeerLookup {
    diag: Diag,
}

impl PeerLookup {
    /// Opens the netlink socket; no privilege is needed.
    ///
    /// # Errors
    /// No descriptor is left, or the kernel or a sandbox has no `sock_diag`: then require the token.
    pub fn open() -> io::Result<Self> {
        Ok(Self { diag: Diag::open()? })
    }

    /// The user whose socket is connected from `client` to `server`, as an accepted connection names them.
    ///
    /// Takes 2 to 13 µs and never blocks; once for each connection is enough. `Unknown` if the client has closed
    /// already or the kernel does not answer.
    pub fn tcp_client(&mut self, client: SocketAddr, server: SocketAddr) -> TcpPeer {
        let (client_address, server_address) = (client.ip().to_canonical(), server.ip().to_canonical());
        let family = match (client_address, server_address) {
            (IpAddr::V4(_), IpAddr::V4(_)) => AF_INET,
            (IpAddr::V6(_), IpAddr::V6(_)) => AF_INET6,
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return UNKNOWN,
        };
        let request = InetRequest {
            family,
            protocol: IPPROTO_TCP,
            extensions: ExtensionFlags::empty(),
            states: StateFlags::all(),
            socket_id: SocketId {
                source_port: client.port(),
                destination_port: server.port(),
                source_address: client_address,
                destination_address: server_address,
                interface_id: 0,
                cookie: [0xff; 8], // INET_DIAG_NOCOOKIE
            },
        };
        let mut peer = UNKNOWN;
        let asked = self.diag.ask(&request, Question::Exact, |found| peer = judge(found, client, server));
        asked.map_or(UNKNOWN, |()| peer)
    }
}

/// If no connection fits, the kernel answers with a socket that listens on the client's port, which may be any user's.
/// A socket that its owner has closed has no inode, and its uid may be 0 for anybody.
fn judge(found: &InetResponseHeader, client: SocketAddr, server: SocketAddr) -> TcpPeer {
    let ports = (found.socket_id.source_port, found.socket_id.destination_port);
    if found.state == TCP_LISTEN || ports != (client.port(), server.port()) || found.inode == 0 {
        return UNKNOWN;
    }
    TcpPeer { verdict: unix::verdict(found.uid), socket: Some(found.inode.into()) }
}
