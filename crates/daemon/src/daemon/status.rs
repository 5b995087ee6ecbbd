//! What `GET /status` and `GET /metrics` show of the daemon.

use std::time::Duration;

use styxy_core::{api, with_causes};

use super::{Daemon, own_pid};
use crate::journal::Mode;
use crate::system;

impl Daemon {
    /// The daemon's state. Makes no system call that could wait.
    pub(crate) fn status(&self) -> api::StatusAnswer {
        let engine = self.engine();
        let (registry, health) = (engine.registry(), engine.journal().health());
        let (mode, why) = match &health.mode {
            Mode::Mapped => (api::JournalMode::Mapped, None),
            Mode::Plain { why } => (api::JournalMode::Plain, Some(why.clone())),
        };
        let compaction = health.compaction_error.as_deref().map(|error| with_causes(error));
        api::StatusAnswer {
            status: "running".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            api_version: api::API_VERSION,
            pid: own_pid(),
            uptime: seconds(self.about.ready_at.elapsed()),
            allocations: registry.lease_count(),
            instances: registry.instance_count(),
            listen: self.about.listen.clone(),
            memory: api::Memory { rss: system::resident_bytes().unwrap_or_default() },
            journal: Some(api::Journal {
                mode,
                generation: health.generation,
                used: health.used as u64,
                capacity: health.capacity as u64,
                trouble: compaction.or(why),
            }),
            watches: Some(api::Watches {
                processes: engine.watches.watched(),
                polled: engine.watches.polled(),
            }),
            notes: self
                .about
                .notes
                .iter()
                .map(String::as_str)
                .chain(engine.notes())
                .map(str::to_owned)
                .collect(),
        }
    }
}

/// In seconds, to a thousandth.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}
