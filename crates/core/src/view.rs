//! The live view's model: from what is known of leases, listeners, sessions and refusals to what is shown, in its order.
//!
//! The page and `styxy top` show the same. Nothing is left out here: each lease and each port that somebody listens on is in
//! it exactly once (R120).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::api::{
    InstanceView, Lease, ListenerView, Refused, RepositoryView, ServiceState, ServiceView, SessionView,
    State, SystemUsage, ViewAnswer, WorktreeView,
};
use crate::lease::Key;
use crate::names::{InstanceId, ProjectPath};
use crate::order::Order as _;
use crate::port::Port;
use crate::process::Pid;
use crate::time::WallTime;

/// How many refusals are shown.
const REFUSALS: usize = 50;

/// What is known, from wherever it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// The live leases.
    pub leases: Vec<Lease>,
    /// Who listens on which port, leased or not.
    pub listeners: BTreeMap<Port, Vec<SystemUsage>>,
    /// Resident memory of processes, in bytes.
    pub memory: BTreeMap<Pid, u64>,
    /// What the worktrees are called that occur in the other fields.
    pub places: BTreeMap<ProjectPath, Place>,
    /// The registered sessions.
    pub instances: Vec<InstanceView>,
    /// What the guard refused, the oldest first.
    pub refusals: Vec<Refused>,
}

/// What people call a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The repository's own path: the same for all of its worktrees, and for no other repository.
    pub repository: String,
    /// The name of the folder that the repository was made in.
    pub name: String,
    /// The branch that is checked out.
    pub branch: Option<String>,
}

impl Seen {
    /// The worktrees whose names are shown.
    pub fn paths(&self) -> impl Iterator<Item = &ProjectPath> {
        let leased = self.leases.iter().filter_map(|lease| lease.project_path.as_ref());
        // Only the first one on a port is shown.
        let listeners = self.listeners.values().filter_map(|usages| usages.first()?.project_path.as_ref());
        leased.chain(listeners)
    }

    /// What is shown of it at the time `at`, by a daemon of this version.
    #[must_use]
    pub fn view(mut self, at: WallTime, version: &str) -> ViewAnswer {
        let sessions = self.sessions();
        self.refusals.order_by_key(|refused| Reverse(refused.at));
        self.refusals.truncate(REFUSALS);
        let refusals = std::mem::take(&mut self.refusals);
        ViewAnswer { at, version: version.to_owned(), repositories: self.repositories(), sessions, refusals }
    }

    fn repositories(mut self) -> Vec<RepositoryView> {
        let mut worktrees: BTreeMap<Option<ProjectPath>, WorktreeView> = BTreeMap::new();
        let mut add = |path: Option<ProjectPath>, branch: Option<String>, service| {
            let new = || WorktreeView { path: path.clone(), branch: None, services: Vec::new() };
            let worktree = worktrees.entry(path.clone()).or_insert_with(new);
            worktree.branch = worktree.branch.take().or(branch);
            worktree.services.push(service);
        };
        for lease in std::mem::take(&mut self.leases) {
            let listeners = self.listeners.remove(&lease.port).unwrap_or_default();
            let path = lease.project_path.clone();
            let branch = self.place(path.as_ref()).and_then(|place| place.branch.clone());
            add(path, branch, leased(lease, &listeners, &self.memory));
        }
        for (port, listeners) in std::mem::take(&mut self.listeners) {
            let Some(first) = listeners.into_iter().next() else { continue };
            let (path, branch) = (first.project_path.clone(), first.branch.clone());
            add(path, branch, unleased(port, first, &self.memory));
        }
        let mut repositories: BTreeMap<Option<String>, RepositoryView> = BTreeMap::new();
        for (path, mut worktree) in worktrees {
            worktree.services.order_by_key(|service| (rank(service.state), service.port));
            let place = self.place(path.as_ref());
            let key = path.as_ref().map(|path| match place {
                Some(place) => place.repository.clone(),
                None => path.as_str().to_owned(),
            });
            let name = path.as_ref().map(|path| match place {
                Some(place) => place.name.clone(),
                None => own_name(path.as_str()).to_owned(),
            });
            let new = || RepositoryView { name, worktrees: Vec::new() };
            repositories.entry(key).or_insert_with(new).worktrees.push(worktree);
        }
        let mut repositories: Vec<RepositoryView> = repositories.into_values().collect();
        for repository in &mut repositories {
            // They are in the order of their paths already.
            repository.worktrees.order_by_key(|worktree| !has_conflict(worktree));
        }
        repositories.order_by(|one, other| {
            let order = |repository: &RepositoryView| {
                let has_conflict = repository.worktrees.iter().any(has_conflict);
                let name = repository.name.as_ref().map(|name| name.to_lowercase());
                (!has_conflict, name.is_none(), name)
            };
            order(one).cmp(&order(other))
        });
        repositories
    }

