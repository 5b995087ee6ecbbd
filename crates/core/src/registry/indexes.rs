//! Ways to find leases and instances quickly; they hold nothing that the leases and instances do not say.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::label::Label;
use crate::lease::{Instance, Key, Lease, Listening, Owner};
use crate::names::{InstanceId, LockId, ProjectId, ProjectPath, ServiceType};
use crate::order::map;
use crate::port::Port;
use crate::port_set::PortSet;
use crate::process::ProcessKey;
use crate::time::Millis;

use super::quotas::Accounts;
use super::servers::Servers;

#[derive(Debug, Default)]
pub(super) struct Indexes {
    leased: PortSet,
    by_port: HashMap<Port, LockId>,
    /// The ports of leases that only reserve them: few of many.
    reserved: BTreeSet<Port>,
    /// Sets, not lists: one key or process may have any number of leases, and each must end in no time.
    by_key: HashMap<Key, SameKey>,
    /// Of the singleton service types only; every one of them is here.
    singletons: BTreeMap<ServiceType, BTreeSet<LockId>>,
    by_process: HashMap<ProcessKey, Dependents>,
    by_folder: HashMap<ProjectId, BTreeSet<LockId>>,
    /// The servers of each root by their labels.
    hosts: HashMap<ProjectPath, Servers>,
    instance_due: HashMap<InstanceId, Millis>,
    deadlines: BTreeSet<(Millis, Due)>,
    /// Who has how much.
    accounts: Accounts,
    /// How many leases nothing has been heard on.
    unheard: usize,
    changed: Vec<ProcessKey>,
}

/// The leases of one key.
#[derive(Debug, Default, PartialEq)]
struct SameKey {
    all: BTreeSet<LockId>,
    /// Those whose server runs, the oldest first.
    running: BTreeSet<(Millis, LockId)>,
}

/// What depends on one process.
#[derive(Debug, Default, PartialEq)]
struct Dependents {
    leases: BTreeSet<LockId>,
    instances: usize,
}

/// Whose deadline.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A lease that waits for a listener, or for it to come back.
    Lease(LockId),
    /// An instance that must beat.
    Instance(InstanceId),
}

impl Indexes {
    pub(super) fn new(singletons: impl Iterator<Item = ServiceType>) -> Self {
        Self { singletons: map(singletons.map(|service| (service, BTreeSet::new()))), ..Self::default() }
    }

    pub(super) fn insert_lease(&mut self, lease: &Lease) {
        self.leased.insert(lease.port);
        self.by_port.insert(lease.port, lease.lock_id);
        if lease.is_reserved() {
            self.reserved.insert(lease.port);
        }
        let same = self.by_key.entry(lease.key.clone()).or_default();
        same.all.insert(lease.lock_id);
        if lease.listening.server().is_some() {
            same.running.insert((lease.allocated_at.awake, lease.lock_id));
        }
        if let Some(of_service) = self.singletons.get_mut(&lease.key.service) {
            of_service.insert(lease.lock_id);
        }
        if let Some(id) = &lease.project_id {
            self.by_folder.entry(id.clone()).or_default().insert(lease.lock_id);
        }
        if let Some((root, label)) = lease.key.project.as_ref().zip(lease.label.as_ref()) {
            self.hosts.entry(root.clone()).or_default().insert(label, lease.lock_id);
        }
        for process in lease.processes() {
            self.by_process.entry(process).or_default().leases.insert(lease.lock_id);
            self.changed.push(process);
        }
        if let Some(until) = deadline(lease) {
            self.deadlines.insert((until, Due::Lease(lease.lock_id)));
        }
        self.unheard += usize::from(unheard(lease));
        self.accounts.add(lease);
    }

    pub(super) fn remove_lease(&mut self, lease: &Lease) {
        self.leased.remove(lease.port);
        self.by_port.remove(&lease.port);
        self.reserved.remove(&lease.port);
        if let Some(same) = self.by_key.get_mut(&lease.key) {
            same.all.remove(&lease.lock_id);
            same.running.remove(&(lease.allocated_at.awake, lease.lock_id));
            if same.all.is_empty() {
                self.by_key.remove(&lease.key);
            }
        }
        if let Some(of_service) = self.singletons.get_mut(&lease.key.service) {
            of_service.remove(&lease.lock_id);
        }
        if let Some(id) = &lease.project_id
            && let Some(same) = self.by_folder.get_mut(id)
        {
            same.remove(&lease.lock_id);
            if same.is_empty() {
                self.by_folder.remove(id);
            }
        }
        if let Some((root, label)) = lease.key.project.as_ref().zip(lease.label.as_ref())
            && let Some(servers) = self.hosts.get_mut(root)
        {
            servers.remove(label);
            if servers.is_empty() {
                self.hosts.remove(root);
            }
        }
        for process in lease.processes() {
            self.drop_dependent(process, |dependents| {
                dependents.leases.remove(&lease.lock_id);
            });
        }
        if let Some(until) = deadline(lease) {
            self.deadlines.remove(&(until, Due::Lease(lease.lock_id)));
        }
        self.unheard -= usize::from(unheard(lease));
        self.accounts.remove(lease);
    }

    pub(super) fn insert_instance(&mut self, instance: &Instance, due: Option<Millis>) {
        if let Some(process) = &instance.process {
            self.by_process.entry(process.key).or_default().instances += 1;
            self.changed.push(process.key);
        }
        self.set_instance_due(&instance.id, due);
        self.accounts.add_instance(instance);
    }

