//! One question, one answer, in the order of R90.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use styxy_core::api::{Lease, Refused, SystemUsage, Wanted};
use styxy_core::belongs::{self, Belongs};
use styxy_core::guard::record::{self, By, Question, Target};
use styxy_core::guard::{self, Ground, Role, Session, Spared};
use styxy_core::{InstanceId, Pid, Port, Process, ProjectPath, Relation, WallTime, checkout, session};

use super::asker::{Asker, Living};
use super::grounds::Grounds;
use super::kept::Kept;
use super::servers::{Servers, Serving};
use super::words;
use crate::daemon::{Daemon, own_pid};
use crate::system::disk;
use crate::system::{self, Details, LocalPeer, Meant, Network, PeerProcess};

/// How long the folder of a server may be looked up.
const PATIENCE: Duration = Duration::from_millis(500);

pub(super) struct Judge {
    daemon: Arc<Daemon>,
    servers: Servers,
    grounds: Arc<Grounds>,
}

/// A process that is spared, and what is said of it.
struct Case {
    why: Spared,
    pid: Pid,
    /// `node (4242) is ~/app2's server on 3000`
    said: String,
    port: Option<Port>,
    /// What ends it, where that is more than a signal.
    stop: Option<String>,
}

impl Judge {
    /// # Errors
    /// The system offers no table of sockets.
    pub(super) fn new(daemon: Arc<Daemon>) -> io::Result<Self> {
        let servers = Servers::open(daemon.own_uid)?;
        Ok(Self { daemon, servers, grounds: Arc::new(Grounds::new()) })
    }

    /// Tells the process at the other end, in a record, what is answered to its question.
    pub(super) fn answer(&mut self, question: Question, peer: LocalPeer, tell: impl FnOnce(&[u8])) {
        let PeerProcess::Seen { pid, .. } = peer.process else { return tell(&record::passes()) };
        // While this daemon looks for a free port, the thread that would know of its lease waits for the answer.
        if pid == own_pid() {
            return tell(&record::passes());
        }
        let daemon = Arc::clone(&self.daemon);
        let grounds = Arc::clone(&self.grounds);
        let by = match question {
            Question::Signal { by, .. } => by,
            Question::Bind(_) => By::Itself,
        };
        let asker = Asker::new(&daemon, pid, &grounds).by(by);
        let (wanted, words) = match question {
            Question::Signal { to, .. } => (Wanted::Signal, self.signal(to, &asker, peer)),
            Question::Bind(port) if peer.network == Network::Ours => (Wanted::Bind, self.bind(port, &asker)),
            Question::Bind(_) => (Wanted::Bind, None),
        };
        let Some(words) = words else { return tell(&record::passes()) };
        tracing::debug!(asker = pid.get(), ?question, "the guard refused");
        // A program that has its answer may end at once.
        asker.read();
        let project = asker.root().and_then(Path::to_str).and_then(|root| ProjectPath::new(root).ok());
        daemon.refused(
            || tell(&record::refused(&words)),
            || Refused {
                at: system::now().wall,
                wanted,
                instance_id: asker.session().cloned(),
                project_path: project,
                message: words.clone(),
            },
        );
    }

    /// Why no signal goes there.
    fn signal(&mut self, to: Target, asker: &Asker, peer: LocalPeer) -> Option<String> {
        let (case, set) = match to {
            Target::Process { pid, inode } => (
                {
                    let process = self.process(pid, inode, peer)?;
                    self.spared(&process, asker)?
                },
                None,
            ),
            // A set cannot be split: one that is spared spares all.
            Target::Group(group) => {
                let is_here = meant(group, peer).is_some();
                let is_in = |pid: Pid| is_here && system::group_of(pid) == Some(group);
                (self.one_of(is_in, asker)?, Some(format!("process group {group}")))
            }
            Target::Everybody => {
                let is_here = meant(asker.pid, peer).is_some();
                (self.one_of(|_| is_here, asker)?, Some("all processes".to_owned()))
            }
        };
        let said = match set {
            Some(set) => format!("{set}, since {}", case.said),
            None => case.said,
        };
        let yours = words::these(&self.own_leases(asker, |lease| lease.listening.server().is_some()));
        let yours = yours.map(|yours| format!("Yours: {yours}. ")).unwrap_or_default();
        let insist = words::insist(case.why, case.pid, case.port, case.stop);
        Some(format!("styxy: not signalled: {said}. {yours}{insist}"))
    }

    /// The first process of a set that is spared: of those that are known, else of all.
    fn one_of(&mut self, is_in: impl Fn(Pid) -> bool, asker: &Asker) -> Option<Case> {
        let known: Vec<Pid> = self.servers.all().map(|key| key.pid).chain([own_pid()]).collect();
        known.into_iter().chain(system::processes()).filter(|pid| is_in(*pid)).find_map(|pid| {
            let found = system::identify(pid).ok().filter(|found| found.user == Relation::Own)?;
            self.spared(&found.process, asker)
        })
    }

