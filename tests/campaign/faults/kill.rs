//! kill -9 of the daemon at a random moment, while clients of every transport ask, hold, give back and retry.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::Context;
use crate::checker::{Tolerates, check};
use crate::clients::Transport;
use crate::clients::load::{Load, Plan, list};
use crate::daemon::{DEADLINE, Home, Port, until, within};
use crate::history::{At, Event, History};
use crate::report::{Report, Times, slowness};

/// From the kill to the first answer.
const FIRST_ANSWER: Duration = Duration::from_millis(100);
const CLIENTS: usize = 32;

pub(crate) fn run(context: &mut Context) -> Report {
    let (mut report, slow) = (Report::default(), slowness());
    let home = Arc::new(Home::new(Port::Fixed, &json!({})));
    let history = History::new();
    let plan = Plan::equal(CLIENTS, context.addon);
    let load = Load::start(&home, &history, &plan, &mut context.rng);
    until("every client has had an answer", || history.answered_since(At::ZERO, CLIENTS) == CLIENTS);

    let (mut kills, mut starting) = (Vec::new(), 0);
    let mut lister = home.client();
    for _ in 0..context.rounds {
        // The fault's own moment, not a condition.
        thread::sleep(context.between(Duration::from_millis(20), Duration::from_millis(300)));
        let daemons = home.daemons();
        let at = history.now();
        for daemon in &daemons {
            daemon.signal(rustix::process::Signal::KILL);
        }
        // A client that finds no daemon starts one, so there may be none, or one that is not ready.
        starting += u32::from(daemons.len() != 1);
        kills.push(at);
        let all = || (history.answered_since(at, CLIENTS) == CLIENTS).then_some(());
        if within(DEADLINE, all).is_none() {
            let heard = history.answered_since(at, CLIENTS);
            report.none(
                "clients without an answer after a kill",
                &[format!("{heard} of {CLIENTS} at {at:.1?}")],
            );
            break;
        }
        // What is wrong with it is in the history.
        let _ = list(&mut lister, &history);
    }
    load.finish();
    // Every client has given back what it held, or its owner has ended.
    let left = within(Duration::from_secs(5), || (list(&mut lister, &history) == Ok(0)).then_some(()));
    let events = history.events();
    let asked = events.iter().filter(|event| event.what.answer().is_some()).count();
    report.count(format!(
        "{} kills, {starting} of them of none or several daemons, {asked} calls",
        kills.len()
    ));
    report.findings(&check(&events, Tolerates::Nothing));
    report.check(
        "leases left behind",
        "none after 5 s",
        if left.is_some() { "none" } else { "some" },
        left.is_some(),
    );
    let first = first_answers(&events, &kills);
    let all: Times = first.values().flatten().copied().collect();
    for (transport, times) in &first {
        let times: Times = times.iter().copied().collect();
        report.count(format!("first answer by {transport} {}", times.summary()));
    }
    report.timed("first answer, p99", FIRST_ANSWER, all.percentile(99), slow);
    report
}

/// How long after each kill each client had its first answer. Of a command, its own time without a kill is taken off:
/// the start of its process is not the daemon's.
fn first_answers(events: &[Event], kills: &[At]) -> BTreeMap<Transport, Vec<Duration>> {
    let usual = usual(events, kills, Transport::Command);
    let mut first: BTreeMap<Transport, Vec<Duration>> = BTreeMap::new();
    for (turn, kill) in kills.iter().enumerate() {
        let next = kills.get(turn + 1).copied().unwrap_or(At::MAX);
        let mut heard = [false; CLIENTS];
        for event in events.iter().filter(|event| event.at > *kill && event.at < next) {
            let Some((who, by, sent)) = event.what.answer() else { continue };
            if who < CLIENTS && !std::mem::replace(&mut heard[who], true) {
                let took = event.at.saturating_sub(sent.max(*kill));
                let harness = if by == Transport::Command { usual } else { Duration::ZERO };
                first.entry(by).or_default().push(took.saturating_sub(harness));
            }
        }
    }
    first
}

/// The median time of a call that no kill disturbed.
fn usual(events: &[Event], kills: &[At], transport: Transport) -> Duration {
    let calls = events.iter().filter_map(|event| {
        let (_, by, sent) = event.what.answer()?;
        let disturbed =
            kills.iter().any(|kill| *kill <= event.at && *kill + Duration::from_millis(500) >= sent);
        (by == transport && !disturbed).then(|| event.at.saturating_sub(sent))
    });
    calls.collect::<Times>().percentile(50).unwrap_or_default()
}