    pub(super) fn remove_instance(&mut self, instance: &Instance) {
        self.accounts.remove_instance(instance);
        if let Some(process) = &instance.process {
            self.drop_dependent(process.key, |dependents| dependents.instances -= 1);
        }
        self.set_instance_due(&instance.id, None);
    }

    pub(super) fn set_instance_due(&mut self, id: &InstanceId, due: Option<Millis>) {
        if let Some(old) = self.instance_due.remove(id) {
            self.deadlines.remove(&(old, Due::Instance(id.clone())));
        }
        if let Some(due) = due {
            self.instance_due.insert(id.clone(), due);
            self.deadlines.insert((due, Due::Instance(id.clone())));
        }
    }

    fn drop_dependent(&mut self, process: ProcessKey, change: impl FnOnce(&mut Dependents)) {
        if let Some(dependents) = self.by_process.get_mut(&process) {
            change(dependents);
            if dependents.leases.is_empty() && dependents.instances == 0 {
                self.by_process.remove(&process);
            }
            self.changed.push(process);
        }
    }

    pub(super) const fn leased(&self) -> &PortSet {
        &self.leased
    }
    pub(super) fn on_port(&self, port: Port) -> Option<LockId> {
        self.by_port.get(&port).copied()
    }
    pub(super) fn reserved(&self) -> impl Iterator<Item = Port> {
        self.reserved.iter().copied()
    }
    pub(super) fn of_key(&self, key: &Key) -> impl Iterator<Item = LockId> {
        self.by_key.get(key).into_iter().flat_map(|same| same.all.iter().copied())
    }
    /// The leases of `key` whose server runs, the oldest first.
    pub(super) fn running(&self, key: &Key) -> impl Iterator<Item = LockId> {
        self.by_key.get(key).into_iter().flat_map(|same| same.running.iter().map(|(_, lock_id)| *lock_id))
    }
    pub(super) fn of_folder(&self, id: &ProjectId) -> impl Iterator<Item = LockId> {
        self.by_folder.get(id).into_iter().flatten().copied()
    }
    pub(super) fn of_root(&self, root: &ProjectPath) -> impl Iterator<Item = LockId> {
        self.hosts.get(root).into_iter().flat_map(Servers::all)
    }
    pub(super) fn at_host(&self, root: &ProjectPath, server: &Label) -> Option<LockId> {
        self.hosts.get(root)?.get(server)
    }
    /// See [`Servers::taken_to`].
    pub(super) fn taken_to(&self, root: &ProjectPath, server: &Label) -> Option<usize> {
        self.hosts.get(root)?.taken_to(server)
    }
    pub(super) fn of_singleton(&self, service: &ServiceType) -> impl Iterator<Item = LockId> {
        self.singletons.get(service).into_iter().flatten().copied()
    }
    pub(super) fn depends_on(&self, process: ProcessKey) -> bool {
        self.by_process.contains_key(&process)
    }
    pub(super) fn processes(&self) -> impl Iterator<Item = ProcessKey> {
        self.by_process.keys().copied()
    }
    pub(super) fn leases_of(&self, process: ProcessKey) -> impl Iterator<Item = LockId> {
        self.by_process.get(&process).into_iter().flat_map(|dependents| dependents.leases.iter().copied())
    }
    pub(super) fn has_instance_of(&self, process: ProcessKey) -> bool {
        self.by_process.get(&process).is_some_and(|dependents| dependents.instances > 0)
    }
    pub(super) fn take_changed(&mut self) -> Vec<ProcessKey> {
        std::mem::take(&mut self.changed)
    }
    pub(super) fn next_deadline(&self) -> Option<Millis> {
        self.deadlines.first().map(|(at, _)| *at)
    }
    pub(super) fn due_by(&self, now: Millis) -> impl Iterator<Item = &(Millis, Due)> {
        self.deadlines.iter().take_while(move |(at, _)| *at <= now)
    }
    pub(super) const fn accounts(&self) -> &Accounts {
        &self.accounts
    }
    pub(super) const fn unheard(&self) -> usize {
        self.unheard
    }

    /// Everything that must follow from the leases and instances.
    #[cfg(test)]
    pub(super) fn contents(&self) -> impl PartialEq + std::fmt::Debug {
        let leased =
            (self.leased.len(), self.by_port.keys().filter(|port| self.leased.contains(**port)).count());
        let by_name = (&self.by_port, &self.by_key, &self.singletons, &self.by_process, &self.by_folder);
        let leased = (leased, &self.reserved);
        (leased, by_name, &self.hosts, &self.accounts, &self.instance_due, &self.deadlines, self.unheard)
    }
    /// When the instance expires without a further heartbeat; never if it has a process.
    pub(super) fn due_of(&self, id: &InstanceId) -> Option<Millis> {
        self.instance_due.get(id).copied()
    }
}

fn deadline(lease: &Lease) -> Option<Millis> {
    match &lease.owner {
        Owner::Awaited { until } => Some(*until),
        Owner::Listener { silent_until, .. } => *silent_until,
        Owner::Process(_) | Owner::Instance(_) => None,
    }
}

fn unheard(lease: &Lease) -> bool {
    match lease.listening {
        Listening::Nothing => true,
        Listening::Server(_) | Listening::Stranger(_) => false,
    }
}
