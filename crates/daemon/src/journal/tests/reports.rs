//! Every byte that is missing and every bit that is wrong in 500 records: the journal opens, an earlier state comes back,
//! and what is lost is reported, the last record too.

use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};

use super::{
    super::{frame, header, *},
    damage::in_memory,
    *,
};

const RECORDS: u64 = 500;
const FLIPS: usize = 1_000;

fn options() -> Options {
    Options::with_capacity(32 * 1024)
}

/// A journal of many short records: its bytes, and where each record ends.
struct Written {
    name: String,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    records: Vec<Vec<u8>>,
}

impl Written {
    fn new() -> Self {
        let folder = in_memory();
        let records: Vec<Vec<u8>> = (0..RECORDS).map(|number| number.to_le_bytes().to_vec()).collect();
        let ends = write(folder.path(), options(), &records);
        let bytes = fs::read(only_file(folder.path())).unwrap();
        Self { name: names(folder.path()).remove(0), bytes, ends, records }
    }

    fn end(&self) -> usize {
        *self.ends.last().unwrap()
    }

    /// How many records end at byte `at` or before.
    fn before(&self, at: usize) -> usize {
        self.ends.iter().filter(|end| **end <= at).count()
    }

    /// Opens a folder with only these bytes in it: how many records came back, which are the first, and the report.
    fn open(&self, folder: &Path, bytes: &[u8]) -> (usize, Found) {
        for name in names(folder) {
            fs::remove_file(folder.join(name)).unwrap();
        }
        fs::write(folder.join(&self.name), bytes).unwrap();
        let (Opened { found, .. }, Every(state)) = open::<Every>(folder, options());
        assert_eq!(state, self.records[..state.len()]);
        (state.len(), found)
    }
}

#[test]
fn cut_at_any_byte_every_record_before_comes_back_and_the_cut_is_reported() {
    // A file system of Windows takes ten times as long to make a file. Each byte of a record is missing there too.
    let step = if cfg!(windows) { 7 } else { 1 };
    assert_ne!(frame::stored_len(8) % 7, 0, "the same bytes of each record");
    let (written, folder) = (Written::new(), in_memory());
    for cut in (0..written.end()).step_by(step) {
        let (whole, found) = written.open(folder.path(), &written.bytes[..cut]);
        assert_eq!(whole, written.before(cut), "cut at byte {cut}");
        let [MovedAside { why, .. }] = found.moved_aside[..] else { panic!("cut at byte {cut}: {found:?}") };
        if cut > header::LEN {
            let of = written.bytes.len();
            let damaged = matches!(why, WhyMoved::Damaged { at } if at <= cut);
            assert!(damaged || why == WhyMoved::Cut { at: cut, of }, "cut at byte {cut}: {why}");
        }
    }
}

#[test]
fn a_flipped_bit_is_reported_or_does_no_harm() {
    let (written, folder) = (Written::new(), in_memory());
    let mut random = TestRunner::deterministic();
    let bits = 8 * written.end();
    let random = (0..FLIPS).map(|_| (0..bits).new_tree(&mut random).unwrap().current());
    // And each bit of the last record, which nothing follows.
    for bit in random.chain(8 * written.ends[written.ends.len() - 2]..bits) {
        let (at, mut bytes) = (bit / 8, written.bytes.clone());
        bytes[at] ^= 1 << (bit % 8);
        let (whole, found) = written.open(folder.path(), &bytes);
        assert!(whole == written.records.len() || !found.moved_aside.is_empty(), "bit {bit}: {found:?}");
        let in_first_frame = at < written.ends[0] - frame::stored_len(8);
        assert!(in_first_frame || whole >= written.before(at), "bit {bit}: {whole} records");
    }
}

#[test]
fn a_record_that_was_being_written_is_not_reported() {
    let (written, folder) = (Written::new(), in_memory());
    let mut bytes = written.bytes.clone();
    // All but the word in front, which is stored last.
    let begins = written.ends[written.ends.len() - 2];
    bytes[begins..begins + 8].fill(0);
    let (whole, found) = written.open(folder.path(), &bytes);
    assert_eq!((whole, found.moved_aside.len()), (written.records.len() - 1, 0));
    assert!(found.torn_tail.is_none_or(|torn| torn.at == begins));
}

#[test]
fn in_a_file_that_is_written_to_a_cut_record_is_torn_and_a_bad_one_is_damage() {
    let folder = in_memory();
    let plain = Options { preallocate: super::places::unsupported, ..options() };
    let records = [vec![1; 100], vec![2; 50], vec![3; 100]];
    let ends = write(folder.path(), plain, &records);
    let (path, bytes) = (only_file(folder.path()), fs::read(only_file(folder.path())).unwrap());
    let mut bad = bytes.clone();
    bad[ends[1] + 50] ^= 1;
    for (bytes, torn, aside) in
        [(&bytes[..ends[2] - 30], 1, 0), (&bytes[..ends[1] + 3], 1, 0), (&bad[..], 0, 1)]
    {
        fs::write(&path, bytes).unwrap();
        let (opened, state) = open::<Every>(folder.path(), plain);
        assert_eq!(state, Every(records[..2].to_vec()));
        let found = opened.found;
        assert_eq!(
            (usize::from(found.torn_tail.is_some()), found.moved_aside.len()),
            (torn, aside),
            "{found:?}"
        );
        drop(opened.journal);
        for name in names(folder.path()) {
            fs::remove_file(folder.path().join(name)).unwrap();
        }
    }
}
