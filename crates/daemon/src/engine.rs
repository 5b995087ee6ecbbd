//! The engine: registry, journal and watches behind one synchronous entry. Decide, journal, apply, or nothing.

use std::collections::VecDeque;
use std::fmt;

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
/// How many losses of the journal are remembered for people; the latest.
const NOTES: usize = 8;

/// The only owner of the registry.
pub(crate) struct Engine {
    registry: Registry,
    journal: Journal,
    /// None in tests that have no folder of their own to lose.
    place: Option<Place>,
    /// The journal is lost, and could not be written again so far.
    unkept: bool,
    prober: Prober,
    pub(crate) watches: Watches,
    pub(crate) feed: Feed,
    pub(crate) counters: Counters,
    /// Reused for each record.
    record: Vec<u8>,
    /// What a person should know about the journal since the start, oldest first.
    notes: VecDeque<String>,
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
        let notes = VecDeque::new();
        Self { registry, journal, place, unkept: false, prober, watches, feed, counters, record, notes }
    }

    /// Decides, journals, applies: one synchronous call, or nothing at all.
    ///
    /// Only the daemon of the folder decides: whoever has lost the lock must not write to the journal.
    pub(crate) fn handle(&mut self, command: &Command, now: Timestamp) -> Result<Vec<Event>, EngineError> {
        if !self.stood_lately() {
            self.check_standing()?;
        }
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
            match self.journal.append(&self.record) {
                Err(JournalError::Lost { .. }) => {
                    self.renew_journal()?;
                    self.journal.append(&self.record)?;
                }
                appended => appended?,
            }
        }
        for event in events {
            self.registry.apply(event);
            self.feed.publish(&self.registry, event);
            self.counters.count(event);
            trace(event);
        }
        Ok(())
    }

    /// Whether nobody else can have begun to write to the journal. Enough for a decision: its answer is checked itself.
    fn stood_lately(&self) -> bool {
        !self.unkept && self.place.as_ref().is_some_and(Place::was_sound_lately)
    }

    /// Whether this process is the daemon of its folder, and what it wrote is there. One system call, and no file call,
    /// if nothing has happened to the daemon's files.
    ///
    /// An answer may only be given if this holds after everything that it tells was written: a daemon that began since
    /// then knows it.
    ///
    /// # Errors
    /// [`EngineError::Lost`], or [`EngineError::Journal`] if the journal is lost and cannot be written again.
    pub(crate) fn check_standing(&mut self) -> Result<(), EngineError> {
        let journal = &self.journal;
        let is_sound = match &mut self.place {
            Some(place) => place.is_sound(|name, entry| journal.is_touched_by(name, entry)),
            None => true,
        };
        if is_sound && !self.unkept { Ok(()) } else { self.settle() }
    }

    /// Looks at the daemon's files, and puts back what is missing. Some file calls: for the sweep, and for when
    /// something happened to the files.
    ///
    /// # Errors
    /// As for [`Self::check_standing`].
    pub(crate) fn settle(&mut self) -> Result<(), EngineError> {
        let is_empty = self.registry.lease_count() == 0 && self.registry.instance_count() == 0;
        let keep = if is_empty { Keep::Nothing } else { Keep::State };
        let standing = self.place.as_mut().map_or(Standing::Same, |place| place.settle(keep));
        let is_whole = match standing {
            Standing::Lost => return Err(EngineError::Lost),
            Standing::Same => self.journal.check_place().is_ok(),
            // Somebody else may have written to it.
            Standing::Again => false,
        };
        if is_whole && !self.unkept {
            return Ok(());
        }
        // Nothing is acknowledged until this succeeds.
        let renewed = self.renew_journal();
        self.unkept = renewed.is_err();
        if let Err(error) = &renewed {
            tracing::error!(error = %with_causes(error), "the journal is lost and could not be written again");
        }
        Ok(renewed?)
    }

    /// Whether something of the daemon's files could not be put back, so that it should be tried again.
    pub(crate) fn is_unsettled(&self) -> bool {
        self.unkept || self.place.as_ref().is_some_and(Place::is_troubled)
    }

    /// Tells others where this daemon is.
    pub(crate) fn publish(&mut self) {
        if let Some(place) = &mut self.place {
            place.publish();
        }
    }

    /// Tells others that this daemon has ended, as the last thing that it does.
    pub(crate) fn withdraw(&self) {
        if let Some(place) = &self.place {
            place.withdraw();
        }
    }

    /// What rings when something happens to the daemon's files.
    pub(crate) fn bell(&self) -> Option<Bell> {
        self.place.as_ref().and_then(Place::bell)
    }

    /// Nothing that was acknowledged is lost with the file: the registry has it all.
    fn renew_journal(&mut self) -> Result<(), JournalError> {
        let registry = &self.registry;
        let state = || serde_json::to_vec(&registry.snapshot()).unwrap_or_default();
        let renewed = self.journal.begin_again(state)?;
        tracing::warn!("{renewed}");
        if self.notes.len() == NOTES {
            self.notes.pop_front();
        }
        self.notes.push_back(renewed.to_string());
        Ok(())
    }

    /// What a person should know about the daemon's files since the start, oldest first.
    pub(crate) fn notes(&self) -> impl Iterator<Item = &str> {
        self.place.iter().flat_map(Place::notes).chain(self.notes.iter().map(String::as_str))
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
            EngineError::Journal(_) | EngineError::Encode(_) | EngineError::Lost => {
                let error = format!("nothing was changed: {}", with_causes(&error));
                Self::new(Code::StorageUnavailable, error).hint("styxy doctor")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use styxy_core::config::Config;
    use styxy_core::{
        Allocation, AllocationMode, AnswerForm, Ask, LockId, Policy, PortRange, ProjectPath, RequestId,
        Reuse, ServiceType, Wish,
    };
    use uuid::Uuid;

    use super::*;
    use crate::journal::{Fold, Options};
    use crate::replay::Replay;

    fn open(folder: &Path, policy: &Policy) -> Engine {
        let (mut replay, of) = (Replay::new(policy.clone()), policy.clone());
        let folds = Box::new(move || Box::new(Replay::new(of.clone())) as Box<dyn Fold>);
        let options = Options::with_capacity(256 * 1024);
        let journal = Journal::open(folder, options, &mut replay, folds).unwrap().journal;
        let (sender, _) = tokio::sync::mpsc::unbounded_channel();
        Engine::new(replay.registry, journal, None, Watches::new(sender, usize::MAX), replay.feed)
    }

    /// Bytes in the files of the journal.
    fn bytes(folder: &Path) -> u64 {
        fs::read_dir(folder).unwrap().filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len())).sum()
    }

    #[test]
    fn the_journal_stays_bounded_whatever_comes_and_goes() {
        const PROJECTS: u64 = 8_000;
        let port = |number| Port::new(number).unwrap();
        // So few that each is used again and again.
        let overflow_range = PortRange::new(port(10_000), port(10_499));
        let (folder, config) = (tempfile::tempdir().unwrap(), Config { overflow_range, ..Config::default() });
        let policy = crate::policy(config, []);
        let mut engine = open(folder.path(), &policy);
        let mut longest = 0;
        for number in 1..=PROJECTS {
            let fresh_id = LockId::new(Uuid::new_v4());
            let ask = Ask {
                fresh_id,
                behind: Vec::new(),
                service: ServiceType::new("dev").unwrap(),
                name: None,
                project: ProjectPath::new(&format!("/home/somebody/worktrees/project-{number}")).ok(),
                default_name: None,
                project_id: None,
                label: None,
                gone: None,
                door: styxy_core::DoorRules::default(),
                instance_id: None,
                stack: false,
                process: None,
                ancestors: Vec::new(),
                wish: Wish::Any,
                reuse: Reuse::Never,
            };
            let request = RequestId::new(&format!("request-{number}")).ok().map(|id| (id, number));
            let (form, mode) = (AnswerForm::One, AllocationMode::Grant);
            let now = crate::system::now();
            let allocation = Allocation { asks: vec![ask], form, request, mode };
            engine.handle(&Command::Allocate(allocation), now).unwrap();
            engine.handle(&Command::Release(fresh_id), now).unwrap();
            if number % 100 == 0 {
                longest = bytes(folder.path()).max(longest);
            }
        }
        assert!(engine.journal().health().compactions > 3, "{:?}", engine.journal().health());
        // Two generations, of which each has room for three snapshots more than its own.
        assert!(longest < 24 << 20, "{longest} bytes");
        let health = engine.journal().health();
        let snapshot = engine.registry().snapshot();
        // More came than the keys, the answers and the ended leases that are remembered.
        let state = serde_json::to_vec(&snapshot).unwrap().len();
        assert!(health.capacity <= 5 * state, "{state} bytes of state: {health:?}");
        drop(engine);
        assert_eq!(open(folder.path(), &policy).registry().snapshot(), snapshot);
    }
}
