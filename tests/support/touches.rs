//! A helper that tries what another user may do to the daemon's files.

use std::fs;

use super::helper::say;

/// Says of which of `files` in `folder` anything can be read, written, moved or removed, and whether a file can be made.
pub(super) fn touches(folder: &str, files: &[&str]) {
    let mut done = Vec::new();
    let mut tried = |what: &str, result: std::io::Result<()>| {
        if result.is_ok() {
            done.push(what.to_owned());
        }
    };
    tried("make", fs::write(format!("{folder}/new"), ""));
    for file in files {
        tried(&format!("read {file}"), fs::read(file).map(drop));
        tried(&format!("write {file}"), fs::OpenOptions::new().append(true).open(file).map(drop));
        tried(&format!("connect {file}"), std::os::unix::net::UnixStream::connect(file).map(drop));
        tried(&format!("move {file}"), fs::rename(file, format!("{file}.moved")));
        tried(&format!("remove {file}"), fs::remove_file(file));
    }
    say(&if done.is_empty() { "done with nothing".to_owned() } else { done.join(", ") });
}
