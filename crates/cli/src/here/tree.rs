//! Which processes a server is made of, and which of them may be ended: kill's rules (R35), for each process by itself (R97).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use styxy_client::living::Living;
use styxy_client::{Caller, Client, Error, agents};
use styxy_core::api::{AllocationsQuery, CheckAnswer, Lease, OwnerKind, ScanAnswer, ScanQuery, SystemUsage};
use styxy_core::checkout::Kinship;
use styxy_core::order::set;
use styxy_core::{InstanceId, Pid, Port, ProjectPath};

use crate::here::may_end;
use crate::here::ownership::{self, Here};
#[cfg(target_os = "linux")]
use crate::process::cgroup::Cgroup;
use crate::process::ending::Found;
use crate::process::table::{self, Entry, Look, Processes, Table, User};
use crate::process::tree::{Roots, Tree, Verdict, Way};
use styxy_core::printable::tilde;

/// What the daemon knows that decides about the processes of a tree.
#[derive(Debug)]
pub(crate) struct Facts {
    daemon: Pid,
    sessions: BTreeSet<InstanceId>,
    leases: Vec<Lease>,
    listening: ScanAnswer,
}

impl Facts {
    /// # Errors
    /// The daemon cannot be asked.
    pub(crate) async fn ask(client: &Client) -> Result<Self, Error> {
        let everywhere = ScanQuery { start: Port::new(1).ok(), end: None };
        let sessions = client.instances().await?.instances.into_iter().map(|instance| instance.instance_id);
        Ok(Self {
            daemon: client.status().await?.pid,
            sessions: sessions.collect(),
            leases: client.allocations(&AllocationsQuery::default()).await?.allocations,
            listening: client.scan(&everywhere).await?,
        })
    }
}

/// Whether others' processes may be ended too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Force {
    No,
    Yes,
}

/// The processes of one server, found again each time they are asked for.
#[derive(Debug)]
pub(crate) struct ServerTree {
    processes: Processes,
    roots: Roots,
    rules: Rules,
    ports: BTreeMap<u32, Vec<Port>>,
    group: Group,
}

/// What decides about a process.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) own: u32,
    above: BTreeSet<u32>,
    pub(super) daemon: Option<u32>,
    /// Whether another user's process may be ended.
    anothers: bool,
    /// Why processes live on that listen on another port.
    elsewhere: BTreeMap<u32, String>,
    /// Where the server belongs.
    project: Option<ProjectPath>,
    caller: Caller,
}

impl ServerTree {
    /// The tree of what listens on a port, as `found` says, and of the lease that covers it.
    pub(crate) fn of(found: &CheckAnswer, facts: &Facts, here: &Here, force: Force) -> Self {
        let lease = found.allocated_to.as_ref().filter(|lease| lease.conflict.is_none());
        let owner = lease.and_then(owner);
        let of_owner = |other: &&Lease| owner.is_some() && self::owner(other) == owner;
        let marks = facts.leases.iter().filter(of_owner).chain(lease).map(|lease| lease.lock_id);
        let marks = set(marks);
        let roots = Roots {
            listeners: found.listeners().filter_map(|usage| usage.pid).map(Pid::get).collect(),
            owner: owner.map(Pid::get),
            marks: marks.into_iter().collect(),
            ..Roots::default()
        };
        let folder = |usage: &SystemUsage| {
            usage.working_directory.as_deref().and_then(|path| ProjectPath::new(path).ok())
        };
        let of_listener =
            || found.listeners().find_map(|usage| usage.project_path.clone().or_else(|| folder(usage)));
        let elsewhere = match force {
            Force::Yes => BTreeMap::new(),
            Force::No => elsewhere(Some(found.port), facts, here),
        };
        let rules = Rules {
            daemon: Some(facts.daemon.get()),
            anothers: force == Force::Yes && here.is_root,
            elsewhere,
            project: lease.and_then(|lease| lease.project_path.clone()).or_else(of_listener),
            ..Rules::around(&here.caller)
        };
        Self {
            processes: Processes::default(),
            roots,
            rules,
            ports: ports(&facts.listening),
            group: Group::default(),
        }
    }

    /// The process that owns the lease, if one does.
    pub(crate) const fn owner(&self) -> Option<u32> {
        self.roots.owner
    }

    /// The processes that listened on the port.
    pub(crate) fn listeners(&self) -> &[u32] {
        &self.roots.listeners
    }

    /// The ports that a process listens on.
    pub(crate) fn ports(&self, pid: u32) -> &[Port] {
        self.ports.get(&pid).map_or(&[], Vec::as_slice)
    }

