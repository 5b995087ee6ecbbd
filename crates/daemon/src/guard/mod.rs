//! The guard's judge: programs ask on `guard.sock` before they signal another process or bind a port (R90 to R93).
//!
//! It has a thread of its own, since it reads folders and /proc: the serving thread makes no file call. Of leases it knows what
//! the engine says, one short question at a time. What it does not know passes, and so does everything if it ends.

mod asker;
mod grounds;
mod judge;
mod kept;
mod listen;
mod servers;
mod words;

use std::path::Path;
use std::sync::Arc;

use crate::daemon::Daemon;

pub(crate) use listen::Running;

/// Begins to answer at `path`, until the result is dropped; none, which is logged, if that cannot be listened on.
pub(crate) fn start(daemon: &Arc<Daemon>, path: &Path) -> Option<Running> {
    let most = daemon.descriptors.for_guard();
    let started = judge::Judge::new(Arc::clone(daemon)).and_then(|judge| listen::start(judge, path, most));
    started
        .inspect_err(|error| tracing::error!(%error, "the guard cannot be asked: programs signal freely"))
        .ok()
}
