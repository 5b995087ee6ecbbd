//! How long an agent waits for the daemon's answers: one time for all that a hook asks (R39).

use std::time::{Duration, Instant};

use styxy_client::{Client, Error};

use crate::here::context;

/// A healthy daemon answers in a fraction of a millisecond; on a busy machine it may need longer.
const MOST: Duration = Duration::from_millis(100);

/// The time that is left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    until: Instant,
}

impl Patience {
    pub(super) fn begin() -> Self {
        Self { until: Instant::now() + MOST }
    }

    pub(super) fn left(self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Asks a running daemon one thing, or several; none without all answers in time.
    pub(super) fn ask<T>(self, question: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Option<T> {
        let left = self.left();
        if left.is_zero() {
            return None;
        }
        let asked = context::try_ask(left, async |client| {
            tokio::time::timeout(left, question(client)).await.ok().transpose()
        });
        asked.ok()?.ok()?
    }
}
