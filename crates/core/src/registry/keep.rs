//! How leases and instances come, change and go, with everything that must agree with them.

use crate::config::Config;
use crate::lease::{Instance, Lease, Naming};
use crate::names::{InstanceId, LockId, ProjectPath};
use crate::time::{Millis, Timestamp};

use super::Registry;
use crate::order::Order as _;

impl Registry {
    /// A new lease, and what its worktree is called from now on.
    pub(super) fn granted(&mut self, mut lease: Box<Lease>) {
        if let Some(root) = &lease.key.project {
            match lease.worktree.take() {
                Some(naming) => self.labels.named(root, naming, lease.project_id.as_ref()),
                None => self.labels.lives(root, lease.project_id.as_ref()),
            }
        }
        self.insert(lease);
    }

    /// Each live lease of a project has a label that no other one of it has.
    pub(super) fn insert(&mut self, mut lease: Box<Lease>) {
        let root = lease.key.project.as_ref();
        let kept = lease
            .label
            .take()
            .filter(|label| root.is_some_and(|root| self.indexes.at_host(root, label).is_none()));
        lease.label = kept.or_else(|| self.server_label(&lease.key, &[], |_| None));
        self.indexes.insert_lease(&lease);
        self.leases.insert(lease.lock_id, lease);
    }

    pub(super) fn change(&mut self, lock_id: LockId, change: impl FnOnce(&mut Lease)) {
        if let Some(mut lease) = self.leases.remove(&lock_id) {
            self.indexes.remove_lease(&lease);
            change(&mut lease);
            self.insert(lease);
        }
    }

    /// The project of this lease is at `to` now.
    pub(super) fn moved(&mut self, lock_id: LockId, to: &ProjectPath) {
        let from = self.lease(lock_id).and_then(|lease| lease.key.project.clone());
        if let Some(from) = &from {
            self.affinity.moved(from, to);
            self.labels.moved(from, to);
        }
        self.change(lock_id, |lease| lease.move_to(to));
        let id = self.lease(lock_id).and_then(|lease| lease.project_id.clone());
        self.labels.lives(to, id.as_ref());
        if let Some(from) = from.filter(|from| from != to) {
            match self.indexes.of_root(&from).next() {
                Some(_) => self.labels.lives(&from, None),
                None => self.labels.forget(&from),
            }
        }
    }

    /// Every worktree with a live lease has a label, also if the journal is one of 0.1.0: the one with the oldest lease first.
    pub(super) fn name_worktrees(&mut self) {
        let mut unnamed: Vec<&Lease> = self.leases().filter(|lease| self.host(lease).is_none()).collect();
        unnamed.order_by_key(|lease| (lease.allocated_at.wall, lease.lock_id));
        let roots =
            unnamed.iter().filter_map(|lease| Some((lease.key.project.clone()?, lease.project_id.clone())));
        for (root, id) in roots.collect::<Vec<_>>() {
            self.labels.lives(&root, id.as_ref());
        }
    }

    /// The worktree of this lease is called so from now on.
    pub(super) fn renamed_worktree(&mut self, lock_id: LockId, naming: &Naming) {
        let Some(lease) = self.leases.get(&lock_id) else { return };
        if let Some(root) = &lease.key.project {
            self.labels.named(root, naming.clone(), lease.project_id.as_ref());
        }
    }

    /// After the end of `lease`: the name of its worktree is remembered.
    pub(super) fn left_worktree(&mut self, lease: &Lease) {
        if let Some(root) = &lease.key.project
            && self.indexes.of_root(root).next().is_none()
        {
            self.labels.rests(root);
        }
    }

    pub(super) fn insert_instance(&mut self, instance: Instance) {
        self.remove_instance(&instance.id);
        self.expired.forget(&instance.id);
        self.indexes.insert_instance(&instance, due(&instance, &self.policy.config, instance.last_beat));
        self.instances.insert(instance.id.clone(), instance);
    }

    pub(super) fn remove_instance(&mut self, id: &InstanceId) {
        if let Some(instance) = self.instances.remove(id) {
            self.indexes.remove_instance(&instance);
        }
    }
}

/// When an instance expires without a further beat; never if it has a process.
pub(super) fn due(instance: &Instance, config: &Config, from: Timestamp) -> Option<Millis> {
    instance.ttl(config).map(|ttl| from.after(ttl.millis()))
}
