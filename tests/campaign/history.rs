//! What every client saw, in one list with monotonic times. Nothing here judges: [`crate::checker`] does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::clients::Transport;

/// A moment: the time since the history began.
pub(crate) type At = Duration;

/// A lease's name.
pub(crate) type Lock = Uuid;

/// One client of the load, by its number.
pub(crate) type Who = usize;

/// What happened, and when it was known to have happened.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) at: At,
    pub(crate) what: What,
}

/// What a client, a fault or a foreign program did or saw.
#[derive(Debug, Clone)]
pub(crate) enum What {
    /// A grant was acknowledged: the client has read the answer to what it sent at `sent`.
    Granted { who: Who, by: Transport, sent: At, lock: Lock, port: u16, owner: Owner, daemon: Option<u32> },
    /// A release is about to be sent. From here on the lease may be gone.
    ReleaseSent { lock: Lock },
    /// The release was acknowledged. `Before`: the answer to a repeat, `lease_ended` with the reason `released`.
    Released { who: Who, by: Transport, sent: At, lock: Lock, found: Found },
    /// The process that owns leases is about to be killed. From here on its leases may be gone.
    OwnerDies { owner: u32 },
    /// The daemon said no.
    Refused { who: Who, by: Transport, sent: At, refusal: Refusal },
    /// No answer, or one that is not of the contract's form, after every retry that the client has.
    Failed { who: Who, by: Transport, sent: At, asked: &'static str, error: String },
    /// Every live lease, as a listing shows them that was asked for at `sent`.
    Listed { sent: At, leases: BTreeMap<Lock, u16> },
    /// A program that does not ask Styxy has bound the port, on some address; `socket` is a number of its own.
    ForeignBound { port: u16, socket: u64 },
    /// That program is about to let go of it.
    ForeignLetsGo { socket: u64 },
    /// From here on the daemon may refuse with `storage_unavailable`.
    StorageFails,
    /// The cause is gone.
    StorageWorks,
}

/// Who must live for the lease to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The process of this number.
    Process(u32),
    /// Whoever listens; nobody does in the campaign, and `bind_ttl` is longer than any of its runs.
    Listener,
}

/// What a release found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Live,
    ReleasedBefore,
}

/// What a refusal said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// `allocate`, `release`, …
    pub(crate) asked: &'static str,
    /// The port or the lease that was named.
    pub(crate) named: Named,
    pub(crate) code: String,
    /// `details.rule`
    pub(crate) rule: Option<String>,
    /// `details.reason`
    pub(crate) reason: Option<String>,
    /// The sentence.
    pub(crate) text: String,
}

/// What a request named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    Nothing,
    Port(u16),
    Lease(Lock),
}

/// The list, shared by all who add to it.
#[derive(Debug, Clone)]
pub(crate) struct History {
    begun: Instant,
    events: Arc<Mutex<Vec<Event>>>,
}

impl History {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), events: Arc::default() }
    }

    /// The time since the history began.
    pub(crate) fn now(&self) -> At {
        self.begun.elapsed()
    }

    /// Adds what is known now, and says when that is.
    pub(crate) fn add(&self, what: What) -> At {
        // The time is taken with the list locked, so that the list is in the order of its times.
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let at = self.now();
        events.push(Event { at, what });
        at
    }

    /// Everything so far, in the order of its times.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many of the clients below `clients` have had an answer, or given up, since `since`.
    pub(crate) fn answered_since(&self, since: At, clients: usize) -> usize {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let mut heard = vec![false; clients];
        for event in events.iter().rev().take_while(|event| event.at > since) {
            if let Some((who, ..)) = event.what.answer()
                && let Some(heard) = heard.get_mut(who)
            {
                *heard = true;
            }
        }
        heard.into_iter().filter(|heard| *heard).count()
    }
}

impl What {
    /// Whose request this answers, by which transport, and when that was sent; none for all else.
    pub(crate) fn answer(&self) -> Option<(Who, Transport, At)> {
        match self {
            Self::Granted { who, by, sent, .. }
            | Self::Released { who, by, sent, .. }
            | Self::Refused { who, by, sent, .. }
            | Self::Failed { who, by, sent, .. } => Some((*who, *by, *sent)),
            Self::ReleaseSent { .. }
            | Self::OwnerDies { .. }
            | Self::Listed { .. }
            | Self::ForeignBound { .. }
            | Self::ForeignLetsGo { .. }
            | Self::StorageFails
            | Self::StorageWorks => None,
        }
    }
}
