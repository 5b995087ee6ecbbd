//! Finds out who listens on leased ports, and tells the engine: after an allocate, when a socket closes, at a request,
//! at the end of an owner, and by the sweep.
//!
//! The table of sockets takes microseconds to read. Who holds a socket takes longer, so it is looked up outside the
//! engine and with a deadline, and only for sockets that are new.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use styxy_core::order::{map, set};
use styxy_core::{Command, Listener, LockId, Pid, Port, ProcessKey, ProjectId, ProjectPath, Relation};
use uuid::Uuid;

use super::last_seen::{Claim, LastSeen, Observation, Ports, Sighting, Sockets};
use super::sessions::Signs;
use super::{Daemon, Outcome};
use crate::containers::Containers;
use crate::system::{self, Details, ListeningSocket};

/// How long the holders of one observation's sockets may be looked for.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the holder of a socket is looked for again that cannot be identified.
const RETRIES: usize = 5;
/// How long to wait before each of them.
const PAUSE: Duration = Duration::from_millis(4);
/// How many processes above a server are looked at for the owner of a lease.
const ANCESTORS: usize = 32;
/// A listener that is known for less than this is news.
const AT_FIRST: Duration = Duration::from_millis(50);

impl Daemon {
    /// Tells the engine what has changed on leased ports since the last time.
    ///
    /// Takes about 50 µs; longer only if a process that is not known yet listens on a leased port.
    pub(crate) async fn refresh(&self) -> Outcome {
        let first = self.report(&[]);
        if first.unidentified.is_empty() {
            return first.outcome;
        }
        // One task identifies at a time. For whoever waited, a look counts that began in the meantime: with a server that closes
        // and opens its port all the time, each look finds something that is not known.
        let begun = self.looks.load(Ordering::Relaxed);
        let mut latest = self.identifying.lock().await;
        if latest.0 > begun {
            return first.outcome.max(latest.1);
        }
        let this = self.looks.fetch_add(1, Ordering::Relaxed) + 1;
        let second = self.report(&[]);
        let identified = self.identify(second.unidentified).await;
        let last = self.report(&identified);
        let outcome = first.outcome.max(second.outcome).max(last.outcome);
        *latest = (this, outcome);
        outcome
    }

    /// Observes once and tells the engine which ports nobody listens on any more, which are as before, and who listens on
    /// the others, if `identified` has these very sockets. What the engine could not keep is reported again next time.
    fn report(&self, identified: &[Identified]) -> Report {
        let mut report = Report::default();
        let Some(seen) = self.observe(Ports::Changed) else { return report };
        for port in seen.silent {
            let outcome = self.happens(&Command::Silent(port));
            if outcome != Outcome::Failed {
                self.last_seen().forget(port);
            }
            report.outcome = report.outcome.max(outcome);
        }
        if !seen.still.is_empty() {
            self.happens(&Command::StillHeard(seen.still));
        }
        for sighting in seen.unidentified {
            let Some(known) = identified.iter().find(|known| known.sighting.is_of(&sighting)) else {
                report.unidentified.push(sighting);
                continue;
            };
            let (port, listeners) = (sighting.port, known.listeners.clone());
            for (id, at) in &known.found {
                // Its folder may have moved since it was leased for. Seen from the old path it would be a stranger.
                self.found(id, at);
            }
            let is_unnamed = listeners.iter().any(Containers::may_name);
            let unnamed = if is_unnamed { self.last_seen().unnamed_for(&sighting) } else { None };
            let command = match sighting.claim {
                Claim::Leased => {
                    let sessions = self.sessions(&known.signs);
                    Some(Command::Heard { port, listeners, sessions })
                }
                Claim::Unleased => one_of(listeners).map(|listener| {
                    let fresh_id = LockId::new(Uuid::new_v4());
                    let here = |(_, at): &&(_, _)| listener.project.as_ref() == Some(at);
                    let project_id = known.found.iter().find(here).map(|(id, _)| id.clone());
                    let line = known.line.clone();
                    Command::Adopt { port, listener, project_id, line, fresh_id }
                }),
            };
            let outcome = command.map_or(Outcome::Unchanged, |command| self.happens(&command));
            // What is only asked for again is no change: the schedule of looks goes on as it was.
            if unnamed.is_none_or(|age| age < AT_FIRST) {
                report.outcome = report.outcome.max(outcome);
            }
            if outcome != Outcome::Failed && unnamed.is_none() {
                self.last_seen().remember(sighting);
            }
        }
        report
    }

