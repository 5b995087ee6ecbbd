//! What is appended comes back.

use super::{super::*, *};

#[test]
fn records_come_back_in_order_and_more_can_follow() {
    let folder = tempfile::tempdir().unwrap();
    let (Opened { mut journal, found }, state) = open::<Latest>(folder.path(), Options::default());
    assert_eq!((found.origin, state), (Origin::Fresh, Latest::default()));
    (1..=100).for_each(|number| journal.append(&Latest::payload(number)).unwrap());
    journal.close().unwrap();

    let (Opened { mut journal, found }, state) = open::<Latest>(folder.path(), Options::default());
    assert_eq!((found.origin, found.records, state), (Origin::Resumed, 100, Latest::of(100)));
    assert_eq!((found.torn_tail, found.moved_aside), (None, vec![]));
    assert_eq!(journal.health().mode, Mode::Mapped);
    (101..=150).for_each(|number| journal.append(&Latest::payload(number)).unwrap());
    drop(journal);

    assert_eq!(open::<Latest>(folder.path(), Options::default()).1, Latest::of(150));
}

#[test]
fn empty_records_and_zeros_at_the_end_are_records_too() {
    let folder = tempfile::tempdir().unwrap();
    let records = [vec![], vec![0; 70_000], vec![0], vec![], vec![0; 70_000]];
    write(folder.path(), Options::with_capacity(1 << 20), &records);
    assert_eq!(open::<Every>(folder.path(), Options::with_capacity(1 << 20)).1, Every(records.to_vec()));
}

#[test]
fn a_record_too_large_is_refused_and_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::with_capacity(8192);
    let (Opened { mut journal, .. }, _) = open::<Every>(folder.path(), options);
    let used = journal.health().used;
    let refused = journal.append(&[1; 2049]);
    assert!(matches!(refused, Err(JournalError::TooLarge { bytes: 2049, limit: 2048 })), "{refused:?}");
    assert_eq!(journal.health().used, used);
    journal.append(&[1; 2048]).unwrap();
    drop(journal);
    assert_eq!(open::<Every>(folder.path(), options).1, Every(vec![vec![1; 2048]]));
}

#[test]
fn the_file_grows_to_a_capacity_that_was_raised() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), Options::with_capacity(4096), &[vec![7; 9]]);
    let (Opened { journal, .. }, state) = open::<Every>(folder.path(), Options::with_capacity(65536));
    assert_eq!((journal.health().capacity, state), (65536, Every(vec![vec![7; 9]])));
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), Options::default(), &[]);
    assert_eq!(fs::metadata(only_file(folder.path())).unwrap().permissions().mode() & 0o777, 0o600);
}
