//! What `GET /events` streams: the latest events, ready to send, and their readers.

use std::collections::VecDeque;
use std::sync::Arc;

use styxy_core::api::EventName;
#[cfg(target_os = "linux")]
use styxy_core::api::{EventMessage, Refused, Wanted};
use styxy_core::{Event, Registry, Seq};
use tokio::sync::broadcast;

/// From how many events a reader can resume, and by how many it may lag before it is disconnected.
const KEPT: usize = 1024;

/// One event, ready to send.
#[derive(Debug)]
pub(crate) struct Published {
    /// None for what nobody resumes after: it has no number of its own.
    pub(crate) seq: Option<Seq>,
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

/// What a new reader gets.
pub(crate) struct Reading {
    /// Whether events are missing between the reader's last one and the first given.
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
    /// Sends `event`, which `registry` has just applied, to every reader.
    pub(crate) fn publish(&mut self, registry: &Registry, event: &Event) {
        let Some((name, message)) = registry.message(event) else { return };
        let Ok(data) = serde_json::to_string(&message) else { return };
        let published = Arc::new(Published { seq: Some(event.seq), name, data });
        if self.recent.len() == KEPT
            && let Some(seq) = self.recent.pop_front().and_then(|dropped| dropped.seq)
        {
            self.since = seq + 1;
        }
        self.recent.push_back(Arc::clone(&published));
        // An error means that there are no readers.
        let _ = self.readers.send(published);
    }

    /// Sends a refusal of the guard to those who read now. It is not in the journal, so nobody can resume after it.
    #[cfg(target_os = "linux")]
    pub(crate) fn refused(&self, last: Seq, refused: Refused) {
        let name = match refused.wanted {
            Wanted::Signal => EventName::SignalRefused,
            Wanted::Bind => EventName::BindRefused,
        };
        let (at, refused) = (refused.at, Some(refused));
        let message = EventMessage { seq: last, at, lease: None, instance: None, reason: None, refused };
        if let Ok(data) = serde_json::to_string(&message) {
            let _ = self.readers.send(Arc::new(Published { seq: None, name, data }));
        }
    }

    /// Nothing before `seq` can be resumed from.
    pub(crate) fn begin_at(&mut self, seq: Seq) {
        self.recent.clear();
        self.since = seq;
    }

    /// The events after `last` and those to come; without `last`, only those to come.
    pub(crate) fn read_after(&self, last: Option<Seq>, next: Seq) -> Reading {
        let live = self.readers.subscribe();
        let Some(last) = last else { return Reading { gap: false, backlog: Vec::new(), live } };
        let gap = last + 1 < self.since || last >= next;
        // After a gap the reader must list everything again, which includes all that a backlog could tell.
        let missed = self.recent.iter().filter(|event| !gap && event.seq > Some(last));
        let backlog = missed.cloned().collect();
        Reading { gap, backlog, live }
    }
}
