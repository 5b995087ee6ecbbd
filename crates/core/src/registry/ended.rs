//! What has ended lately, so that a late request can be told why. Bounded.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::event::EndReason;
use crate::lease::Lease;
use crate::names::{InstanceId, LockId};
use crate::time::Millis;

/// How many ended leases, and how many expired instances, are remembered.
const REMEMBERED: usize = 1024;

/// The leases that ended last, in the order they did.
#[derive(Debug, Default)]
pub(super) struct Ended(VecDeque<Past>);

/// A lease that has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Past {
    /// As it last was.
    pub(super) lease: Lease,
    /// Why it ended.
    pub(super) reason: EndReason,
    /// When, on the awake clock.
    pub(super) at: Millis,
}

impl Ended {
    pub(super) fn push(&mut self, past: Past) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(past);
    }
    /// The ended lease of this id, and why it ended; the latest are looked at first.
    pub(super) fn get(&self, lock_id: LockId) -> Option<&Past> {
        self.0.iter().rev().find(|past| past.lease.lock_id == lock_id)
    }
    /// Those that ended after `then`, the latest first.
    pub(super) fn since(&self, then: Millis) -> impl Iterator<Item = &Past> {
        self.0.iter().rev().take_while(move |past| past.at > then)
    }
    /// The machine was started anew: its awake clock begins again.
    pub(super) fn forget_times(&mut self) {
        self.0.iter_mut().for_each(|past| past.at = 0);
    }
    pub(super) fn snapshot(&self) -> Vec<Past> {
        self.0.iter().cloned().collect()
    }
    pub(super) fn restore(ended: Vec<Past>) -> Self {
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
