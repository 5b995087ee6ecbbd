//! The end of a lease that nobody has any more.

use styxy_client::Client;
use styxy_client::leases::is_up;
use styxy_core::LockId;
use styxy_core::api::{Lease, OwnerKind};

/// Whether the service is started again, on another lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GoesOn {
    No,
    Elsewhere,
}

/// Ends a lease that nobody has: only the daemon can tell that in one step, since another server may have it by now. An agent session that
/// has lent it keeps it, unless its server goes on elsewhere. Without an answer it ends in its own time.
pub(super) async fn released(client: &Client, lock_id: LockId, goes_on: GoesOn) {
    let Ok(answer) = client.release_waiting(lock_id).await else { return };
    if answer.success || goes_on == GoesOn::No {
        return;
    }
    // One of the worktree's stack is all its sessions' in common (R68).
    let is_of_session = |lease: &Lease| match lease.owner.kind {
        OwnerKind::Instance => true,
        OwnerKind::Listener => lease.stack == Some(true),
        OwnerKind::Process => false,
    };
    let is_lent = |lease: &Lease| lease.lock_id == lock_id && is_of_session(lease) && !is_up(lease);
    let lease = client.check(answer.port).await.ok().and_then(|check| check.allocated_to);
    if lease.as_ref().is_some_and(is_lent) {
        let _ = client.release(lock_id).await;
    }
}
