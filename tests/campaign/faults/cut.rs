//! The journal cut: at every byte by the journal's own code, and at many of them by a real daemon.
//!
//! A daemon's start takes some milliseconds, and 500 records have more than a hundred thousand bytes. So CI reads every
//! cut with the code that the daemon reads it with, and starts daemons for some: every byte of the header and of the last
//! record, and random ones between. The full form starts a daemon for each.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use styxy_daemon::journal::{Fold, Journal, Options};

use super::Context;
use super::journal::{HEADER, Trial, Written, file, try_all};
use crate::report::Report;
use crate::sandbox;

/// Cuts at the end of a record that a daemon is started for.
const BOUNDARIES: usize = 20;

/// What is wrong, by kind.
#[derive(Debug, Default)]
struct Wrong {
    not_started: Vec<String>,
    other_state: Vec<String>,
    not_reported: Vec<String>,
}

pub(crate) fn run(context: &mut Context) -> Report {
    let mut report = Report::default();
    let written = Written::by_a_daemon(&mut context.rng);
    let end = written.end();
    let read = Mutex::new(Wrong::default());
    sweep(&written, &read);
    let cuts = chosen(context, &written);
    let started = Mutex::new(Wrong::default());
    let write = |cut: &usize, path: &Path| fs::write(path, &written.bytes[..*cut]).expect("a file of ours");
    try_all(&cuts, write, |cut, trial| {
        judge(&written, *cut, trial, &mut started.lock().expect("no judge panics"));
    });
    let (read, started) = (read.into_inner().expect("ended"), started.into_inner().expect("ended"));
    report.count(format!("{end} cuts read, {} of them by a daemon", cuts.len()));
    report.none("cuts that cannot be read", &read.not_started);
    report.none("cuts read as another state than the records before", &read.other_state);
    report.none("daemons that do not start", &started.not_started);
    report.none("daemons in another state than the records before", &started.other_state);
    report.none("cuts that no note of the daemon reports", &started.not_reported);
    report
}

/// Every byte that must be tried, and as many random ones as there are rounds left.
fn chosen(context: &mut Context, written: &Written) -> Vec<usize> {
    let end = written.end();
    let last = written.states[written.states.len() - 2].0;
    let rounds = usize::try_from(context.rounds).unwrap_or(usize::MAX);
    if rounds >= end {
        return (0..end).collect();
    }
    let mut cuts: Vec<usize> = (0..HEADER).chain(last..end).collect();
    let boundaries = || written.states.iter().map(|(end, _)| *end).filter(|at| *at < last);
    cuts.extend(boundaries().step_by(written.states.len() / BOUNDARIES));
    while cuts.len() < rounds {
        cuts.push(context.rng.usize(HEADER..last));
    }
    cuts.truncate(rounds);
    cuts.sort_unstable();
    cuts
}

fn judge(written: &Written, cut: usize, trial: &Trial, wrong: &mut Wrong) {
    let leases = match &trial.leases {
        Ok(leases) => leases,
        Err(error) => return wrong.not_started.push(format!("cut at byte {cut}: {error}")),
    };
    let before = written.before(cut);
    let expected = before.map(|index| &written.states[index].1);
    if expected.map_or(!leases.is_empty(), |expected| expected != leases) {
        let (has, wants) = (leases.len(), expected.map_or(0, std::collections::BTreeMap::len));
        wrong.other_state.push(format!("cut at byte {cut}: {has} leases, {wants} are right"));
    }
    if trial.notes.is_empty() {
        // Padding included, which has up to seven bytes.
        let end = before.is_some_and(|index| cut - written.states[index].0 < 8);
        let place = match (end, before) {
            (true, Some(index)) => format!("right behind record {index} of {}", written.states.len() - 1),
            (false, Some(index)) => format!("within record {} of {}", index + 1, written.states.len() - 1),
            (_, None) => "before the first record".to_owned(),
        };
        wrong.not_reported.push(format!("cut at byte {cut}, {place}"));
    }
}

/// Counts records and remembers nothing of them: their bytes have checksums.
#[derive(Default)]
struct Counter {
    records: usize,
}

impl Fold for Counter {
    fn record(&mut self, _: &[u8]) {
        self.records += 1;
    }
    fn snapshot(&mut self, _: &[u8]) {}
    fn to_snapshot(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// Reads every cut as the daemon would.
fn sweep(written: &Written, wrong: &Mutex<Wrong>) {
    let next = AtomicUsize::new(0);
    // How many records a whole journal has up to each state; the start writes some before the first.
    let first = {
        let folder = sandbox::folder();
        fs::write(file(&folder), &written.bytes[..written.states[0].0]).expect("a file of ours");
        open(&folder).expect("a whole journal")
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, std::num::NonZero::get) {
            scope.spawn(|| {
                let folder = sandbox::folder();
                loop {
                    let cut = next.fetch_add(1, Ordering::Relaxed);
                    if cut >= written.end() {
                        break;
                    }
                    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                        fs::remove_file(entry.path()).expect("a file of ours");
                    }
                    fs::write(file(&folder), &written.bytes[..cut]).expect("a file of ours");
                    let (opened, before) = (open(&folder), written.before(cut));
                    let mut wrong = wrong.lock().expect("nobody panics with it");
                    match (opened, before) {
                        (Err(error), _) => wrong.not_started.push(format!("cut at byte {cut}: {error}")),
                        (Ok(records), Some(index)) if records != first + index => wrong.other_state.push(
                            format!("cut at byte {cut}: {records} records, {} are right", first + index),
                        ),
                        (Ok(records), None) if records >= first && first > 0 => {
                            wrong
                                .other_state
                                .push(format!("cut at byte {cut}: {records} records, none is right"));
                        }
                        (Ok(_), _) => {}
                    }
                }
            });
        }
    });
}

/// How many records the journal in `folder` has, as the daemon's own code reads it.
fn open(folder: &Path) -> Result<usize, String> {
    let mut counter = Counter::default();
    let options = Options::with_capacity(Options::MIN_CAPACITY);
    let folds = Box::new(|| Box::new(Counter::default()) as Box<dyn Fold>);
    let opened = Journal::open(folder, options, &mut counter, folds).map_err(|error| format!("{error:?}"))?;
    drop(opened);
    Ok(counter.records)
}
