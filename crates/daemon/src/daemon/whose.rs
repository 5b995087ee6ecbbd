//! Whether a listening socket is the server of a lease: for the door, which passes nothing on to anybody else.

use std::time::Duration;

use styxy_core::{Lease, Listener, LockId, Relation};

use super::Daemon;
use super::last_seen::Sighting;
use crate::system::ListeningSocket;

/// How often a holder that cannot be identified is looked for again, and how long to wait before each time (R21).
const RETRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(4);

/// Who listens.
#[derive(Debug, Clone)]
pub(crate) enum Whose {
    /// Nobody but servers of the lease, or such as may be.
    Own,
    /// This stranger, perhaps beside the lease's server.
    Strangers(Listener),
    /// No process is found that has the socket: it may be about to end, or the machine is too busy to look at all.
    Unknown,
}

impl Daemon {
    /// Who listens on `sockets`, which share one address of the lease's port. Takes some milliseconds.
    pub(crate) async fn who_listens(&self, lease: &Lease, sockets: &[ListeningSocket]) -> Whose {
        let mut retries = RETRIES;
        loop {
            let found = self.identify(vec![Sighting::on(lease, sockets)]).await;
            let listeners: Vec<Listener> = found.into_iter().flat_map(|found| found.listeners).collect();
            let is_unidentified = |who: &Listener| who.process.is_none() && who.user == Relation::Own;
            let is_known = !listeners.is_empty() && !listeners.iter().any(is_unidentified);
            if retries == 0 || is_known {
                return match listeners.into_iter().find(|listener| lease.is_strange(listener)) {
                    Some(stranger) => Whose::Strangers(stranger),
                    None if is_known => Whose::Own,
                    None => Whose::Unknown,
                };
            }
            retries -= 1;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The live lease of this id.
    pub(crate) fn lease(&self, id: LockId) -> Option<Lease> {
        self.engine().registry().lease(id).cloned()
    }
}
