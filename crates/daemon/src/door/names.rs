//! Which server has which name: a table that is made again when leases have changed and somebody asks for a name that is not in it.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use styxy_core::label::{Label, assign};
use styxy_core::{EndReason, Lease, LockId, ProjectPath, Registry, Seq, Timestamp, WallTime, checkout};
use styxy_door::{Past, Served};

use crate::system::disk::Disk;

/// What every name ends in.
const END: &str = ".localhost";
/// How many labels of worktrees are remembered.
const MOST: usize = 1024;

/// The names of servers.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The registry's state that the table is of.
    of: Option<Seq>,
    hosts: HashMap<Box<str>, Holder>,
    /// By the whole name, without the service.
    worktrees: HashMap<Box<str>, Vec<Arc<Served>>>,
    /// What worktrees are called; none for those that have no name.
    labels: HashMap<ProjectPath, Option<Label>>,
}

/// Who has a name.
#[derive(Debug, Clone)]
pub(super) enum Holder {
    Live(Arc<Served>),
    Ended(Arc<Ended>),
}

/// A lease that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    service: String,
    folder: Option<String>,
    reason: EndReason,
    /// On the awake clock.
    at: u64,
}

impl Names {
    /// Whether the table is of this state of the registry.
    pub(super) fn is_of(&self, seq: Seq) -> bool {
        self.of == Some(seq)
    }

    pub(super) fn host(&self, host: &str) -> Option<&Holder> {
        self.hosts.get(host)
    }

    pub(super) fn worktree(&self, host: &str) -> Option<&Vec<Arc<Served>>> {
        self.worktrees.get(host)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.worktrees.values().flatten()
    }

    /// The roots whose names are not known so far.
    pub(super) fn unknown(&self, registry: &Registry) -> BTreeSet<ProjectPath> {
        let past = registry.past_leases().map(|(lease, _, _)| lease);
        let roots = registry.leases().chain(past).filter_map(|lease| lease.key.project.as_ref());
        roots.filter(|root| !self.labels.contains_key(root)).cloned().collect()
    }

    /// These worktrees are called so.
    pub(super) fn learn(&mut self, labels: Vec<(ProjectPath, Option<Label>)>) {
        if self.labels.len() + labels.len() > MOST {
            // Those that are needed are read again.
            self.labels.clear();
        }
        self.labels.extend(labels);
    }

    /// Makes the table again.
    pub(super) fn renew(&mut self, registry: &Registry) {
        let labels = apart(&self.labels, registry);
        let label_of = |root: &ProjectPath| labels.get(root).cloned();
        (self.hosts, self.worktrees) = (HashMap::new(), HashMap::new());
        // What has ended has a name only if nothing that lives has it.
        let ended: Vec<(&Lease, EndReason, u64)> = registry.past_leases().collect();
        for (lease, reason, at) in ended {
            for named in assign(std::iter::once(lease), label_of) {
                let (service, folder) = about(lease);
                let ended = Arc::new(Ended { service, folder, reason, at });
                self.hosts.entry(named.host().into()).or_insert(Holder::Ended(ended));
            }
        }
        for named in assign(registry.leases(), label_of) {
            let Some(lease) = registry.lease(named.lease) else { continue };
            let (service, folder) = about(lease);
            let host: Box<str> = named.host().into();
            let served = Arc::new(Served {
                lease: lease.lock_id,
                port: lease.port,
                host: host.clone(),
                service,
                folder,
                since: lease.allocated_at.wall,
            });
            self.hosts.insert(host, Holder::Live(Arc::clone(&served)));
            self.worktrees.entry(format!("{}{END}", named.worktree).into()).or_default().push(served);
        }
        self.of = Some(registry.next_seq());
    }
}

impl Ended {
    /// As the door says it `now`; requests wait for it for `grace_ms` after its end.
    pub(super) fn past(&self, now: Timestamp, grace_ms: u64) -> Past {
        let ago = now.awake.saturating_sub(self.at);
        // After a restart of the machine the clock begins again, and the time is not known.
        let ended = (self.at > 0).then(|| WallTime(now.wall.0.saturating_sub(ago)));
        let returns = match self.reason {
            EndReason::OwnerExited | EndReason::ListenerExited => grace_ms.saturating_sub(ago),
            EndReason::Released
            | EndReason::BindTtl
            | EndReason::InstanceExpired
            | EndReason::InstanceEnded
            | EndReason::Cleanup
            | EndReason::Displaced
            | EndReason::Reboot => 0,
        };
        let (service, folder) = (self.service.clone(), self.folder.clone());
        Past { service, folder, ended, why: why(self.reason), returns_within_ms: returns }
    }
}

fn about(lease: &Lease) -> (String, Option<String>) {
    (lease.key.label(), lease.key.project.as_ref().map(ToString::to_string))
}

const fn why(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Released => "its port was released",
        EndReason::OwnerExited => "its process ended",
        EndReason::ListenerExited => "its server ended",
        EndReason::BindTtl => "no server began to listen in time",
        EndReason::InstanceExpired => "its agent session was not heard of any more",
        EndReason::InstanceEnded => "its agent session ended",
        EndReason::Cleanup => "all leases were ended",
        EndReason::Displaced => "another program had its port",
        EndReason::Reboot => "the machine was restarted",
    }
}

/// The label of each root: of several that would have the same one, that with the oldest lease has it, and the others get a hash.
fn apart(labels: &HashMap<ProjectPath, Option<Label>>, registry: &Registry) -> HashMap<ProjectPath, Label> {
    let mut oldest: HashMap<&ProjectPath, (u64, LockId)> = HashMap::new();
    for lease in registry.leases() {
        if let Some(root) = &lease.key.project {
            let age = (lease.allocated_at.awake, lease.lock_id);
            oldest.entry(root).and_modify(|known| *known = age.min(*known)).or_insert(age);
        }
    }
    let known = labels.iter().filter_map(|(root, label)| Some((root, label.as_ref()?)));
    let mut roots: Vec<(&ProjectPath, &Label)> = known.collect();
    // Those without a live lease come last.
    roots.sort_by_key(|(root, _)| (!oldest.contains_key(root), oldest.get(root).copied(), (*root).clone()));
    let mut taken = BTreeSet::new();
    roots
        .into_iter()
        .map(|(root, label)| {
            let label = if taken.insert(label) { label.clone() } else { label.apart(root.as_str()) };
            (root.clone(), label)
        })
        .collect()
}

/// What the worktrees with these roots are called. It reads small files, which may hang on a network's disk.
pub(super) fn read(roots: BTreeSet<ProjectPath>) -> Vec<(ProjectPath, Option<Label>)> {
    let label = |root: &ProjectPath| {
        let standing = checkout::standing(Path::new(root.as_str()), &Disk)?;
        Some(Label::of_worktree(&standing))
    };
    roots.into_iter().map(|root| (root.clone(), label(&root))).collect()
}
