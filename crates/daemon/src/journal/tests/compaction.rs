//! Compaction while records arrive.

use std::sync::{
    Arc, Mutex,
    mpsc::{Receiver, Sender, channel},
};

use super::{super::*, *};

#[test]
fn many_generations_later_the_state_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::with_capacity(16 * 1024);
    let (Opened { mut journal, .. }, _) = open::<Latest>(folder.path(), options);
    (1..=6_000).for_each(|number| journal.append(&Latest::payload(number)).unwrap());
    let health = journal.health();
    assert!(health.compactions > 40 && health.capacity <= 32 * 1024, "{health:?}");
    journal.close().unwrap();
    assert_eq!(only_file(folder.path()), health.path);
    assert_eq!(open::<Latest>(folder.path(), options).1, Latest::of(6_000));
}

#[test]
fn state_that_only_grows_gets_larger_generations() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::with_capacity(4096);
    let records: Vec<_> = (0_u32..2000).map(|number| number.to_le_bytes().repeat(5)).collect();
    write(folder.path(), options, &records);
    let (Opened { journal, .. }, state) = open::<Every>(folder.path(), options);
    assert_eq!(state, Every(records));
    assert!(journal.health().capacity >= 2000 * 24, "{:?}", journal.health());
}

/// A fold that says when it begins, and waits until the test lets it continue.
struct Gated {
    inner: Latest,
    begun: Sender<()>,
    gate: Arc<Mutex<Receiver<()>>>,
}

impl Fold for Gated {
    fn record(&mut self, payload: &[u8]) {
        self.inner.record(payload);
    }

    fn snapshot(&mut self, payload: &[u8]) {
        self.begun.send(()).unwrap();
        // An error is the test's end, which lets everything through.
        let _ = self.gate.lock().unwrap().recv();
        self.inner.snapshot(payload);
    }

    fn to_snapshot(&self) -> Vec<u8> {
        self.inner.to_snapshot()
    }
}

/// A journal whose compaction says when it begins, and waits until the test lets it continue.
pub(super) fn gated(folder: &Path, options: Options) -> (Journal, Receiver<()>, Sender<()>) {
    let (begun, has_begun) = channel();
    let (open_gate, gate) = channel();
    let gate = Arc::new(Mutex::new(gate));
    let folds: Folds = Box::new(move || {
        Box::new(Gated { inner: Latest::default(), begun: begun.clone(), gate: Arc::clone(&gate) })
    });
    let opened = Journal::open(folder, options, &mut Latest::default(), folds).unwrap();
    (opened.journal, has_begun, open_gate)
}

/// Appends from `number` on until `enough` says so, and answers with the last number appended.
pub(super) fn append_until(journal: &mut Journal, mut number: u64, enough: impl Fn(&Health) -> bool) -> u64 {
    while !enough(&journal.health()) {
        journal.append(&Latest::payload(number)).unwrap();
        number += 1;
    }
    number - 1
}

#[test]
fn records_that_arrive_during_compaction_are_in_the_next_generation() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::with_capacity(32 * 1024);
    let (mut journal, has_begun, gate) = gated(folder.path(), options);
    let last = append_until(&mut journal, 1, |health| health.used > health.capacity / 2);
    has_begun.recv().unwrap();
    // The fold took what was published before it began, and sees none of these.
    let last = append_until(&mut journal, last + 1, |health| health.used > health.capacity - 4096);
    gate.send(()).unwrap();
    drop(gate);
    let last = append_until(&mut journal, last + 1, |health| health.generation == 2);
    drop(journal);
    assert_eq!(names(folder.path()), ["journal.0000000002"]);
    assert_eq!(open::<Latest>(folder.path(), options).1, Latest::of(last));
}

#[test]
fn a_successor_smaller_than_what_arrived_during_compaction_is_made_larger() {
    let folder = tempfile::tempdir().unwrap();
    drop(open::<Latest>(folder.path(), Options::with_capacity(64 * 1024)));
    let options = Options::with_capacity(4096);
    let (mut journal, has_begun, gate) = gated(folder.path(), options);
    let last = append_until(&mut journal, 1, |health| health.used > health.capacity / 2);
    has_begun.recv().unwrap();
    let last = append_until(&mut journal, last + 1, |health| health.used > health.capacity - 4096);
    drop(gate);
    let last = append_until(&mut journal, last + 1, |health| health.generation == 2);
    drop(journal);
    assert_eq!(open::<Latest>(folder.path(), options).1, Latest::of(last));
}

#[test]
fn a_successor_that_waits_to_be_taken_does_not_count_yet() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::with_capacity(32 * 1024);
    let (mut journal, has_begun, gate) = gated(folder.path(), options);
    let last = append_until(&mut journal, 1, |health| health.used > health.capacity / 2);
    has_begun.recv().unwrap();
    let last = append_until(&mut journal, last + 1, |health| health.used > health.capacity - 4096);
    drop(gate);
    let Backend::Mapped(mapped) = &journal.store else { panic!("not mapped") };
    mapped.worker().wait().unwrap();
    // What a kill would leave now.
    let left = tempfile::tempdir().unwrap();
    for name in names(folder.path()) {
        fs::copy(folder.path().join(&name), left.path().join(&name)).unwrap();
    }
    assert_eq!(names(left.path()), ["journal.0000000001", "journal.0000000002"]);
    assert_eq!(open::<Latest>(left.path(), options).1, Latest::of(last));
    assert_eq!(names(left.path()), ["journal.0000000001"]);
}

#[test]
fn a_generation_that_fills_up_waits_for_its_successor() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::with_capacity(8 * 1024);
    let (mut journal, has_begun, gate) = gated(folder.path(), options);
    let last = append_until(&mut journal, 1, |health| health.used > health.capacity / 2);
    has_begun.recv().unwrap();
    let appender = std::thread::spawn(move || {
        let last = append_until(&mut journal, last + 1, |health| health.generation > 3);
        drop(journal);
        last
    });
    drop(gate);
    let last = appender.join().unwrap();
    assert_eq!(open::<Latest>(folder.path(), options).1, Latest::of(last));
}

#[test]
fn a_successor_nobody_took_is_removed_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::with_capacity(32 * 1024);
    let (mut journal, has_begun, gate) = gated(folder.path(), options);
    let last = append_until(&mut journal, 1, |health| health.used > health.capacity / 2);
    has_begun.recv().unwrap();
    drop(gate);
    drop(journal);
    assert_eq!(names(folder.path()), ["journal.0000000001"]);
    assert_eq!(open::<Latest>(folder.path(), options).1, Latest::of(last));
}
