//! What can happen to a keeper.

use tokio::sync::mpsc::UnboundedSender;

use super::ready::Found;
pub(super) use crate::up::system::End;
use crate::up::wire::{Request, Said};

/// One thing that happens. What is about a start names it: an earlier one does not count.
#[derive(Debug)]
pub(super) enum Happening {
    /// Somebody has connected.
    Came { client: u64, say: UnboundedSender<Said> },
    /// Somebody asks for something.
    Asked { client: u64, request: Request },
    /// Somebody's connection has ended.
    Went { client: u64 },
    /// A child has ended.
    Child { pid: u32, end: End },
    /// A process has ended that is nobody's child here.
    Adopted { label: String, start: u64, end: Option<End> },
    /// Whether the server of a service runs already, outside.
    Looked { label: String, start: u64, outside: Option<Server> },
    /// How far a service is.
    Found { label: String, start: u64, found: Found },
    /// A service is late for this reason, and what can be done about that, where that is known.
    Late { label: String, start: u64, why: String, advice: Option<String> },
    /// The process of a service has ended, and this one serves on in its place, if one does.
    Heir { label: String, start: u64, heir: Option<u32>, exited: Exited },
    /// Nothing of a service is left, but for what is said of it.
    Ended { label: String, start: u64, over: Over },
    /// The same, and its lease is given back, if it only waited.
    GivenBack { label: String, start: u64, over: Over },
    /// The worktree is gone, or somewhere else; it was this folder.
    Root { folder: Option<(u64, u64)>, why: String },
    /// The agent session with this process has ended.
    SessionEnded { pid: u32 },
    /// The same, and the time is over that services outlive it.
    SessionOver { pid: u32 },
    /// The keeper is to end, with everything.
    Terminate,
    /// The keeper is to go, and its services stay.
    Left,
    /// Whoever has started the keeper has had time to connect.
    Alone,
}

/// How the process of a service has ended.
#[derive(Debug)]
pub(super) struct Exited {
    pub(super) end: Option<End>,
    /// After so long.
    pub(super) after: String,
    /// What can be done about it, where it has ended badly and that is known.
    pub(super) advice: Option<String>,
}

/// What is known of a server that the keeper did not start.
#[derive(Debug, Clone)]
pub(in crate::up) struct Server {
    pub(in crate::up) pid: Option<u32>,
    pub(in crate::up) port: Option<styxy_core::Port>,
    /// The agent session that it is of.
    pub(in crate::up) session: Option<String>,
}

/// How a service was ended.
#[derive(Debug, Default)]
pub(super) struct Over {
    /// What is left of it, a sentence each.
    pub(super) left: Vec<String>,
    /// Whether something of it had to be killed.
    pub(super) killed: bool,
    /// Whether its container was stopped.
    pub(super) is_stopped: bool,
    /// The leases that it had beside the one that the keeper has asked for.
    pub(super) leases: Vec<styxy_core::LockId>,
    /// Whether it was only what a service had left behind that ended by itself.
    pub(super) is_rest: bool,
}
