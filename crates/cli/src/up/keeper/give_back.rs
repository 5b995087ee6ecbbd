//! The lease of a service that is ended on purpose: once nothing of the service is left it is given back, so that whoever asks for
//! its name learns at once that it has ended (R123). One that ends by itself may come back, and keeps its port.

use std::time::Duration;

use styxy_client::leases::is_up;
use styxy_client::{Client, Error};
use styxy_core::api::{AllocationsQuery, Lease, OwnerKind};
use styxy_core::{LockId, ProjectPath};
use tokio::time::{sleep, timeout};

use super::Keeper;
use super::ending::Pace;
use super::happen::{Happening, Over};
use super::service::{Life, Service};
use crate::here::context::{self, Autostart};
use crate::up::wire::Hurry;

/// How long the daemon may take to learn that a process has ended, and to end a lease.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is asked.
const GLANCE: Duration = Duration::from_millis(10);

impl Keeper {
    /// Nothing of a service is left.
    pub(super) fn gone(&mut self, label: &str, over: Over) {
        let (project, happen) = (self.project.clone(), self.happen.clone());
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
        let before = service.process().map(|process| process.pid);
        let (label, start) = (label.to_owned(), service.start);
        if !matches!(service.life, Life::Ends(..)) {
            service.life = Life::Ends(Pace::new(Hurry::None), None);
        }
        tokio::spawn(async move {
            // Without an answer it ends in its own time.
            let _ = timeout(PATIENCE, give_back(&client, project.as_ref(), lock_id, before)).await;
            let _ = happen.send(Happening::GivenBack { label, start, over });
        });
    }
}

fn lease_of(service: &Service) -> Option<LockId> {
    service.order.lease.as_ref()?.lock_id
}

/// Gives a lease back that only waits for its next server by now. `before` is the process that had it and has ended.
async fn give_back(
    client: &Client,
    project: Option<&ProjectPath>,
    lock_id: LockId,
    before: Option<u32>,
) -> Result<(), Error> {
    let query = AllocationsQuery { project_path: project.cloned(), ..AllocationsQuery::default() };
    loop {
        let leases = client.allocations(&query).await?.allocations;
        let Some(lease) = leases.into_iter().find(|lease| lease.lock_id == lock_id) else { return Ok(()) };
        match waits(&lease, before) {
            Waits::ForNobody => return client.release(lock_id).await.map(drop),
            Waits::Not => return Ok(()),
            // Whose it will be is known once the daemon has learnt that.
            Waits::Unknown => sleep(GLANCE).await,
        }
    }
}

/// What a lease waits for.
enum Waits {
    /// A server that nobody starts.
    ForNobody,
    /// It is somebody's: of an agent session that has lent it, or of another server.
    Not,
    /// The daemon has not learnt yet that its process has ended.
    Unknown,
}

fn waits(lease: &Lease, before: Option<u32>) -> Waits {
    match (&lease.owner.kind, lease.owner.pid.map(styxy_core::Pid::get)) {
        (OwnerKind::Listener, None) if !is_up(lease) => Waits::ForNobody,
        (OwnerKind::Process | OwnerKind::Listener, Some(pid)) if Some(pid) == before => Waits::Unknown,
        (OwnerKind::Listener | OwnerKind::Process | OwnerKind::Instance, _) => Waits::Not,
    }
}
