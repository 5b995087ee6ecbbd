//! What runs of a worktree's services that an earlier keeper has started: what it has written down, and what nothing was written down about, because the file is damaged, or of a newer version, or the
//! disk was full: each carries the mark of its worktree and its service (R131).

use std::collections::BTreeMap;
use std::path::Path;

use styxy_client::agents;
use styxy_core::WallTime;
use styxy_core::belongs::service_of_mark;

use super::Keeper;
use super::memory::Memory;
use super::service::{Goal, Life, Process, Progress, Rest, Service};
use crate::process::table::{self, Entry, Processes, User};
use crate::say::age::now;
use crate::say::output;
use crate::up::place::Place;
use crate::up::wire::{Expects, Hurry, LeaseKey, Order, State};

/// The processes of services of this place, the one for each service that was started first, but for the services `known`.
pub(super) fn find(place: &Place, known: &[&str]) -> BTreeMap<String, Process> {
    let table = Processes::default().look().map(|look| look.table).unwrap_or_default();
    let own = std::process::id();
    let above: Vec<u32> = agents::ancestors_of(own).chain([own]).collect();
    let mut found: BTreeMap<&str, &Entry> = BTreeMap::new();
    let is_its = |mark: &&str| place.is_of_mark(mark);
    // What works elsewhere went its own way, and was spared.
    let is_here = |pid| table::folder(pid).is_some_and(|folder| folder.starts_with(place.root()));
    for entry in table.values().filter(|entry| entry.user == User::Own && !above.contains(&entry.pid)) {
        let label = entry.stack.as_deref().filter(is_its).and_then(service_of_mark);
        let Some(label) = label.filter(|label| !known.contains(label) && is_here(entry.pid)) else {
            continue;
        };
        // The one that leads the service's own session, if that is still there.
        let rank = |entry: &Entry| (!entry.leads_session, entry.started);
        let before = found.entry(label).or_insert(entry);
        if rank(entry) < rank(before) {
            *before = entry;
        }
    }
    let process = |entry: &Entry| Process {
        pid: entry.pid,
        started: styxy_core::Pid::new(entry.pid).and_then(crate::process::started).unwrap_or_default(),
        mark: entry.stack.as_deref().unwrap_or_default().to_owned(),
        since: since(entry),
        terminal: None,
    };
    found.into_iter().map(|(label, entry)| (label.to_owned(), process(entry))).collect()
}

/// When the process began, by the clock on the wall.
fn since(entry: &Entry) -> WallTime {
    let of = |pid| styxy_daemon::system::identify(pid).ok().map(|found| found.process.started_at);
    styxy_core::Pid::new(entry.pid).and_then(of).unwrap_or_else(now)
}

/// A service of which nobody knows what it was started with.
pub(super) fn service(label: &str, process: Process, root: &Path) -> Service {
    let mut service = Service::new(unknown(label, root, None));
    service.life = Life::Runs(process, Progress::Running);
    service
}

/// What is known of a service that was not started for an order.
pub(in crate::up) fn unknown(label: &str, root: &Path, lease: Option<LeaseKey>) -> Order {
    Order {
        label: label.to_owned(),
        definition: String::new(),
        keys: Vec::new(),
        words: Vec::new(),
        shown: String::new(),
        cwd: root.to_owned(),
        env: Vec::new(),
        lease,
        wished: None,
        expects: Expects::Nothing,
        ready: None,
        after: Vec::new(),
        tty: false,
        timeout_ms: 0,
        lock: None,
        session: None,
        stop: None,
        turn: None,
        refused: None,
    }
}

/// Adds what runs and was not written down to `services`, and returns its labels. What a service has left behind that has ended by itself
/// is to end too.
pub(super) fn join(services: &mut Vec<Service>, place: &Place) -> Vec<String> {
    let runs = services.iter().filter(|service| service.process().is_some());
    let known: Vec<&str> = runs.map(|service| service.order.label.as_str()).collect();
    let found = find(place, &known);
    let labels = found.keys().cloned().collect();
    for (label, process) in found {
        match services.iter_mut().find(|service| service.order.label == label) {
            Some(service) => {
                if let Life::Rests(rest) = &service.life {
                    service.rest_of_end = Some(rest.clone());
                }
                service.life = Life::Runs(process, Progress::Running);
                service.goal = Goal::Ends(Hurry::None);
            }
            None => services.push(self::service(&label, process, place.root())),
        }
    }
    labels
}

impl Keeper {
    /// Takes over what an earlier keeper has started (R131).
    pub(super) fn adopt(&mut self) {
        let (memory, problem) = Memory::read(&self.place);
        if let Some(problem) = problem {
            output::warning(&problem);
            self.unsaid.push(problem);
        }
        let Some(memory) = memory else { return };
        let is_current = memory.is_current(self.folder);
        (self.session, self.ends) = (memory.session, memory.ends);
        for remembered in memory.services {
            let start = self.next_start();
            let label = remembered.order.label.clone();
            let mut service = remembered.service();
            service.start = start;
            let is_ready = matches!(service.life, Life::Runs(_, Progress::Ready(_)));
            if !is_current {
                if let Some(process) = service.process() {
                    let pid = process.pid;
                    output::warning(&format!(
                        "{label} (pid {pid}) runs in a folder that was at this path before"
                    ));
                }
                service.rest(Rest::default());
            }
            let (runs, outside) = (matches!(service.life, Life::Runs(..)), service.state() == State::Outside);
            self.services.push(service);
            if runs {
                self.adopted(&label, is_ready);
            } else if outside {
                self.watch_adopted(&label);
            }
        }
    }

    fn adopted(&mut self, label: &str, is_ready: bool) {
        self.watch_adopted(label);
        if let Err(error) = self.log(label) {
            output::warning(&format!("the log of {label}: {error}"));
        }
        if !is_ready {
            self.listen(label);
        }
    }

    /// Takes over what runs and was not written down.
    pub(super) fn adopt_survivors(&mut self) {
        for label in join(&mut self.services, &self.place) {
            let start = self.next_start();
            let Some(service) = self.service(&label) else { continue };
            service.start = start;
            let is_unknown = service.order.definition.is_empty();
            if let Some(pid) = service.process().map(|process| process.pid).filter(|_| is_unknown) {
                self.unsaid.push(format!("{label} (pid {pid}) still runs from before"));
            }
            self.watch_adopted(&label);
        }
    }
}
