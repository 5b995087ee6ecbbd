//! What follows from what has happened: which services start now, and which end.

use std::time::Duration;

use styxy_core::WallTime;

use super::Keeper;
use super::ending::{self, Pace};
use super::give_back::{own_leases, with_own_leases};
use super::happen::{End, Exited, Happening, Over};
use super::log::say;
use super::ready;
use super::service::{Goal, Life, Process, Progress, Rest, Service};
use super::start;
use super::watch;
use crate::here::context::{self, Autostart};
use crate::here::stack_tree::StackTree;
use crate::say::age::now;
use crate::say::output;
use crate::up::read::STARTED;
use crate::up::system;
use crate::up::taken;
use crate::up::wire::{Expects, Hurry, LeaseKey, Order, Refused, State};

/// How long a server may take to listen once the process that has started it has ended well.
const HEIR: Duration = Duration::from_secs(2);

/// `0.8 s`
fn lasted(since: WallTime) -> String {
    let tenths = now().0.saturating_sub(since.0) / 100;
    format!("{}.{} s", tenths / 10, tenths % 10)
}

impl Keeper {
    /// Starts what may start, and ends what may end.
    pub(super) fn advance(&mut self) {
        loop {
            let next = self
                .services
                .iter()
                .find_map(|service| Some((service.order.label.clone(), self.step(service)?)));
            match next {
                None => return,
                Some((label, Step::Look)) => self.look(&label),
                Some((label, Step::End(hurry))) => self.end(&label, hurry),
                Some((label, Step::Gone)) => self.gone(&label, Over::default()),
                Some((label, Step::Rest(rest))) => {
                    if let Some(service) = self.service(&label) {
                        service.rest(rest);
                    }
                }
                Some((label, Step::Forget)) => self.forget(&label),
            }
        }
    }

    /// What is to be done about a service now.
    fn step(&self, service: &Service) -> Option<Step> {
        match (&service.life, service.goal) {
            (Life::Waits, Goal::Runs) => self.may_start(service),
            (Life::Waits, Goal::Ends(hurry)) if service.may_run => Some(Step::End(hurry)),
            (Life::Waits, Goal::Ends(_)) => Some(Step::Gone),
            (Life::Runs(..) | Life::Done(_) | Life::Outside { .. }, Goal::Ends(hurry)) => {
                // Those that come after it end first.
                let needs_it = |other: &Service| {
                    other.order.is_behind(&service.order.label)
                        && other.is_alive()
                        && other.goal != Goal::Runs
                };
                let is_needed = hurry == Hurry::None && self.services.iter().any(needs_it);
                (!is_needed).then_some(Step::End(hurry))
            }
            (Life::Ends(pace, _), Goal::Ends(hurry)) => {
                pace.hurry(hurry);
                None
            }
            (Life::Rests(_) | Life::Outside { .. }, _) if service.is_dropped => Some(Step::Forget),
            (Life::Looks | Life::Rests(_), _)
            | (Life::Runs(..) | Life::Done(_) | Life::Outside { .. } | Life::Ends(..), Goal::Runs) => None,
        }
    }

    fn may_start(&self, service: &Service) -> Option<Step> {
        let unstarted = |why: String, advice: Option<String>| {
            let why = Some(why);
            Some(Step::Rest(Rest { is_failed: true, why, advice, is_unstarted: true, ..Rest::default() }))
        };
        if let Some(Refused { why, advice }) = &service.order.refused {
            return unstarted(why.clone(), advice.clone());
        }
        // One that was renamed has the lease of the one before, which ends first: its server is not this one's.
        let is_before = |other: &Service| {
            other.order.label != service.order.label
                && other.is_alive()
                && other.goal != Goal::Runs
                && other.order.lease.as_ref().zip(service.order.lease.as_ref()).is_some_and(is_same_lease)
        };
        if self.services.iter().any(is_before) {
            return None;
        }
        let states = service.order.after.iter().filter_map(|label| {
            let other = self.services.iter().find(|other| other.order.label == *label)?;
            Some((label, other))
        });
        let mut all = true;
        for (label, other) in states {
            let state = other.state();
            let is_done =
                state == State::Ended && matches!(&other.life, Life::Rests(rest) if rest.code == Some(0));
            if matches!(state, State::Failed | State::Ended) && !is_done {
                let what = if state == State::Failed { "failed" } else { "has ended" };
                return unstarted(format!("not started: {label} {what}"), None);
            }
            all &= state.is_good() || is_done;
        }
        let before =
            self.services.iter().find(|other| Some(&other.order.label) == service.order.turn.as_ref());
        all &= before.is_none_or(|before| before.state().is_settled());
        all.then_some(Step::Look)
    }

    pub(super) fn next_start(&mut self) -> u64 {
        self.starts += 1;
        self.starts
    }

