//! Listening for listeners: which leased ports are listened on, and by whom.
//!
//! Tables are asked for on a schedule that backs off and stops when nothing is awaited; who has a socket is looked up
//! outside the engine, with a deadline, and enters it as commands.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::time::{Duration, Instant};

use styxy_core::{Command, Lease, Listener, LockId, Pid, Port, ProjectPath, Registry, Relation, Timestamp};
use uuid::Uuid;

use crate::system::{self, Details, ListeningSocket, SocketTable};

/// How long who-has-this-socket may take for one table.
const PATIENCE: Duration = Duration::from_millis(500);

/// What was heard last.
#[derive(Debug)]
pub(crate) struct Ears {
    table: SocketTable,
    /// The sockets by which each leased port was last heard, as the table had them.
    heard: HashMap<Port, Vec<ListeningSocket>>,
    /// The sockets on ports whose leases ended just now, and that were no heirs.
    passed_over: HashMap<Port, Vec<ListeningSocket>>,
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
        Ok(Self {
            table: SocketTable::open()?,
            heard: known.map(|lease| (lease.port, Vec::new())).collect(),
            passed_over: HashMap::new(),
        })
    }

    /// Every listening socket, by port.
    pub(crate) fn table(&mut self) -> io::Result<BTreeMap<Port, Vec<ListeningSocket>>> {
        let mut by_port: BTreeMap<Port, Vec<ListeningSocket>> = BTreeMap::new();
        for mut socket in self.table.listening()? {
            // Where the table names processes, a socket has no number that lasts.
            socket.inode = socket.pid.map_or(socket.inode, |pid| pid.get().into());
            by_port.entry(socket.port).or_default().push(socket);
        }
        for sockets in by_port.values_mut() {
            sockets.sort_unstable_by_key(|socket| (socket.inode, socket.address));
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
            // One socket more or less, and it may be another server, or a stranger beside it.
            if self.heard.get(port) == Some(sockets) {
                news.still.push(*port);
            } else {
                news.unknown.push(Unknown::on(lease, sockets.clone()));
            }
        }
        let orphaned: Vec<Port> = registry.orphaned_ports(now).collect();
        self.passed_over.retain(|port, _| orphaned.contains(port));
        for port in orphaned {
            let sockets = table.get(&port).filter(|sockets| self.passed_over.get(&port) != Some(*sockets));
            if let Some(sockets) = sockets.cloned() {
                news.unknown.push(Unknown {
                    port,
                    sockets,
                    hints: Vec::new(),
                    project: None,
                    whose: Whose::Orphaned,
                });
            }
        }
        news
    }

    /// `unknown` has been told to the engine: it is not news again while the sockets stand.
    pub(crate) fn remember(&mut self, unknown: &Unknown) {
        let of_its_kind = match unknown.whose {
            Whose::Leased => &mut self.heard,
            Whose::Orphaned => &mut self.passed_over,
        };
        of_its_kind.insert(unknown.port, unknown.sockets.clone());
    }
}

impl Unknown {
    /// Somebody on the port of `lease`.
    pub(crate) fn on(lease: &Lease, sockets: Vec<ListeningSocket>) -> Self {
        let hints = lease.processes().map(|process| process.pid).collect();
        Self { port: lease.port, sockets, hints, project: lease.key.project.clone(), whose: Whose::Leased }
    }
}

/// Finds out who has the sockets of each unknown port. Blocks, for [`PATIENCE`] and a little more at most.
pub(crate) fn identify(unknown: Vec<Unknown>, own_uid: Option<u32>) -> Vec<(Unknown, Command)> {
    let deadline = Instant::now() + PATIENCE;
    let sockets: Vec<ListeningSocket> =
        unknown.iter().flat_map(|unknown| unknown.sockets.iter().copied()).collect();
    let hints: Vec<Pid> = unknown.iter().flat_map(|unknown| unknown.hints.iter().copied()).collect();
    let holders = system::find_holders(&sockets, &hints, deadline);
    let commands = unknown.into_iter().filter_map(|unknown| {
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
        let command = match unknown.whose {
            Whose::Leased => Command::Heard { port, listener },
            Whose::Orphaned => Command::Adopt { port, listener, fresh_id: LockId::new(Uuid::new_v4()) },
        };
        Some((unknown, command))
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