    /// Looks at all processes, and says which of them belong to the server. `kept` were found before and still run.
    ///
    /// # Errors
    /// The system does not show its processes.
    pub(crate) fn look(&mut self, kept: &[u32]) -> io::Result<(Look, Tree)> {
        let look = self.processes.look()?;
        let owner = self.roots.owner.and_then(|owner| look.table.get(&owner));
        let grouped = self.group.led_by(owner, &look.table);
        let roots = Roots { kept: kept.to_vec(), grouped, ..self.roots.clone() };
        let tree = Tree::of(&look.table, &roots, &|entry, way| self.rules.verdict(entry, way));
        Ok((look, tree))
    }

    /// The same, as [`crate::process::ending::end`] needs it.
    ///
    /// # Errors
    /// As [`ServerTree::look`].
    pub(crate) fn find(&mut self, kept: &[u32]) -> io::Result<Found> {
        let (look, tree) = self.look(kept)?;
        Ok(found(look.table, tree, look.is_whole))
    }
}

/// The control group of the owner, if it is the first process there: all others were started below it (R97).
#[derive(Debug, Default)]
struct Group {
    /// With the start of the owner, which ends before the others.
    #[cfg(target_os = "linux")]
    known: Option<(Cgroup, u64)>,
}

impl Group {
    #[cfg(target_os = "linux")]
    fn led_by(&mut self, owner: Option<&Entry>, table: &Table) -> Vec<u32> {
        if self.known.is_none() {
            self.known = owner.and_then(|owner| Some((Cgroup::around(owner.pid)?, owner.started)));
        }
        let Some((cgroup, began)) = &self.known else { return Vec::new() };
        let all = cgroup.processes().unwrap_or_default();
        // One that is in no table has another pid namespace, or has ended.
        let is_later = |pid: &u32| table.get(pid).is_none_or(|entry| entry.started >= *began);
        if all.iter().all(is_later) { all } else { Vec::new() }
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(
        clippy::unused_self,
        clippy::needless_pass_by_ref_mut,
        reason = "the same signature as on Linux"
    )]
    const fn led_by(&mut self, _: Option<&Entry>, _: &Table) -> Vec<u32> {
        Vec::new()
    }
}

/// What a command has left behind below this process, which has adopted it (R97).
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub(crate) struct LeftBehind {
    processes: Processes,
    rules: Rules,
}

#[cfg(target_os = "linux")]
impl LeftBehind {
    /// `facts` are none if no daemon answers.
    pub(crate) fn new(facts: Option<&Facts>, here: &Here) -> Self {
        let rules = Rules {
            daemon: facts.map(|facts| facts.daemon.get()),
            elsewhere: facts.map(|facts| elsewhere(None, facts, here)).unwrap_or_default(),
            ..Rules::around(&here.caller)
        };
        Self { processes: Processes::default(), rules }
    }

    /// What is there now, as [`crate::process::ending::end`] needs it.
    ///
    /// # Errors
    /// As [`ServerTree::look`].
    pub(crate) fn find(&mut self, kept: &[u32]) -> io::Result<Found> {
        let look = self.processes.look()?;
        let own = self.rules.own;
        let tops = look.table.values().filter(|entry| entry.parent == Some(own)).map(|entry| entry.pid);
        let tops: Vec<u32> = tops.collect();
        // Those that were adopted: their own parents have ended.
        let way = |entry: &Entry, way| if entry.parent == Some(own) { Way::Marked } else { way };
        let judge = |entry: &Entry, met| self.rules.verdict(entry, way(entry, met));
        Ok(found(look.table.clone(), Tree::below(&look.table, &tops, kept, &judge), look.is_whole))
    }
}

fn found(table: Table, tree: Tree, is_whole: bool) -> Found {
    let members = table.into_values().filter(|entry| tree.members.contains_key(&entry.pid)).collect();
    Found { members, spared: tree.spared.into_keys().collect(), is_whole }
}

/// The process that owns a lease, if it is one: an agent's session is not the server's.
fn owner(lease: &Lease) -> Option<Pid> {
    lease.owner.pid.filter(|_| lease.owner.kind != OwnerKind::Instance)
}