    /// The process that is meant, unless it is another user's: those are the kernel's business.
    fn process(&mut self, pid: Pid, inode: Option<u64>, peer: LocalPeer) -> Option<Process> {
        let found = system::identify(pid).ok().filter(|found| found.user == Relation::Own);
        match (inode, found) {
            // Its number in pidfs says which one it is, in whatever namespace of pids the caller is.
            (Some(inode), Some(found)) if found.process.key.inode == Some(inode) => Some(found.process),
            (Some(_) | None, Some(found)) if found.process.key.inode.is_none() || inode.is_none() => {
                (meant(pid, peer) == Some(pid)).then_some(found.process)
            }
            (Some(inode), _) => {
                let key = self.servers.with_inode(inode)?;
                let found = system::identify(key.pid).ok()?;
                Some(found.process).filter(|process| process.key == key)
            }
            (None, _) => None,
        }
    }

    /// Why this process is not to be signalled, if it is not.
    fn spared(&mut self, process: &Process, asker: &Asker) -> Option<Case> {
        let pid = process.key.pid;
        let serving = self.servers.served_by(&process.key);
        let agent = self.agent(pid);
        let is_styxys = pid == own_pid() || is_mcp_server(pid);
        let is_plain = serving.is_empty() && agent.is_none() && !is_styxys;
        let kept = is_plain.then(|| Kept::of(pid, &self.grounds)).flatten();
        if is_plain && kept.is_none() || asker.is_above(pid) {
            return None;
        }
        let named = words::process(process);
        if is_styxys && let Some(why) = guard::signal(Role::Styxy, Ground::Nobodys, Session::None) {
            let what = if pid == own_pid() { "Styxy's daemon" } else { "an agent's MCP server" };
            return Some(Case { why, pid, said: format!("{named} is {what}"), port: None, stop: None });
        }
        if let Some(session) = agent {
            let relation = match asker.session() {
                Some(_) => asker.relation(&session, || true),
                // A person has no session that could be another one.
                None => Session::None,
            };
            if let Some(why) = guard::signal(Role::Agent, Ground::Nobodys, relation) {
                let said = format!("{named} is the agent of session {session}");
                return Some(Case { why, pid, said, port: None, stop: None });
            }
        }
        if let Some(kept) = kept {
            // Whose session started it says nothing: who works in the worktree may end its services.
            let why = guard::signal(Role::Server, asker.ground(&kept.root), Session::None)?;
            let said = format!("{named} {}", kept.said(self.grounds.home.as_deref()));
            return Some(Case { why, pid, said, port: None, stop: Some(kept.stop()) });
        }
        serving.into_iter().find_map(|serving| {
            let (why, said) = self.server(serving, asker)?;
            let verb = if serving.listener == pid { "is" } else { "runs" };
            Some(Case {
                why,
                pid,
                said: format!("{named} {verb} {said}"),
                port: Some(serving.port),
                stop: None,
            })
        })
    }

    /// Why this server is spared, and whose it is.
    fn server(&self, serving: Serving, asker: &Asker) -> Option<(Spared, String)> {
        let lease = self.lease(serving.port);
        let root_of = |folder: &Path| self.grounds.root(folder);
        let (identified, place) =
            system::locate(serving.listener, Instant::now() + PATIENCE, root_of).ok()?;
        // Its words, its user and its memory are nobody's business here.
        let details = Details { identified, place, command: None, user_name: None, resident: None };
        let usage = crate::usage::usage(Some(serving.listener), (None, None), Some(&details), &[]);
        let belongs = self.belongs(&usage, lease.as_ref());
        let ground = match &belongs {
            Belongs::To(path) if self.is_place(path, lease.as_ref()) => {
                asker.ground(Path::new(path.as_str()))
            }
            // A folder without any marker is not a worktree.
            Belongs::To(_) | Belongs::ToDeleted(_) | Belongs::Unknown => Ground::Nobodys,
        };
        let session = self.relation(lease.as_ref(), Some(serving.listener), asker);
        let why = guard::signal(Role::Server, ground, session)?;
        let worktree = belongs.path();
        let worktree = worktree.as_ref().map(ProjectPath::as_str);
        let branch = details.place.with_branch().branch;
        let server =
            words::Server { port: serving.port, worktree, branch: branch.as_deref(), lease: lease.as_ref() };
        Some((why, words::server(&server, why, self.grounds.home.as_deref())))
    }

