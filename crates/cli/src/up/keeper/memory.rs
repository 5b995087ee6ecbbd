//! What a keeper remembers on the disk, so that the next one knows what runs (R131).
//!
//! A process counts only if its pid, its start and its mark agree, in the same boot and for the same folder.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use styxy_core::{Pid, Port, WallTime};

use super::service::{Goal, Life, Process, Progress, Rest, Service};
use crate::up::place::Place;
pub(super) use crate::up::system::identity;
use crate::up::wire::{Ends, Hurry, Order, Session};
use crate::up::wished::Wished;

/// The form of the file. A newer one is left alone, and nothing of it is used.
const VERSION: u32 = 1;

/// The file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Memory {
    version: u32,
    pub(super) root: PathBuf,
    /// Which folder that was: another one may be at its path by now.
    folder: Option<(u64, u64)>,
    boot: String,
    pub(super) session: Option<Session>,
    #[serde(default)]
    pub(super) ends: Ends,
    pub(super) services: Vec<Remembered>,
}

/// One service.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Remembered {
    /// Without what it is started with: that may contain secrets.
    pub(super) order: Order,
    pub(super) process: Option<Seen>,
    pub(super) rest: Option<Rest>,
    /// Since when its command has done what it does.
    pub(super) done: Option<WallTime>,
    /// Whether something of it had to be killed.
    #[serde(default)]
    killed: bool,
    /// Whether compose was asked to start it, and has not stopped it since.
    #[serde(default)]
    may_run: bool,
    /// A server that no keeper has started: its process, when that began, and its port.
    #[serde(default)]
    outside: Option<(u32, u64, Option<Port>)>,
    /// Whether it was ending.
    #[serde(default)]
    ends: bool,
}

/// A process, as the next keeper recognises it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) pid: u32,
    pub(super) started: u64,
    pub(super) mark: String,
    pub(super) since: WallTime,
    /// Whether it was ready.
    pub(super) is_ready: bool,
    /// Where it served, if that is known.
    #[serde(default)]
    port: Option<Port>,
    /// Whether it ran, and nothing said that it serves.
    #[serde(default)]
    runs: bool,
}

impl Memory {
    pub(super) fn new<'s>(
        root: &Path,
        folder: Option<(u64, u64)>,
        session: Option<Session>,
        ends: Ends,
        services: impl Iterator<Item = &'s Service>,
    ) -> Self {
        let services = services.map(Remembered::of).collect();
        let root = root.to_owned();
        Self { version: VERSION, root, folder, boot: boot(), session, ends, services }
    }

    /// What is remembered, and what is wrong with it.
    pub(super) fn read_only(place: &Place) -> (Option<Self>, Option<String>) {
        let text = match std::fs::read(place.state()) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (None, None),
            Err(error) => return (None, Some(error.to_string())),
        };
        let version = serde_json::from_slice::<serde_json::Value>(&text).ok();
        let version = version.as_ref().and_then(|value| value.get("version")?.as_u64());
        match (version, serde_json::from_slice::<Self>(&text)) {
            (Some(version), _) if version > u64::from(VERSION) => {
                (None, Some("a newer version of Styxy wrote it".to_owned()))
            }
            (_, Ok(memory)) => (Some(memory), None),
            (_, Err(error)) => (None, Some(error.to_string())),
        }
    }

    /// The same for the next keeper, which puts a file aside that it cannot read.
    pub(super) fn read(place: &Place) -> (Option<Self>, Option<String>) {
        let path = place.state();
        let why = match Self::read_only(place) {
            (memory, None) => return (memory, None),
            (_, Some(why)) => why,
        };
        let aside = path.with_extension("json.unread");
        let moved = std::fs::rename(&path, &aside).is_ok();
        let place = if moved { format!("; it is {} now", aside.display()) } else { String::new() };
        let said = format!(
            "what runs here is not known from before: {} is not readable ({why}){place}",
            path.display()
        );
        (None, Some(said))
    }

    /// Whether what it says is about this boot, and about the folder that is at its path now.
    pub(super) fn is_current(&self, folder: Option<(u64, u64)>) -> bool {
        self.boot == boot() && self.folder == folder
    }

    pub(super) fn text(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}

