//! The whole registry in one piece, for the journal's compaction.

use serde::{Deserialize, Serialize};

use crate::event::Seq;
use crate::lease::{Instance, Lease};
use crate::names::InstanceId;

use super::affinity::{self, Affinity};
use super::ended::{Ended, Expired, Past};
use super::labels::{self, Labels};
use super::requests::{self, Requests};
use super::{Policy, Registry};
use crate::order::Order as _;

/// Everything a registry knows, apart from its policy. Written and read as JSON; fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    boot_id: Option<String>,
    next_seq: Seq,
    leases: Vec<Lease>,
    instances: Vec<Instance>,
    #[serde(default)]
    affinity: affinity::Remembered,
    /// A daemon of 0.1.0 overlooks this.
    #[serde(default)]
    labels: labels::Remembered,
    #[serde(default)]
    ended: Vec<Past>,
    #[serde(default)]
    expired: Vec<InstanceId>,
    #[serde(default)]
    requests: requests::Remembered,
}

impl Registry {
    /// Everything it knows.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut leases: Vec<Lease> = self.leases().cloned().collect();
        leases.order_by_key(|lease| lease.port);
        Snapshot {
            boot_id: self.boot_id.clone(),
            next_seq: self.next_seq,
            leases,
            instances: self.instances.values().cloned().collect(),
            affinity: self.affinity.snapshot(),
            labels: self.labels.snapshot(),
            ended: self.ended.snapshot(),
            expired: self.expired.snapshot(),
            requests: self.requests.snapshot(),
        }
    }

    /// A registry that knows what the snapshot says.
    #[must_use]
    pub fn restore(policy: Policy, mut snapshot: Snapshot) -> Self {
        let mut registry = Self::new(policy);
        registry.boot_id = snapshot.boot_id;
        registry.next_seq = snapshot.next_seq;
        // In journals of 0.1.0 servers have no labels: the oldest gets its own without a number.
        snapshot.leases.order_by_key(|lease| (lease.allocated_at.wall, lease.lock_id));
        for lease in snapshot.leases {
            registry.insert(Box::new(lease));
        }
        let indexes = &registry.indexes;
        registry.labels = Labels::restore(snapshot.labels, |root| indexes.of_root(root).next().is_some());
        registry.name_worktrees();
        for instance in snapshot.instances {
            registry.insert_instance(instance);
        }
        registry.affinity = Affinity::restore(snapshot.affinity);
        registry.ended = Ended::restore(snapshot.ended);
        registry.expired = Expired::restore(snapshot.expired);
        let leases = &registry.leases;
        registry.requests = Requests::restore(snapshot.requests, |lock_id| leases.contains_key(&lock_id));
        registry
    }
}