    /// Why the port is not to be bound.
    fn bind(&self, port: Port, asker: &Asker) -> Option<String> {
        let lease = self.lease(port)?;
        if lease.owner.pid.is_some_and(|owner| owner == asker.pid || self.is_below(asker.pid, owner)) {
            return None;
        }
        let project = lease.project_path.as_ref().filter(|project| {
            let now = disk::id(Path::new(project.as_str()));
            let then = lease.project_id.as_ref();
            Path::new(project.as_str()).exists() && then.is_none_or(|then| now.is_none_or(|now| now == *then))
        });
        let ground = project.map_or(Ground::Nobodys, |project| asker.ground(Path::new(project.as_str())));
        let session = self.relation(Some(&lease), None, asker);
        match guard::bind(ground, session) {
            guard::Port::Free => None,
            guard::Port::Others => {
                let own = words::these(&self.own_leases(asker, |_| true));
                let own = own.map(|own| format!("; this checkout has {own}")).unwrap_or_default();
                Some(format!("styxy: {}{own}", words::leased(&lease, self.grounds.home.as_deref())))
            }
        }
    }

    fn is_below(&self, pid: Pid, owner: Pid) -> bool {
        Asker::new(&self.daemon, owner, &self.grounds).is_above(pid)
    }

    /// The lease of a port, unless a stranger has taken it.
    fn lease(&self, port: Port) -> Option<Lease> {
        let engine = self.daemon.engine();
        let registry = engine.registry();
        registry.lease_on(port).filter(|lease| lease.conflict().is_none()).map(|lease| registry.view(lease))
    }

    /// The leases of the caller's checkout that are `wanted`.
    fn own_leases(&self, asker: &Asker, wanted: impl Fn(&styxy_core::Lease) -> bool) -> Vec<Lease> {
        let Some(root) = asker.root() else { return Vec::new() };
        let engine = self.daemon.engine();
        let registry = engine.registry();
        let is_ours = |project: &ProjectPath| Path::new(project.as_str()) == root;
        let ours = registry.leases().filter(|lease| lease.key.project.as_ref().is_some_and(is_ours));
        ours.filter(|lease| wanted(lease)).map(|lease| registry.view(lease)).collect()
    }

    fn relation(&self, lease: Option<&Lease>, server: Option<Pid>, asker: &Asker) -> Session {
        let Some((lease, id)) = lease.and_then(|lease| Some((lease, lease.instance_id.as_ref()?))) else {
            return Session::None;
        };
        let owner = lease.owner.pid.filter(|_| lease.owner.kind == styxy_core::api::OwnerKind::Process);
        asker.relation(id, || session::lives(id, owner, &Living { daemon: &self.daemon, server }))
    }

    fn belongs(&self, usage: &SystemUsage, lease: Option<&Lease>) -> Belongs {
        let disk = belongs::Disk {
            is_there: &Path::exists,
            id: &|project| disk::id(Path::new(project.as_str())),
            is_older: &|project, then| is_older(Path::new(project.as_str()), then),
            is_known: &|folder| self.grounds.root(folder).is_some(),
        };
        belongs::belongs(usage, lease, &disk)
    }

    /// Whether a folder is a checkout or a project, or somebody has leased a port for it.
    fn is_place(&self, path: &ProjectPath, lease: Option<&Lease>) -> bool {
        let is_leased = lease.is_some_and(|lease| lease.project_path.as_ref() == Some(path));
        is_leased || self.grounds.root(Path::new(path.as_str())).is_some()
    }

    /// The session whose agent this process is.
    fn agent(&self, pid: Pid) -> Option<InstanceId> {
        let engine = self.daemon.engine();
        let registry = engine.registry();
        let is_agent = |process: &Process| process.key.pid == pid;
        let mut instances = registry.instances();
        let registered = instances.find(|instance| instance.process.as_ref().is_some_and(is_agent));
        registered.map(|instance| instance.id.clone()).or_else(|| {
            let mut sessions = registry.leases().filter_map(|lease| lease.instance_id.as_ref());
            sessions.find(|session| session::named_process(session) == Some(pid)).cloned()
        })
    }
}

/// The process that the caller means by `pid`, if both are in the daemon's own namespace of pids.
fn meant(pid: Pid, peer: LocalPeer) -> Option<Pid> {
    match system::meant(pid, peer.process) {
        Meant::This(pid) => Some(pid),
        Meant::In(_) | Meant::Unseen => None,
    }
}

/// Whether this is the server that an agent starts as `styxy mcp`.
fn is_mcp_server(pid: Pid) -> bool {
    let line = system::command_line(pid).unwrap_or_default();
    let mut words = line.split('\0');
    let program = words.next().and_then(|program| program.rsplit('/').next());
    program == Some("styxy") && words.find(|word| !word.starts_with('-')) == Some("mcp")
}

/// Whether the folder may have been there at a time: unless it is known to be younger, by more than a second.
fn is_older(folder: &Path, then: WallTime) -> bool {
    let born = std::fs::metadata(folder).ok().and_then(|found| checkout::born_ns(&found));
    born.is_none_or(|born| born / 1_000_000 <= u128::from(then.0) + 1000)
}
