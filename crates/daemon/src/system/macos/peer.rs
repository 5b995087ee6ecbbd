//! Who connected a Unix socket.

use tokio::net::UnixStream;

use crate::system::{LocalPeer, Network, PeerProcess, Verdict, unix};

/// The user whose process connected this socket, at that time. Costs one system call. There are no namespaces here.
#[must_use]
pub fn unix_peer(stream: &UnixStream) -> LocalPeer {
    let verdict = stream.peer_cred().map_or(Verdict::Unknown, |peer| unix::verdict(peer.uid()));
    LocalPeer { verdict, process: PeerProcess::Unnamed, network: Network::Ours }
}
