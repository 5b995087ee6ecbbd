//! What is shown, as it is now, and again whenever that changes. It draws nothing.
//!
//! The daemon says when: by the stream of its events. What is shown is what it answers then, so that it is the same as
//! without `--watch`.

use std::time::Duration;

use styxy_client::{Client, Error, Events};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// Events come in bursts: a lease ends, and its server's next one begins. So long more of them are waited for.
const BURST: Duration = Duration::from_millis(40);
/// How often a daemon is looked for that has gone.
const AGAIN: Duration = Duration::from_millis(500);

/// What the daemon is asked for.
pub(super) trait Ask {
    /// What it answers.
    type Found: Clone;
    /// How often it is asked although nothing has happened; none if all that changes is an event.
    const EVERY: Option<Duration>;

    /// # Errors
    /// The daemon cannot be asked, or refuses.
    async fn ask(&self, client: &Client) -> Result<Self::Found, Error>;

    /// Whether nothing else is shown of the one than of the other.
    fn is_same(one: &Self::Found, other: &Self::Found) -> bool;
}

/// What is new.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Update<F> {
    /// It is this now.
    Found(F),
    /// No daemon answers any more. It is looked for, and none is started: somebody may have stopped it.
    Gone,
}

/// What is wanted, as it changes.
#[derive(Debug)]
pub(super) struct Live<A: Ask> {
    wanted: A,
    /// Starts a daemon, if that is wanted; only until one has answered.
    first: Option<Client>,
    /// Starts none.
    client: Client,
    events: Option<Events>,
    /// Whether something has happened since the daemon was asked.
    is_stale: bool,
    last: Option<Update<A::Found>>,
}

impl<A: Ask> Live<A> {
    /// Asks nothing yet. The daemon is first looked for, or started, by `first`, and later by `client`.
    pub(super) fn new(wanted: A, first: Client, client: Client) -> Self {
        Self { wanted, first: Some(first), client, events: None, is_stale: true, last: None }
    }

    /// Waits until something else is shown than the last time; the first time it is what there is. May be dropped and called
    /// again.
    ///
    /// # Errors
    /// The first time, why there is no daemon; later only what it refuses.
    pub(super) async fn next(&mut self) -> Result<Update<A::Found>, Error> {
        loop {
            let update = match self.look().await {
                Ok(Some(found)) => Update::Found(found),
                Ok(None) => continue,
                Err(error @ Error::Refused(_)) => return Err(error),
                Err(error) if self.first.is_some() => return Err(error),
                Err(_) => {
                    self.events = None;
                    if matches!(self.last, Some(Update::Gone)) {
                        sleep(AGAIN).await;
                        continue;
                    }
                    Update::Gone
                }
            };
            let is_known = match (&self.last, &update) {
                (Some(Update::Found(last)), Update::Found(found)) => A::is_same(last, found),
                (Some(Update::Gone), Update::Gone) => true,
                (None | Some(Update::Found(_) | Update::Gone), Update::Found(_) | Update::Gone) => false,
            };
            if !is_known {
                self.last = Some(update.clone());
                return Ok(update);
            }
        }
    }

    /// One step: subscribes, waits for an event, or asks. None if there is nothing to show yet.
    async fn look(&mut self) -> Result<Option<A::Found>, Error> {
        let Some(events) = &mut self.events else {
            // First the events, then the answer: nothing that happens in between is lost.
            self.events = Some(self.first.as_ref().unwrap_or(&self.client).events(None).await?);
            self.is_stale = true;
            return Ok(None);
        };
        if !self.is_stale {
            let next = match A::EVERY {
                Some(every) => timeout(every, events.next()).await,
                None => Ok(events.next().await),
            };
            match next {
                Ok(next) => self.is_stale = next?.is_some(),
                Err(_) => self.is_stale = true,
            }
            // A stream that ends is a daemon that ends.
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
