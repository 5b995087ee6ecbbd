//! What the owners of leases are called now. `styxy run` leases a port, and then becomes the command: the process stays the
//! owner, and gets another name.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use styxy_core::{Command, Owner, Process, ProcessKey};

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
        let owners: HashMap<ProcessKey, Process> = {
            let engine = self.engine();
            let silent = engine.registry().leases().filter_map(|lease| match &lease.owner {
                Owner::Process(owner) => {
                    let listens =
                        lease.listening.server().is_some_and(|server| server.key() == Some(owner.key));
                    (!listens).then_some(owner)
                }
                Owner::Instance(_) | Owner::Awaited { .. } | Owner::Listener { .. } => None,
            });
            // One owner may have thousands of leases.
            let mut owners = HashMap::new();
            for owner in silent {
                if owners.len() == MOST {
                    break;
                }
                owners.entry(owner.key).or_insert_with(|| owner.clone());
            }
            owners
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
fn renamed(owners: HashMap<ProcessKey, Process>) -> Vec<Process> {
    let deadline = Instant::now() + PATIENCE;
    let in_time = owners.into_values().take_while(|_| Instant::now() < deadline);
    let renamed = in_time.filter_map(|owner| {
        let now = system::identify(owner.key.pid).ok()?.process;
        (now.key == owner.key && now.name != owner.name && !now.name.is_empty())
            .then_some(Process { name: now.name, ..owner })
    });
    renamed.collect()
}