    /// What the system's table says of `ports` now. `None` if it cannot be read, which says nothing about who listens.
    fn observe(&self, ports: Ports<'_>) -> Option<Observation> {
        let mut last_seen = self.last_seen();
        let sockets = last_seen.sockets();
        let sockets = sockets.inspect_err(|error| tracing::warn!(%error, "listeners could not be listed"));
        Some(last_seen.compare(ports, &sockets.ok()?, self.engine().registry()))
    }

    /// Every listening socket of the machine, by port.
    ///
    /// # Errors
    /// The table cannot be read now.
    pub(crate) fn sockets(&self) -> io::Result<Sockets> {
        self.last_seen().sockets()
    }

    fn last_seen(&self) -> MutexGuard<'_, LastSeen> {
        self.last_seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// These processes have ended: their leases end, or pass to whoever listens.
    pub(crate) async fn exited(&self, processes: &[ProcessKey]) {
        let touched: Vec<(ProcessKey, Vec<Port>)> = {
            let engine = self.engine();
            let of = |process: &ProcessKey| (*process, engine.registry().ports_touched_by(*process));
            processes.iter().map(of).collect()
        };
        let ports = set(touched.iter().flat_map(|(_, ports)| ports.iter().copied()));
        let listening =
            if ports.is_empty() { BTreeMap::new() } else { self.listeners_on(&ports, processes).await };
        for (process, ports) in touched {
            let on = |port: Port| {
                let all = listening.get(&port).into_iter().flatten();
                all.map(move |listener| (port, listener.clone()))
            };
            let listeners = ports.into_iter().flat_map(on).collect();
            self.happens(&Command::ProcessExited { process, listeners });
        }
    }

