//! The lease of a service that is ended on purpose: once nothing of the service is left it is given back, so that whoever asks for
//! its name learns at once that it has ended (R123). One that ends by itself may come back, and keeps its port.

use std::time::Duration;

use styxy_core::LockId;
use tokio::time::timeout;

use super::Keeper;
use super::ending::Pace;
use super::happen::{Happening, Over};
use super::service::{Goal, Life, Rest, Service};
use crate::here::context::{self, Autostart};
use crate::say::output;
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
        let is_wanted = service.rest_of_end.is_none() || service.goal != Goal::Runs;
        let is_on_purpose = is_wanted && service.next.is_none() && is_over;
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

    /// Nothing of a service is left, and its lease is given back.
    pub(super) fn ended(&mut self, label: &str, Over { left, killed, is_stopped, is_rest }: &Over) {
        let Some(at) = self.services.iter().position(|service| service.order.label == label) else { return };
        let service = &self.services[at];
        // Whoever waits for its end is shown why it rests as it does.
        let is_shown = service.next.is_none() && !service.is_dropped && service.rest_of_end.is_none();
        for text in left.iter().map(|sentence| format!("{label}: {sentence}")) {
            if is_shown { output::note(&text) } else { self.tell(&text) }
        }
        let service = &mut self.services[at];
        (service.killed, service.may_run) = (*killed, service.may_run && !is_stopped);
        match service.next.take() {
            Some(order) => {
                service.take(order);
                service.begin();
            }
            // It is to be stopped since what was left of its start had to end.
            None if *is_rest
                && service.order.stop.is_some()
                && let Goal::Ends(hurry) = service.goal =>
            {
                service.stop_again(hurry);
            }
            None if service.is_dropped && left.is_empty() => drop(self.services.remove(at)),
            None => {
                // Of one that nobody wants any more something is left: the next command tries it again.
                service.is_dropped = false;
                let why = if left.is_empty() { self.over.clone() } else { Some(left.join("; ")) };
                let (before, is_left) = (service.rest_of_end.take(), !left.is_empty());
                let rest = before.unwrap_or(Rest { is_failed: is_left, why, ..Rest::default() });
                service.rest(Rest { is_left, ..rest });
            }
        }
    }
}

fn lease_of(service: &Service) -> Option<LockId> {
    service.order.lease.as_ref()?.lock_id
}