impl Remembered {
    fn of(service: &Service) -> Self {
        // What runs was started with this one, whatever is to run next.
        let order = &service.order;
        let wished = order.wished.map(Wished::lasting);
        let mut order = Order { words: Vec::new(), wished, ..order.clone() };
        // What ends a container needs to know of which project it is; Styxy itself has made these.
        if order.stop.is_none() {
            order.env.iter_mut().for_each(|(_, value)| value.clear());
        }
        let process = service.process().map(|process| Seen {
            pid: process.pid,
            started: process.started,
            mark: process.mark.clone(),
            since: process.since,
            is_ready: matches!(service.life, Life::Runs(_, Progress::Ready(_))),
            port: match service.life {
                Life::Runs(_, Progress::Ready(port)) => port,
                Life::Runs(..)
                | Life::Rests(_)
                | Life::Waits
                | Life::Looks
                | Life::Done(_)
                | Life::Outside { .. }
                | Life::Ends(..) => None,
            },
            runs: matches!(service.life, Life::Runs(_, Progress::Running)),
        });
        let (rest, done) = match &service.life {
            Life::Rests(rest) => (Some(rest.clone()), None),
            Life::Done(since) => (None, Some(*since)),
            // What it has left behind ends.
            Life::Ends(..) => (service.rest_of_end.clone(), None),
            Life::Waits | Life::Looks | Life::Runs(..) | Life::Outside { .. } => (None, None),
        };
        let outside = match &service.life {
            Life::Outside { pid: Some(pid), port } => {
                Pid::new(*pid).and_then(crate::process::started).map(|began| (*pid, began, *port))
            }
            Life::Outside { pid: None, .. }
            | Life::Rests(_)
            | Life::Waits
            | Life::Looks
            | Life::Runs(..)
            | Life::Done(_)
            | Life::Ends(..) => None,
        };
        // A container is ended by who asks for it: that takes an environment.
        let ends = process.is_some() && service.goal != Goal::Runs && service.order.stop.is_none();
        Self { order, process, rest, done, killed: service.killed, may_run: service.may_run, outside, ends }
    }
}

impl Remembered {
    /// Whether it is a container that may run. What starts one may fail, and the container runs.
    pub(super) fn has_container(&self) -> bool {
        self.order.stop.is_some() && (self.done.is_some() || self.may_run)
    }

    /// Whether the next keeper can end anything of it.
    pub(super) fn is_left(&self) -> bool {
        self.done.is_some()
            || self.process.as_ref().is_some_and(|seen| seen.process().is_some())
            || self.has_container()
            || self.outside.is_some_and(|(pid, began, _)| {
                Pid::new(pid).is_some_and(|pid| crate::process::runs(pid, began))
            })
    }

    /// The service, with what is known of it without its keeper.
    pub(super) fn service(self) -> Service {
        let process = self.process.as_ref().and_then(Seen::process);
        let progress = match &self.process {
            Some(seen) if seen.is_ready => Progress::Ready(seen.port),
            Some(seen) if seen.runs => Progress::Running,
            Some(_) | None => Progress::Starts,
        };
        let is_there = |&(pid, began, _): &(u32, u64, Option<Port>)| {
            Pid::new(pid).is_some_and(|pid| crate::process::runs(pid, began))
        };
        let mut service = Service::new(self.order);
        (service.killed, service.may_run) = (self.killed, self.may_run);
        if self.ends {
            service.goal = Goal::Ends(Hurry::None);
        }
        service.life = match (process, self.done, self.rest, self.outside.filter(is_there)) {
            (Some(process), ..) => Life::Runs(process, progress),
            (None, Some(since), ..) => Life::Done(since),
            (None, None, Some(rest), _) => Life::Rests(rest),
            (None, None, None, Some((pid, _, port))) => Life::Outside { pid: Some(pid), port },
            (None, None, None, None) => {
                let why = self.process.map(|_| "it ended while no keeper was there".to_owned());
                Life::Rests(Rest { is_failed: why.is_some(), why, ..Rest::default() })
            }
        };
        service
    }
}

impl Seen {
    /// The process, if it still runs.
    pub(super) fn process(&self) -> Option<Process> {
        let pid = Pid::new(self.pid)?;
        let runs = crate::process::runs(pid, self.started) && is_marked(self.pid, &self.mark);
        runs.then(|| Process {
            pid: self.pid,
            started: self.started,
            mark: self.mark.clone(),
            since: self.since,
            terminal: None,
        })
    }
}

/// Whether the process was started with this mark. Another system than Linux may not say.
#[cfg(target_os = "linux")]
fn is_marked(pid: u32, mark: &str) -> bool {
    let line = format!("{}={mark}", crate::process::table::STACK);
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == line.as_bytes())
}

#[cfg(not(target_os = "linux"))]
const fn is_marked(_: u32, _: &str) -> bool {
    true
}

/// Which boot this is: start times count from it.
fn boot() -> String {
    let id = if cfg!(target_os = "linux") {
        std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()
    } else {
        None
    };
    id.unwrap_or_default().trim().to_owned()
}
