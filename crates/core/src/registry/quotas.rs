//! How much one account and all together have, and whether they may have more (R45).
//!
//! A checkout's leases count against nobody else. All together are bounded by what they would take in a snapshot: by
//! weights, which are never less than the bytes of the JSON.

use std::collections::HashMap;
use std::fmt;

use crate::lease::{Instance, Lease, Listening, Owner};
use crate::names::{InstanceId, ProjectPath};
use crate::process::{Process, ProcessKey};
use crate::refusal::{Quota, Refusal};

/// What all leases and instances may weigh.
const STATE: usize = 32 << 20;
/// What a lease weighs without its texts.
const LEASE: usize = 960;
/// What the label of its worktree weighs, without the path.
const WORKTREE: usize = 320;
/// The most that its type, its name, two sessions and its label weigh, and two labels of its worktree.
const TEXTS: usize = 50 + 100 + 2 * 100 + 3 * 63;
/// What all leases that are only reserved may weigh beside that: beyond it a told port ends with its server.
const RESERVED: usize = 2 << 20;
/// The same of an instance, whose metadata is not in it either.
const INSTANCE: usize = 512;

/// Whose a lease is, as far as that is known: its checkout's; else its session's; else its owner process'.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Account {
    /// A checkout, whoever asks there.
    Checkout(ProjectPath),
    /// An agent session without a checkout.
    Session(InstanceId),
    /// A process without either.
    Process(ProcessKey),
    /// Everybody who says nothing, together.
    Unknown,
}

impl Account {
    pub(super) fn of(project: Option<&ProjectPath>, instance: Option<&InstanceId>, owner: &Owner) -> Self {
        match (project, instance, owner.process()) {
            (Some(project), _, _) => Self::Checkout(project.clone()),
            (None, Some(instance), _) => Self::Session(instance.clone()),
            (None, None, Some(process)) => Self::Process(process.key),
            (None, None, None) => Self::Unknown,
        }
    }

    fn of_lease(lease: &Lease) -> Self {
        Self::of(lease.key.project.as_ref(), lease.instance_id.as_ref(), &lease.owner)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkout(project) => write!(out, "the checkout {project}"),
            Self::Session(id) => write!(out, "the session {id}"),
            Self::Process(key) => write!(out, "process {}", key.pid),
            Self::Unknown => out.write_str("the group of clients that name no project, session or process"),
        }
    }
}

/// What one account has.
#[derive(Debug, Default, PartialEq)]
struct Charged {
    live: usize,
    /// By session, those that wait for their server.
    waiting: HashMap<Option<InstanceId>, usize>,
}

/// What everybody has.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Accounts {
    by: HashMap<Account, Charged>,
    weight: usize,
    /// Of that, of leases that are only reserved.
    reserved: usize,
}

impl Accounts {
    pub(super) fn add(&mut self, lease: &Lease) {
        self.weight += weight(lease);
        if lease.is_reserved() {
            self.reserved += weight(lease);
            return;
        }
        let charged = self.by.entry(Account::of_lease(lease)).or_default();
        charged.live += 1;
        if waits(&lease.owner) {
            *charged.waiting.entry(lease.instance_id.clone()).or_default() += 1;
        }
    }

    pub(super) fn remove(&mut self, lease: &Lease) {
        self.weight -= weight(lease);
        if lease.is_reserved() {
            self.reserved -= weight(lease);
            return;
        }
        let account = Account::of_lease(lease);
        let Some(charged) = self.by.get_mut(&account) else { return };
        charged.live -= 1;
        if waits(&lease.owner)
            && let Some(waiting) = charged.waiting.get_mut(&lease.instance_id)
        {
            *waiting -= 1;
            if *waiting == 0 {
                charged.waiting.remove(&lease.instance_id);
            }
        }
        if charged.live == 0 {
            self.by.remove(&account);
        }
    }

    pub(super) fn add_instance(&mut self, instance: &Instance) {
        self.weight += instance_weight(instance);
    }

    pub(super) fn remove_instance(&mut self, instance: &Instance) {
        self.weight -= instance_weight(instance);
    }
}

/// What a decision does to the accounts before it is applied.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending<'a> {
    /// Leases that it makes.
    pub(super) made: &'a [Lease],
    /// Leases that it ends.
    pub(super) ended: &'a [&'a Lease],
}

