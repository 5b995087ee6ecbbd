//! What `GET /events` streams: the latest events, ready to send, and whoever listens.

use std::collections::VecDeque;
use std::sync::Arc;

use styxy_core::api::EventName;
use styxy_core::{Event, Registry, Seq};
use tokio::sync::broadcast;

/// How many events can be resumed from, and by how many a reader may lag before it is cut.
const KEPT: usize = 1024;

/// One event, ready to send.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) seq: Seq,
    pub(crate) name: EventName,
    /// [`styxy_core::api::EventMessage`] as JSON.
    pub(crate) data: String,
}

/// The latest events and their readers.
#[derive(Debug)]
pub(crate) struct Feed {
    recent: VecDeque<Arc<Published>>,
    /// The number of the first event that can be resumed from.
    since: Seq,
    readers: broadcast::Sender<Arc<Published>>,
}

/// Where a reader begins.
pub(crate) struct Reading {
    /// Whether events between its last one and the first given are lost.
    pub(crate) gap: bool,
    pub(crate) backlog: Vec<Arc<Published>>,
    pub(crate) live: broadcast::Receiver<Arc<Published>>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { recent: VecDeque::new(), since: 1, readers: broadcast::Sender::new(KEPT) }
    }
}

impl Feed {
    /// Sends `event`, which `registry` has just applied, to whoever listens.
    pub(crate) fn publish(&mut self, registry: &Registry, event: &Event) {
        let Some((name, message)) = registry.message(event) else { return };
        let Ok(data) = serde_json::to_string(&message) else { return };
        let published = Arc::new(Published { seq: event.seq, name, data });
        if self.recent.len() == KEPT
            && let Some(dropped) = self.recent.pop_front()
        {
            self.since = dropped.seq + 1;
        }
        self.recent.push_back(Arc::clone(&published));
        // An error means that nobody listens.
        let _ = self.readers.send(published);
    }

    /// Nothing before `seq` can be resumed from.
    pub(crate) fn begin_at(&mut self, seq: Seq) {
        self.recent.clear();
        self.since = seq;
    }

    /// What comes after `last`, and from now on; only the latter if there is no `last`.
    pub(crate) fn read_after(&self, last: Option<Seq>, next: Seq) -> Reading {
        let live = self.readers.subscribe();
        let Some(last) = last else { return Reading { gap: false, backlog: Vec::new(), live } };
        let gap = last + 1 < self.since || last >= next;
        // After a gap the reader must list everything anew, which tells it what any backlog could.
        let missed = self.recent.iter().filter(|event| !gap && event.seq > last);
        let backlog = missed.cloned().collect();
        Reading { gap, backlog, live }
    }
}
