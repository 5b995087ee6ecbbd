//! Who serves: every process of this user that listens on a TCP port, and those above it in the same worktree.
//!
//! One dump of the sockets is made for each question. As long as it is the same, so are the answers, for a second; the holders
//! of sockets that are known are not looked for again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use styxy_core::order::map;
use styxy_core::{Pid, Port, ProcessKey, checkout};

use crate::system::{self, Disk, ListeningSocket, SocketTable};

/// How far above a listener is looked.
const FAR: usize = 32;
/// How long an answer counts while the sockets are the same: a descriptor may have been passed on, or a parent has ended.
const FRESH: Duration = Duration::from_secs(1);
/// How long the holders of new sockets are looked for.
const PATIENCE: Duration = Duration::from_millis(500);

/// A port that a process serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Serving {
    pub(super) port: Port,
    /// Who listens: the process itself, or one below it.
    pub(super) listener: Pid,
}

pub(super) struct Servers {
    table: SocketTable,
    own_uid: Option<u32>,
    home: Option<PathBuf>,
    /// The sockets of the last dump, by inode.
    sockets: BTreeMap<u64, ListeningSocket>,
    read_at: Option<Instant>,
    holders: HashMap<u64, Vec<ProcessKey>>,
    serving: HashMap<Pid, (ProcessKey, BTreeSet<Serving>)>,
}

impl Servers {
    /// # Errors
    /// The system offers no table of sockets.
    pub(super) fn open(own_uid: Option<u32>) -> io::Result<Self> {
        Ok(Self {
            table: SocketTable::open()?,
            own_uid,
            home: std::env::home_dir(),
            sockets: BTreeMap::new(),
            read_at: None,
            holders: HashMap::new(),
            serving: HashMap::new(),
        })
    }

    /// What this very process serves, itself or through those below it.
    pub(super) fn served_by(&mut self, process: &ProcessKey) -> Vec<Serving> {
        self.read();
        if let Some((_, serving)) = self.serving.get(&process.pid).filter(|(key, _)| key == process) {
            return serving.iter().copied().collect();
        }
        // One that got the socket after the look: a worker that was forked since.
        let open = system::open_sockets(process.pid);
        let sockets = self.sockets.values().filter(|socket| open.contains(&socket.inode));
        sockets.map(|socket| Serving { port: socket.port, listener: process.pid }).collect()
    }

    /// The process with this inode in pidfs, if it serves.
    pub(super) fn with_inode(&mut self, inode: u64) -> Option<ProcessKey> {
        self.all().find(|key| key.inode == Some(inode))
    }

    /// Every process that serves.
    pub(super) fn all(&mut self) -> impl Iterator<Item = ProcessKey> {
        self.read();
        self.serving.values().map(|(key, _)| *key)
    }

    /// Reads the table, and looks for holders if it has changed. If it cannot be read, what is known counts.
    fn read(&mut self) {
        let Ok(all) = self.table.listening() else { return };
        let ours = all.into_iter().filter(|socket| socket.uid.is_none() || socket.uid == self.own_uid);
        let sockets = map(ours.map(|socket| (socket.inode, socket)));
        let is_fresh = self.read_at.is_some_and(|at| at.elapsed() < FRESH);
        if is_fresh && sockets == self.sockets {
            return;
        }
        self.sockets = sockets;
        self.look();
        self.read_at = Some(Instant::now());
    }

    fn look(&mut self) {
        let sockets = &self.sockets;
        self.holders.retain(|inode, holders| {
            holders.retain(system::is_alive);
            sockets.contains_key(inode) && !holders.is_empty()
        });
        let new = self.sockets.values().filter(|socket| !self.holders.contains_key(&socket.inode));
        let new: Vec<ListeningSocket> = new.copied().collect();
        if !new.is_empty() {
            let key = |pid: Pid| system::identify(pid).ok().map(|found| found.process.key);
            let found = system::find_all_holders(&new, Instant::now() + PATIENCE);
            let keys = |pids: Vec<Pid>| pids.into_iter().filter_map(key).collect();
            self.holders.extend(found.into_iter().map(|(inode, pids)| (inode, keys(pids))));
        }
        self.serving.clear();
        let mut roots = Roots { home: self.home.clone(), known: HashMap::new() };
        for (inode, holders) in &self.holders {
            let Some(socket) = self.sockets.get(inode) else { continue };
            for holder in holders {
                let serving = Serving { port: socket.port, listener: holder.pid };
                let root = roots.of(holder.pid);
                let is_within = |above: &ProcessKey| root.is_some() && roots.of(above.pid) == root;
                let above: Vec<_> =
                    system::ancestors(holder.pid, FAR).into_iter().take_while(is_within).collect();
                for process in std::iter::once(*holder).chain(above) {
                    let (_, known) = self.serving.entry(process.pid).or_insert((process, BTreeSet::new()));
                    known.insert(serving);
                }
            }
        }
    }
}

/// The worktrees of processes, each looked up once.
struct Roots {
    home: Option<PathBuf>,
    known: HashMap<PathBuf, Option<PathBuf>>,
}

impl Roots {
    fn of(&mut self, pid: Pid) -> Option<PathBuf> {
        let folder = system::folder_of(pid)?;
        let root = |folder: &Path| checkout::root(folder, self.home.as_deref(), &Disk);
        self.known.entry(folder).or_insert_with_key(|folder| root(folder)).clone()
    }
}
