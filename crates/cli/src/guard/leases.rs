//! The ports of a session in one worktree.

use styxy_client::{Client, Error};
use styxy_core::api::{AllocateRequest, AllocationsQuery, Lease, State};
use styxy_core::{InstanceId, Port, ProjectPath, RequestId};
use uuid::Uuid;

use crate::here::wishes::{self, Wish};

/// A port that the session has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leased {
    pub(super) port: Port,
    /// Why it is not the preferred one.
    pub(super) reason: Option<String>,
}

/// A port for each wish: that of the session's live lease, even if its server owns that now, else of a new lease.
pub(super) async fn lease(
    client: &Client,
    wishes: &[Wish],
    project: Option<&ProjectPath>,
    instance: Option<&InstanceId>,
) -> Result<Vec<Leased>, Error> {
    let query = AllocationsQuery { project_path: project.cloned(), ..AllocationsQuery::default() };
    let leases = client.allocations(&query).await?.allocations;
    let live = |wish: &Wish| -> Option<Leased> {
        let same = |lease: &&Lease| {
            lease.project_path.as_ref() == project
                && lease.instance_id.as_ref() == instance
                && lease.service_type == wish.service
                && lease.service_name == wish.name
                && lease.conflict.is_none()
        };
        let order = |lease: &&Lease| (lease.state != State::Active, lease.allocated_at, lease.lock_id);
        let lease = leases.iter().filter(same).min_by_key(order)?;
        Some(Leased { port: lease.port, reason: None })
    };
    let mut found: Vec<Option<Leased>> = wishes.iter().map(live).collect();
    let missing: Vec<Wish> = wishes
        .iter()
        .zip(&found)
        .filter(|(_, found)| found.is_none())
        .map(|(wish, _)| wish.clone())
        .collect();
    if !missing.is_empty() {
        let mut request = AllocateRequest {
            reuse: Some(true),
            project_path: project.cloned(),
            instance_id: instance.cloned(),
            request_id: RequestId::new(&Uuid::new_v4().to_string()).ok(),
            ..AllocateRequest::default()
        };
        wishes::fill(&mut request, &missing);
        let answer = client.allocate(&request).await?;
        let granted = answer.grants().iter();
        let granted = granted.map(|grant| Leased { port: grant.port, reason: grant.reason.clone() });
        for (gap, leased) in found.iter_mut().filter(|found| found.is_none()).zip(granted) {
            *gap = Some(leased);
        }
    }
    Ok(found.into_iter().flatten().collect())
}
