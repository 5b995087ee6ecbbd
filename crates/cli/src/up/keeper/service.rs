//! One service as the keeper knows it: what is to run, what runs, and what people see of it.

use std::path::PathBuf;

use styxy_core::{Port, WallTime};

use super::ending::Pace;
use crate::here::variables::url;
use crate::say::age::now;
use crate::up::system::Terminal;
use crate::up::wire::{Expects, Hurry, Order, Outside, State, View};

/// A service.
pub(super) struct Service {
    pub(super) order: Order,
    /// What is to run instead once this one has ended.
    pub(super) next: Option<Order>,
    pub(super) life: Life,
    pub(super) goal: Goal,
    /// Which start it is: what is heard of an earlier one does not count.
    pub(super) start: u64,
    /// Whether nobody wants it any more: it is forgotten once it has ended.
    pub(super) is_dropped: bool,
    /// How it rests once what it has left behind has ended.
    pub(super) rest_of_end: Option<Rest>,
    /// Whether something of it had to be killed, the last time that it was ended.
    pub(super) killed: bool,
    /// Whether compose was asked to start it, and has not stopped it since.
    pub(super) may_run: bool,
    /// Whose connection it ends with.
    pub(super) owner: Option<u64>,
    /// Whether its server ends too if it was not started here.
    pub(super) outside: Outside,
}

/// What becomes of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    Runs,
    Ends(Hurry),
}

/// What a service does.
pub(super) enum Life {
    /// Nothing.
    Rests(Rest),
    /// It waits for those that it comes after.
    Waits,
    /// It is looked whether its server runs already.
    Looks,
    Runs(Process, Progress),
    /// Its command has done what it does, and something ends that again.
    Done(WallTime),
    /// Its server was not started here.
    Outside {
        pid: Option<u32>,
        port: Option<Port>,
    },
    Ends(Pace, Option<Process>),
}

/// How a service rests.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Rest {
    pub(super) is_failed: bool,
    pub(super) why: Option<String>,
    pub(super) code: Option<i32>,
    /// What can be done about it.
    #[serde(default)]
    pub(super) advice: Option<String>,
    /// Whether it was not started at all: what its log says is of an earlier start.
    #[serde(default)]
    pub(super) is_unstarted: bool,
    /// Whether something of it could not be ended.
    #[serde(default)]
    pub(super) is_left: bool,
}

/// The process of a service.
pub(super) struct Process {
    pub(super) pid: u32,
    /// With the pid this identifies it.
    pub(super) started: u64,
    /// What its environment and those of its descendants contain.
    pub(super) mark: String,
    pub(super) since: WallTime,
    pub(super) terminal: Option<Terminal>,
}

/// How far a process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    Starts,
    /// It serves, on this port if it has one.
    Ready(Option<Port>),
    Running,
    /// It is not ready in time: why, and what can be done about it.
    Late {
        why: String,
        advice: Option<String>,
    },
}

impl Service {
    pub(super) fn new(order: Order) -> Self {
        let goal = Goal::Runs;
        Self {
            order,
            next: None,
            life: Life::Waits,
            goal,
            start: 0,
            is_dropped: false,
            rest_of_end: None,
            killed: false,
            may_run: false,
            owner: None,
            outside: Outside::Stays,
        }
    }

    /// `run, env`: what is written otherwise in `order`, and else what is otherwise in its lease; empty if that is unknown, or nothing.
    pub(super) fn changed(&self, order: &Order) -> Vec<String> {
        let before = &self.order.keys;
        let is_other =
            |(key, hash): &&(String, String)| before.iter().any(|(known, old)| known == key && old != hash);
        let changed: Vec<String> = order.keys.iter().filter(is_other).map(|(key, _)| key.clone()).collect();
        let moves = !changed.iter().any(|key| key == "port") && self.moves(order);
        let changed: Vec<String> = changed.into_iter().chain(moves.then(|| "port".to_owned())).collect();
        let keys = self.order.lease.as_ref().zip(order.lease.as_ref()).filter(|_| changed.is_empty());
        let (kind, name) =
            keys.map(|(old, new)| (old.kind != new.kind, old.name != new.name)).unwrap_or_default();
        let of_lease = [("type", kind), ("name", name)].into_iter().filter(|(_, is_other)| *is_other);
        changed.into_iter().chain(of_lease.map(|(key, _)| key.to_owned())).collect()
    }

    /// It has another order. A container that may run and cannot be started again is ended as before.
    pub(super) fn take(&mut self, order: Order) {
        let before = std::mem::replace(&mut self.order, order);
        if self.may_run && self.order.refused.is_some() {
            (self.order.stop, self.order.env) = (before.stop, before.env);
        }
    }

