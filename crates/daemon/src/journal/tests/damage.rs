//! Torn tails, flipped bits, lost bytes.

use std::fs::OpenOptions;

use proptest::prelude::*;

use super::{
    super::{header, *},
    *,
};

fn small() -> Options {
    Options::with_capacity(16 * 1024)
}

fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
    // Zeros and text among them, as what looks like the end of a file or like part of a record.
    let byte = prop_oneof![Just(0), Just(b'"'), any::<u8>()];
    prop::collection::vec(prop::collection::vec(byte, 0..150), 0..30)
}

/// Opens, checks that the first `whole` records at least are there and no others; then that the journal still
/// works.
fn recovers(folder: &Path, records: &[Vec<u8>], whole: usize) -> Result<Found, TestCaseError> {
    let (Opened { mut journal, found }, Every(mut state)) = open::<Every>(folder, small());
    prop_assert!(state.len() >= whole, "{} of {whole} records came back", state.len());
    prop_assert_eq!(&state[..], &records[..state.len()]);

    state.push(b"one more".to_vec());
    journal.append(b"one more").unwrap();
    drop(journal);
    let (opened, again) = open::<Every>(folder, small());
    prop_assert_eq!(again.0, state);
    prop_assert!(opened.found.moved_aside.is_empty() && opened.found.torn_tail.is_none());
    Ok(found)
}

/// A folder in memory where there is one: hundreds of journals need no disk.
pub(super) fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cut_at_any_byte_a_prefix_comes_back(records in records(), place in any::<prop::sample::Index>()) {
        let folder = in_memory();
        let ends = write(folder.path(), small(), &records);
        let cut = place.index(ends.last().map_or(200, |end| end + 20));
        let file = OpenOptions::new().write(true).open(only_file(folder.path())).unwrap();
        file.set_len(cut as u64).unwrap();
        recovers(folder.path(), &records, ends.iter().filter(|end| **end <= cut).count())?;
    }

    #[test]
    fn a_flipped_bit_costs_no_record_before_it(
        records in records(),
        place in any::<prop::sample::Index>(),
        bit in 0_u32..8,
        more in prop::collection::vec(any::<u8>(), 0..3), // and sometimes what follows is overwritten
    ) {
        let folder = in_memory();
        let ends = write(folder.path(), small(), &records);
        let path = only_file(folder.path());
        let mut bytes = fs::read(&path).unwrap();
        let at = place.index(ends.last().map_or(200, |end| end + 40));
        bytes[at] ^= 1_u8 << bit;
        bytes[at + 1..][..more.len()].copy_from_slice(&more);
        fs::write(&path, &bytes).unwrap();
        let whole = if at < header::LEN {
            if more.is_empty() { records.len() } else { 0 }
        } else {
            ends.iter().filter(|end| **end <= at).count()
        };
        let found = recovers(folder.path(), &records, whole)?;
        // Nothing that may have been a record is ever overwritten: it is either kept aside or was at the very
        // end.
        let last_begins = ends.iter().rev().nth(1).copied().unwrap_or(0);
        if let Some(tail) = found.torn_tail {
            prop_assert!(tail.at >= last_begins || whole == records.len(), "{tail:?} of {ends:?}");
        }
    }
}

/// Appends `bytes` behind the last frame, as a writer does that is killed or faulty.
fn scribble(folder: &Path, at: usize, bytes: &[u8]) {
    let path = only_file(folder);
    let mut contents = fs::read(&path).unwrap();
    contents[at..at + bytes.len()].copy_from_slice(bytes);
    fs::write(&path, contents).unwrap();
}

fn three() -> Vec<Vec<u8>> {
    vec![vec![1; 100], vec![2; 50], vec![3; 100]]
}

#[test]
fn a_record_without_its_word_is_a_torn_tail_and_is_zeroed() {
    let folder = tempfile::tempdir().unwrap();
    let end = *write(folder.path(), small(), &three()).last().unwrap();
    scribble(folder.path(), end + 8, &[9; 60]);

    let (Opened { mut journal, found }, state) = open::<Every>(folder.path(), small());
    assert_eq!(state, Every(three()));
    let path = only_file(folder.path());
    assert_eq!(found.torn_tail, Some(TornTail { path: path.clone(), at: end, bytes: 68 }));
    // Shorter than what was torn, so that bytes left of it would show.
    journal.append(&[4]).unwrap();
    drop(journal);
    assert!(fs::read(&path).unwrap()[end + 16..].iter().all(|byte| *byte == 0));
    assert_eq!(open::<Every>(folder.path(), small()).0.found.torn_tail, None);
}

