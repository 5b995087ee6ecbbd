//! The states that a service goes through, as the keeper says them and people read them.

use serde::{Deserialize, Serialize};

/// The state of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// For another one that must be ready before.
    Waiting,
    Starting,
    Ready,
    /// It runs, and nothing says that it serves.
    Running,
    /// Its server runs, and was not started by the keeper.
    Outside,
    /// It did not become ready, or has ended badly.
    Failed,
    Ending,
    /// It has ended, well or because somebody wanted it.
    Ended,
}

impl State {
    /// What people read.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Outside => "runs outside of up",
            Self::Failed => "failed",
            Self::Ending => "ending",
            Self::Ended => "ended",
        }
    }

    /// Whether it stays so unless something happens.
    pub(crate) const fn is_settled(self) -> bool {
        match self {
            Self::Ready | Self::Running | Self::Outside | Self::Failed | Self::Ended => true,
            Self::Waiting | Self::Starting | Self::Ending => false,
        }
    }

    /// Whether others that come after it may start.
    pub(crate) const fn is_good(self) -> bool {
        match self {
            Self::Ready | Self::Running | Self::Outside => true,
            Self::Waiting | Self::Starting | Self::Ending | Self::Failed | Self::Ended => false,
        }
    }
}
