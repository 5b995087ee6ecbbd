//! What an old version answered and wrote is kept in `tests/fixtures/VERSION`, and holds for ever.
//!
//! The tests make the same situations again and compare today's answers with the kept ones, and today's daemon continues
//! with the kept journals. With `STYXY_KEEP=VERSION` they write the files instead: once, when a version is released.

mod commands;
mod durable;
mod exchange;
mod history;
mod journal;
mod programs;
mod rest;
mod shape;

use std::path::{Path, PathBuf};

use exchange::{Exchange, read, write};
use shape::{Likeness, missing};

use crate::support::Home;

/// The folder of every version that is kept, the oldest first.
fn versions() -> Vec<PathBuf> {
    let folder = fixtures();
    let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut versions: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    versions.sort();
    assert!(!versions.is_empty(), "no version is kept in {}", folder.display());
    versions
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

/// The folder of the version that is to be kept now, if one is.
fn to_keep() -> Option<PathBuf> {
    let version = std::env::var("STYXY_KEEP").ok()?;
    let folder = fixtures().join(version);
    std::fs::create_dir_all(&folder).unwrap();
    Some(folder)
}

/// Everything kept in `file` of every version is still in `today`, or `today` is kept.
#[track_caller]
fn compare(file: &str, today: &[Exchange]) {
    if let Some(folder) = to_keep() {
        write(&folder.join(file), &today);
        return;
    }
    for version in versions() {
        still(&version.join(file), today);
    }
}

/// Everything kept in the file at `path` is still in `today`.
#[track_caller]
fn still(path: &Path, today: &[Exchange]) {
    let mut wrong = Vec::new();
    for kept in read::<Vec<Exchange>>(path) {
        // Only root makes processes of other users.
        let Some(now) = today.iter().find(|now| now.name == kept.name) else {
            let excused = kept.name.contains("another user") && crate::support::lacks_root();
            assert!(excused, "{}: nobody asks this any more", kept.name);
            continue;
        };
        if now.code != kept.code {
            wrong.push(format!("{}: {} and no longer {}: {}", kept.name, now.code, kept.code, now.answer));
        }
        let missing = missing(Likeness::Shape, &kept.answer, &now.answer);
        wrong.extend(missing.into_iter().map(|what| format!("{}: {what}", kept.name)));
    }
    assert!(wrong.is_empty(), "a client of {} would not understand:\n{}", path.display(), wrong.join("\n"));
}

#[test]
fn every_answer_of_the_rest_api_still_has_what_an_old_one_had() {
    compare("rest.json", &rest::everything());
}

#[test]
fn every_command_still_prints_what_an_old_one_did() {
    let home = Home::new();
    compare("commands.json", &commands::everything(&home, crate::support::program().as_ref()));
}
