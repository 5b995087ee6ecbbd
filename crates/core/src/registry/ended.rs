//! What has ended lately, so that a late request can be told why. Bounded.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::event::EndReason;
use crate::label::Label;
use crate::lease::{Lease, Listening};
use crate::names::{InstanceId, LockId, ProjectPath};
use crate::port::Port;
use crate::time::Millis;

use super::quotas::weight;

/// How many ended leases, and how many expired instances, are remembered.
const REMEMBERED: usize = 1024;

/// How much the leases may weigh together. Only with very long paths are there fewer for it.
const WEIGHT: usize = 3 << 20;
/// What an ended lease weighs more than a live one.
const PAST: usize = 64;

/// The leases that ended last, in the order they did.
#[derive(Debug, Default)]
pub(super) struct Ended {
    past: VecDeque<Past>,
    weight: usize,
}

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
        self.weight += PAST + weight(&past.lease);
        self.past.push_back(past);
        while (self.past.len() > REMEMBERED || self.weight > WEIGHT)
            && let Some(oldest) = self.past.pop_front()
        {
            self.weight -= PAST + weight(&oldest.lease);
        }
    }
    /// The ended lease of this id, and why it ended; the latest are looked at first.
    pub(super) fn get(&self, lock_id: LockId) -> Option<&Past> {
        self.past.iter().rev().find(|past| past.lease.lock_id == lock_id)
    }
    /// The lease of this id ended for another reason than it seemed to then. Nobody had its port when that was said.
    pub(super) fn ended_for(&mut self, lock_id: LockId, reason: EndReason) {
        let Some(past) = self.past.iter_mut().rev().find(|past| past.lease.lock_id == lock_id) else {
            return;
        };
        self.weight -= weight(&past.lease);
        (past.reason, past.lease.listening, past.lease.beside) = (reason, Listening::Nothing, None);
        self.weight += weight(&past.lease);
    }
    /// The one that ended last on `port`, if it is remembered.
    pub(super) fn last_on(&self, port: Port) -> Option<&Past> {
        self.past.iter().rev().find(|past| past.lease.port == port)
    }
    /// The last one in `root` whose server was called so.
    pub(super) fn last_called(&self, root: &ProjectPath, server: &Label) -> Option<&Past> {
        let had = |past: &&Past| {
            past.lease.label.as_ref() == Some(server) && past.lease.key.project.as_ref() == Some(root)
        };
        self.past.iter().rev().find(had)
    }
    /// Those that ended after `then`, the latest first.
    pub(super) fn since(&self, then: Millis) -> impl Iterator<Item = &Past> {
        self.past.iter().rev().take_while(move |past| past.at > then)
    }
    /// The machine was restarted: its awake clock begins again.
    pub(super) fn forget_times(&mut self) {
        self.past.iter_mut().for_each(|past| past.at = 0);
    }
    pub(super) fn snapshot(&self) -> Vec<Past> {
        self.past.iter().cloned().collect()
    }
    pub(super) fn restore(remembered: Vec<Past>) -> Self {
        let mut ended = Self::default();
        for past in remembered {
            ended.push(past);
        }
        ended
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