    /// Whether it is to go to another port, which is leased for it (R149).
    pub(super) fn moves(&self, order: &Order) -> bool {
        let Some((before, now)) = self.order.lease.as_ref().zip(order.lease.as_ref()) else { return false };
        let wish = order.wished.and_then(|wished| wished.instead_of(before.port, self.order.wished));
        before.port != now.port && wish == Some(now.port)
    }

    /// It is to run, from the beginning.
    pub(super) fn begin(&mut self) {
        (self.life, self.goal, self.rest_of_end) = (Life::Waits, Goal::Runs, None);
        self.outside = Outside::Stays;
    }

    pub(super) fn rest(&mut self, rest: Rest) {
        self.life = Life::Rests(rest);
        self.outside = Outside::Stays;
    }

    /// It is to end, and nothing is started in its place.
    pub(super) fn end(&mut self, hurry: Hurry) {
        self.next = None;
        if self.state() == State::Outside || matches!(self.life, Life::Rests(_)) {
            return;
        }
        self.goal = match self.goal {
            Goal::Ends(before) => Goal::Ends(before.max(hurry)),
            Goal::Runs => Goal::Ends(hurry),
        };
    }

    pub(super) fn state(&self) -> State {
        match &self.life {
            // It waits only for those that come after it to end.
            Life::Runs(..) | Life::Done(_) if self.goal != Goal::Runs => State::Ending,
            // What it has left behind is ended; that it has failed is known.
            Life::Ends(..) if self.failed_before().is_some() => State::Failed,
            Life::Rests(rest) if rest.is_failed => State::Failed,
            Life::Rests(_) => State::Ended,
            Life::Waits => State::Waiting,
            Life::Looks | Life::Runs(_, Progress::Starts) => State::Starting,
            Life::Runs(_, Progress::Ready(_)) | Life::Done(_) => State::Ready,
            Life::Runs(_, Progress::Running) => State::Running,
            Life::Runs(_, Progress::Late { .. }) => State::Failed,
            Life::Outside { .. } => State::Outside,
            Life::Ends(..) => State::Ending,
        }
    }

    /// How it has failed by itself, while only what it has left behind ends.
    fn failed_before(&self) -> Option<&Rest> {
        self.rest_of_end.as_ref().filter(|rest| rest.is_failed && self.goal == Goal::Runs)
    }

    /// How it rests, or will once what it has left behind has ended.
    fn known_rest(&self) -> Option<&Rest> {
        match &self.life {
            Life::Rests(rest) => Some(rest),
            Life::Ends(..) => self.failed_before(),
            Life::Waits | Life::Looks | Life::Runs(..) | Life::Done(_) | Life::Outside { .. } => None,
        }
    }

    /// Whether it is a container that may run although it rests: what starts one, or ends it, may fail.
    pub(super) fn is_left_container(&self) -> bool {
        self.order.stop.is_some() && self.may_run && self.known_rest().is_some()
    }

    /// Nobody wants it any more: it ends, and is forgotten then.
    pub(super) fn drop_it(&mut self) {
        self.is_dropped = true;
        self.end(Hurry::None);
        if self.is_left_container() {
            self.stop_again(Hurry::None);
        }
    }

    /// It is a container that may run, and is to be stopped.
    pub(super) fn stop_again(&mut self, hurry: Hurry) {
        (self.life, self.goal, self.rest_of_end) = (Life::Done(now()), Goal::Ends(hurry), None);
    }

    /// Whether anything runs that is the keeper's to end.
    pub(super) const fn is_alive(&self) -> bool {
        match self.life {
            Life::Waits | Life::Looks | Life::Runs(..) | Life::Done(_) | Life::Ends(..) => true,
            Life::Rests(_) | Life::Outside { .. } => false,
        }
    }

    pub(super) const fn process(&self) -> Option<&Process> {
        match &self.life {
            Life::Runs(process, _) | Life::Ends(_, Some(process)) => Some(process),
            Life::Rests(_)
            | Life::Waits
            | Life::Looks
            | Life::Done(_)
            | Life::Outside { .. }
            | Life::Ends(_, None) => None,
        }
    }

    pub(super) const fn terminal(&mut self) -> Option<&mut Terminal> {
        match &mut self.life {
            Life::Runs(process, _) | Life::Ends(_, Some(process)) => process.terminal.as_mut(),
            Life::Rests(_)
            | Life::Waits
            | Life::Looks
            | Life::Done(_)
            | Life::Outside { .. }
            | Life::Ends(_, None) => None,
        }
    }

