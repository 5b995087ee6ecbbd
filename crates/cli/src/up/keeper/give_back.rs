//! The lease of a service that is ended on purpose: once nothing of the service is left it is given back, so that whoever asks for
//! its name learns at once that it has ended (R123). One that ends by itself may come back, and keeps its port, until somebody types
//! `styxy down` or it is gone from the file.

use std::time::Duration;

use styxy_client::Client;
use styxy_core::api::Lease;
use styxy_core::order::set;
use styxy_core::{LockId, Pid, ProjectPath};
use tokio::time::timeout;

use super::Keeper;
use super::ending::Pace;
use super::happen::{Happening, Over};
use super::ready;
use super::service::{Goal, Life, Progress, Rest, Service};
use crate::here::context::{self, Autostart};
use crate::say::output;
use crate::up::released::{GoesOn, released};
use crate::up::wire::{Hurry, LeaseKey};

/// How long the daemon may take to learn that a process has ended, and to end a lease; of a large stack all ask at once.
const PATIENCE: Duration = Duration::from_secs(5);

impl Keeper {
    /// Nothing of a service is left.
    pub(super) fn gone(&mut self, label: &str, over: Over) {
        let Some(service) = self.service(label) else { return };
        // A container is stopped only now.
        let is_over = over.left.is_empty() && !(over.is_rest && service.order.stop.is_some());
        // The next one has this lease, unless it has another one.
        let is_needed =
            service.next.as_ref().is_some_and(|next| lock_of(next.lease.as_ref()) == lease_of(service));
        let is_wanted = service.rest_of_end.is_none() || service.goal != Goal::Runs;
        let is_on_purpose = is_wanted || service.next.is_some();
        if is_over && is_on_purpose && !is_needed {
            self.give_back(label, over);
        } else {
            self.ended(label, &over);
        }
    }

    /// Nobody wants a service any more that does not run.
    pub(super) fn forget(&mut self, label: &str) {
        let Some(service) = self.service(label) else { return };
        match service.life {
            Life::Rests(_) => self.give_back(label, Over::default()),
            // Its server goes on.
            Life::Waits
            | Life::Looks
            | Life::Runs(..)
            | Life::Done(_)
            | Life::Outside { .. }
            | Life::Ends(..) => {
                self.services.retain(|service| service.order.label != label);
            }
        }
    }

    /// A service that has ended by itself is not to be started again, and stays as it is.
    pub(super) fn give_back_of_resting(&mut self, label: &str) {
        let Some(service) = self.service(label) else { return };
        if lease_of(service).is_none() {
            return;
        }
        if let Life::Rests(rest) = &service.life {
            service.rest_of_end = Some(rest.clone());
            service.goal = Goal::Ends(Hurry::None);
            self.give_back(label, Over::default());
        }
    }

    /// Gives the lease of a service back, if nobody else has it, and goes on then.
    fn give_back(&mut self, label: &str, over: Over) {
        let happen = self.happen.clone();
        let others = self.services.iter().filter(|other| other.order.label != label && other.is_alive());
        let others: Vec<LockId> = others.filter_map(lease_of).collect();
        let Some(service) = self.service(label) else { return };
        // One that was renamed has it now.
        let lease = lease_of(service).filter(|lease| !others.contains(lease));
        let leases: Vec<LockId> =
            set(lease.into_iter().chain(over.leases.iter().copied())).into_iter().collect();
        // A daemon that does not run has no name to answer for.
        let Some(client) = context::client(Autostart::Never).ok().filter(|_| !leases.is_empty()) else {
            return self.ended(label, &over);
        };
        if let Some(key) = &mut service.order.lease {
            key.lock_id = None;
        }
        let goes_on = service.next.as_ref().map_or(GoesOn::No, |_| GoesOn::Elsewhere);
        let (label, start) = (label.to_owned(), service.start);
        if !matches!(service.life, Life::Ends(..)) {
            service.life = Life::Ends(Pace::new(Hurry::None), None);
        }
        tokio::spawn(async move {
            for lock_id in leases {
                let _ = timeout(PATIENCE, released(&client, lock_id, goes_on)).await;
            }
            let _ = happen.send(Happening::GivenBack { label, start, over });
        });
    }

    /// Nothing of a service is left, and its lease is given back.
    pub(super) fn ended(
        &mut self,
        label: &str,
        Over { left, killed, is_stopped, leases: _, is_rest }: &Over,
    ) {
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

/// The process that has leases of its own which the keeper has not asked for: a server that was started by hand, and one that listens
/// elsewhere (R66). None for one that starts again.
pub(super) fn with_own_leases(service: &Service) -> Option<(LeaseKey, u32)> {
    let key = service.order.lease.clone().filter(|_| service.next.is_none())?;
    match &service.life {
        Life::Outside { pid, .. } => Some((key, (*pid)?)),
        Life::Runs(process, Progress::Ready(Some(port))) if *port != key.port => Some((key, process.pid)),
        Life::Runs(..) | Life::Rests(_) | Life::Waits | Life::Looks | Life::Done(_) | Life::Ends(..) => None,
    }
}

/// Those leases. They end with the process, as those of a server that has crashed, unless they are given back then.
pub(super) async fn own_leases(
    client: &Client,
    project: Option<&ProjectPath>,
    (key, pid): &(LeaseKey, u32),
) -> Vec<LockId> {
    let is_its = |lease: &Lease| {
        let listener = lease.listener.as_ref().and_then(|listener| listener.pid);
        [lease.owner.pid, listener].into_iter().flatten().map(Pid::get).any(|its| its == *pid)
    };
    let leases = timeout(PATIENCE, ready::leases(client, project, key)).await;
    let leases = leases.ok().and_then(Result::ok).unwrap_or_default();
    leases.into_iter().filter(is_its).map(|lease| lease.lock_id).collect()
}

fn lease_of(service: &Service) -> Option<LockId> {
    lock_of(service.order.lease.as_ref())
}

fn lock_of(key: Option<&LeaseKey>) -> Option<LockId> {
    key?.lock_id
}
