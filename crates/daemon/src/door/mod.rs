//! What the door asks the daemon: who serves a name, and who really listens.

mod api;
mod look;
mod names;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use styxy_core::{AtHost, Conflict, Lease, Listener, LockId, Port, checkout};
use styxy_door::{Behind, Directory, Door, Found, Host, Served, Stranger};

use crate::daemon::{Daemon, Whose};
use crate::system::disk::Disk;
use crate::system::{self, ListeningSocket};

use look::{HERE, Look};

pub(crate) use api::{DoorThread, ToDoor};

/// For how long a socket's holder counts until the daemon looks again whether somebody listens beside it.
const FRESH: Duration = Duration::from_secs(1);
/// How long a socket without a known process gets nothing.
const UNKNOWN: Duration = Duration::from_secs(5);
/// How many sockets' holders are remembered.
const MOST: usize = 4096;

/// The leases of a daemon, for the door.
#[derive(Debug)]
pub(crate) struct Leases {
    daemon: Arc<Daemon>,
    look: Mutex<Look>,
    /// Whose a socket is that was looked at.
    judged: Mutex<HashMap<(LockId, u64), Judged>>,
    /// Held by the task that finds it out.
    judging: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone)]
struct Judged {
    whose: Whose,
    /// The socket, and those that shared its address.
    sockets: Vec<ListeningSocket>,
    /// When it was first looked at.
    since: Instant,
    at: Instant,
}

/// A door to the servers of this daemon's leases.
///
/// # Errors
/// The system does not say who listens.
pub(crate) fn open(daemon: &Arc<Daemon>) -> io::Result<Door<Leases>> {
    let leases = Leases {
        daemon: Arc::clone(daemon),
        look: Mutex::new(Look::open()?),
        judged: Mutex::default(),
        judging: tokio::sync::Mutex::default(),
    };
    Ok(Door::new(Arc::new(leases), daemon.descriptors.for_door()))
}

/// What the door's thread does first: whoever carries a lot lets others have their turn soon.
pub(crate) fn begins() {
    if let Err(error) = system::give_way_on_this_thread() {
        tracing::debug!(%error, "the door's thread is scheduled as any other");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // No lock is ever poisoned: a panic ends the daemon.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Leases {
    fn socket_at(&self, address: SocketAddr) -> Option<ListeningSocket> {
        lock(&self.look).at(address)
    }

    /// Who listens there; none if the lease has ended.
    async fn judge(&self, id: LockId, socket: &ListeningSocket) -> Option<Whose> {
        let key = (id, look::number(socket));
        let fresh = |judged: &Judged| judged.at.elapsed() < FRESH;
        if let Some(judged) = lock(&self.judged).get(&key).filter(|judged| fresh(judged)) {
            return Some(judged.whose.clone());
        }
        let _one_at_a_time = self.judging.lock().await;
        let known = lock(&self.judged).get(&key).cloned();
        if let Some(judged) = known.as_ref().filter(|judged| fresh(judged)) {
            return Some(judged.whose.clone());
        }
        // The engine learns of it too.
        self.daemon.refresh().await;
        let lease = self.daemon.lease(id)?;
        let sockets = self.sharing(socket);
        let known_since = known.as_ref().map(|judged| judged.since);
        let whose =
            match known {
                // A number is never given to another socket: whose these are was found out before.
                Some(Judged {
                    whose: whose @ (Whose::Own | Whose::Strangers(_)), sockets: before, ..
                }) if before == sockets => whose,
                Some(_) | None => self.daemon.who_listens(&lease, &sockets).await,
            };
        let mut judged = lock(&self.judged);
        if judged.len() >= MOST {
            judged.clear();
        }
        // A stranger must not be taken for the server because the machine is busy. A server whose process nobody may look at
        // gets its requests all the same, later.
        let since = known_since.unwrap_or_else(Instant::now);
        let at = Instant::now();
        let (whose, at) = match whose {
            Whose::Unknown if since.elapsed() >= UNKNOWN => (Whose::Own, at),
            // Nothing is remembered but since when.
            Whose::Unknown => (Whose::Unknown, at.checked_sub(FRESH).unwrap_or(at)),
            Whose::Own | Whose::Strangers(_) => (whose, at),
        };
        judged.insert(key, Judged { whose: whose.clone(), sockets, since, at });
        Some(whose)
    }

    /// The socket, and those that share its address: a connection reaches one of them.
    fn sharing(&self, socket: &ListeningSocket) -> Vec<ListeningSocket> {
        let all = self.daemon.sockets().unwrap_or_default();
        let on_port = all.get(&socket.port).into_iter().flatten();
        let mut sockets: Vec<ListeningSocket> =
            on_port.filter(|other| other.address == socket.address).copied().collect();
        if !sockets.iter().any(|other| look::number(other) == look::number(socket)) {
            sockets.push(*socket);
        }
        sockets
    }
}

fn described(listener: &Listener) -> Stranger {
    let Conflict { pid, process } = Conflict::with(listener);
    let folder = listener.project.as_ref().map(ToString::to_string);
    Stranger { pid, process: process.map(Into::into), folder }
}

impl Directory for Leases {
    async fn find(&self, host: &Host) -> Found {
        let engine = self.daemon.engine();
        let registry = engine.registry();
        match registry.at_host(host.as_str()) {
            AtHost::Server(lease) => names::served(registry, lease).map_or(Found::Nobody, Found::Service),
            AtHost::Worktree { leases, .. } if !leases.is_empty() => Found::Worktree(
                leases.into_iter().filter_map(|lease| names::served(registry, lease)).collect(),
            ),
            AtHost::NoServer { ended: Some((lease, left)), .. } => {
                Found::Past(names::past(registry, host.as_str(), lease, left))
            }
            AtHost::Worktree { .. } | AtHost::NoServer { ended: None, .. } | AtHost::Nobody => Found::Nobody,
        }
    }

    async fn behind(&self, id: LockId, port: Port) -> Behind {
        let lives = |lease: &Lease| lease.port == port;
        if !self.daemon.engine().registry().lease(id).is_some_and(lives) {
            return Behind::Ended;
        }
        let mut stranger = None;
        for address in HERE {
            let address = SocketAddr::new(address, port.get());
            let Some(socket) = self.socket_at(address) else { continue };
            match self.judge(id, &socket).await {
                Some(Whose::Own) => return Behind::Server { address, socket: look::number(&socket) },
                Some(Whose::Strangers(who)) => stranger = Some(described(&who)),
                Some(Whose::Unknown) => {}
                None => return Behind::Ended,
            }
        }
        stranger.map_or(Behind::Nobody, Behind::Stranger)
    }

    fn is_still(&self, address: SocketAddr, socket: u64) -> bool {
        self.socket_at(address).is_some_and(|found| look::number(&found) == socket)
    }

    async fn all(&self) -> Vec<Arc<Served>> {
        let engine = self.daemon.engine();
        let registry = engine.registry();
        registry.leases().filter_map(|lease| names::served(registry, lease)).collect()
    }

    async fn branch(&self, folder: &str) -> Option<String> {
        let folder = folder.to_owned();
        let look = move || checkout::branch(Path::new(&folder), &Disk);
        tokio::task::spawn_blocking(look).await.ok()?
    }
}
