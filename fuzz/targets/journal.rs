//! A journal's file of any bytes: opening it never panics, and after it was opened once, damage is gone and every record comes again.

#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use styxy_daemon::journal::{Fold, Journal, Options};

/// Keeps the records, one behind the other, each with its length in front of it. So what a snapshot says is what the records said.
#[derive(Default)]
struct Records(Vec<u8>);

impl Fold for Records {
    fn record(&mut self, payload: &[u8]) {
        self.0.extend(payload.len().to_le_bytes());
        self.0.extend(payload);
    }

    fn snapshot(&mut self, payload: &[u8]) {
        self.0 = payload.to_vec();
    }

    fn to_snapshot(&self) -> Vec<u8> {
        self.0.clone()
    }
}

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("there is a folder for temporary files");
    fs::write(folder.path().join("journal.0000000001"), bytes).expect("it can be written");
    let open = || {
        let mut records = Records::default();
        let options = Options::with_capacity(Options::MIN_CAPACITY);
        let opened =
            Journal::open(folder.path(), options, &mut records, Box::new(|| Box::new(Records::default())));
        opened.map(|opened| (opened.journal, records.0))
    };
    let Ok((journal, first)) = open() else { return };
    drop(journal);
    let (_, second) = open().expect("what was opened once opens again");
    assert_eq!(first, second);
});
