//! The leases as they are now, and again whenever that changes. It draws nothing.
//!
//! The daemon says when: by the stream of its events. What is shown is what it answers then, so that it is the same as
//! without `--watch`.

use std::time::Duration;

use styxy_client::{Client, Error, Events};
use styxy_core::api::Lease;
use tokio::time::{Instant, sleep, timeout_at};

use super::wanted::{Found, Wanted};

/// Events come in bursts: a lease ends, and its server's next one begins. So long more of them are waited for.
const BURST: Duration = Duration::from_millis(40);
/// How often a daemon is looked for that has gone.
const AGAIN: Duration = Duration::from_millis(500);

/// What is new.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Update {
    /// The leases are these now.
    Leases(Found),
    /// No daemon answers any more. It is looked for, and none is started: somebody may have stopped it.
    Gone,
}

/// The leases that are wanted, as they change.
#[derive(Debug)]
pub(super) struct Live {
    wanted: Wanted,
    /// Starts a daemon, if that is wanted; only until one has answered.
    first: Option<Client>,
    /// Starts none.
    client: Client,
    events: Option<Events>,
    /// Whether something has happened since the daemon was asked.
    is_stale: bool,
    last: Option<Update>,
}

impl Live {
    /// Asks nothing yet. The daemon is first looked for, or started, by `first`, and later by `client`.
    pub(super) fn new(wanted: Wanted, first: Client, client: Client) -> Self {
        Self { wanted, first: Some(first), client, events: None, is_stale: true, last: None }
    }

    /// Waits until the leases are other ones than those of the last time; the first time they are what there is. May be
    /// dropped and called again.
    ///
    /// # Errors
    /// The first time, why there is no daemon; later only what it refuses.
    pub(super) async fn next(&mut self) -> Result<Update, Error> {
        loop {
            let update = match self.look().await {
                Ok(Some(found)) => Update::Leases(found),
                Ok(None) => continue,
                Err(error @ Error::Refused(_)) => return Err(error),
                Err(error) if self.first.is_some() => return Err(error),
                Err(_) => {
                    self.events = None;
                    if self.last == Some(Update::Gone) {
                        sleep(AGAIN).await;
                        continue;
                    }
                    Update::Gone
                }
            };
            if self.last.as_ref().is_none_or(|last| !is_same(last, &update)) {
                self.last = Some(update.clone());
                return Ok(update);
            }
        }
    }

    /// One step: subscribes, waits for an event, or asks. None if there is nothing to show yet.
    async fn look(&mut self) -> Result<Option<Found>, Error> {
        let Some(events) = &mut self.events else {
            // First the events, then the answer: nothing that happens in between is lost.
            self.events = Some(self.first.as_ref().unwrap_or(&self.client).events(None).await?);
            self.is_stale = true;
            return Ok(None);
        };
        if !self.is_stale {
            // A stream that ends is a daemon that ends.
            self.is_stale = events.next().await?.is_some();
            if !self.is_stale {
                self.events = None;
                return Ok(None);
            }
            let until = Instant::now() + BURST;
            while let Ok(Ok(Some(_))) = timeout_at(until, events.next()).await {}
        }
        let found = self.wanted.ask(&self.client).await?;
        self.is_stale = false;
        self.first = None;
        Ok(Some(found))
    }
}

/// Whether nothing else is shown. When something was last seen listening is no news.
fn is_same(one: &Update, other: &Update) -> bool {
    let (Update::Leases(one), Update::Leases(other)) = (one, other) else { return one == other };
    let timeless = |lease: &Lease| Lease { last_seen_listening: None, ..lease.clone() };
    one.answer.allocations.iter().map(timeless).eq(other.answer.allocations.iter().map(timeless))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::facts::tests::lease;
    use serde_json::json;
    use styxy_core::api::AllocationsAnswer;

    #[test]
    fn what_is_shown_decides_whether_it_is_another_list() {
        let found = |allocations| {
            Update::Leases(Found { answer: AllocationsAnswer { allocations }, empty: String::new() })
        };
        let list = |change: fn(&mut serde_json::Value)| found(vec![lease(3000, change)]);
        let seen = list(|wire| wire["last_seen_listening"] = json!("2026-11-22T17:41:00Z"));
        assert!(is_same(&list(|_| {}), &seen));
        assert!(!is_same(&list(|_| {}), &list(|wire| wire["state"] = json!("active"))));
        assert!(!is_same(&list(|_| {}), &found(Vec::new())));
        assert!(!is_same(&list(|_| {}), &Update::Gone));
        assert!(is_same(&Update::Gone, &Update::Gone));
    }
}