    /// Who listens on these leased ports now, after the end of `dead`.
    ///
    /// The socket of a process that is ending outlives, by some microseconds, the descriptor that shows whose it is. A
    /// lease must not pass to such a process, so a holder that cannot be identified is looked for again.
    async fn listeners_on(
        &self,
        ports: &BTreeSet<Port>,
        dead: &[ProcessKey],
    ) -> BTreeMap<Port, Vec<Listener>> {
        let mut retries = RETRIES;
        loop {
            let Some(seen) = self.observe(Ports::These(ports)) else { return self.known_on(ports, dead) };
            let mut listening = BTreeMap::new();
            for Identified { sighting, listeners, found, line: _, signs: _ } in
                self.identify(seen.unidentified).await
            {
                for (id, at) in &found {
                    self.found(id, at);
                }
                let is_strange = |listener: &Listener| listener.is_stranger_to(sighting.project.as_ref());
                let has_stranger = listeners.iter().any(is_strange);
                listening.insert(sighting.port, listeners);
                // The end of a process says nothing of strangers: the next look does.
                if !has_stranger {
                    self.last_seen().remember(sighting);
                }
            }
            let is_unidentified = |who: &Listener| who.process.is_none() && who.user == Relation::Own;
            if retries == 0 || !listening.values().flatten().any(is_unidentified) {
                return listening;
            }
            retries -= 1;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Who listens at each sighting, looked up on another thread; takes [`PATIENCE`] and a little more at most.
    pub(super) async fn identify(&self, sightings: Vec<Sighting>) -> Vec<Identified> {
        if sightings.is_empty() {
            return Vec::new();
        }
        let (own_uid, containers) = (self.own_uid, Arc::clone(&self.containers));
        let look_up = move || look_up(sightings, own_uid, &containers);
        // An error means that the daemon is stopping: a panic would have ended it.
        tokio::task::spawn_blocking(look_up).await.unwrap_or_default()
    }

    /// The servers that the engine knows on these ports, without those of `dead`. They count where the table cannot be
    /// read: no lease ends for that.
    fn known_on(&self, ports: &BTreeSet<Port>, dead: &[ProcessKey]) -> BTreeMap<Port, Vec<Listener>> {
        let engine = self.engine();
        let leases = ports.iter().filter_map(|port| engine.registry().lease_on(*port));
        let served = leases
            .filter_map(|lease| Some((lease.port, lease.listening.server()?.clone())))
            .filter(|(_, server)| server.key().is_none_or(|key| !dead.contains(&key)));
        map(served.map(|(port, server)| (port, vec![server])))
    }

    /// Checks the daemon's own files, every owner and every listener again.
    pub(crate) async fn recheck(&self) {
        // What cannot be put back was logged, and is tried again.
        let _ = self.settle();
        let mut gone: Vec<ProcessKey> = self.engine().registry().processes().collect();
        // Some microseconds for each process: thousands of them would keep the serving thread.
        let retain_dead = move || {
            gone.retain(|process| !system::is_alive(process));
            gone
        };
        // An error means that the daemon is stopping: a panic would have ended it.
        let gone = tokio::task::spawn_blocking(retain_dead).await.unwrap_or_default();
        if !gone.is_empty() {
            self.exited(&gone).await;
        }
        self.follow().await;
        self.refresh().await;
    }
}

/// What came of one observation.
#[derive(Debug, Default)]
struct Report {
    outcome: Outcome,
    /// What is not reported yet, because it is unknown who listens.
    unidentified: Vec<Sighting>,
}

/// Who listens at a sighting.
#[derive(Debug)]
pub(super) struct Identified {
    sighting: Sighting,
    pub(super) listeners: Vec<Listener>,
    /// Where the listeners' folders are, and which ones they are.
    found: Vec<(ProjectId, ProjectPath)>,
    /// Where no lease is: the processes that listen, and those above them.
    line: Vec<ProcessKey>,
    /// Where one is: of which sessions they are.
    signs: Vec<Signs>,
}

fn look_up(sightings: Vec<Sighting>, own_uid: Option<u32>, containers: &Containers) -> Vec<Identified> {
    let deadline = Instant::now() + PATIENCE;
    let sockets: Vec<ListeningSocket> = sightings.iter().flat_map(|seen| seen.sockets.clone()).collect();
    let hints: Vec<Pid> = sightings.iter().flat_map(|seen| seen.hints.clone()).collect();
    let holders = system::find_holders(&sockets, &hints, deadline);
    let with_listeners = |sighting: Sighting| {
        let (mut listeners, mut found) = (Vec::<Listener>::new(), Vec::new());
        for socket in &sighting.sockets {
            let holder = holders.get(&socket.inode).copied().or(socket.pid);
            let (listener, folder) = listener(socket, holder, own_uid, deadline);
            let listener = in_container(listener, socket.port, containers);
            // Several sockets on one port (IPv4 and IPv6) are most often of one process.
            if !listeners.contains(&listener) {
                listeners.push(listener);
                found.extend(folder);
            }
        }
        let (line, signs) = match sighting.claim {
            Claim::Leased => (Vec::new(), Signs::of(&listeners, line)),
            Claim::Unleased => {
                (listeners.iter().filter_map(Listener::key).flat_map(line).collect(), Vec::new())
            }
        };
        Identified { sighting, listeners, found, line, signs }
    };
    sightings.into_iter().map(with_listeners).collect()
}

/// The process, and those above it.
fn line(process: ProcessKey) -> impl Iterator<Item = ProcessKey> {
    std::iter::once(process).chain(system::ancestors(process.pid, ANCESTORS))
}

/// The listener with the container that it serves, and that container's checkout, if an engine names one.
fn in_container(listener: Listener, port: Port, containers: &Containers) -> Listener {
    let process = listener.process.as_ref().map(|process| &*process.name);
    match containers.behind(process, listener.user, port) {
        Some(container) => {
            let project = container.place().project.or_else(|| listener.project.clone());
            Listener { project, container: Some(container.name.into()), ..listener }
        }
        None => listener,
    }
}

/// One that stands for all of them, if they are of one user and one worktree.
pub(super) fn one_of(listeners: Vec<Listener>) -> Option<Listener> {
    let of = |listener: &Listener| (listener.user, listener.project.clone());
    let first = listeners.first().map(of)?;
    let is_one = listeners.iter().all(|listener| of(listener) == first);
    listeners.into_iter().min_by_key(|listener| listener.process.is_none()).filter(|_| is_one)
}

/// Who listens on `socket`, in the core's terms, and where its folder is.
fn listener(
    socket: &ListeningSocket,
    holder: Option<Pid>,
    own_uid: Option<u32>,
    deadline: Instant,
) -> (Listener, Option<(ProjectId, ProjectPath)>) {
    if let Some(details) = holder.and_then(|pid| system::describe(pid, deadline).ok()) {
        let Details { identified, place, .. } = details;
        let (user, process) = (identified.user, Some(identified.process));
        return (Listener { user, process, project: place.project_path, container: None }, place.found);
    }
    let user = match (socket.uid, own_uid) {
        (Some(theirs), Some(own)) if theirs == own => Relation::Own,
        (Some(0), Some(_)) => Relation::Root,
        (Some(_), Some(_)) => Relation::Other,
        (None, _) | (_, None) => Relation::Own,
    };
    (Listener { process: None, user, project: None, container: None }, None)
}