#[test]
fn a_damaged_record_moves_the_file_aside_and_keeps_what_was_before() {
    let folder = tempfile::tempdir().unwrap();
    let ends = write(folder.path(), small(), &three());
    scribble(folder.path(), ends[0] + 20, b"!");
    let path = only_file(folder.path());
    let damaged = fs::read(&path).unwrap();

    let (Opened { journal, found }, state) = open::<Every>(folder.path(), small());
    assert_eq!((state, found.origin), (Every(vec![vec![1; 100]]), Origin::Rebuilt { from: 1 }));
    let to = folder.path().join("journal.0000000001.damaged-1");
    let why = WhyMoved::Damaged { at: ends[0] };
    assert_eq!(found.moved_aside, [MovedAside { from: path, to: to.clone(), why }]);
    assert_eq!(fs::read(to).unwrap(), damaged);
    assert_eq!(journal.health().generation, 2);
}

#[test]
fn a_second_damaged_file_does_not_replace_the_first() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("journal.0000000001.damaged-1"), "kept").unwrap();
    fs::write(folder.path().join("journal.0000000001"), "no journal at all").unwrap();
    let (opened, state) = open::<Every>(folder.path(), small());
    assert_eq!((opened.found.origin, state), (Origin::Fresh, Every::default()));
    assert_eq!(
        names(folder.path()),
        ["journal.0000000001.damaged-1", "journal.0000000001.damaged-2", "journal.0000000002"]
    );
    assert_eq!(fs::read(folder.path().join("journal.0000000001.damaged-1")).unwrap(), b"kept");
}

#[test]
fn a_length_that_reaches_over_later_records_is_damage_not_a_torn_tail() {
    let folder = tempfile::tempdir().unwrap();
    let ends = write(folder.path(), small(), &three());
    scribble(folder.path(), ends[0], &1000_u16.to_le_bytes());
    let (opened, state) = open::<Every>(folder.path(), small());
    assert_eq!(state, Every(vec![vec![1; 100]]));
    assert_eq!((opened.found.torn_tail, opened.found.moved_aside.len()), (None, 1));
}

#[test]
fn two_bad_records_at_the_end_are_damage_not_a_torn_tail() {
    let folder = tempfile::tempdir().unwrap();
    let ends = write(folder.path(), small(), &three());
    scribble(folder.path(), ends[0] + 20, b"!");
    scribble(folder.path(), ends[1] + 20, b"!");
    let (opened, state) = open::<Every>(folder.path(), small());
    assert_eq!(state, Every(vec![vec![1; 100]]));
    assert_eq!((opened.found.torn_tail, opened.found.moved_aside.len()), (None, 1));
}

#[test]
fn a_page_lost_in_the_middle_is_damage_not_a_torn_tail() {
    let folder = tempfile::tempdir().unwrap();
    let ends = write(folder.path(), small(), &three());
    scribble(folder.path(), ends[0], &vec![0; ends[1] - ends[0]]);
    let (opened, state) = open::<Every>(folder.path(), small());
    assert_eq!(state, Every(vec![vec![1; 100]]));
    assert_eq!((opened.found.torn_tail, opened.found.moved_aside.len()), (None, 1));
}

#[test]
fn an_unreadable_newest_generation_gives_way_to_an_older_one() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), small(), &three());
    fs::write(folder.path().join("journal.0000000002"), [0x55; 500]).unwrap();
    let (opened, state) = open::<Every>(folder.path(), small());
    assert_eq!((state, opened.found.origin), (Every(three()), Origin::Resumed));
    assert_eq!(names(folder.path()), ["journal.0000000001", "journal.0000000002.damaged-1"]);
}