    /// The port that its server has, as far as anybody knows.
    fn port(&self) -> Option<Port> {
        match &self.life {
            Life::Runs(_, Progress::Ready(Some(port))) => Some(*port),
            Life::Outside { port, .. } => *port,
            Life::Runs(_, Progress::Running)
                if matches!(self.order.expects, Expects::Nothing | Expects::Done) =>
            {
                None
            }
            Life::Rests(_) | Life::Waits | Life::Looks | Life::Runs(..) | Life::Done(_) | Life::Ends(..) => {
                self.order.lease.as_ref().map(|key| key.port)
            }
        }
    }

    /// Whether it runs, and nothing is at the address that it was told.
    const fn is_silent(&self) -> bool {
        matches!(self.life, Life::Runs(_, Progress::Running))
    }

    /// As people see it.
    pub(super) fn view(&self, log: PathBuf, is_new: bool, client: Option<u64>) -> View {
        let state = self.state();
        // Nothing is at the port of one that has ended, however it did.
        let rest = self.known_rest();
        let port = self.port().filter(|_| rest.is_none());
        let told = self.order.lease.as_ref();
        let elsewhere = port.zip(told).filter(|(port, told)| *port != told.port && state.is_good());
        let why = match &self.life {
            Life::Runs(..) | Life::Done(_) | Life::Ends(..) if state == State::Ending => {
                self.next.as_ref().map(|_| "and then it starts again".to_owned())
            }
            Life::Runs(_, Progress::Late { why, .. }) => Some(why.clone()),
            Life::Runs(..) | Life::Outside { .. } => {
                let silent = port.filter(|_| self.is_silent());
                let silent = silent.map(|port| format!("nothing listens on its port {port}"));
                let why = elsewhere
                    .map(|(port, told)| format!("it listens on port {port} and not on {}", told.port));
                why.or(silent)
            }
            Life::Waits => {
                let turn = self.order.turn.iter().filter(|turn| !self.order.after.contains(turn));
                let before: Vec<&str> = self.order.after.iter().chain(turn).map(String::as_str).collect();
                (!before.is_empty()).then(|| format!("for {}", before.join(", ")))
            }
            Life::Rests(_) | Life::Looks | Life::Done(_) | Life::Ends(..) => {
                rest.and_then(|rest| rest.why.clone())
            }
        };
        let since = match &self.life {
            Life::Done(since) => Some(*since),
            Life::Rests(_)
            | Life::Waits
            | Life::Looks
            | Life::Runs(..)
            | Life::Outside { .. }
            | Life::Ends(..) => self.process().map(|process| process.since),
        };
        let pid = match &self.life {
            Life::Outside { pid, .. } => *pid,
            Life::Rests(_) | Life::Waits | Life::Looks | Life::Runs(..) | Life::Done(_) | Life::Ends(..) => {
                self.process().map(|process| process.pid)
            }
        };
        // Nothing answers yet at the address of one that starts, and nothing any more at that of one that has ended.
        let is_there = !self.is_silent()
            && match state {
                State::Waiting | State::Starting | State::Ending | State::Ended => false,
                State::Failed => pid.is_some(),
                State::Ready | State::Running | State::Outside => true,
            };
        View {
            service: self.order.label.clone(),
            state,
            pid,
            port,
            further_ports: Vec::new(),
            url: port.filter(|_| is_there).map(url),
            // The name of a server that we have started leads to where it listens (R66).
            named_url: told
                .filter(|_| port.is_some() && is_there)
                .filter(|_| elsewhere.is_none() || matches!(self.life, Life::Runs(..)))
                .and_then(|told| told.named_url.clone()),
            since,
            started: is_new,
            why,
            advice: match &self.life {
                Life::Runs(_, Progress::Late { advice, .. }) => advice.clone(),
                Life::Rests(_)
                | Life::Waits
                | Life::Looks
                | Life::Runs(..)
                | Life::Done(_)
                | Life::Outside { .. }
                | Life::Ends(..) => rest.and_then(|rest| rest.advice.clone()),
            },
            exit_code: rest.and_then(|rest| rest.code),
            unstarted: rest.is_some_and(|rest| rest.is_unstarted),
            ending: state == State::Failed && matches!(self.life, Life::Ends(..)),
            killed: self.killed && state == State::Ended,
            mine: self.owner.is_some() && self.owner == client,
            anothers: self.owner.is_some() && self.owner != client,
            session: self.order.session.clone(),
            may_be_left: self.is_left_container() || rest.is_some_and(|rest| rest.is_left),
            log,
            tty: self.order.tty,
        }
    }
}
