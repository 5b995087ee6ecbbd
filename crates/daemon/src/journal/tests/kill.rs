//! kill -9, again and again, at any instant: no acknowledged record is lost.

use std::{
    io::{Read, Write},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use proptest::{prelude::Strategy, strategy::ValueTree, test_runner::TestRunner};

use super::{super::*, *};

const FOLDER: &str = "STYXY_TEST_JOURNAL";
const KILLS: u32 = 80;

/// So small that one life sees several compactions.
fn options() -> Options {
    Options::with_capacity(16 * 1024)
}

/// One number in so many is acknowledged, so that most of a child's life is spent appending.
const SPOKEN: u64 = 4;

/// Makes snapshots slowly, so that records arrive during a compaction and kills fall into it.
#[derive(Default)]
struct Slow(Latest);

impl Fold for Slow {
    fn record(&mut self, payload: &[u8]) {
        self.0.record(payload);
    }

    fn snapshot(&mut self, payload: &[u8]) {
        self.0.snapshot(payload);
    }

    fn to_snapshot(&self) -> Vec<u8> {
        // It has seen all its records by now. Asleep, it leaves the processor to the thread that appends.
        std::thread::sleep(Duration::from_micros(200));
        self.0.to_snapshot()
    }
}

fn spin(us: u64) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_micros(us) {
        std::hint::spin_loop();
    }
}

/// Appends for ever, and says how far it has come.
#[test]
#[ignore = "the child of the test below"]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut state = Latest::default();
    let opened = Journal::open(Path::new(&folder), options(), &mut state, folds::<Slow>());
    let mut journal = opened.unwrap().journal;
    for number in state.last + 1.. {
        journal.append(&Latest::payload(number)).unwrap();
        // Lets compaction begin while there is still room, even on one processor.
        std::thread::yield_now();
        if number % SPOKEN == 0 {
            std::io::stderr().write_all(&number.to_le_bytes()).unwrap();
        }
    }
}

/// Runs a child until it has acknowledged `times` times, kills it a little later, and answers with the last
/// number it acknowledged.
fn live_and_die(folder: &Path, times: usize, then_us: u64) -> u64 {
    let (_, name) = module_path!().split_once("::").unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([&format!("{name}::child"), "--exact", "--ignored", "--nocapture", "--quiet"])
        .env(FOLDER, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stderr.take().unwrap();
    let mut said = vec![0; 8 * times];
    pipe.read_exact(&mut said).unwrap();
    // Otherwise kills would always follow an acknowledgement, and never fall into a switch of generations.
    spin(then_us);
    child.kill().unwrap();
    pipe.read_to_end(&mut said).unwrap();
    child.wait().unwrap();
    assert!(said.len().is_multiple_of(8), "{}", String::from_utf8_lossy(&said));
    said.last_chunk().map_or(0, |number| u64::from_le_bytes(*number))
}

#[test]
fn no_kill_loses_an_acknowledged_record() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = TestRunner::default();
    let (mut acknowledged, mut generations, mut torn) = (0, 0, 0);
    for life in 0..KILLS {
        // Zero is included: then the child is killed while it recovers from the kill before.
        let times = (0..(life as usize % 8) * 100 + 1).new_tree(&mut random).unwrap().current();
        let then_us = (0_u64..500).new_tree(&mut random).unwrap().current();
        acknowledged = live_and_die(folder.path(), times, then_us).max(acknowledged);

        // What a daemon would find. The test opens a copy, so that the next child finds the same.
        let copy = tempfile::tempdir().unwrap();
        for name in names(folder.path()) {
            fs::copy(folder.path().join(&name), copy.path().join(&name)).unwrap();
        }
        let (Opened { journal, found }, state) = open::<Latest>(copy.path(), options());
        assert!(state.last >= acknowledged, "{acknowledged} were acknowledged, {} are there", state.last);
        assert_eq!(state, Latest::of(state.last));
        assert_eq!(found.moved_aside, []);
        torn += u32::from(found.torn_tail.is_some());
        generations = journal.health().generation;
    }
    eprintln!(
        "{acknowledged} acknowledged over {KILLS} kills and {generations} generations, {torn} torn tails"
    );
    assert!(generations > 50, "{generations}");
}
