//! What has ended lately, so that a late request can be told why. Bounded.

use std::collections::VecDeque;

use crate::event::EndReason;
use crate::lease::Lease;
use crate::names::{InstanceId, LockId};

/// How many ended leases, and how many expired instances, are remembered.
const REMEMBERED: usize = 1024;

/// The leases that ended last.
#[derive(Debug, Default)]
pub(super) struct Ended(VecDeque<(Lease, EndReason)>);

impl Ended {
    pub(super) fn push(&mut self, lease: Lease, reason: EndReason) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((lease, reason));
    }
    /// The ended lease of this id, and why it ended; the latest are looked at first.
    pub(super) fn get(&self, lock_id: LockId) -> Option<&(Lease, EndReason)> {
        self.0.iter().rev().find(|(lease, _)| lease.lock_id == lock_id)
    }
    pub(super) fn snapshot(&self) -> Vec<(Lease, EndReason)> {
        self.0.iter().cloned().collect()
    }
    pub(super) fn restore(ended: Vec<(Lease, EndReason)>) -> Self {
        Self(ended.into())
    }
}

/// The instances that expired last.
#[derive(Debug, Default)]
pub(super) struct Expired(VecDeque<InstanceId>);

impl Expired {
    pub(super) fn push(&mut self, id: InstanceId) {
        self.forget(&id);
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(id);
    }
    pub(super) fn forget(&mut self, id: &InstanceId) {
        self.0.retain(|other| other != id);
    }
    pub(super) fn contains(&self, id: &InstanceId) -> bool {
        self.0.contains(id)
    }
    pub(super) fn snapshot(&self) -> Vec<InstanceId> {
        self.0.iter().cloned().collect()
    }
    pub(super) fn restore(ids: Vec<InstanceId>) -> Self {
        Self(ids.into())
    }
}
