//! The daemon's parts together: the engine, and what feeds it with exits, listeners and time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use styxy_core::api::{self, Listen};
use styxy_core::config::Config;
use styxy_core::layout::Layout;
use styxy_core::{Command, EndReason, Event, Fact, Listener, Millis, Port, ProcessKey, Relation};
use tokio::sync::{Notify, watch};

use crate::ears::{self, Ears, Unknown};
use crate::engine::{Engine, EngineError};
use crate::metrics::Requests;
use crate::system::{self, ListeningSocket};
use crate::token::Token;

/// How often a listener is looked for again that has a socket and no process.
const LOOKS: usize = 5;
/// How long in between.
const PAUSE: Duration = Duration::from_millis(4);

/// Everything that requests and background tasks share. Only the engine has state of the domain.
#[derive(Debug)]
pub(crate) struct Daemon {
    engine: Mutex<Engine>,
    ears: Mutex<Ears>,
    /// Held by the one that finds out who listens.
    inquiry: tokio::sync::Mutex<()>,
    /// The daemon's own user.
    pub(crate) own_uid: Option<u32>,
    /// Tells the listener schedule that something may listen soon.
    pub(crate) nudge: Notify,
    /// Tells the timer that a deadline is nearer than the one it sleeps until.
    pub(crate) nearer: Notify,
    armed: Mutex<Option<Millis>>,
    /// Tells the poll that there is something to poll.
    pub(crate) polling: Arc<Notify>,
    stop: watch::Sender<bool>,
    pub(crate) requests: Requests,
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
    /// Asked of TCP clients where the system cannot tell whose they are.
    pub(crate) token: Option<Token>,
}

impl Daemon {
    pub(crate) fn new(engine: Engine, ears: Ears, about: About) -> Self {
        let own = styxy_core::Pid::new(std::process::id());
        Self {
            polling: engine.watches.polling(),
            engine: Mutex::new(engine),
            ears: Mutex::new(ears),
            inquiry: tokio::sync::Mutex::new(()),
            own_uid: own.and_then(|pid| system::identify(pid).ok()).and_then(|identified| identified.uid),
            nudge: Notify::new(),
            nearer: Notify::new(),
            armed: Mutex::new(None),
            stop: watch::Sender::new(false),
            requests: Requests::default(),
            about,
        }
    }

    /// The engine, for one synchronous call; nothing is awaited while it is held.
    pub(crate) fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides, journals, applies; and wakes the timer if the next deadline is nearer than before.
    pub(crate) fn handle(&self, command: &Command) -> Result<Vec<Event>, EngineError> {
        let mut engine = self.engine();
        let events = engine.handle(command, system::now())?;
        let next = engine.next_deadline();
        drop(engine);
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        if next.is_some_and(|next| armed.is_none_or(|armed| next < armed)) {
            *armed = next;
            self.nearer.notify_one();
        }
        if events.iter().any(|event| begins_silence(&event.fact)) {
            self.nudge.notify_one();
        }
        Ok(events)
    }

    /// As [`Daemon::handle`], for what happens rather than is asked for: a failure is logged, and the sweep tries again.
    fn happens(&self, command: &Command) -> bool {
        match self.handle(command) {
            Ok(events) => !events.is_empty(),
            Err(error) => {
                tracing::error!(error = %crate::engine::chain(&error), "an event could not be kept");
                false
            }
        }
    }

    /// Remembers until when the timer sleeps.
    pub(crate) fn arm(&self) -> Option<Millis> {
        let next = self.engine().next_deadline();
        *self.armed.lock().unwrap_or_else(PoisonError::into_inner) = next;
        next
    }

    /// The daemon had been stopped, and goes on: deadlines of beats start anew.
    #[cfg(unix)]
    pub(crate) fn wake(&self) {
        self.happens(&Command::Resume { boot_id: self.about.boot_id.clone() });
        self.nearer.notify_one();
    }

    /// The deadlines that have passed, after one look at what listens.
    pub(crate) async fn tick(&self) -> bool {
        self.look().await;
        self.happens(&Command::Tick)
    }