    /// Looks whether the server of a service runs already, and has it started if not.
    pub(super) fn look(&mut self, label: &str) {
        let start = self.next_start();
        let (own, project, happen) = (self.client.clone(), self.project.clone(), self.happen.clone());
        let Some(service) = self.service(label) else { return };
        // A daemon that does not run knows of no server that could end.
        let passive = || context::client(Autostart::Never).ok();
        let client = if service.goal == Goal::Runs { own } else { passive().unwrap_or(own) };
        service.start = start;
        service.life = Life::Looks;
        let (label, order) = (label.to_owned(), service.order.clone());
        tokio::spawn(async move {
            let outside = ready::runs_already(&client, project.as_ref(), &order).await;
            let _ = happen.send(Happening::Looked { label, start, outside });
        });
    }

    /// Starts a service.
    pub(super) fn start(&mut self, label: &str) {
        let start = format!("{:x}-{:x}", std::process::id(), now().0 * 1000 + self.starts);
        let mark = self.place.mark(label, &start);
        let log = self.log(label);
        let environment = self.environment.clone();
        let (client, project, happen) = (self.client.clone(), self.project.clone(), self.happen.clone());
        let hearing = self.hearing.clone();
        let Some(service) = self.service(label) else { return };
        let order = service.order.clone();
        let started = log.and_then(|log| {
            say(&log, &started_line(&order));
            start::start(&order, &environment, &mark, &log)
        });
        let started = match started {
            Ok(started) => started,
            Err(error) => {
                let why = Some(format!("it could not be started: {error}"));
                return service.rest(Rest { is_failed: true, why, is_unstarted: true, ..Rest::default() });
            }
        };
        let pid = started.pid;
        service.may_run |= order.stop.is_some();
        let process = Process { pid, started: started.began, mark, since: now(), terminal: started.terminal };
        service.life = Life::Runs(process, Progress::Starts);
        let (label, start) = (label.to_owned(), service.start);
        let say = move |found| drop(happen.send(Happening::Found { label: label.clone(), start, found }));
        tokio::spawn(ready::watch((client, hearing), project, order, pid, say));
    }

    /// Ends a service, on a thread of its own.
    fn end(&mut self, label: &str, hurry: Hurry) {
        let (log, path) = (self.log(label).ok(), self.place.log(label));
        let environment = self.environment.clone();
        let Some(service) = self.service(label) else { return };
        let pace = Pace::new(hurry);
        let own = with_own_leases(service);
        let life = std::mem::replace(&mut service.life, Life::Waits);
        let (process, outside) = match life {
            Life::Runs(process, _) => (Some(process), None),
            Life::Outside { pid, .. } => (None, pid),
            Life::Rests(_) | Life::Waits | Life::Looks | Life::Done(_) | Life::Ends(..) => (None, None),
        };
        let (leader, mark) = match &process {
            Some(process) => (Some((process.pid, process.started)), Some(process.mark.clone())),
            None => (
                outside.and_then(|pid| Some((pid, crate::process::started(styxy_core::Pid::new(pid)?)?))),
                None,
            ),
        };
        let stop = service.order.stop.clone().zip(log);
        let (order, start) = (service.order.clone(), service.start);
        service.life = Life::Ends(pace.clone(), process);
        let (label, happen, tree) = (label.to_owned(), self.happen.clone(), self.tree(leader, mark));
        let (client, project) = (self.client.clone(), self.project.clone());
        let work = move |leases| {
            // What still starts it ends first, or it would run again.
            let mut over = tree.map(|mut tree| ending::end(&mut tree, &pace)).unwrap_or_default();
            if let Some((words, log)) = stop {
                match start::stop(&words, &order, &environment, (&log, &path), &pace) {
                    Ok(()) => over.is_stopped = true,
                    Err(error) => {
                        let said = format!("it could not be stopped: {error}");
                        say(&log, &said);
                        over.left.push(said);
                    }
                }
            }
            let over = Over { leases, ..over };
            let _ = happen.send(Happening::Ended { label, start, over });
        };
        tokio::spawn(async move {
            let leases = match own {
                Some(own) => own_leases(&client, project.as_ref(), &own).await,
                None => Vec::new(),
            };
            let thread = std::thread::Builder::new().name("ending".to_owned());
            if thread.spawn(move || work(leases)).is_err() {
                output::warning("there is no room for a thread that ends a service");
            }
        });
    }

    /// What belongs to a process; none if there never was one.
    fn tree(&self, leader: Option<(u32, u64)>, mark: Option<String>) -> Option<StackTree> {
        let leader = leader?;
        let others = self.services.iter().filter_map(Service::process);
        let others = others.map(|process| (process.pid, process.started));
        let others = others.filter(|(pid, _)| *pid != leader.0).collect();
        Some(StackTree::new(leader, mark, others, Self::daemon(), &self.caller, self.looks.clone()))
    }

    /// The daemon's process, which may have been started by a service.
    fn daemon() -> Option<u32> {
        let file = crate::here::context::layout().ok()?.daemon_file();
        let file: styxy_core::handshake::DaemonFile =
            serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
        Some(file.pid.get())
    }

