//! A disk without room: records are refused at once, nothing is folded in vain, and it goes on when there is room again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::{super::*, places::full, *};

/// Nothing here takes longer on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `what` is true, looking again and again.
fn until(claim: &str, mut what: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !what() {
        assert!(Instant::now() < deadline, "never: {claim}");
        std::thread::yield_now();
    }
}

/// Appends from `number` on until the journal refuses; answers with the last number appended, and why.
fn fill(journal: &mut Journal, mut number: u64) -> (u64, JournalError) {
    loop {
        match journal.append(&Latest::payload(number)) {
            Ok(()) => number += 1,
            Err(refused) => return (number - 1, refused),
        }
    }
}

#[test]
fn a_full_disk_at_the_start_is_an_error_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { preallocate: full, ..Options::default() };
    let refused = try_open::<Every>(folder.path(), options).unwrap_err();
    // Not the 4 MiB that it would like to have.
    assert!(matches!(refused, JournalError::Reserve { bytes: 69_632, .. }), "{refused:?}");
    assert!(names(folder.path()).is_empty());
}

/// Folds that are counted.
fn counted<F: Fold + Default>(count: &Arc<AtomicUsize>) -> Folds {
    let count = Arc::clone(count);
    Box::new(move || {
        count.fetch_add(1, Ordering::SeqCst);
        Box::new(F::default())
    })
}

#[test]
fn a_disk_that_fills_up_refuses_records_until_there_is_room_again() {
    static FULL: AtomicBool = AtomicBool::new(false);
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    fn sometimes(file: &File, bytes: u64) -> io::Result<()> {
        ASKED.fetch_add(1, Ordering::SeqCst);
        if FULL.load(Ordering::SeqCst) { full(file, bytes) } else { os::preallocate(file, bytes) }
    }
    let (folder, folds) = (tempfile::tempdir().unwrap(), Arc::new(AtomicUsize::new(0)));
    let options = Options { preallocate: sometimes, ..Options::with_capacity(8192) };
    let opened = Journal::open(folder.path(), options, &mut Latest::default(), counted::<Latest>(&folds));
    let mut journal = opened.unwrap().journal;
    FULL.store(true, Ordering::SeqCst);
    let (last, refused) = fill(&mut journal, 1);
    let JournalError::Full { source: Some(why), .. } = refused else { panic!("{refused:?}") };
    assert!(matches!(&*why, JournalError::Reserve { .. }), "{why:?}");
    let health = journal.health();
    assert!(health.compaction_error.is_some() && health.used > 8192 - 256, "{health:?}");

    // However many are refused, room is asked for four times a second, and what stands is folded once.
    let (begun, asked) = (Instant::now(), ASKED.load(Ordering::SeqCst));
    (0..100_000).for_each(|_| assert!(journal.append(&Latest::payload(last + 1)).is_err()));
    let most = 2 + usize::try_from(begun.elapsed().as_millis() / 250).unwrap();
    let asked = ASKED.load(Ordering::SeqCst) - asked;
    assert!(asked <= most, "{asked} times in {:?}", begun.elapsed());
    assert!(folds.load(Ordering::SeqCst) <= 1, "{folds:?}");
    assert_eq!(only_file(folder.path()), health.path);

    FULL.store(false, Ordering::SeqCst);
    until("a record is appended", || journal.append(&Latest::payload(last + 1)).is_ok());
    assert!(folds.load(Ordering::SeqCst) <= 1, "{folds:?}");
    (last + 2..=last + 500).for_each(|number| journal.append(&Latest::payload(number)).unwrap());
    assert!(journal.health().compaction_error.is_none());
    drop(journal);
    assert_eq!(open::<Latest>(folder.path(), options).1, Latest::of(last + 500));
}

#[test]
fn a_disk_that_is_nearly_full_has_to_give_no_more_than_what_is_needed() {
    static ROOM: AtomicUsize = AtomicUsize::new(usize::MAX);
    fn little(file: &File, bytes: u64) -> io::Result<()> {
        if bytes > ROOM.load(Ordering::SeqCst) as u64 {
            full(file, bytes)
        } else {
            os::preallocate(file, bytes)
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let options = Options { preallocate: little, ..Options::with_capacity(512 * 1024) };
    let mut journal = open::<Latest>(folder.path(), options).0.journal;
    // For the snapshot of some hundred bytes and 64 KiB, not for 512 KiB.
    ROOM.store(80 * 1024, Ordering::SeqCst);
    let mut last = 0;
    until("a small generation", || {
        let (reached, _) = fill(&mut journal, last + 1);
        last = reached;
        journal.health().generation > 1
    });
    let health = journal.health();
    assert!((64 * 1024..=80 * 1024).contains(&health.capacity), "{health:?}");
    ROOM.store(usize::MAX, Ordering::SeqCst);
    until("a large generation", || {
        last += u64::from(journal.append(&Latest::payload(last + 1)).is_ok());
        journal.health().capacity == 512 * 1024
    });
    drop(journal);
    assert_eq!(open::<Latest>(folder.path(), options).1, Latest::of(last));
}

/// State with a snapshot of 200 KiB, whatever the records say.
#[derive(Default)]
struct Large;

impl Fold for Large {
    fn record(&mut self, _: &[u8]) {}
    fn snapshot(&mut self, _: &[u8]) {}
    fn to_snapshot(&self) -> Vec<u8> {
        vec![7; 200 * 1024]
    }
}

#[test]
fn a_snapshot_that_found_no_room_is_not_made_again_before_there_is_some() {
    static ROOM: AtomicUsize = AtomicUsize::new(100 * 1024);
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    fn little(file: &File, bytes: u64) -> io::Result<()> {
        ASKED.fetch_add(1, Ordering::SeqCst);
        if bytes > ROOM.load(Ordering::SeqCst) as u64 {
            full(file, bytes)
        } else {
            os::preallocate(file, bytes)
        }
    }
    let (folder, folds) = (tempfile::tempdir().unwrap(), Arc::new(AtomicUsize::new(0)));
    let options = Options { preallocate: little, ..Options::with_capacity(16 * 1024) };
    let opened = Journal::open(folder.path(), options, &mut Latest::default(), counted::<Large>(&folds));
    let mut journal = opened.unwrap().journal;
    fill(&mut journal, 1);
    // Its size is known from the first time on; what was appended meanwhile may have made a second one necessary.
    until("it was asked for some more", || ASKED.load(Ordering::SeqCst) > 8);
    assert!((1..=2).contains(&folds.load(Ordering::SeqCst)), "{folds:?}");
    ROOM.store(usize::MAX, Ordering::SeqCst);
    until("a record is appended", || journal.append(b"more").is_ok());
    assert!(folds.load(Ordering::SeqCst) <= 3, "{folds:?}");
}