    /// Whether a deadline has passed and nothing has followed from it.
    pub(crate) fn is_overdue(&self) -> bool {
        self.engine().next_deadline().is_some_and(|at| at <= system::now().awake)
    }

    /// Looks at what listens and tells the engine what is new. True if something was.
    ///
    /// Takes about 50 µs; more only if somebody unknown listens on a leased port.
    pub(crate) async fn look(&self) -> bool {
        let (mut changed, unknown) = self.glance();
        if unknown.is_empty() {
            return changed;
        }
        // Who it is takes longer. One looks it up, and whoever came to ask meanwhile finds it known.
        let _one_at_a_time = self.inquiry.lock().await;
        let (changed_since, unknown) = self.glance();
        changed |= changed_since;
        let answers = self.identify(&unknown).await;
        let table = self.ears().table().unwrap_or_default();
        for (unknown, command) in answers {
            // What has closed meanwhile is told by nobody any more.
            if table.get(&unknown.port).is_some_and(|sockets| unknown.sockets == *sockets) {
                changed |= self.happens(&command);
                self.ears().remember(&unknown);
            }
        }
        changed
    }

    /// What one table of the system's says: whether something changed, and who is not known yet.
    fn glance(&self) -> (bool, Vec<Unknown>) {
        let news = {
            let mut ears = self.ears();
            match ears.table() {
                Ok(table) => ears.compare(&table, self.engine().registry(), system::now()),
                Err(error) => {
                    tracing::warn!(%error, "listeners could not be listed");
                    return (false, Vec::new());
                }
            }
        };
        let mut changed = false;
        for port in news.silent {
            changed |= self.happens(&Command::Silent(port));
        }
        if !news.still.is_empty() {
            self.happens(&Command::StillHeard(news.still));
        }
        (changed, news.unknown)
    }

    fn ears(&self) -> MutexGuard<'_, Ears> {
        self.ears.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether some lease is silent, or ended so lately that its server may still come.
    pub(crate) fn awaits_listeners(&self) -> bool {
        let engine = self.engine();
        let registry = engine.registry();
        registry.awaits_listeners() || registry.orphaned_ports(system::now()).next().is_some()
    }

    /// Every listening socket, by port.
    pub(crate) fn sockets(&self) -> std::io::Result<BTreeMap<Port, Vec<ListeningSocket>>> {
        self.ears().table()
    }

    /// Who has the sockets of each, as commands; outside the engine, with a deadline.
    async fn identify(&self, unknown: &[Unknown]) -> Vec<(Unknown, Command)> {
        if unknown.is_empty() {
            return Vec::new();
        }
        let (unknown, own_uid) = (unknown.to_vec(), self.own_uid);
        tokio::task::spawn_blocking(move || ears::identify(unknown, own_uid)).await.unwrap_or_default()
    }

    /// These processes have ended: their leases end, or pass to whoever listens.
    pub(crate) async fn exited(&self, processes: &[ProcessKey]) {
        let touched: Vec<(ProcessKey, Vec<Port>)> = {
            let engine = self.engine();
            let of = |process: &ProcessKey| (*process, engine.registry().ports_touched_by(*process));
            processes.iter().map(of).collect()
        };
        let ports: BTreeSet<Port> = touched.iter().flat_map(|(_, ports)| ports.iter().copied()).collect();
        let heard = if ports.is_empty() { BTreeMap::new() } else { self.heard_on(&ports, processes).await };
        for (process, ports) in touched {
            let on = |port: Port| heard.get(&port).map(|listener| (port, listener.clone()));
            let listeners = ports.into_iter().filter_map(on).collect();
            self.happens(&Command::ProcessExited { process, listeners });
        }
    }

