//! What only Linux has, under the same names.

use std::collections::BTreeSet;
use std::fs::File;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use styxy_core::{Pid, Port, PortRange};

use crate::system::{
    Closed, FamilySocket, Happened, ListeningSocket, Meant, PeerProcess, PidNamespace, TcpPeer, Verdict,
};

/// Whether this system reports that a listener closed. If not, read the table from time to time.
pub const CLOSE_EVENTS: bool = false;

/// Why processes have no handles: they have.
#[must_use]
pub const fn no_handles() -> Option<io::Error> {
    None
}

/// A stream without events.
#[derive(Debug)]
pub struct CloseEvents;

impl CloseEvents {
    /// Ready at once.
    ///
    /// # Errors
    /// None on this system.
    pub fn subscribe() -> io::Result<Self> {
        Ok(Self)
    }

    /// Never resolves.
    ///
    /// # Errors
    /// None on this system.
    pub async fn next(&mut self) -> io::Result<Closed> {
        pending().await
    }
}

/// Cannot look up clients.
#[derive(Debug)]
pub struct PeerLookup;

impl PeerLookup {
    /// Ready at once.
    ///
    /// # Errors
    /// None on this system.
    pub fn open() -> io::Result<Self> {
        Ok(Self)
    }

    /// Always [`Verdict::NeedsToken`].
    pub fn tcp_client(&mut self, _client: SocketAddr, _server: SocketAddr) -> TcpPeer {
        TcpPeer { verdict: Verdict::NeedsToken, socket: None }
    }
}

/// The ports that the system itself gives to `bind(0)` and `connect`, unless its administrator changed them.
#[must_use]
pub fn ephemeral_range() -> Option<PortRange> {
    PortRange::new(Port::new(49_152).ok()?, Port::new(65_535).ok()?)
}

/// Watches no folder.
#[derive(Debug)]
pub struct FolderWatch;

/// Never rings.
#[derive(Debug, Clone)]
pub struct Bell;

impl FolderWatch {
    /// Always fails.
    ///
    /// # Errors
    /// `Unsupported`: look at the files from time to time.
    pub fn open() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Does nothing.
    ///
    /// # Errors
    /// None on this system.
    pub fn watch(&mut self, _folders: &[&Path]) -> io::Result<()> {
        Ok(())
    }

    /// Shows nothing.
    pub fn drain(&self, _each: impl FnMut(Happened<'_>)) {}

    /// Waits for nothing.
    pub fn await_quiet(&self, _quiet: Duration, _longest: Duration) {}

    /// What never resolves.
    #[must_use]
    pub fn bell(&self) -> Bell {
        Bell
    }
}

impl Bell {
    /// Never resolves.
    ///
    /// # Errors
    /// None on this system.
    pub async fn rung(&self, _drain: impl FnOnce()) -> io::Result<()> {
        pending().await
    }
}

/// No system but Linux names it.
#[must_use]
pub fn lock_holder(_: &File) -> Option<Pid> {
    None
}

/// None that can be asked for.
#[must_use]
pub fn reserved_ranges() -> Vec<PortRange> {
    Vec::new()
}

/// A name that nobody else asks for here.
#[derive(Debug)]
pub struct Claim;

impl Claim {
    /// Always this process': whoever has the lock is not looked for by name here.
    ///
    /// # Errors
    /// None on this system.
    pub fn to(_name: &str) -> io::Result<Option<Self>> {
        Ok(Some(Self))
    }
}

/// Here a pid means the same to everybody.
#[must_use]
pub const fn meant(pid: Pid, _peer: PeerProcess) -> Meant {
    Meant::This(pid)
}

/// There is no namespace to look in.
#[must_use]
pub const fn find_in(_namespace: PidNamespace, _pid: Pid, _deadline: Instant) -> Option<Pid> {
    None
}

/// The holders of sockets that do not listen are not known here.
#[must_use]
pub const fn find_socket_holder(_inode: u64, _hints: &[Pid], _deadline: Instant) -> Option<Pid> {
    None
}

/// None: whose descendant a process is costs too much to ask here, so a tool that ignores its port has no second lease.
#[must_use]
pub const fn find_in_families(
    _heads: &BTreeSet<Pid>,
    _others: &BTreeSet<Pid>,
    _sockets: &[ListeningSocket],
    _deadline: Instant,
) -> Vec<FamilySocket> {
    Vec::new()
}