impl super::Registry {
    /// Whether a lease of this checkout, session and owner may be made.
    ///
    /// Only what this account has counts, and what all together weigh.
    pub(super) fn check_quotas(
        &self,
        project: Option<&ProjectPath>,
        instance: Option<&InstanceId>,
        owner: &Owner,
        pending: Pending<'_>,
    ) -> Result<(), Refusal> {
        let quotas = self.policy.config.quotas;
        let (accounts, account) = (self.indexes.accounts(), Account::of(project, instance, owner));
        let charged = accounts.by.get(&account);
        let count = |counts: &dyn Fn(&Lease) -> bool, before: usize| {
            let counted =
                |lease: &&Lease| !lease.is_reserved() && Account::of_lease(lease) == account && counts(lease);
            let ended = pending.ended.iter().copied().filter(counted).count();
            before + pending.made.iter().filter(counted).count() - ended
        };
        let live = count(&|_| true, charged.map_or(0, |charged| charged.live));
        let refused = |quota, who: String, held, limit| Err(Refusal::Quota { quota, who, held, limit });
        if live >= quotas.leases_per_checkout as usize {
            let limit = quotas.leases_per_checkout as usize;
            return refused(Quota::LeasesPerCheckout, account.to_string(), live, limit);
        }
        let all = accounts.weight - accounts.reserved + pending.made.iter().map(weight).sum::<usize>();
        if all + LEASE + TEXTS + project.map_or(0, of_project) > STATE {
            return refused(Quota::StateBytes, "the daemon".to_owned(), all, STATE);
        }
        if !waits(owner) {
            return Ok(());
        }
        let session = instance.cloned();
        let before = charged.and_then(|charged| charged.waiting.get(&session)).copied().unwrap_or(0);
        let waiting = count(&|lease| waits(&lease.owner) && lease.instance_id == session, before);
        if waiting < quotas.waiting_per_owner as usize {
            return Ok(());
        }
        let who = match (&account, instance) {
            (Account::Checkout(_), Some(session)) => format!("the session {session} in {account}"),
            (Account::Checkout(_) | Account::Session(_) | Account::Process(_) | Account::Unknown, _) => {
                account.to_string()
            }
        };
        refused(Quota::WaitingPerOwner, who, waiting, quotas.waiting_per_owner as usize)
    }

    /// Whether the port of `lease` may be reserved: what is reserved counts for nobody, so it has a bound of its own.
    pub(super) fn has_room_to_reserve(&self, lease: &Lease) -> bool {
        self.indexes.accounts().reserved + weight(lease) <= RESERVED
    }

    /// Whether `instance`, which takes the place of `known` if there is one, may be registered.
    pub(super) fn check_instance_quotas(
        &self,
        instance: &Instance,
        known: Option<&Instance>,
    ) -> Result<(), Refusal> {
        let quotas = self.policy.config.quotas;
        let who = "the daemon".to_owned();
        let (held, limit) = (self.instances.len(), quotas.instances as usize);
        if known.is_none() && held >= limit {
            return Err(Refusal::Quota { quota: Quota::Instances, who, held, limit });
        }
        let accounts = self.indexes.accounts();
        let all = accounts.weight - accounts.reserved - known.map_or(0, instance_weight);
        if all + instance_weight(instance) > STATE {
            return Err(Refusal::Quota { quota: Quota::StateBytes, who, held: all, limit: STATE });
        }
        Ok(())
    }
}

/// Bytes of JSON in an instance's metadata.
pub(super) fn metadata_bytes(metadata: &serde_json::Value) -> usize {
    // A value is written as fast as it was read, and registrations are rare.
    serde_json::to_vec(metadata).map_or(usize::MAX, |json| json.len())
}

const fn waits(owner: &Owner) -> bool {
    match owner {
        Owner::Awaited { .. } => true,
        Owner::Process(_) | Owner::Instance(_) | Owner::Listener { .. } => false,
    }
}