    /// Who listens on these leased ports now, after the end of `dead`.
    ///
    /// A process on its way out has a socket for some microseconds and no descriptor that shows whose it is. So who
    /// cannot be told is looked for again, for [`LOOKS`] times [`PAUSE`]: a lease must not pass to the dying.
    async fn heard_on(&self, ports: &BTreeSet<Port>, dead: &[ProcessKey]) -> BTreeMap<Port, Listener> {
        let untold = |listener: &Listener| listener.process.is_none() && listener.user == Relation::Own;
        let mut heard = self.look_on(ports, dead).await;
        for _ in 0..LOOKS {
            if !heard.values().any(untold) {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            heard = self.look_on(ports, dead).await;
        }
        heard
    }

    /// As [`Self::heard_on`], at one glance.
    async fn look_on(&self, ports: &BTreeSet<Port>, dead: &[ProcessKey]) -> BTreeMap<Port, Listener> {
        let table = self.ears().table();
        let unknown: Vec<Unknown> = {
            let engine = self.engine();
            let leases = ports.iter().filter_map(|port| engine.registry().lease_on(*port));
            match &table {
                Ok(table) => leases
                    .filter_map(|lease| Some(Unknown::on(lease, table.get(&lease.port)?.clone())))
                    .collect(),
                Err(error) => {
                    // Not to know is no reason to end anything: what was heard last counts, unless it is dead.
                    tracing::warn!(%error, "listeners could not be listed");
                    return leases
                        .filter_map(|lease| Some((lease.port, lease.listening.server()?.clone())))
                        .filter(|(_, server)| server.key().is_none_or(|key| !dead.contains(&key)))
                        .collect();
                }
            }
        };
        let mut heard = BTreeMap::new();
        for (unknown, command) in self.identify(&unknown).await {
            if let Command::Heard { port, listener } = command {
                heard.insert(port, listener);
                self.ears().remember(&unknown);
            }
        }
        heard
    }

    /// Re-checks every owner and every listener.
    pub(crate) async fn recheck(&self) {
        // Some microseconds each: thousands of them are not waited for on the serving thread.
        let mut gone: Vec<ProcessKey> = self.engine().registry().processes().collect();
        let look = move || {
            gone.retain(|process| !system::is_alive(process));
            gone
        };
        let gone = tokio::task::spawn_blocking(look).await.unwrap_or_default();
        if !gone.is_empty() {
            self.exited(&gone).await;
        }
        self.look().await;
    }

    /// Asks the daemon to stop: what is in flight is finished first.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Resolves when the daemon is asked to stop.
    pub(crate) async fn stopping(&self) {
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    /// How the daemon is.
    pub(crate) fn status(&self) -> api::StatusAnswer {
        let engine = self.engine();
        let (registry, health) = (engine.registry(), engine.journal().health());
        let (mode, why) = match &health.mode {
            crate::journal::Mode::Mapped => (api::JournalMode::Mapped, None),
            crate::journal::Mode::Plain { why } => (api::JournalMode::Plain, Some(why.clone())),
        };
        let compaction = health.compaction_error.as_deref().map(|error| crate::engine::chain(error));
        api::StatusAnswer {
            status: "running".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            api_version: api::API_VERSION,
            pid: own_pid(),
            uptime: seconds(self.about.ready_at.elapsed()),
            allocations: registry.lease_count(),
            instances: registry.instance_count(),
            listen: self.about.listen.clone(),
            memory: api::Memory { rss: system::resident_bytes().unwrap_or_default() },
            journal: Some(api::Journal {
                mode,
                generation: health.generation,
                used: health.used as u64,
                capacity: health.capacity as u64,
                trouble: compaction.or(why),
            }),
            watches: Some(api::Watches {
                processes: engine.watches.watched(),
                polled: engine.watches.polled(),
            }),
            notes: self.about.notes.clone(),
        }
    }
}

/// Whether a lease is silent from here on, or ended so that its server may still come: a listener is worth looking for.
const fn begins_silence(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Granted(_)
            | Fact::Silent { .. }
            | Fact::Conflict { by: None, .. }
            | Fact::Ended { reason: EndReason::OwnerExited, .. }
    )
}

/// This process' number.
pub(crate) fn own_pid() -> styxy_core::Pid {
    // A process number is never 0, and fits 31 bits on every system we know.
    styxy_core::Pid::new(std::process::id()).unwrap_or(styxy_core::Pid::MIN)
}

/// In seconds, to a thousandth.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}
