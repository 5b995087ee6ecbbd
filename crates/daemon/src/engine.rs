//! The engine: registry, journal and watches behind one synchronous entry. Decide, journal, apply, or nothing.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use styxy_core::api::{self, Code};
use styxy_core::{Command, Event, Fact, Millis, Occupancy, Port, Refusal, Registry, Timestamp, with_causes};

use crate::feed::Feed;
use crate::journal::{Journal, JournalError};
use crate::metrics::Counters;
use crate::place::{Keep, Place, Standing};
use crate::system::{Bell, Prober};
use crate::watches::Watches;

/// Most events in one journal record, so that a cleanup of thousands of leases still fits.
const EVENTS_PER_RECORD: usize = 256;

/// A journal that could not be written anew is tried again this much later, and refuses everything until then.
pub(crate) const AGAIN: Duration = Duration::from_secs(1);

/// The only owner of the registry.
pub(crate) struct Engine {
    registry: Registry,
    journal: Journal,
    /// None in tests that have no folder of their own to lose.
    place: Option<Place>,
    /// Why the journal is not where others would find it, and when that was last tried to change.
    unkept: Option<(Arc<JournalError>, Instant)>,
    prober: Prober,
    pub(crate) watches: Watches,
    pub(crate) feed: Feed,
    pub(crate) counters: Counters,
    /// Reused for each record.
    record: Vec<u8>,
}

/// Why a command changed nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    /// The registry says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The journal did not take the record.
    #[error("the journal cannot be written")]
    Journal(#[from] JournalError),
    /// An event could not be written as JSON.
    #[error("an event could not be written")]
    Encode(#[from] serde_json::Error),
    /// The journal is gone from its folder, and could not be written anew.
    #[error("the journal cannot be written")]
    Unkept(#[source] Arc<JournalError>),
    /// This process is not the daemon of its folder any more: nobody may get an answer from it.
    #[error("this daemon has lost its folder")]
    Lost,
}

impl Engine {
    pub(crate) fn new(
        registry: Registry,
        journal: Journal,
        place: Option<Place>,
        watches: Watches,
        feed: Feed,
    ) -> Self {
        let (prober, counters, record) = (Prober::new(), Counters::default(), Vec::with_capacity(1024));
        Self { registry, journal, place, unkept: None, prober, watches, feed, counters, record }
    }

    /// Decides, journals, applies: one synchronous call, or nothing at all.
    ///
    /// Only the daemon of the folder decides: whoever has lost the lock must not write to the journal.
    pub(crate) fn handle(&mut self, command: &Command, now: Timestamp) -> Result<Vec<Event>, EngineError> {
        self.check_standing()?;
        let prober = self.prober;
        let events = self.registry.decide(command, now, |port| prober.occupancy(port))?;
        // Nearly always one record. A larger decision becomes true record by record, as the journal has it.
        let done = events.chunks(EVENTS_PER_RECORD).try_for_each(|events| self.keep(events));
        self.watches.follow(&mut self.registry);
        done.map(|()| events)
    }

    /// Writes the events to the journal in one record, then applies them.
    fn keep(&mut self, events: &[Event]) -> Result<(), EngineError> {
        let durable: Vec<&Event> = events.iter().filter(|event| event.fact.is_durable()).collect();
        if !durable.is_empty() {
            self.record.clear();
            serde_json::to_writer(&mut self.record, &durable)?;
            self.journal.append(&self.record)?;
        }
        for event in events {
            self.registry.apply(event);
            self.feed.publish(&self.registry, event);
            self.counters.count(event);
            trace(event);
        }
        Ok(())
    }

    /// Whether this process is the daemon of its folder, and what it wrote is there. One system call, and no file call,
    /// if nothing has happened to the daemon's files.
    ///
    /// An answer may only be given if this holds after everything that it tells was written: a daemon that began since
    /// then knows it.
    ///
    /// # Errors
    /// [`EngineError::Lost`] or [`EngineError::Unkept`].
    pub(crate) fn check_standing(&mut self) -> Result<(), EngineError> {
        let Some(place) = &mut self.place else { return Ok(()) };
        let journal = &self.journal;
        if !place.is_sound(|name, entry| journal.is_touched_by(name, entry)) {
            return self.settle();
        }
        match &self.unkept {
            None => Ok(()),
            Some((_, tried)) if tried.elapsed() >= AGAIN => self.settle(),
            Some((error, _)) => Err(EngineError::Unkept(Arc::clone(error))),
        }
    }

    /// Looks at the daemon's files, and puts back what is missing. Makes file calls.
    ///
    /// # Errors
    /// As for [`Self::check_standing`].
    pub(crate) fn settle(&mut self) -> Result<(), EngineError> {
        let Some(place) = &mut self.place else { return Ok(()) };
        let is_empty = self.registry.lease_count() == 0 && self.registry.instance_count() == 0;
        let standing = place.settle(if is_empty { Keep::Nothing } else { Keep::State });
        match standing {
            Standing::Lost => return Err(EngineError::Lost),
            Standing::Same if self.unkept.is_none() && self.journal.is_in_place() => return Ok(()),
            // Somebody else may have appended to the file, so it is not continued.
            Standing::Same | Standing::Again => {}
        }
        let snapshot = serde_json::to_vec(&self.registry.snapshot())?;
        match self.journal.rewrite(&snapshot) {
            Ok(()) => {
                self.unkept = None;
                tracing::warn!(path = %self.journal.health().path.display(), "the journal was written anew");
                Ok(())
            }
            Err(error) => {
                tracing::error!(error = %with_causes(&error), "the journal could not be written anew");
                let error = Arc::new(error);
                self.unkept = Some((Arc::clone(&error), Instant::now()));
                Err(EngineError::Unkept(error))
            }
        }
    }

    /// Whether something of the daemon's files could not be put back, so that it should be tried again.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.unkept.is_some() || self.place.as_ref().is_some_and(Place::is_troubled)
    }

    pub(crate) fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// Tells others where this daemon is.
    pub(crate) fn publish(&mut self) {
        if let Some(place) = &mut self.place {
            place.publish();
        }
    }

    /// What rings when something happens to the daemon's files.
    pub(crate) fn bell(&self) -> Option<Bell> {
        self.place.as_ref().and_then(Place::bell)
    }

    pub(crate) const fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) const fn journal(&self) -> &Journal {
        &self.journal
    }

    pub(crate) fn occupancy(&self, port: Port) -> Occupancy {
        self.prober.occupancy(port)
    }

    /// When to send the next [`Command::Tick`], on the `awake` clock. Only [`Self::handle`] changes the answer.
    pub(crate) fn next_deadline(&self) -> Option<Millis> {
        self.registry.next_deadline()
    }

    /// Watches every process that the registry depends on: once, at start.
    pub(crate) fn follow_all(&mut self) {
        self.watches.follow_all(&self.registry);
    }

    /// Forces the journal to the disk. Not for the request path.
    pub(crate) fn flush(&self) -> Result<(), JournalError> {
        self.journal.flush()
    }
}

