//! Fifty clients for a long time: what the daemon uses does not grow. The rounds are seconds.
//!
//! The load comes in spells, with a rest after each: everything is given back, the history is judged and forgotten, and
//! what the daemon uses at rest is measured.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Context;
use crate::checker::{Tolerates, check};
use crate::clients::load::{Load, Plan, list};
use crate::clients::{Ask, Client, Reply, Transport};
use crate::daemon::{Home, Port, SERVICE, within};
use crate::history::History;
use crate::processes::{Process, Usage, files};
use crate::report::{Report, mib};

/// Spells of a run, until they are a minute long.
const SPELLS: u32 = 6;
const SAMPLE: Duration = Duration::from_millis(200);
/// More leases than the daemon remembers answers, affinity or ends of.
const REMEMBERED: usize = 5_000;
/// Memory may grow by so much over the last two thirds of a run, by the line through all samples: an allocator gives back
/// what it likes when it likes.
const GROWTH: f64 = 2.0 * 1024.0 * 1024.0;
/// The journal's files together: a snapshot may not come to more than 64 MiB, and this load's is far from it.
const JOURNAL: u64 = 64 << 20;

/// What is measured over the run, by seconds since its begin.
#[derive(Default)]
struct Samples {
    memory: Vec<(f64, f64)>,
    descriptors_at_rest: Vec<(f64, f64)>,
    longest_journal: u64,
    most_descriptors: usize,
}

pub(crate) fn run(context: &mut Context) -> Report {
    let mut report = Report::default();
    let home = Arc::new(Home::new(Port::Fixed, &json!({})));
    let daemon = match home.start() {
        Ok(daemon) => daemon,
        Err(error) => {
            report.none("starts", &[error]);
            return report;
        }
    };
    if let Err(error) = fill(&home) {
        report.none("leases before the spells", &[error]);
    }
    let (begun, mut samples, mut calls) = (Instant::now(), Samples::default(), 0);
    let whole = Duration::from_secs(context.rounds.into());
    let spell = (whole / SPELLS).min(Duration::from_mins(1));
    let mut faults = Vec::new();
    while begun.elapsed() < whole && daemon.lives() {
        let history = History::new();
        let load = Load::start(&home, &history, &plan(context.addon), &mut context.rng);
        let spell_ends = Instant::now() + spell;
        while Instant::now() < spell_ends {
            // So often a sample is taken; nothing is waited for.
            thread::sleep(SAMPLE);
            samples.take(&home, daemon, begun);
        }
        load.finish();
        let mut lister = home.client();
        if within(Duration::from_secs(10), || (list(&mut lister, &history) == Ok(0)).then_some(())).is_none()
        {
            faults.push(format!("{:.0?}: leases are left when everybody has given back", begun.elapsed()));
        }
        drop(lister);
        samples.rest(daemon, begun);
        let events = history.events();
        calls += events.iter().filter(|event| event.what.answer().is_some()).count();
        let findings = check(&events, Tolerates::Nothing);
        for (what, list) in findings.lists() {
            faults.extend(list.iter().map(|line| format!("{what}: {line}")));
        }
    }
    report.count(format!("{:.0?}, 50 clients, {calls} calls", begun.elapsed()));
    report.check("the daemon lives", "yes", if daemon.lives() { "yes" } else { "no" }, daemon.lives());
    report.none("faults of the history", &faults);
    samples.judge(&mut report, begun.elapsed().as_secs_f64());
    report
}

/// What the daemon remembers of the past has bounds. It is filled to them before anything is measured.
fn fill(home: &Home) -> Result<(), String> {
    let mut client = home.client();
    for number in 0..REMEMBERED {
        let ask = Ask {
            service: SERVICE.to_owned(),
            name: Some(format!("past-{number}")),
            // As long as what the clients will ask with: then the past takes as much memory after the run as before.
            project: home.project(number % 50),
            pid: None,
            exact: None,
            request_id: format!("past-{number}"),
        };
        match client.allocate(&ask) {
            Reply::Granted { lock, .. } => drop(client.release(lock)),
            other => return Err(format!("{other:?}")),
        }
    }
    Ok(())
}

fn plan(addon: bool) -> Plan {
    let (socket, addon) = if addon { (20, 10) } else { (30, 0) };
    Plan {
        clients: [
            (Transport::Socket, socket),
            (Transport::Tcp, 14),
            (Transport::Command, 6),
            (Transport::Addon, addon),
        ],
        pause: Duration::from_millis(30),
        ..Plan::equal(0, false)
    }
}

impl Samples {
    fn take(&mut self, home: &Home, daemon: Process, begun: Instant) {
        let Some(Usage { anonymous, descriptors, .. }) = daemon.usage() else { return };
        let bytes = u32::try_from(anonymous / 1024).map_or(f64::MAX, f64::from) * 1024.0;
        self.memory.push((begun.elapsed().as_secs_f64(), bytes));
        self.most_descriptors = self.most_descriptors.max(descriptors);
        self.longest_journal = self.longest_journal.max(files(home.root(), "journal.").0);
    }

    /// After the last client has gone; the daemon sees the end of its connections a moment later.
    fn rest(&mut self, daemon: Process, begun: Instant) {
        let first = self.descriptors_at_rest.first().map(|(_, descriptors)| *descriptors);
        let count = |daemon: Process| {
            daemon.usage().and_then(|usage| u32::try_from(usage.descriptors).ok()).map(f64::from)
        };
        let rested = within(Duration::from_secs(2), || {
            let now = count(daemon)?;
            first.is_none_or(|first| now <= first).then_some(now)
        });
        if let Some(now) = rested.or_else(|| count(daemon)) {
            self.descriptors_at_rest.push((begun.elapsed().as_secs_f64(), now));
        }
    }

    fn judge(&self, report: &mut Report, seconds: f64) {
        let settled: Vec<(f64, f64)> =
            self.memory.iter().copied().filter(|(at, _)| *at >= seconds / 3.0).collect();
        let growth = slope(&settled) * seconds * 2.0 / 3.0;
        let last = settled.last().map_or(0.0, |(_, bytes)| *bytes);
        report.check(
            "growth of memory in the last two thirds",
            "≤ 2 MiB",
            format!("{:+.2} MiB, to {:.1} MiB", growth / f64::from(1 << 20), last / f64::from(1 << 20)),
            growth <= GROWTH,
        );
        let rests: Vec<f64> = self.descriptors_at_rest.iter().map(|(_, descriptors)| *descriptors).collect();
        // One or two belong to what it happens to do: a look at the sockets, a successor of the journal.
        let most = rests.first().map(|first| first + 2.0);
        let holds = rests.iter().all(|descriptors| most.is_some_and(|most| *descriptors <= most));
        report.check(
            "growth of descriptors at rest",
            "≤ 2",
            format!("{rests:?}, {} under load", self.most_descriptors),
            holds && !rests.is_empty(),
        );
        let longest = self.longest_journal;
        report.check("the journal's files", "≤ 64 MiB", mib(longest), longest <= JOURNAL);
    }
}

/// The slope of the line through the points, by least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = u32::try_from(points.len()).map_or(1.0, f64::from).max(1.0);
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let (above, below) = points.iter().fold((0.0, 0.0), |(above, below), point| {
        (above + (point.0 - x) * (point.1 - y), below + (point.0 - x).powi(2))
    });
    if below > 0.0 { above / below } else { 0.0 }
}
