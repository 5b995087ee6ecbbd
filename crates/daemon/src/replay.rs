//! A registry rebuilt from journal records: at start, and on the compaction thread.

use styxy_core::{Event, Policy, Registry, Snapshot};

use crate::feed::Feed;
use crate::journal::Fold;

/// A registry that is rebuilt from the journal.
pub(crate) struct Replay {
    pub(crate) registry: Registry,
    /// What was published since the snapshot, so that a reader of `/events` can resume across a restart.
    pub(crate) feed: Feed,
    /// Records that could not be read although their checksums are right: a newer version wrote them.
    pub(crate) skipped: usize,
}

impl Replay {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { registry: Registry::new(policy), feed: Feed::default(), skipped: 0 }
    }
}

impl Fold for Replay {
    fn record(&mut self, payload: &[u8]) {
        let Ok(events) = serde_json::from_slice::<Vec<Event>>(payload) else {
            self.skipped += 1;
            return;
        };
        for event in &events {
            self.registry.apply(event);
            self.feed.publish(&self.registry, event);
        }
        // A replay watches no processes.
        self.registry.take_changed_processes();
    }

    fn snapshot(&mut self, payload: &[u8]) {
        match serde_json::from_slice::<Snapshot>(payload) {
            Ok(snapshot) => {
                self.registry = Registry::restore(self.registry.policy().clone(), snapshot);
                self.feed.begin_at(self.registry.next_seq());
            }
            Err(_) => self.skipped += 1,
        }
    }

    fn to_snapshot(&self) -> Vec<u8> {
        serde_json::to_vec(&self.registry.snapshot()).unwrap_or_default()
    }
}
