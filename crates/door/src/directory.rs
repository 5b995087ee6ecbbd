//! What the door asks of whoever knows the leases. The daemon answers; a test answers from a table.

use std::net::SocketAddr;
use std::sync::Arc;

use styxy_core::{DoorRules, LockId, Pid, Port, WallTime};

use crate::dispatch::Host;

/// Who serves which name, and who really listens.
pub trait Directory: Send + Sync + 'static {
    /// Who has this name. It is asked for each request: nothing in it may take long, unless the name is new.
    fn find(&self, host: &Host) -> impl Future<Output = Found> + Send;

    /// Who would answer a connection to the port of this lease now. It is asked for each new connection to a server, and every few
    /// milliseconds while a request waits for one.
    fn behind(&self, lease: LockId, port: Port) -> impl Future<Output = Behind> + Send;

    /// Whether the socket that listens at `address` is still the one of this number, which [`Directory::behind`] gave. It is asked
    /// once a connection is there, so that a socket that took the other one's place in between gets nothing.
    fn is_still(&self, address: SocketAddr, socket: u64) -> bool;

    /// Every server that has a name now.
    fn all(&self) -> impl Future<Output = Vec<Arc<Served>>> + Send;

    /// The branch that is checked out in a worktree, for a page. It may take long.
    fn branch(&self, folder: &str) -> impl Future<Output = Option<String>> + Send;
}

/// Who has a name.
#[derive(Debug, Clone)]
pub enum Found {
    /// A service that has a lease.
    Service(Arc<Served>),
    /// A worktree, with its services.
    Worktree(Vec<Arc<Served>>),
    /// Nobody any more.
    Past(Arc<Past>),
    /// Nobody.
    Nobody,
}

/// A service with a lease.
#[derive(Debug, Clone)]
pub struct Served {
    /// The lease.
    pub lease: LockId,
    /// Its port.
    pub port: Port,
    /// The whole name: `web.login-shop.localhost`.
    pub host: Box<str>,
    /// What people call the service: `dev/web`.
    pub service: String,
    /// The worktree's root.
    pub folder: Option<String>,
    /// Since when the lease stands.
    pub since: WallTime,
    /// How requests reach it.
    pub rules: DoorRules,
    /// How its last server ended, if nobody has begun to start another one since: the lease only keeps its port.
    pub past: Option<Arc<Past>>,
}

/// A service whose server has ended lately.
#[derive(Debug, Clone)]
pub struct Past {
    /// The whole name that it had: `web.login-shop.localhost`.
    pub host: Box<str>,
    /// What people call the service.
    pub service: String,
    /// The worktree's root.
    pub folder: Option<String>,
    /// When it ended, if that is known.
    pub ended: Option<WallTime>,
    /// Why, in a few words: `its process ended`.
    pub why: &'static str,
    /// How requests reached it.
    pub rules: DoorRules,
    /// How many milliseconds it may still take to come back, if it was not ended on purpose: requests wait for it.
    pub returns_within_ms: u64,
}

impl Past {
    /// Whether nobody waits for it any more.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.returns_within_ms == 0
    }
}

/// Who listens on a lease's port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behind {
    /// The lease's own server.
    Server {
        /// Where it listens: 127.0.0.1 or `::1`.
        address: SocketAddr,
        /// Its socket's number, never used again.
        socket: u64,
    },
    /// Nobody.
    Nobody,
    /// Somebody else, who gets nothing.
    Stranger(Stranger),
    /// The lease has ended.
    Ended,
}

/// A stranger on a leased port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stranger {
    /// Its process, where it is known.
    pub pid: Option<Pid>,
    /// Its name, where it is known.
    pub process: Option<String>,
    /// Where it works, where that is known.
    pub folder: Option<String>,
}

/// Whether a server that has ended may come back by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Return {
    /// Perhaps: it was not ended on purpose, and only just now.
    Possible,
    /// No.
    Over,
}