    fn place(&self, path: Option<&ProjectPath>) -> Option<&Place> {
        self.places.get(path?)
    }

    fn sessions(&self) -> Vec<SessionView> {
        let mut sessions: BTreeMap<InstanceId, SessionView> = BTreeMap::new();
        for instance in &self.instances {
            let InstanceView { instance_id, working_directory, pid, registered_at, last_heartbeat, .. } =
                instance;
            let session = SessionView {
                instance_id: instance_id.clone(),
                path: working_directory.clone(),
                pid: *pid,
                since: *registered_at,
                last_heartbeat: pid.is_none().then_some(*last_heartbeat),
                ports: Vec::new(),
            };
            sessions.insert(instance_id.clone(), session);
        }
        let mut leases: Vec<&Lease> = self.leases.iter().collect();
        leases.order_by_key(|lease| lease.allocated_at);
        for lease in leases {
            let Some(id) = &lease.instance_id else { continue };
            let new = || SessionView {
                instance_id: id.clone(),
                path: lease.project_path.clone(),
                pid: None,
                since: lease.allocated_at,
                last_heartbeat: None,
                ports: Vec::new(),
            };
            sessions.entry(id.clone()).or_insert_with(new).ports.push(lease.port);
        }
        let mut sessions: Vec<SessionView> = sessions.into_values().collect();
        for session in &mut sessions {
            session.ports.order();
        }
        sessions
    }
}

fn has_conflict(worktree: &WorktreeView) -> bool {
    worktree.services.iter().any(|service| service.state == ServiceState::Conflict)
}

/// A lease keeps its place when its server comes or goes.
const fn rank(state: ServiceState) -> u8 {
    match state {
        ServiceState::Conflict => 0,
        ServiceState::Active | ServiceState::Granted => 1,
        ServiceState::Unleased => 2,
    }
}

/// A lease as the view shows it, where nothing else is known.
#[must_use]
pub fn of_lease(lease: &Lease) -> ServiceView {
    leased(lease.clone(), &[], &BTreeMap::new())
}

fn leased(lease: Lease, listeners: &[SystemUsage], memory: &BTreeMap<Pid, u64>) -> ServiceView {
    let state = match (&lease.conflict, lease.state) {
        (Some(_), _) => ServiceState::Conflict,
        (None, State::Active) => ServiceState::Active,
        (None, State::Granted) => ServiceState::Granted,
    };
    let owner = ListenerView { pid: lease.owner.pid, process: lease.owner.process, container: None };
    let is_known = owner.pid.is_some() || owner.process.is_some();
    let is_up = lease.state == State::Active;
    // A daemon of 0.1.0 names only the owner of a server.
    let process =
        lease.listener.or_else(|| (is_known && (is_up || lease.conflict.is_none())).then_some(owner));
    // The memory of what forwards a container's port says nothing of the container.
    let own = process.as_ref().filter(|process| is_up && process.container.is_none());
    let pid = own.and_then(|process| process.pid);
    let key = Key { project: None, service: lease.service_type, name: lease.service_name };
    let usage = listeners.iter().find(|usage| pid.is_some() && usage.pid == pid);
    ServiceView {
        port: lease.port,
        state,
        service_type: Some(key.service.clone()),
        name: Some(key.label()),
        lock_id: Some(lease.lock_id),
        instance_id: lease.instance_id,
        user: usage.and_then(anothers),
        memory: pid.and_then(|pid| memory.get(&pid).copied()),
        process,
        stranger: lease.conflict,
        since: Some(lease.allocated_at),
        url: url(lease.port),
        named_url: lease.named_url.clone(),
    }
}

fn unleased(port: Port, usage: SystemUsage, memory: &BTreeMap<Pid, u64>) -> ServiceView {
    let container = usage.container.as_ref().map(|container| container.name.clone());
    let pid = usage.pid.filter(|_| container.is_none());
    let user = anothers(&usage);
    let process = ListenerView { pid: usage.pid, process: usage.process, container };
    let is_known = process.pid.is_some() || process.process.is_some() || process.container.is_some();
    ServiceView {
        port,
        state: ServiceState::Unleased,
        name: None,
        service_type: None,
        lock_id: None,
        instance_id: None,
        process: is_known.then_some(process),
        user,
        stranger: None,
        memory: pid.and_then(|pid| memory.get(&pid).copied()),
        since: usage.started_at,
        url: url(port),
        named_url: None,
    }
}

/// The user, if it is another one.
fn anothers(usage: &SystemUsage) -> Option<String> {
    usage.user.clone().filter(|_| usage.same_user == Some(false))
}

fn url(port: Port) -> String {
    format!("http://localhost:{port}")
}

/// The last part of a path of any system.
fn own_name(path: &str) -> &str {
    let name = path.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or_default();
    if name.is_empty() { path } else { name }
}

#[cfg(test)]
mod tests;
