//! What the door is told of leases.

use std::sync::Arc;

use styxy_core::label::HostName;
use styxy_core::{EndReason, EndedServer, Lease, Registry, Timestamp, WallTime};
use styxy_door::{Past, Served};

/// The service of a live lease; none for a lease of no project, which has no name.
pub(super) fn served(registry: &Registry, lease: &Lease) -> Option<Arc<Served>> {
    Some(Arc::new(Served {
        lease: lease.lock_id,
        port: lease.port,
        host: registry.host(lease)?.to_string().into(),
        service: lease.key.label(),
        folder: lease.key.project.as_ref().map(ToString::to_string),
        since: lease.allocated_at.wall,
        rules: lease.door,
    }))
}

/// What has ended, as it is said `now`; requests wait for it for `grace_ms` after its end.
pub(super) fn past(host: &str, ended: EndedServer, now: Timestamp, grace_ms: u64) -> Past {
    let EndedServer { lease, door, reason, at } = ended;
    let ago = now.awake.saturating_sub(at);
    let service = match &lease.service_name {
        Some(name) => format!("{}/{name}", lease.service_type),
        None => lease.service_type.to_string(),
    };
    Past {
        // What is in front of the server's own name is the app's.
        host: HostName::read(host).map_or_else(|| host.to_owned(), |name| name.to_string()).into(),
        service,
        folder: lease.project_path.as_ref().map(ToString::to_string),
        // After a restart of the machine the clock begins again, and the time is not known.
        ended: (at > 0).then(|| WallTime(now.wall.0.saturating_sub(ago))),
        why: why(reason),
        rules: door,
        returns_within_ms: match reason {
            EndReason::OwnerExited | EndReason::ListenerExited => grace_ms.saturating_sub(ago),
            EndReason::Released
            | EndReason::BindTtl
            | EndReason::InstanceExpired
            | EndReason::InstanceEnded
            | EndReason::Cleanup
            | EndReason::Displaced
            | EndReason::Reboot => 0,
        },
    }
}

const fn why(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Released => "its port was released",
        EndReason::OwnerExited => "its process ended",
        EndReason::ListenerExited => "its server ended",
        EndReason::BindTtl => "no server began to listen in time",
        EndReason::InstanceExpired => "its agent session was not heard of any more",
        EndReason::InstanceEnded => "its agent session ended",
        EndReason::Cleanup => "all leases were ended",
        EndReason::Displaced => "another program had its port",
        EndReason::Reboot => "the machine was restarted",
    }
}
