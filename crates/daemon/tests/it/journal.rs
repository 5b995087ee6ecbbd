//! The journal's file is deleted, replaced or cut under a live daemon: it goes on, and nothing is lost.

use std::fs::{self, File};
use std::path::Path;

use serde_json::{Value, json};

use crate::live::{Live, eventually};

/// Checks its files ten times a second.
const OFTEN: &str = r#"{"cleanup_interval": 0.1}"#;

fn lock_ids(daemon: &Live) -> Vec<Value> {
    let listing = daemon.get("/allocations");
    listing["allocations"].as_array().unwrap().iter().map(|lease| lease["lock_id"].clone()).collect()
}

/// Leases a port before and after `fault`, and compares with what the next daemon finds after a kill.
fn survives(fault: impl Fn(&Path), why: &str) {
    let daemon = Live::start(OFTEN);
    let own = json!({"service_type": "test", "pid": std::process::id()});
    daemon.allocate(&own);
    fault(&daemon.journals()[0]);
    daemon.allocate(&own);
    let notes = eventually("a note about the journal", || {
        let notes = daemon.get("/status")["notes"].clone();
        (!notes.as_array().unwrap().is_empty()).then_some(notes)
    });
    assert!(notes[0].as_str().unwrap().contains(why), "{notes}");
    assert_eq!(notes.as_array().unwrap().len(), 1, "said once: {notes}");
    daemon.allocate(&own);
    let live = lock_ids(&daemon);
    assert_eq!(live.len(), 3);
    assert_eq!(lock_ids(&daemon.after_a_kill()), live);
    assert_eq!(daemon.get("/status")["journal"]["trouble"], Value::Null);
}

#[test]
fn a_deleted_journal_is_written_again() {
    survives(|path| fs::remove_file(path).unwrap(), "it was deleted or moved");
}

#[test]
fn a_replaced_journal_is_moved_aside_and_written_again() {
    let copy = tempfile::NamedTempFile::new().unwrap();
    survives(
        |path| {
            fs::copy(path, copy.path()).unwrap();
            fs::remove_file(path).unwrap();
            fs::copy(copy.path(), path).unwrap();
        },
        "another file is in its place",
    );
}

#[test]
fn a_journal_that_is_cut_ends_no_daemon_and_is_written_again() {
    for to in [0, 100, 8192] {
        let cut = |path: &Path| File::options().write(true).open(path).unwrap().set_len(to).unwrap();
        survives(cut, &format!("it was cut to {to} bytes"));
    }
}
