//! What the tools for a worktree's services do: they ask its keeper, as `styxy up`, `down`, `logs` and `ps` do (R157).

#[cfg(not(unix))]
mod elsewhere;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(super) use elsewhere::{logs, start, stop, wait};
#[cfg(unix)]
pub(super) use unix::{logs, start, stop, wait};