/// At least the bytes of JSON in a snapshot. A character of a path or of a name takes six at most.
pub(super) fn weight(lease: &Lease) -> usize {
    let name = |process: Option<&Process>| process.map_or(0, |process| process.name.len());
    let listens = match &lease.listening {
        Listening::Nothing => 0,
        Listening::Server(listener) => {
            let container = listener.container.as_ref().map_or(0, |name| name.len());
            let project = listener.project.as_ref().map_or(0, |path| path.as_str().len());
            name(listener.process.as_ref()) + project + container
        }
        Listening::Stranger(conflict) => conflict.process.as_ref().map_or(0, |name| name.len()),
    };
    let beside =
        lease.beside.as_ref().and_then(|conflict| conflict.process.as_ref()).map_or(0, |name| name.len());
    let sessions = [&lease.instance_id, &lease.lent_by].into_iter().flatten().map(|id| id.as_str().len());
    let naming = lease.worktree.iter().flat_map(|naming| [Some(&naming.label), naming.wish.as_ref()]);
    let labels = naming.chain([lease.label.as_ref()]).flatten().map(|label| label.as_str().len());
    let plain = lease.key.service.as_str().len()
        + lease.key.name.as_ref().map_or(0, |name| name.as_str().len())
        + 2 * lease.project_id.as_ref().map_or(0, |id| id.as_str().len());
    let project = lease.key.project.as_ref().map_or(0, of_project);
    let hostile = 6 * (name(lease.owner.process()) + listens + beside);
    LEASE + project + plain + sessions.chain(labels).sum::<usize>() + hostile
}

/// What a lease weighs for its project: the path is there once more, beside the label.
fn of_project(project: &ProjectPath) -> usize {
    WORKTREE + 12 * project.as_str().len()
}

fn instance_weight(instance: &Instance) -> usize {
    let path = instance.working_directory.as_ref().map_or(0, |path| path.as_str().len());
    let name = instance.process.as_ref().map_or(0, |process| process.name.len());
    INSTANCE + 6 * (path + name) + instance.metadata.as_ref().map_or(0, metadata_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door_rules::{DoorRules, HostHeader};
    use crate::label::Label;
    use crate::lease::{Conflict, Key, Naming};
    use crate::names::{LockId, ProjectId, ServiceName, ServiceType};
    use crate::port::Port;
    use crate::process::{Listener, Pid, Relation};
    use crate::time::{Timestamp, WallTime};

    /// Everything a lease can have, each number as long as it can be, and texts of so many characters.
    fn full(characters: usize) -> Lease {
        let hostile = "\u{1}".repeat(characters);
        let path = ProjectPath::new(&hostile).unwrap();
        let text = "x".repeat(characters);
        let label = || Label::parse(&text).ok();
        let id = || InstanceId::new(&text).ok();
        let key = ProcessKey {
            pid: Pid::new(i32::MAX.unsigned_abs()).unwrap(),
            inode: Some(u64::MAX),
            started: u64::MAX,
        };
        let process = || Process { key, name: hostile.as_str().into(), started_at: WallTime(u64::MAX) };
        let listener = Listener {
            process: Some(process()),
            user: Relation::Root,
            project: Some(path.clone()),
            container: Some(hostile.as_str().into()),
        };
        Lease {
            lock_id: LockId::new(uuid::Uuid::from_u128(u128::MAX)),
            port: Port::new(65_535).unwrap(),
            key: Key {
                project: Some(path.clone()),
                service: ServiceType::new(&text).unwrap(),
                name: ServiceName::new(&text).ok(),
            },
            project_id: ProjectId::new(&text).ok(),
            instance_id: id(),
            stack: true,
            owner: Owner::Listener { process: Some(process()), silent_until: Some(u64::MAX) },
            listening: Listening::Server(listener),
            allocated_at: Timestamp { awake: u64::MAX, wall: WallTime(u64::MAX) },
            beside: Some(Conflict { pid: Some(key.pid), process: Some(hostile.as_str().into()) }),
            last_seen: Some(WallTime(u64::MAX)),
            lent_by: id(),
            told_until: Some(u64::MAX),
            // Whoever has this has neither a listener nor a process as its owner, which are longer.
            left: None,
            instead_of: Some(LockId::new(uuid::Uuid::from_u128(u128::MAX))),
            label: label(),
            door: DoorRules { open: true, host: HostHeader::Local },
            worktree: label().map(|label| Naming { wish: Some(label.clone()), label }),
        }
    }

    #[test]
    fn a_lease_weighs_at_least_its_bytes() {
        for characters in [1, 10, 50] {
            let lease = full(characters);
            let bytes = serde_json::to_vec(&lease).unwrap().len();
            // The row with the label of its worktree has a weight of its own.
            let weight = weight(&lease) - WORKTREE - 6 * characters;
            assert!(bytes <= weight, "{bytes} bytes, {weight} by weight");
        }
    }

    #[test]
    fn leases_on_half_of_all_ports_may_live_at_once() {
        let nobodys = Lease {
            key: Key { project: None, ..full(50).key },
            owner: Owner::Awaited { until: u64::MAX },
            listening: Listening::Nothing,
            ..full(1)
        };
        assert!(30_000 * weight(&nobodys) < STATE);
    }
}
