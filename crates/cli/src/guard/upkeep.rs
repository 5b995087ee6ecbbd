//! Starts a daemon again that has ended: without one the guard refuses nothing (R39).

use std::fs;
use std::time::Duration;

use crate::here::context::{self, Autostart};

/// How long a running daemon may take to answer.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long one may take that has to start first.
const START: Duration = Duration::from_secs(1);

/// Starts the daemon if it has ended: its folder has a journal, and nobody holds the lock. One that runs and does not answer is
/// left alone.
pub(super) fn keep_up() {
    let Ok(layout) = context::layout() else { return };
    let has_run = || {
        let mut entries = fs::read_dir(layout.root()).into_iter().flatten().flatten();
        entries.any(|entry| entry.file_name().as_encoded_bytes().starts_with(b"journal."))
    };
    let has_ended = || {
        let answer = context::try_ask(PATIENCE, async |client| {
            Ok(client.status().await.is_err() && client.holder().is_none())
        });
        matches!(answer, Ok(Ok(true)))
    };
    if has_run() && has_ended() {
        // If it cannot be started, the next command of a person says why.
        let _ = context::ask_within(START, Autostart::FromEnvironment, async |client| client.status().await);
    }
}
