//! What keepers keep, in all worktrees: for commands that meet a process or a port, and not a worktree.

use std::path::Path;
use std::path::PathBuf;

use serde::Serialize;
use styxy_client::Caller;
use styxy_core::LockId;
use styxy_core::Port;
use styxy_core::api::{CheckAnswer, PortInUse};
use styxy_core::api::{Lease, SystemUsage, UpService, WhoAnswer};
use styxy_core::layout::Layout;

use crate::here::context;
use crate::process::Together;
use crate::process::table::{Processes, Table};
use crate::say::shell_word::quoted;

/// The services of one worktree, of which something may run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Kept {
    pub(crate) root: PathBuf,
    pub(crate) services: Vec<One>,
}

/// One service of them.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct One {
    pub(crate) service: String,
    /// The process that was started, if it runs.
    pub(crate) pid: Option<u32>,
    /// Whether it is a container that its keeper has left.
    #[serde(skip)]
    pub(crate) is_container: bool,
    /// What it was started with, and what is below it.
    #[serde(skip)]
    pub(crate) mark: Option<String>,
    /// The lease that it was told.
    #[serde(skip)]
    pub(crate) lock: Option<LockId>,
}

/// All worktrees with a keeper, or with services that one has left.
pub(crate) fn all(layout: &Layout) -> Vec<Kept> {
    let folders = std::fs::read_dir(layout.stacks()).into_iter().flatten().flatten();
    let kept = folders.filter_map(|folder| super::keeper::kept(&folder.path()));
    kept.filter(|kept| {
        let is_there = || super::place::Place::of(layout, &kept.root).has_keeper();
        kept.services.iter().any(|one| one.pid.is_some() || one.is_container) || is_there()
    })
    .collect()
}

/// The same, for this user's Styxy.
pub(crate) fn here() -> Vec<Kept> {
    context::layout().map(|layout| all(&layout)).unwrap_or_default()
}

impl One {
    /// Its processes, where the system keeps them together.
    fn together(&self) -> Vec<u32> {
        let together = self.mark.as_deref().and_then(Together::of);
        together.map(|together| together.pids()).unwrap_or_default()
    }
}

impl Kept {
    /// `web, api`
    pub(crate) fn names(&self) -> String {
        self.services.iter().map(|one| one.service.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// As `who` says it, to somebody in `caller`'s worktree.
    fn service(&self, one: &One, caller: &Caller) -> UpService {
        let root = self.root.to_string_lossy().into_owned();
        let is_here = caller.root() == Some(&*self.root);
        let there = if is_here { String::new() } else { format!(" -C {}", quoted(&root)) };
        UpService { service: one.service.clone(), stop: format!("styxy down {}{there}", one.service), root }
    }
}

/// The service whose server has this lease.
pub(crate) fn with_lease<'k>(all: &'k [Kept], lease: &Lease) -> Option<&'k One> {
    let owner = lease.owner.pid.map(styxy_core::Pid::get);
    let is_its = |one: &&One| one.lock == Some(lease.lock_id) || one.pid.is_some() && one.pid == owner;
    all.iter().flat_map(|kept| &kept.services).filter(|one| one.pid.is_some()).find(is_its)
}

/// The service that a process is of.
fn service<'k>(all: &'k [Kept], table: &Table, pid: u32) -> Option<(&'k Kept, &'k One)> {
    let entry = table.get(&pid)?;
    let is_its = |one: &One| {
        entry.stack.is_some() && entry.stack.as_deref() == one.mark.as_deref()
            || one.pid.is_some() && (one.pid == Some(pid) || one.pid == entry.session)
            || one.together().contains(&pid)
    };
    all.iter().find_map(|kept| Some((kept, kept.services.iter().find(|one| is_its(one))?)))
}

/// Of these leases those whose servers no keeper has started.
pub(crate) fn by_hand(leases: Vec<&Lease>) -> Vec<&Lease> {
    let all = here();
    if all.is_empty() || leases.is_empty() {
        return leases;
    }
    let table = Processes::default().look().map(|look| look.table).unwrap_or_default();
    let is_of_one = |lease: &Lease| {
        let listener = lease.listener.as_ref().and_then(|listener| listener.pid);
        let mut pids = [listener, lease.owner.pid].into_iter().flatten();
        with_lease(&all, lease).is_some() || pids.any(|pid| service(&all, &table, pid.get()).is_some())
    };
    leases.into_iter().filter(|lease| !is_of_one(lease)).collect()
}

/// The ports that processes of services of the worktree at `root` listen on, each with its service.
pub(crate) fn ports(root: &Path, used: &[PortInUse]) -> Vec<(String, Port)> {
    let all: Vec<Kept> = here().into_iter().filter(|kept| kept.root == root).collect();
    let Ok(look) = Processes::default().look() else { return Vec::new() };
    let of = |used: &PortInUse| {
        let pids = used.listeners().filter_map(|usage| usage.pid);
        let mut services = pids.filter_map(|pid| service(&all, &look.table, pid.get()));
        services.next().map(|(_, one)| (one.service.clone(), used.port))
    };
    used.iter().filter_map(of).collect()
}

/// The service that all of these listeners are of: by their marks, or by the session that they are in.
fn of<'k, 'u>(
    all: &'k [Kept],
    listeners: impl Iterator<Item = &'u SystemUsage>,
) -> Option<(&'k Kept, &'k One)> {
    if all.is_empty() {
        return None;
    }
    let table = Processes::default().look().ok()?.table;
    let mut found = listeners.map(|usage| service(all, &table, usage.pid?.get()));
    let first = found.next()??;
    found.all(|other| other.is_some_and(|(_, one)| std::ptr::eq(one, first.1))).then_some(first)
}

/// With the service of `styxy up` that the server is.
pub(crate) fn with_service(answer: WhoAnswer, caller: &Caller) -> WhoAnswer {
    let all = here();
    let up = of(&all, answer.system_usage.iter()).map(|(kept, one)| kept.service(one, caller));
    WhoAnswer { up, ..answer }
}

/// The service that listens on a port, if it is one alone.
pub(crate) fn on_port(found: &CheckAnswer, caller: &Caller) -> Option<UpService> {
    let all = here();
    of(&all, found.listeners()).map(|(kept, one)| kept.service(one, caller))
}