#[test]
fn a_generation_that_was_never_complete_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), small(), &three());
    fs::write(folder.path().join("journal.0000000002"), header::encode(2, 0)).unwrap();
    fs::write(folder.path().join("journal.0000000003"), [0; 4096]).unwrap();
    fs::write(folder.path().join("journal.0000000004"), []).unwrap();
    let (opened, state) = open::<Every>(folder.path(), small());
    assert_eq!((state, opened.found.moved_aside), (Every(three()), vec![]));
    assert_eq!(names(folder.path()), ["journal.0000000001"]);
}

#[test]
fn a_lone_generation_cut_to_less_than_a_header_is_moved_aside() {
    for cut in [0, 7, 16, 40, 55] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), small(), &three());
        let path = only_file(folder.path());
        OpenOptions::new().write(true).open(&path).unwrap().set_len(cut).unwrap();
        let left = fs::read(&path).unwrap();

        let (opened, state) = open::<Every>(folder.path(), small());
        assert_eq!((opened.found.origin, state), (Origin::Fresh, Every::default()));
        let [MovedAside { from, to, why }] = &opened.found.moved_aside[..] else {
            panic!("cut to {cut}: {:?}", opened.found)
        };
        assert_eq!((from, fs::read(to).unwrap()), (&path, left));
        // Cut within its first words it is not even a header.
        let expected = match cut {
            7 | 16 => WhyMoved::Damaged { at: 0 },
            _ => WhyMoved::NeverFinished,
        };
        assert_eq!(*why, expected, "cut to {cut}");
    }
}

#[test]
fn what_a_kill_of_the_first_start_leaves_is_removed() {
    let mut begun = header::encode(1, 0).to_vec();
    begun.resize(16 * 1024, 0);
    for left in [vec![0; 16 * 1024], begun, header::encode(1, 0).to_vec()] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("journal.0000000001"), left).unwrap();
        let (opened, _) = open::<Every>(folder.path(), small());
        assert_eq!((opened.found.origin, opened.found.moved_aside), (Origin::Fresh, vec![]));
        assert_eq!(names(folder.path()), ["journal.0000000002"]);
    }
}

#[test]
fn a_later_generation_without_a_predecessor_is_moved_aside_however_long() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("journal.0000000005"), vec![0; 16 * 1024]).unwrap();
    let (opened, _) = open::<Every>(folder.path(), small());
    assert_eq!(opened.found.moved_aside.len(), 1);
    assert_eq!(names(folder.path()), ["journal.0000000005.damaged-1", "journal.0000000006"]);
}

#[test]
fn an_inspection_finds_a_newer_format_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    assert!(inspect(&folder.path().join("missing")).is_ok());
    write(folder.path(), small(), &three());
    let path = only_file(folder.path());
    // A daemon starts in spite of damage, but not with a newer format.
    for (at, newer) in [(120, false), (8, true)] {
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 2;
        let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..header::COMPLETE_AT]);
        bytes[12..16].copy_from_slice(&sum.to_le_bytes());
        fs::write(&path, &bytes).unwrap();
        let inspected = inspect(folder.path());
        assert_eq!(matches!(inspected, Err(JournalError::NewerFormat { found: 3, .. })), newer);
        assert_eq!(inspected.is_err(), newer, "{inspected:?}");
        assert_eq!(fs::read(only_file(folder.path())).unwrap(), bytes);
    }
}

#[test]
fn a_predecessor_is_removed_unless_it_is_damaged() {
    for (damage, left) in [(None, 1), (Some(120), 2)] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), small(), &three());
        let first = fs::read(only_file(folder.path())).unwrap();
        let mut second = first.clone();
        second[..header::LEN].copy_from_slice(&header::encode(2, 0));
        second[header::COMPLETE_AT..header::LEN].copy_from_slice(&header::COMPLETE.to_le_bytes());
        fs::write(folder.path().join("journal.0000000002"), second).unwrap();
        if let Some(at) = damage {
            scribble_first(folder.path(), at);
        }
        let (opened, state) = open::<Every>(folder.path(), small());
        assert_eq!((state, opened.found.origin), (Every(three()), Origin::Resumed));
        assert_eq!(names(folder.path()).len(), left, "{:?}", names(folder.path()));
    }
}

fn scribble_first(folder: &Path, at: usize) {
    let path = folder.join("journal.0000000001");
    let mut bytes = fs::read(&path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}
