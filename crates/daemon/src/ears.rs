//! Listening for listeners: which leased ports are listened on, and by whom.
//!
//! Tables are asked for on a schedule that backs off and stops when nothing is awaited; who has a socket is looked up
//! outside the engine, with a deadline, and enters it as commands.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::time::{Duration, Instant};

use styxy_core::{Command, Listener, LockId, Pid, Port, ProjectPath, Registry, Relation, Timestamp};
use uuid::Uuid;

use crate::system::{self, Details, ListeningSocket, SocketTable};

/// How long who-has-this-socket may take for one table.
const PATIENCE: Duration = Duration::from_millis(500);

/// What was heard last.
#[derive(Debug)]
pub(crate) struct Ears {
    table: SocketTable,
    /// The sockets by which each leased port was last heard.
    heard: HashMap<Port, Vec<u64>>,
}

/// What a table says that was not known.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Leased ports that have fallen silent.
    pub(crate) silent: Vec<Port>,
    /// Leased ports heard as before.
    pub(crate) still: Vec<Port>,
    /// Sockets on leased ports that are not known yet, with the processes that most likely have them.
    pub(crate) unknown: Vec<Unknown>,
}

/// A leased port that is listened on by somebody.
#[derive(Debug, Clone)]
pub(crate) struct Unknown {
    pub(crate) port: Port,
    pub(crate) sockets: Vec<ListeningSocket>,
    /// The processes that most likely have them.
    pub(crate) hints: Vec<Pid>,
    /// The worktree of the lease.
    pub(crate) project: Option<ProjectPath>,
    pub(crate) whose: Whose,
}

/// Whose port somebody listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// A lease covers it.
    Leased,
    /// Its lease ended with its owner just now.
    Orphaned,
}

impl Ears {
    /// Ears that have heard what `registry` knows.
    pub(crate) fn open(registry: &Registry) -> io::Result<Self> {
        let known = registry.leases().filter(|lease| lease.listening != styxy_core::Listening::Nothing);
        Ok(Self { table: SocketTable::open()?, heard: known.map(|lease| (lease.port, Vec::new())).collect() })
    }

    /// Every listening socket, by port.
    pub(crate) fn table(&mut self) -> io::Result<BTreeMap<Port, Vec<ListeningSocket>>> {
        let mut by_port: BTreeMap<Port, Vec<ListeningSocket>> = BTreeMap::new();
        for socket in self.table.listening()? {
            by_port.entry(socket.port).or_default().push(socket);
        }
        Ok(by_port)
    }

    /// What `table` says of the leased ports that was not known.
    pub(crate) fn compare(
        &mut self,
        table: &BTreeMap<Port, Vec<ListeningSocket>>,
        registry: &Registry,
        now: Timestamp,
    ) -> News {
        let mut news = News::default();
        self.heard.retain(|port, _| {
            let (leased, listening) = (registry.leased_ports().contains(*port), table.contains_key(port));
            if leased && !listening {
                news.silent.push(*port);
            }
            leased && listening
        });
        for (port, sockets) in table {
            let Some(lease) = registry.lease_on(*port) else { continue };
            let known = self.heard.get(port);
            if known.is_some_and(|known| sockets.iter().any(|socket| known.contains(&socket.inode))) {
                news.still.push(*port);
            } else {
                let hints = lease.processes().map(|process| process.pid).collect();
                let (sockets, project) = (sockets.clone(), lease.key.project.clone());
                news.unknown.push(Unknown { port: *port, sockets, hints, project, whose: Whose::Leased });
            }
        }
        for port in registry.orphaned_ports(now) {
            if let Some(sockets) = table.get(&port) {
                let (sockets, whose) = (sockets.clone(), Whose::Orphaned);
                news.unknown.push(Unknown { port, sockets, hints: Vec::new(), project: None, whose });
            }
        }
        news
    }

    /// `unknown` has been told to the engine: it is not news again while the sockets stand.
    pub(crate) fn remember(&mut self, unknown: &Unknown) {
        self.heard.insert(unknown.port, unknown.sockets.iter().map(|socket| socket.inode).collect());
    }
}

/// Finds out who has the sockets of each unknown port. Blocks, for [`PATIENCE`] and a little more at most.
pub(crate) fn identify(unknown: &[Unknown], own_uid: Option<u32>) -> Vec<Command> {
    let deadline = Instant::now() + PATIENCE;
    let sockets: Vec<ListeningSocket> =
        unknown.iter().flat_map(|unknown| unknown.sockets.iter().copied()).collect();
    let hints: Vec<Pid> = unknown.iter().flat_map(|unknown| unknown.hints.iter().copied()).collect();
    let holders = system::find_holders(&sockets, &hints, deadline);
    let commands = unknown.iter().filter_map(|unknown| {
        // Several sockets on one port (IPv4 and IPv6) are most often one process'; if not, the lease's own comes first.
        let mut listeners: Vec<Listener> = unknown
            .sockets
            .iter()
            .map(|socket| {
                listener(socket, holders.get(&socket.inode).copied().or(socket.pid), own_uid, deadline)
            })
            .collect();
        listeners.sort_by_key(|listener| {
            let hinted = listener.key().is_some_and(|key| unknown.hints.contains(&key.pid));
            (!hinted, listener.is_stranger_to(unknown.project.as_ref()), listener.process.is_none())
        });
        let listener = listeners.into_iter().next()?;
        let port = unknown.port;
        Some(match unknown.whose {
            Whose::Leased => Command::Heard { port, listener },
            Whose::Orphaned => Command::Adopt { port, listener, fresh_id: LockId::new(Uuid::new_v4()) },
        })
    });
    commands.collect()
}

/// Who listens on `socket`, as the core knows listeners.
fn listener(
    socket: &ListeningSocket,
    holder: Option<Pid>,
    own_uid: Option<u32>,
    deadline: Instant,
) -> Listener {
    if let Some(details) = holder.and_then(|pid| system::describe(pid, deadline).ok()) {
        let Details { identified, project_path, .. } = details;
        return Listener { user: identified.user, process: Some(identified.process), project: project_path };
    }
    let other = socket.uid.is_some_and(|theirs| own_uid.is_some_and(|own| own != theirs));
    let user = if other { Relation::Other } else { Relation::Own };
    Listener { process: None, user, project: None }
}
