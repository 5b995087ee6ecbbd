//! Starts a daemon again that has ended: without one the guard refuses nothing (R39).

use std::fs;
use std::time::Duration;

use styxy_client::{Caller, Session};
use styxy_core::layout::Layout;

use super::patience::Patience;
use super::session;
use crate::here::context::{self, Autostart};
use crate::here::off::off;

/// How long a daemon may take that has to start first.
const START: Duration = Duration::from_secs(1);

/// Starts the daemon if it has ended: its folder has a journal, nobody stopped it, and nobody holds the lock. One that runs and does
/// not answer is left alone. A session without a process sends a heartbeat by the same question.
///
/// The time for other questions: none if it does not answer, so that nobody waits for it twice.
pub(super) fn keep_up(caller: &Caller, session: Option<&Session>, patience: Patience) -> Patience {
    let Ok(layout) = context::layout() else { return patience };
    if off().is_some() || !is_wanted(&layout) {
        return patience;
    }
    let found = context::try_ask(patience.left(), async |client| {
        let answer = match session::heartbeat(client, caller, session).await {
            Some(answer) => answer,
            None => client.status().await.map(drop),
        };
        Ok(match answer {
            Ok(()) => Found::Answers,
            Err(_) if client.holder().is_none() => Found::Ended,
            Err(_) => Found::Silent,
        })
    });
    match found {
        Ok(Ok(Found::Answers)) => return Patience::begin(),
        Ok(Ok(Found::Ended)) => {}
        Ok(Ok(Found::Silent) | Err(_)) | Err(_) => return patience,
    }
    // If it cannot be started, the next command of a person says why.
    let _ = context::ask_within(START, Autostart::FromEnvironment, async |client| client.status().await);
    Patience::begin()
}

/// What is known of the daemon.
enum Found {
    Answers,
    Ended,
    /// Some process holds its lock.
    Silent,
}

fn is_wanted(layout: &Layout) -> bool {
    let mut entries = fs::read_dir(layout.root()).into_iter().flatten().flatten();
    entries.any(|entry| entry.file_name().as_encoded_bytes().starts_with(b"journal."))
        && !layout.stopped().exists()
}
