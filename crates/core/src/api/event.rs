//! `GET /events`: server-sent events, one per change.

use serde::{Deserialize, Serialize};

use super::instance::InstanceView;
use super::lease::Lease;
use super::refused::Refused;
use crate::event::{EndReason, Seq};
use crate::time::WallTime;

/// The names of events: the `event:` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventName {
    /// A lease began.
    Granted,
    /// Something listens on a lease's port.
    Activated,
    /// The listener closed; the lease stands.
    Deactivated,
    /// The lease has another owner.
    Passed,
    /// A stranger bound a leased port, or left it (`lease.conflict` says which).
    Conflict,
    /// A lease ended; `reason` says why.
    Ended,
    /// An instance was registered, or registered again.
    InstanceRegistered,
    /// An instance missed its heartbeats, or its process ended.
    InstanceExpired,
    /// An instance was unregistered.
    InstanceEnded,
    /// The guard did not let a program send a signal.
    SignalRefused,
    /// The guard did not let a program bind a port.
    BindRefused,
}

impl EventName {
    /// As written on the `event:` line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Activated => "activated",
            Self::Deactivated => "deactivated",
            Self::Passed => "passed",
            Self::Conflict => "conflict",
            Self::Ended => "ended",
            Self::InstanceRegistered => "instance_registered",
            Self::InstanceExpired => "instance_expired",
            Self::InstanceEnded => "instance_ended",
            Self::SignalRefused => "signal_refused",
            Self::BindRefused => "bind_refused",
        }
    }
}

/// One event's `data:`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EventMessage {
    /// Ascending, the `id:` line; numbers may be skipped. A refusal has no `id:` line, and the number of the event before it.
    #[cfg_attr(feature = "schema", schema(value_type = u64))]
    pub seq: Seq,
    /// When.
    pub at: WallTime,
    /// The lease as it was right after the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// The instance as it was right after the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<InstanceView>,
    /// Why a lease ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<EndReason>,
    /// What the guard refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}
