//! Who asks: in which worktree it works, and in which session (R90).

use std::cell::OnceCell;
use std::iter;
use std::path::{Path, PathBuf};

use styxy_core::checkout::Kinship;
use styxy_core::guard::record::By;
use styxy_core::guard::{Ground, Session};
use styxy_core::session::{self, Running, Signs, VARIABLES};
use styxy_core::{InstanceId, Pid};

use super::grounds::Grounds;
use crate::daemon::Daemon;
use crate::system::{self, Life};

/// How far above a process an agent is looked for.
const FAR: usize = 32;

/// The program that asks. What is not needed is not looked up.
pub(super) struct Asker<'a> {
    daemon: &'a Daemon,
    pub(super) pid: Pid,
    /// The shell for which it asks.
    shell: Option<Pid>,
    grounds: &'a Grounds,
    place: OnceCell<Place>,
    signs: OnceCell<OwnSigns>,
    session: OnceCell<Option<InstanceId>>,
}

/// What the program itself shows of its session.
struct OwnSigns {
    /// Of [`VARIABLES`].
    values: [Option<String>; VARIABLES.len()],
    parent: Option<Pid>,
}

/// Where a program works.
enum Place {
    /// In this worktree, or folder.
    In(PathBuf),
    /// In a home folder, or in `/`: nothing there is in common with anybody.
    Nowhere,
    /// Its folder cannot be read, or is gone.
    Unknown,
}

impl<'a> Asker<'a> {
    pub(super) fn new(daemon: &'a Daemon, pid: Pid, grounds: &'a Grounds) -> Self {
        Self {
            daemon,
            pid,
            shell: None,
            grounds,
            place: OnceCell::new(),
            signs: OnceCell::new(),
            session: OnceCell::new(),
        }
    }

    /// The same for its parent too, if it asks for that one.
    pub(super) fn by(self, by: By) -> Self {
        let parent = || styxy_os::ancestors(self.pid).next();
        let shell = match by {
            By::Itself => None,
            By::Parent => parent(),
        };
        Self { shell, ..self }
    }

    /// Whether `pid` is below it.
    pub(super) fn is_above(&self, pid: Pid) -> bool {
        let is_it = |pid: Pid| pid == self.pid || Some(pid) == self.shell;
        is_it(pid) || above(pid).any(is_it)
    }

    /// Its worktree, or folder.
    pub(super) fn root(&self) -> Option<&Path> {
        match self.place() {
            Place::In(root) => Some(root),
            Place::Nowhere | Place::Unknown => None,
        }
    }

    /// Whether that worktree is its own.
    pub(super) fn ground(&self, theirs: &Path) -> Ground {
        match self.place() {
            Place::In(ours) => match self.grounds.kinship(ours, theirs) {
                Kinship::Same => Ground::Own,
                Kinship::Sibling | Kinship::Unrelated => Ground::Others,
            },
            Place::Nowhere => Ground::Others,
            Place::Unknown => Ground::Nobodys,
        }
    }

    /// Whether that session is its own, if it lives.
    pub(super) fn relation(&self, theirs: &InstanceId, lives: impl FnOnce() -> bool) -> Session {
        if self.session() == Some(theirs) || self.is_below_agent_of(theirs) {
            Session::Own
        } else if lives() {
            Session::Others
        } else {
            Session::None
        }
    }

    /// Its session; if it was [read](Self::read) before, also once it has ended.
    pub(super) fn session(&self) -> Option<&InstanceId> {
        let session = || {
            let OwnSigns { values, parent } = self.signs();
            let value = |name: &str| values[VARIABLES.iter().position(|known| *known == name)?].clone();
            let from = |parent: Pid| agent_among(iter::once(parent).chain(above(parent)));
            session::instance(value, || parent.and_then(from)).ok().flatten()
        };
        self.session.get_or_init(session).as_ref()
    }

    /// Reads what can be read of it only while it runs.
    pub(super) fn read(&self) {
        self.signs();
        self.place();
    }

    fn signs(&self) -> &OwnSigns {
        self.signs.get_or_init(|| OwnSigns {
            values: system::variables(self.pid, VARIABLES),
            parent: above(self.pid).next(),
        })
    }

    fn place(&self) -> &Place {
        self.place.get_or_init(|| {
            let at = |folder: &Path| self.grounds.place(folder);
            match system::folder_of(self.pid) {
                Some(folder) if folder.is_dir() => {
                    at(&folder).or_else(|| at(&self.folder_of_session()?)).map_or(Place::Nowhere, Place::In)
                }
                Some(_) | None => Place::Unknown,
            }
        })
    }

    fn folder_of_session(&self) -> Option<PathBuf> {
        let engine = self.daemon.engine();
        let folder = engine.registry().instance(self.session()?)?.working_directory.as_ref()?;
        Some(PathBuf::from(folder.as_str()))
    }

    /// A shell of a session may have lost its variables, as under `env -i`.
    fn is_below_agent_of(&self, session: &InstanceId) -> bool {
        let registered = || {
            let engine = self.daemon.engine();
            let process = engine.registry().instance(session)?.process.as_ref()?;
            Some(process.key.pid)
        };
        let agent = registered().or_else(|| session::named_process(session));
        agent.is_some_and(|agent| agent == self.pid || above(self.pid).any(|above| above == agent))
    }
}

/// The processes above this one, nearest first.
fn above(pid: Pid) -> impl Iterator<Item = Pid> {
    styxy_os::ancestors(pid).take(FAR)
}

/// The nearest agent above this process.
fn agent_around(pid: Pid) -> Option<Running> {
    agent_among(above(pid))
}

fn agent_among(mut processes: impl Iterator<Item = Pid>) -> Option<Running> {
    processes.find_map(|pid| {
        let line = system::command_line(pid)?;
        Running::of_command_line(pid.get(), &line, |path| Path::new(path).exists())
    })
}

/// What shows that the session of a server's lease lives (R63).
pub(super) struct Living<'a> {
    pub(super) daemon: &'a Daemon,
    pub(super) server: Option<Pid>,
}

impl Signs for Living<'_> {
    fn is_registered(&self, session: &InstanceId) -> bool {
        self.daemon.engine().registry().instance(session).is_some()
    }
    fn runs(&self, process: Pid) -> bool {
        system::identify(process).is_ok_and(|found| found.life == Life::Running)
    }
    fn is_server_under_agent(&self) -> bool {
        self.server.is_some_and(|server| agent_around(server).is_some())
    }
    fn runs_beside_server(&self, process: Pid) -> bool {
        let is_above = |server: Pid| server == process || above(server).any(|above| above == process);
        self.runs(process) && !self.server.is_some_and(is_above)
    }
}
