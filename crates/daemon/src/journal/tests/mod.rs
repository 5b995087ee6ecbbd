//! The journal against crashes, damage and odd places.

mod compaction;
mod damage;
mod full;
mod kill;
#[cfg(unix)]
mod lost;
mod places;
mod reports;
mod round_trip;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{Fold, Folds, Journal, JournalError, Opened, Options};

/// Keeps every record: its snapshot is all of them, so compaction saves nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Every(Vec<Vec<u8>>);

impl Fold for Every {
    fn record(&mut self, payload: &[u8]) {
        self.0.push(payload.to_vec());
    }

    fn snapshot(&mut self, mut payload: &[u8]) {
        self.0.clear();
        while let Some((length, rest)) = payload.split_first_chunk() {
            let (record, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
            self.0.push(record.to_vec());
            payload = rest;
        }
    }

    fn to_snapshot(&self) -> Vec<u8> {
        let length = |record: &Vec<u8>| u32::try_from(record.len()).unwrap().to_le_bytes();
        self.0.iter().flat_map(|record| [&length(record)[..], record].concat()).collect()
    }
}

/// Numbers that follow one another, filed under one of 97 keys: state that stays small, as leases do. The
/// padding makes records of many lengths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Latest {
    last: u64,
    by_key: BTreeMap<u64, u64>,
}

impl Latest {
    fn payload(number: u64) -> Vec<u8> {
        let mut payload = number.to_le_bytes().to_vec();
        payload.resize(8 + usize::try_from(number * 31 % 190).unwrap(), 0xEE);
        payload
    }

    /// The state after the records 1 to `last`.
    fn of(last: u64) -> Self {
        let newest = last.saturating_sub(96).max(1)..=last;
        Self { last, by_key: newest.map(|number| (number % 97, number)).collect() }
    }

    fn take(&mut self, number: u64) {
        assert_eq!(number, self.last + 1, "a record is missing or came twice");
        self.last = number;
        self.by_key.insert(number % 97, number);
    }
}

impl Fold for Latest {
    fn record(&mut self, payload: &[u8]) {
        let number = u64::from_le_bytes(*payload.first_chunk().unwrap());
        assert_eq!(payload, Self::payload(number));
        self.take(number);
    }

    fn snapshot(&mut self, payload: &[u8]) {
        let mut numbers = payload.chunks_exact(8).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap()));
        self.last = numbers.next().unwrap();
        self.by_key = numbers.map(|number| (number % 97, number)).collect();
    }

    fn to_snapshot(&self) -> Vec<u8> {
        std::iter::once(&self.last)
            .chain(self.by_key.values())
            .flat_map(|number| number.to_le_bytes())
            .collect()
    }
}

/// Folds of this type, for a journal that compacts.
pub(super) fn folds<F: Fold + Default>() -> Folds {
    Box::new(|| Box::new(F::default()))
}

/// Opens the journal in `folder`, with the state after its records.
pub(super) fn try_open<F: Fold + Default>(
    folder: &Path,
    options: Options,
) -> Result<(Opened, F), JournalError> {
    let mut state = F::default();
    Journal::open(folder, options, &mut state, folds::<F>()).map(|opened| (opened, state))
}

pub(super) fn open<F: Fold + Default>(folder: &Path, options: Options) -> (Opened, F) {
    try_open(folder, options).unwrap()
}

/// The names in `folder`, sorted.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The one generation in `folder`.
pub(super) fn only_file(folder: &Path) -> PathBuf {
    let names = names(folder);
    assert_eq!(names.len(), 1, "{names:?}");
    folder.join(&names[0])
}

/// Writes `records` to a new journal in `folder`; answers with where each ends in the file.
pub(super) fn write(folder: &Path, options: Options, records: &[Vec<u8>]) -> Vec<usize> {
    let (Opened { mut journal, .. }, _) = open::<Every>(folder, options);
    let ends = records.iter().map(|record| {
        journal.append(record).unwrap();
        journal.health().used
    });
    ends.collect()
}
