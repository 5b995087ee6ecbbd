//! What the door is told of leases.

use std::sync::Arc;

use styxy_core::label::HostName;
use styxy_core::{EndReason, Lease, Left, Registry, WallTime};
use styxy_door::{Past, Served};

use crate::system;

/// The service of a live lease; none for a lease of no project, which has no name.
pub(super) fn served(registry: &Registry, lease: &Lease) -> Option<Arc<Served>> {
    let host: Box<str> = registry.host(lease)?.to_string().into();
    let past = lease.left.map(|left| past(registry, &host, lease, left));
    Some(Arc::new(Served {
        lease: lease.lock_id,
        port: lease.port,
        host,
        service: lease.key.label(),
        folder: folder(lease),
        since: lease.allocated_at.wall,
        rules: lease.door,
        past,
    }))
}

/// How the last server of a lease has ended, whether the lease has ended too or only keeps its port.
pub(super) fn past(registry: &Registry, host: &str, lease: &Lease, left: Left) -> Arc<Past> {
    let (Left { at, reason }, now) = (left, system::now());
    let ago = now.awake.saturating_sub(at);
    let grace = registry.policy().config.unbind_grace.millis();
    Arc::new(Past {
        // What is in front of the server's own name is the app's.
        host: HostName::read(host).map_or_else(|| host.to_owned(), |name| name.to_string()).into(),
        service: lease.key.label(),
        folder: folder(lease),
        // After a restart of the machine the clock begins again, and the time is not known.
        ended: (at > 0).then(|| WallTime(now.wall.0.saturating_sub(ago))),
        why: why(reason),
        rules: lease.door,
        returns_within_ms: match reason {
            EndReason::OwnerExited | EndReason::ListenerExited => grace.saturating_sub(ago),
            EndReason::Released
            | EndReason::BindTtl
            | EndReason::InstanceExpired
            | EndReason::InstanceEnded
            | EndReason::Cleanup
            | EndReason::Displaced
            | EndReason::Reboot => 0,
        },
    })
}

fn folder(lease: &Lease) -> Option<String> {
    lease.key.project.as_ref().map(ToString::to_string)
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
