//! What the owners of leases are called now. `styxy run` leases a port, and then becomes the command: the process stays the
//! owner, and gets another name.

use std::time::{Duration, Instant};

use styxy_core::{Command, Process};

use super::Daemon;
use crate::system;

/// How long the owners may be looked at.
const PATIENCE: Duration = Duration::from_millis(100);
/// So many owners are looked at in one go.
const MOST: usize = 1024;

impl Daemon {
    /// Learns what processes are called that own leases and do not listen themselves. Those that do were looked at when they
    /// began to.
    ///
    /// Takes some 20 µs for each, on another thread.
    pub(crate) async fn name_owners(&self) {
        let owners: Vec<Process> = {
            let engine = self.engine();
            engine.registry().silent_owners().take(MOST).cloned().collect()
        };
        if owners.is_empty() {
            return;
        }
        // An error means that the daemon is stopping: a panic would have ended it.
        let renamed = tokio::task::spawn_blocking(move || renamed(owners)).await.unwrap_or_default();
        if !renamed.is_empty() {
            self.happens(&Command::Renamed(renamed));
        }
    }
}

/// Those that have another name now, with that.
fn renamed(owners: Vec<Process>) -> Vec<Process> {
    let deadline = Instant::now() + PATIENCE;
    let in_time = owners.into_iter().take_while(|_| Instant::now() < deadline);
    let renamed = in_time.filter_map(|owner| {
        let now = system::identify(owner.key.pid).ok()?.process;
        (now.key == owner.key && now.name != owner.name && !now.name.is_empty())
            .then_some(Process { name: now.name, ..owner })
    });
    renamed.collect()
}
