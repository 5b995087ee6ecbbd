//! Which process a client means by a `pid`: the kernel says who the client is, and in whose pid namespace the number counts.

use std::time::{Duration, Instant};

use styxy_core::Pid;
use styxy_core::api::{Code, Refusal, Rule};

use super::Peer;
use crate::system::{self, Meant, PeerProcess};

/// How long a process may be looked for; one that is not found by then is refused.
const PATIENCE: Duration = Duration::from_millis(500);

/// The process that `peer` calls `pid`, as the daemon calls it. Another namespace's number is never taken literally.
///
/// # Errors
/// The daemon does not see that process as the client means it: rule `pid`.
pub(super) async fn meant(peer: Peer, pid: Pid, field: &str) -> Result<Pid, Refusal> {
    let process = match peer {
        Peer::Local(local) => local.process,
        // Where the system does not name the client's socket, it has no pid namespaces.
        Peer::Loopback { socket: None, .. } => PeerProcess::Unnamed,
        Peer::Loopback { socket: Some(socket), .. } => holder(socket, pid).await,
    };
    let found = match system::meant(pid, process) {
        Meant::This(pid) => Some(pid),
        Meant::In(namespace) => {
            let search = move || system::find_in(namespace, pid, Instant::now() + PATIENCE);
            // An error means that the daemon is stopping: a panic would have ended it.
            tokio::task::spawn_blocking(search).await.unwrap_or_default()
        }
        Meant::Unseen => None,
    };
    found.ok_or_else(|| unseen(pid, field))
}

/// The process that has the client's socket. Most often it is the one that is named, or a child of it.
async fn holder(socket: u64, hint: Pid) -> PeerProcess {
    let search = move || system::find_socket_holder(socket, &[hint], Instant::now() + PATIENCE);
    let found = tokio::task::spawn_blocking(search).await.unwrap_or_default();
    // Whoever has the socket waits for this answer, and so has not ended.
    found.map_or(PeerProcess::Unseen, |pid| PeerProcess::Seen { pid, inode: None })
}

fn unseen(pid: Pid, field: &str) -> Refusal {
    let error = format!(
        "the daemon does not see the process that is {pid} to you, most likely in another pid namespace"
    );
    Refusal::new(Code::Forbidden, error)
        .rule(Rule::Pid)
        .detail("field", field)
        .hint("leave pid out: the lease then belongs to the server that listens on its port")
}