/// Who owns the lease on a port where nothing listens, as if it listened there: whose it is, is judged by its folder.
pub(crate) fn owner_as_server(found: &CheckAnswer, here: &Here) -> Option<CheckAnswer> {
    let lease = found.allocated_to.as_ref()?;
    let pid = owner(lease)?;
    let entry = Processes::default().look().ok()?.table.remove(&pid.get())?;
    let folder = table::folder(pid.get());
    let is_deleted = folder.as_deref().map(|folder| !folder.exists());
    let root = folder.as_deref().filter(|_| is_deleted == Some(false)).map(|folder| here.caller.at(folder));
    let root = root.as_ref().and_then(Caller::known_root);
    let usage = SystemUsage {
        pid: Some(pid),
        process: Some(entry.name),
        same_user: Some(entry.user == User::Own),
        working_directory: folder.as_deref().and_then(Path::to_str).map(str::to_owned),
        working_directory_deleted: is_deleted,
        project_path: root.and_then(|root| ProjectPath::new(root.to_str()?).ok()),
        started_at: lease.owner.started_at,
        ..SystemUsage::default()
    };
    Some(CheckAnswer { system_usage: Some(usage), ..found.clone() })
}

fn ports(listening: &ScanAnswer) -> BTreeMap<u32, Vec<Port>> {
    let mut ports: BTreeMap<u32, Vec<Port>> = BTreeMap::new();
    for one in &listening.ports_in_use {
        let pids = set(one.listeners().filter_map(|usage| usage.pid).map(Pid::get));
        for pid in pids {
            ports.entry(pid).or_default().push(one.port);
        }
    }
    ports
}

/// The processes that listen on another port than `but` and may not be ended there, with the reason.
fn elsewhere(but: Option<Port>, facts: &Facts, here: &Here) -> BTreeMap<u32, String> {
    let mut spared = BTreeMap::new();
    for one in facts.listening.ports_in_use.iter().filter(|one| Some(one.port) != but) {
        let (port, answer) = (one.port, CheckAnswer::from(one.clone()));
        let living = Living::of(facts.sessions.iter().cloned(), &answer);
        for found in ownership::each(answer, here) {
            let pid = found.system_usage.as_ref().and_then(|usage| usage.pid);
            if let Some((pid, why)) = pid.zip(may_end::objection(&found, here, &living)) {
                spared.insert(pid.get(), format!("it listens on port {port}, and {why}"));
            }
        }
    }
    spared
}

impl Rules {
    /// Nothing is known of the daemon, and of the project only what the folder says.
    pub(super) fn around(caller: &Caller) -> Self {
        let own = std::process::id();
        Self {
            own,
            above: agents::ancestors_of(own).collect(),
            daemon: None,
            anothers: false,
            elsewhere: BTreeMap::new(),
            project: caller.place().and_then(|place| ProjectPath::new(place.to_str()?).ok()),
            caller: caller.clone(),
        }
    }

    /// The same, knowing which process is the daemon.
    pub(super) fn knowing(self, daemon: Option<u32>) -> Self {
        Self { daemon, ..self }
    }

    pub(super) fn verdict(&self, entry: &Entry, way: Way) -> Verdict {
        let spare = |why: &str| Verdict::Spare(why.to_owned());
        match entry.pid {
            pid if pid == self.own => return Verdict::Hide,
            1 => return spare("it is process 1"),
            pid if Some(pid) == self.daemon => return spare("it is Styxy's daemon"),
            pid if self.above.contains(&pid) => return spare("this command runs below it"),
            _ => {}
        }
        if entry.user == User::Another && !self.anothers {
            return spare("it is another user's");
        }
        if agents::at(entry.pid).is_some() {
            return spare("it is a coding agent");
        }
        if way == Way::Listens {
            return Verdict::End;
        }
        if let Some(why) = self.elsewhere.get(&entry.pid) {
            return spare(why);
        }
        if way == Way::Marked {
            return self.detached(entry);
        }
        Verdict::End
    }

    /// A process that went its own way may be anything: an editor, a database of all projects.
    fn detached(&self, entry: &Entry) -> Verdict {
        match table::folder(entry.pid) {
            Some(folder) if self.is_in_project(&folder) => Verdict::End,
            Some(folder) => {
                let folder = tilde(&folder.to_string_lossy(), self.caller.home());
                Verdict::Spare(format!("it has detached itself, and works in {folder}"))
            }
            // It has ended since the look. Whoever wants to hold it learns that.
            None if !table::is_still(entry) => Verdict::End,
            None => Verdict::Spare("it has detached itself, and its folder is unknown".to_owned()),
        }
    }

    fn is_in_project(&self, folder: &Path) -> bool {
        let Some(project) = self.project.as_ref().map(|project| PathBuf::from(project.as_str())) else {
            return false;
        };
        let around = self.caller.at(folder);
        match around.known_root() {
            Some(root) => self.caller.at(&project).kinship(root) == Kinship::Same,
            // No project, or it was deleted.
            None => folder.starts_with(&project),
        }
    }
}
