//! What the system answers, in the same words on every system.

use std::ffi::OsStr;
use std::net::IpAddr;

use styxy_core::{Pid, Port, Process, Relation};

use super::place::Place;

/// One socket that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListeningSocket {
    /// The port it listens on.
    pub port: Port,
    /// The address, `::` or `0.0.0.0` for all of them.
    pub address: IpAddr,
    /// The socket's own number: its inode on Linux; elsewhere unique within one table only.
    pub inode: u64,
    /// Its user, where the system names it without a search for the process.
    pub uid: Option<u32>,
    /// Never used again within one boot, and the same in [`Closed`]; 0 where the system has none.
    pub cookie: u64,
    /// Its process, on systems whose table names it. None on Linux: ask [`find_holder`](super::find_holder).
    pub pid: Option<Pid>,
}

/// A process as found by its pid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identified {
    /// Which one, its name and its start.
    pub process: Process,
    /// Its parent; none for the first process and for orphans of another pid namespace.
    pub parent: Option<Pid>,
    /// The effective user it runs as; none where users have no numbers.
    pub uid: Option<u32>,
    /// Whether that is the daemon's own user.
    pub user: Relation,
    /// Whether it runs, or has ended and waits to be reaped.
    pub life: Life,
}

/// Whether a process still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    Running,
    /// It has ended and its parent has not reaped it yet. For Styxy it is dead.
    Zombie,
}

/// Everything that can be shown of a process. What is unknown, or took too long to look up, is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// Which one; the rest is of this very process.
    pub identified: Identified,
    /// Its arguments joined by spaces, at most 4 KiB.
    pub command: Option<String>,
    /// The name of its user, else the number.
    pub user_name: Option<String>,
    /// Where it works.
    pub place: Place,
    /// Its resident memory, in bytes.
    pub resident: Option<u64>,
}

/// A socket that listened is gone, or may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// This one.
    Port {
        /// The port it was bound to.
        port: Port,
        /// As in [`ListeningSocket::cookie`].
        cookie: u64,
    },
    /// Some events were lost: read the table of listeners again.
    Lost,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The daemon's own user.
    Own,
    /// The superuser.
    Root,
    /// This other user.
    Other(u32),
    /// The system does not know the user, or no longer does. Such a client is not trusted.
    Unknown,
    /// This system does not name the users of connections: require the token.
    NeedsToken,
}

impl Verdict {
    /// Whether such a client is accepted without a token.
    #[must_use]
    pub const fn is_trusted(self) -> bool {
        match self {
            Self::Own | Self::Root => true,
            Self::Other(_) | Self::Unknown | Self::NeedsToken => false,
        }
    }
}

/// Who connected to the Unix socket or the named pipe, at that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalPeer {
    /// Its user.
    pub verdict: Verdict,
    /// Its process.
    pub process: PeerProcess,
    /// Whose ports it sees.
    pub network: Network,
}

/// Who connected by TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpPeer {
    /// Its user.
    pub verdict: Verdict,
    /// The inode of its own socket, where the system names it.
    pub socket: Option<u64>,
}

/// The process at the other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerProcess {
    /// This one.
    Seen {
        /// Its pid, in the daemon's own pid namespace.
        pid: Pid,
        /// As in [`styxy_core::ProcessKey::inode`].
        inode: Option<u64>,
    },
    /// It is in a pid namespace that the daemon does not see, or it has ended.
    Unseen,
    /// This system has no pid namespaces, or does not name the process.
    Unnamed,
}

/// Which process a client means by a pid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant {
    /// This one, in the daemon's own pid namespace.
    This(Pid),
    /// The one that has the pid in this namespace: ask [`find_in`](super::find_in).
    In(PidNamespace),
    /// One that the daemon does not see.
    Unseen,
}

/// A pid namespace below the daemon's own, and a process in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PidNamespace {
    /// Device and inode that the kernel gives it.
    pub(super) namespace: (u64, u64),
    pub(super) client: Pid,
}

/// Whose ports a client sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// The daemon's.
    Ours,
    /// Those of another network namespace.
    Other,
}

/// How many descriptors this process may have open; none means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DescriptorLimit {
    /// The limit in force.
    pub soft: Option<u64>,
    /// The limit up to which this process may raise its own.
    pub hard: Option<u64>,
}

/// What happened in a watched folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened<'a> {
    /// To the entry of this name.
    To {
        /// Its name in the folder.
        name: &'a OsStr,
        /// What.
        entry: Entry,
    },
    /// The folder, or one above it, was moved or removed; or some events were lost.
    Anything,
}

/// What happened to an entry of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// It was made, or moved here, perhaps in place of another one.
    New,
    /// It was removed, or moved away.
    Gone,
    /// Its contents were written to or cut by a call; stores into a mapped file do not count.
    Changed,
}

/// What this process got from the one that started it, as far as it limits what it can do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inherited {
    /// Its niceness.
    pub nice: i32,
    /// How many descriptors it may have; none for any number.
    pub descriptors: Option<u64>,
    /// How many bytes of memory its control group may have.
    pub memory: Option<u64>,
    /// How much of one processor its control group may have, in percent.
    pub processor: Option<u64>,
    /// What else is limited: `address space`, `processor time`, `size of a file`.
    pub limits: Vec<&'static str>,
    /// Whether it is in another network namespace than the first process, as far as that can be seen.
    pub network: bool,
    /// Whether it ends with the job that it is in.
    pub job: bool,
}

/// A listening socket of a process' descendant, or of the process itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FamilySocket {
    /// The process that was asked about.
    pub head: Pid,
    /// Who has the socket.
    pub holder: Pid,
    /// Where it listens.
    pub port: Port,
}
