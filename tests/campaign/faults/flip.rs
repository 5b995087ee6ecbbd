//! One random bit of the journal flipped, and a daemon started on it.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Mutex;

use super::Context;
use super::journal::{Written, try_all};
use crate::report::Report;

pub(crate) fn run(context: &mut Context) -> Report {
    let mut report = Report::default();
    let written = Written::by_a_daemon(&mut context.rng);
    let end = written.end();
    let flips: Vec<usize> = (0..context.rounds).map(|_| context.rng.usize(..8 * end)).collect();
    let write = |bit: &usize, path: &Path| {
        let mut bytes = written.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(path, &bytes).expect("a file of ours");
        let file = File::options().write(true).open(path).expect("just written");
        file.set_len(written.length).expect("zeros take no room");
    };
    // Not started, no earlier state, not reported, harmless.
    let wrong: Mutex<[Vec<String>; 4]> = Mutex::default();
    try_all(&flips, write, |bit, trial| {
        let [not_started, other_state, not_reported, harmless] = &mut *wrong.lock().expect("no judge panics");
        let (byte, line) = (bit / 8, |what: &str| format!("bit {} of byte {}: {what}", bit % 8, bit / 8));
        let leases = match &trial.leases {
            Ok(leases) => leases,
            Err(error) => return not_started.push(line(error)),
        };
        let last = written.states.len() - 1;
        let state = written.states.iter().rposition(|(_, state)| state == leases);
        // In the header or in what a start wrote, nothing at all may be left to believe.
        match (state, written.before(byte)) {
            // Two states with the same leases look the same, and it does not matter which one this is.
            (Some(state), _) if state == last => harmless.push(String::new()),
            (Some(state), Some(before))
                if written.states[..=before].iter().any(|(_, s)| *s == written.states[state].1) => {}
            (Some(_), None) => {}
            (None, None) if leases.is_empty() => {}
            (Some(_) | None, _) => {
                other_state.push(line(&format!("{} leases, which never were", leases.len())));
            }
        }
        if state != Some(last) && trial.notes.is_empty() {
            let record = written.before(byte).map_or(0, |before| before + 1);
            not_reported.push(line(&format!("record {record} of {last}")));
        }
    });
    let [not_started, other_state, not_reported, harmless] = wrong.into_inner().expect("ended");
    report.count(format!("{} bits, {} of them without a harm", flips.len(), harmless.len()));
    report.none("daemons that do not start", &not_started);
    report.none("daemons in a state that never was", &other_state);
    report.none("damage that no note of the daemon reports", &not_reported);
    report
}
