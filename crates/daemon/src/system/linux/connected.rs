//! Who connected a Unix socket, as the kernel says: user, process and network namespace. What a client says of itself does
//! not count.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::sync::OnceLock;

use rustix::fd::AsFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use styxy_core::Pid;
use tokio::net::UnixStream;

use super::process::{open_pidfd, pidfs_inode};
use super::socket_option::{network_cookie, peer_credentials, peer_pidfd};
use crate::system::{LocalPeer, Network, PeerProcess, Verdict, unix};

/// Who connected this socket. Costs four system calls, and no file call on Linux 6.9 and newer.
#[must_use]
pub fn unix_peer(stream: &UnixStream) -> LocalPeer {
    socket_peer(stream)
}

/// The same for a Unix socket of any type.
#[must_use]
pub fn socket_peer(stream: impl AsFd) -> LocalPeer {
    let Ok(credentials) = peer_credentials(&stream) else {
        return LocalPeer { verdict: Verdict::Unknown, process: PeerProcess::Unseen, network: Network::Ours };
    };
    // The kernel gives 0 for a process that is in no namespace below ours.
    let pid = u32::try_from(credentials.pid).ok().and_then(Pid::new);
    LocalPeer {
        verdict: unix::verdict(credentials.uid),
        process: pid.map_or(PeerProcess::Unseen, |pid| process(&stream, pid)),
        network: network(&stream, pid),
    }
}

fn process(stream: impl AsFd, pid: Pid) -> PeerProcess {
    let inode = match peer_pidfd(stream) {
        Ok(pidfd) => pidfs_inode(&pidfd),
        // Nobody else can have its pid as long as it has not ended, and it has only just connected.
        Err(error) if error.raw_os_error() == Some(Errno::NOPROTOOPT.raw_os_error()) => {
            open_pidfd(pid).ok().flatten().and_then(|pidfd| pidfs_inode(&pidfd))
        }
        Err(_) => return PeerProcess::Unseen,
    };
    PeerProcess::Seen { pid, inode }
}

fn network(stream: impl AsFd, pid: Option<Pid>) -> Network {
    let is_ours = match (network_cookie(stream), own_network()) {
        (Ok(theirs), Some(own)) => theirs == own,
        (Err(_), _) | (_, None) => {
            let inode = |of: &str| fs::metadata(format!("/proc/{of}/ns/net")).ok().map(|found| found.ino());
            let theirs = pid.and_then(|pid| inode(&pid.to_string()));
            theirs.is_none() || theirs == inode("self")
        }
    };
    if is_ours { Network::Ours } else { Network::Other }
}

/// The network namespace of this process, which it never leaves.
fn own_network() -> Option<u64> {
    static OWN: OnceLock<Option<u64>> = OnceLock::new();
    *OWN.get_or_init(|| {
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None);
        network_cookie(socket.ok()?).ok()
    })
}
