//! The lease of a service that is ended on purpose: once nothing of the service is left it is given back, so that whoever asks for
//! its name learns at once that it has ended (R123). One that ends by itself may come back, and keeps its port.

use std::time::Duration;

use styxy_core::LockId;
use tokio::time::timeout;

use super::Keeper;
use super::ending::Pace;
use super::happen::{Happening, Over};
use super::service::{Life, Service};
use crate::here::context::{self, Autostart};
use crate::up::wire::Hurry;

/// How long the daemon may take to learn that a process has ended, and to end a lease; of a large stack all ask at once.
const PATIENCE: Duration = Duration::from_secs(5);

impl Keeper {
    /// Nothing of a service is left.
    pub(super) fn gone(&mut self, label: &str, over: Over) {
        let happen = self.happen.clone();
        let others = self.services.iter().filter(|other| other.order.label != label && other.is_alive());
        let others: Vec<LockId> = others.filter_map(lease_of).collect();
        let Some(service) = self.service(label) else { return };
        // A container is stopped only now.
        let is_over = over.left.is_empty() && !(over.is_rest && service.order.stop.is_some());
        let is_on_purpose = service.rest_of_end.is_none() && service.next.is_none() && is_over;
        // One that was renamed has it now.
        let lease = lease_of(service).filter(|lease| is_on_purpose && !others.contains(lease));
        // A daemon that does not run has no name to answer for.
        let Some((lock_id, client)) = lease.zip(context::client(Autostart::Never).ok()) else {
            return self.ended(label, &over);
        };
        let (label, start) = (label.to_owned(), service.start);
        if !matches!(service.life, Life::Ends(..)) {
            service.life = Life::Ends(Pace::new(Hurry::None), None);
        }
        tokio::spawn(async move {
            // Only the daemon can tell in one step that nobody has it: an agent session that has lent it, or another server by now.
            // Without an answer it ends in its own time.
            let _ = timeout(PATIENCE, client.release_waiting(lock_id)).await;
            let _ = happen.send(Happening::GivenBack { label, start, over });
        });
    }
}

fn lease_of(service: &Service) -> Option<LockId> {
    service.order.lease.as_ref()?.lock_id
}
