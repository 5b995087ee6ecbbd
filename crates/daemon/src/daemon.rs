//! The daemon's parts together: the engine, and what feeds it with ends of processes, listeners and time.

mod follow;
mod last_seen;
mod names;
mod observe;
mod sessions;
mod status;
mod strays;
mod whose;

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use styxy_core::api::Listen;
#[cfg(target_os = "linux")]
use styxy_core::api::Refused;
use styxy_core::config::Config;
use styxy_core::layout::Layout;
use styxy_core::{Command, EndReason, Event, Fact, Millis, Pid, with_causes};
use tokio::sync::{Notify, watch};

use crate::containers::Containers;
use crate::descriptors::Descriptors;
use crate::engine::{Engine, EngineError};
use crate::http::Crowd;
use crate::metrics::Requests;
use crate::refusals::Refusals;
use crate::system;
use crate::token::Token;

pub(crate) use last_seen::LastSeen;
pub(crate) use whose::Whose;

/// Everything that requests and background tasks share. Only the engine has state about leases.
#[derive(Debug)]
pub(crate) struct Daemon {
    engine: Mutex<Engine>,
    last_seen: Mutex<LastSeen>,
    silences: Mutex<strays::Silences>,
    /// Held by the task that finds out who listens; how many such looks had begun when the last one did that has ended, and what
    /// came of that.
    identifying: tokio::sync::Mutex<(u64, Outcome)>,
    /// How many have begun.
    looks: AtomicU64,
    /// Held by the look of the live view.
    pub(crate) viewing: tokio::sync::Mutex<()>,
    /// The daemon's own user.
    pub(crate) own_uid: Option<u32>,
    /// Wakes the schedule that looks for listeners: something may listen soon.
    pub(crate) listener_expected: Notify,
    /// Wakes the timer: a deadline is nearer than the one it sleeps until.
    pub(crate) nearer_deadline: Notify,
    /// Until when the timer sleeps.
    armed: Mutex<Option<Millis>>,
    /// Wakes the poll: there is a process that has no handle.
    pub(crate) polling: Arc<Notify>,
    phase: watch::Sender<Phase>,
    pub(crate) requests: Requests,
    /// Everybody who is connected.
    pub(crate) crowd: Arc<Crowd>,
    pub(crate) descriptors: Descriptors,
    /// Whose containers publish ports.
    pub(crate) containers: Arc<Containers>,
    /// What the guard has refused.
    pub(crate) refusals: Mutex<Refusals>,
    pub(crate) about: About,
}

/// What is settled at start.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) boot_id: String,
    pub(crate) layout: Layout,
    pub(crate) config: Config,
    pub(crate) from_file: Vec<String>,
    pub(crate) listen: Listen,
    pub(crate) notes: Vec<String>,
    pub(crate) ready_at: Instant,
    /// What TCP clients must show where the system cannot name their user.
    pub(crate) token: Option<Token>,
}

impl Daemon {
    pub(crate) fn new(engine: Engine, last_seen: LastSeen, descriptors: Descriptors, about: About) -> Self {
        Self {
            polling: engine.watches.polling(),
            engine: Mutex::new(engine),
            last_seen: Mutex::new(last_seen),
            silences: Mutex::default(),
            identifying: tokio::sync::Mutex::default(),
            looks: AtomicU64::new(0),
            viewing: tokio::sync::Mutex::new(()),
            own_uid: system::identify(own_pid()).ok().and_then(|identified| identified.uid),
            listener_expected: Notify::new(),
            nearer_deadline: Notify::new(),
            armed: Mutex::new(None),
            phase: watch::Sender::new(Phase::Serves),
            requests: Requests::default(),
            crowd: Arc::default(),
            descriptors,
            refusals: Mutex::default(),
            containers: Arc::new(Containers::new(|name| std::env::var_os(name))),
            about,
        }
    }

    /// The engine, for one synchronous call; nothing is awaited while it is held.
    pub(crate) fn engine(&self) -> MutexGuard<'_, Engine> {
        // No lock is ever poisoned: a panic ends the daemon.
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides, journals, applies; and wakes the timer if the next deadline is nearer than before.
    pub(crate) fn handle(&self, command: &Command) -> Result<Vec<Event>, EngineError> {
        let mut engine = self.engine();
        let events = engine.handle(command, system::now()).inspect_err(|error| self.note_loss(error))?;
        let next = engine.next_deadline();
        drop(engine);
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        if next.is_some_and(|next| armed.is_none_or(|armed| next < armed)) {
            *armed = next;
            self.nearer_deadline.notify_one();
        }
        if events.iter().any(|event| expects_listener(&event.fact)) {
            self.listener_expected.notify_one();
        }
        Ok(events)
    }