/// Each lease at `debug`: the journal and `/events` are its record.
fn trace(event: &Event) {
    match &event.fact {
        Fact::Granted(lease) => {
            tracing::debug!(port = lease.port.get(), lease = %lease.lock_id, service = %lease.key.service, "lease granted");
        }
        Fact::Ended { lock_id, reason } => {
            tracing::debug!(lease = %lock_id, reason = reason.as_str(), "lease ended");
        }
        Fact::Passed { lock_id, .. } => tracing::debug!(lease = %lock_id, "lease passed on"),
        Fact::Heard { .. }
        | Fact::Silent { .. }
        | Fact::Conflict { .. }
        | Fact::InstanceRegistered(_)
        | Fact::InstanceExpired(_)
        | Fact::InstanceEnded(_)
        | Fact::Answered(_)
        | Fact::Beat(_)
        | Fact::Seen(_)
        | Fact::Booted { .. }
        | Fact::Resumed => {}
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Engine").field("registry", &self.registry).finish_non_exhaustive()
    }
}

impl From<EngineError> for api::Refusal {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(refusal) => refusal.into(),
            EngineError::Journal(_) | EngineError::Encode(_) | EngineError::Unkept(_) | EngineError::Lost => {
                let error = format!("nothing was changed: {}", with_causes(&error));
                Self::new(Code::StorageUnavailable, error).hint("styxy doctor")
            }
        }
    }
}