    /// A process has ended: looks for the one that its lease has passed to, else for who has its port.
    pub(super) fn look_for_heir(&mut self, label: &str, end: Option<End>) {
        let log = self.place.log(label);
        let (client, project, happen) = (self.client.clone(), self.project.clone(), self.happen.clone());
        let Some(service) = self.service(label) else { return };
        let (order, start, label) = (service.order.clone(), service.start, label.to_owned());
        let before = service.process().map(|process| process.pid);
        let after = service.process().map(|process| lasted(process.since)).unwrap_or_default();
        let patience = if end.is_some_and(End::is_good) && order.expects == Expects::Listener {
            HEIR
        } else {
            Duration::ZERO
        };
        tokio::spawn(async move {
            let heir = match &order.lease {
                Some(key) => ready::heir(&client, project.as_ref(), key, before, patience).await,
                None => None,
            };
            let advice = match end {
                Some(end) if heir.is_none() && !end.is_good() => taken::advice(&client, &order, &log).await,
                Some(_) | None => None,
            };
            let exited = Exited { end, after, advice };
            let _ = happen.send(Happening::Heir { label, start, heir, exited });
        });
    }

    /// A service is late: its server may have found its port taken, and what has started it waits for a change.
    pub(super) fn look_for_advice(&mut self, label: &str, why: String) {
        let (client, happen, log) = (self.client.clone(), self.happen.clone(), self.place.log(label));
        let Some(service) = self.service(label) else { return };
        let (order, start, label) = (service.order.clone(), service.start, label.to_owned());
        tokio::spawn(async move {
            let advice = taken::advice(&client, &order, &log).await;
            let _ = happen.send(Happening::Late { label, start, why, advice });
        });
    }

    /// Ends what a service has left behind that has ended by itself.
    pub(super) fn sweep(&mut self, label: &str, rest: Rest) {
        let Some(service) = self.service(label) else { return };
        let Life::Runs(process, _) = &service.life else { return };
        let leader = (process.pid, process.started);
        let (mark, start) = (process.mark.clone(), service.start);
        service.rest_of_end = Some(rest);
        let pace = Pace::new(Hurry::Some);
        service.life = Life::Ends(pace.clone(), None);
        let (label, happen, tree) =
            (label.to_owned(), self.happen.clone(), self.tree(Some(leader), Some(mark)));
        let work = move || {
            let over = tree.map(|mut tree| ending::end(&mut tree, &pace)).unwrap_or_default();
            let over = Over { is_rest: true, ..over };
            let _ = happen.send(Happening::Ended { label, start, over });
        };
        if std::thread::Builder::new().name("ending".to_owned()).spawn(work).is_err() {
            output::warning("there is no room for a thread that ends what a service has left");
        }
    }

    /// Says when a process ends that is not this one's child.
    pub(super) fn watch_adopted(&mut self, label: &str) {
        let happen = self.happen.clone();
        let Some(service) = self.service(label) else { return };
        let pid = match service.life {
            Life::Outside { pid, .. } => pid,
            Life::Rests(_) | Life::Waits | Life::Looks | Life::Runs(..) | Life::Done(_) | Life::Ends(..) => {
                service.process().map(|process| process.pid)
            }
        };
        let Some(pid) = pid else { return };
        if let Some(process) = service.process() {
            system::hold(&process.mark);
        }
        let (start, name) = (service.start, label.to_owned());
        let ended = {
            let label = name.clone();
            move |end| Happening::Adopted { label, start, end }
        };
        if watch::process(pid, &happen, ended).is_err() {
            // It has ended by now.
            let _ = happen.send(Happening::Adopted { label: name, start, end: None });
        }
    }

    /// Says when a service is ready that runs already.
    pub(super) fn listen(&mut self, label: &str) {
        let (client, project, happen) = (self.client.clone(), self.project.clone(), self.happen.clone());
        let hearing = self.hearing.clone();
        let Some(service) = self.service(label) else { return };
        let Some(pid) = service.process().map(|process| process.pid) else { return };
        let (order, start, label) = (service.order.clone(), service.start, label.to_owned());
        let say = move |found| drop(happen.send(Happening::Found { label: label.clone(), start, found }));
        tokio::spawn(ready::watch((client, hearing), project, order, pid, say));
    }
}

fn is_same_lease((one, other): (&LeaseKey, &LeaseKey)) -> bool {
    (&one.kind, &one.name) == (&other.kind, &other.name)
}

/// What is to be done about a service.
enum Step {
    Look,
    End(Hurry),
    /// Nothing of it is left, or ever was there.
    Gone,
    Rest(Rest),
    Forget,
}

/// `started 2026-11-27T02:30:12.123Z on port 3001: pnpm dev`
fn started_line(order: &Order) -> String {
    let port = order.lease.as_ref().map(|key| format!(" on port {}", key.port)).unwrap_or_default();
    let began = STARTED.trim_start_matches(crate::up::read::MARK).trim();
    format!("{began} {}{port}: {}", now(), output::one_line(&order.shown))
}