    /// As [`Daemon::handle`], for what happens rather than is asked for: a failure is logged, and the sweep tries again.
    fn happens(&self, command: &Command) -> Outcome {
        match self.handle(command) {
            Ok(events) if events.is_empty() => Outcome::Unchanged,
            Ok(_) => Outcome::Changed,
            Err(error) => {
                tracing::error!(error = %with_causes(&error), "an event could not be kept");
                Outcome::Failed
            }
        }
    }

    /// Tells a program that the guard refuses, then stores the refusal and publishes it. A request for the refusals waits until it is
    /// stored, so a program that was told finds its refusal in the list.
    #[cfg(target_os = "linux")]
    pub(crate) fn refused(&self, tell: impl FnOnce(), refused: impl FnOnce() -> Refused) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        tell();
        let refused = refused();
        refusals.keep(refused.clone());
        drop(refusals);
        let engine = self.engine();
        engine.feed.refused(engine.registry().next_seq().saturating_sub(1), refused);
    }

    /// The next deadline, until which the timer may sleep. If a nearer one arises before, `nearer_deadline` says so.
    pub(crate) fn arm(&self) -> Option<Millis> {
        let next = self.engine().next_deadline();
        *self.armed.lock().unwrap_or_else(PoisonError::into_inner) = next;
        next
    }

    /// The daemon had been stopped, and goes on: every instance gets its full time from here on.
    #[cfg(unix)]
    pub(crate) fn resume(&self) {
        self.happens(&Command::Resume { boot_id: self.about.boot_id.clone() });
        self.nearer_deadline.notify_one();
    }

    /// Acts on the deadlines that have passed, once it is known who listens now.
    pub(crate) async fn tick(&self) -> Outcome {
        self.refresh().await;
        self.happens(&Command::Tick)
    }

    /// Whether a deadline has passed that was not acted on. Only a command changes that, or time itself.
    pub(crate) fn is_overdue(&self) -> bool {
        self.engine().next_deadline().is_some_and(|at| at <= system::now().awake)
    }

    /// Whether it is worth looking for a listener: some lease has none, or one ended with its owner so recently that
    /// its server may still come. Only a command changes the former; the latter becomes false by time alone.
    pub(crate) fn awaits_listeners(&self) -> bool {
        let engine = self.engine();
        let registry = engine.registry();
        registry.awaits_listeners() || registry.expects_orphans(system::now())
    }

    /// How many connections there may be now, beside so many of the door's: each of those has one to its server too.
    pub(crate) fn seats(&self, at_the_door: usize) -> usize {
        self.descriptors.for_connections(self.engine().watches.watched() + 2 * at_the_door)
    }

    /// Whether an answer may be given: see [`Engine::check_standing`].
    pub(crate) fn check_standing(&self) -> Result<(), EngineError> {
        self.engine().check_standing().inspect_err(|error| self.note_loss(error))
    }

    /// Looks at the daemon's files whatever was reported of them; what cannot be put back is logged.
    pub(crate) fn settle(&self) -> Result<(), EngineError> {
        self.engine().settle().inspect_err(|error| self.note_loss(error))
    }

    fn note_loss(&self, error: &EngineError) {
        if matches!(error, EngineError::Lost) {
            self.phase.send_replace(Phase::Lost);
        }
    }

    /// Asks the daemon to stop: what is in flight is finished first.
    pub(crate) fn stop(&self) {
        self.phase.send_if_modified(|phase| {
            let serves = *phase == Phase::Serves;
            if serves {
                *phase = Phase::Stops;
            }
            serves
        });
    }

    /// Resolves when the daemon is asked to stop, or has lost its folder.
    pub(crate) async fn stopping(&self) {
        let _ = self.phase.subscribe().wait_for(|phase| *phase != Phase::Serves).await;
    }

    /// Resolves when this process is not the daemon of its folder any more.
    pub(crate) async fn lost(&self) {
        let _ = self.phase.subscribe().wait_for(|phase| *phase == Phase::Lost).await;
    }
}

/// What the daemon is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Serves,
    Stops,
    /// It ends at once, and answers nobody.
    Lost,
}

/// What came of a command that nobody asked for; of several, the greatest counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// No event follows.
    #[default]
    Unchanged,
    /// The events could not be written down, so nothing changed.
    Failed,
    /// Events followed.
    Changed,
}

/// Whether a server may begin to listen after this: the lease has none, or ended so that its server may still come.
const fn expects_listener(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Granted(_)
            | Fact::Silent { .. }
            | Fact::Conflict { by: None, .. }
            | Fact::Ended { reason: EndReason::OwnerExited, .. }
    )
}

/// The pid of this process.
pub(crate) fn own_pid() -> Pid {
    // A pid is never 0, and fits 31 bits on every system we know.
    Pid::new(std::process::id()).unwrap_or(Pid::MIN)
}
