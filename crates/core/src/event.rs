//! What follows from a command: the one thing that changes the registry, that the journal stores and that
//! `GET /events` streams.

use serde::{Deserialize, Serialize};

use crate::api::AllocateAnswer;
use crate::door_rules::DoorRules;
use crate::lease::{Conflict, Instance, Lease, Naming, OfStack, Owner};
use crate::names::{InstanceId, LockId, ProjectPath, RequestId};
use crate::process::Listener;
use crate::time::Timestamp;

/// An event's number: ascending, unique, kept across restarts.
pub type Seq = u64;

/// Something that is now true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its number.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// What.
    pub fact: Fact,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// A lease began.
    Granted(Box<Lease>),
    /// The lease's server listens, or another one of its kind.
    Heard {
        /// Which lease.
        lock_id: LockId,
        /// Who.
        listener: Listener,
        /// The owner, if it changes with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<Owner>,
    },
    /// The listener closed; the lease stands.
    Silent {
        /// Which lease.
        lock_id: LockId,
        /// The owner, if it changes with it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<Owner>,
    },
    /// A stranger bound the lease's port, beside its server if that listens, or (none) left it.
    Conflict {
        /// Which lease.
        lock_id: LockId,
        /// Who.
        by: Option<Conflict>,
    },
    /// The lease has another owner, or the same one waits again or is another program now, or its project has moved.
    Passed {
        /// Which lease.
        lock_id: LockId,
        /// Who owns it now.
        owner: Owner,
        /// Where its project is now, if it has moved. A daemon of 0.1.0 overlooks this.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        project: Option<ProjectPath>,
        /// What its worktree is called from now on, if that changes. A daemon of 0.1.0 overlooks this too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        worktree: Option<Naming>,
        /// How requests by name reach its server from now on, if that changes. A daemon of 0.1.0 overlooks this too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        door: Option<DoorRules>,
        /// That it is of the worktree's stack from now on, and whose server has it (R68). A daemon of 0.1.0 overlooks this too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stack: Option<OfStack>,
    },
    /// A lease ended.
    Ended {
        /// Which lease.
        lock_id: LockId,
        /// Why.
        reason: EndReason,
    },
    /// An instance was registered, or registered again.
    InstanceRegistered(Box<Instance>),
    /// An instance missed its beats, or its process ended.
    InstanceExpired(Box<Instance>),
    /// An instance was unregistered.
    InstanceEnded(Box<Instance>),
    /// A request was answered. Journaled only with a request id, never published.
    Answered(Box<Answered>),
    /// An instance beat. Neither journaled nor published.
    Beat(InstanceId),
    /// Something still listens on these leases' ports. Neither journaled nor published.
    Seen(Vec<LockId>),
    /// The registry belongs to this boot of the machine from here on. Journaled, never published.
    Booted {
        /// The system's name for the boot.
        boot_id: String,
    },
    /// A daemon took the registry over, or woke after it had been stopped: deadlines of beats start again. Neither
    /// journaled nor published.
    Resumed,
}

/// What was answered, and how a repeat is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// The client's name for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<(RequestId, u64)>,
    /// The answer.
    pub answer: AllocateAnswer,
}

/// Why a lease ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Its holder said so.
    Released,
    /// The owner process ended, and nothing listened.
    OwnerExited,
    /// The listener that owned it ended or stopped listening for too long.
    ListenerExited,
    /// Nothing listened in time.
    BindTtl,
    /// Its instance expired.
    InstanceExpired,
    /// Its instance was unregistered.
    InstanceEnded,
    /// `cleanup force`
    Cleanup,
    /// A stranger had bound its port, and its key moved on.
    Displaced,
    /// The machine was restarted.
    Reboot,
}

impl EndReason {
    /// As written on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::OwnerExited => "owner_exited",
            Self::ListenerExited => "listener_exited",
            Self::BindTtl => "bind_ttl",
            Self::InstanceExpired => "instance_expired",
            Self::InstanceEnded => "instance_ended",
            Self::Cleanup => "cleanup",
            Self::Displaced => "displaced",
            Self::Reboot => "reboot",
        }
    }
}

impl Fact {
    /// Whether it must be in the journal before anybody is told.
    #[must_use]
    pub const fn is_durable(&self) -> bool {
        match self {
            Self::Granted(_)
            | Self::Heard { .. }
            | Self::Silent { .. }
            | Self::Conflict { .. }
            | Self::Passed { .. }
            | Self::Ended { .. }
            | Self::InstanceRegistered(_)
            | Self::InstanceExpired(_)
            | Self::InstanceEnded(_)
            | Self::Booted { .. } => true,
            Self::Answered(answered) => answered.request.is_some(),
            Self::Beat(_) | Self::Seen(_) | Self::Resumed => false,
        }
    }
}

impl Event {
    /// The lease it is about.
    #[must_use]
    pub fn lock_id(&self) -> Option<LockId> {
        match &self.fact {
            Fact::Granted(lease) => Some(lease.lock_id),
            Fact::Heard { lock_id, .. }
            | Fact::Silent { lock_id, .. }
            | Fact::Conflict { lock_id, .. }
            | Fact::Passed { lock_id, .. }
            | Fact::Ended { lock_id, .. } => Some(*lock_id),
            Fact::InstanceRegistered(_)
            | Fact::InstanceExpired(_)
            | Fact::InstanceEnded(_)
            | Fact::Answered(_)
            | Fact::Beat(_)
            | Fact::Seen(_)
            | Fact::Booted { .. }
            | Fact::Resumed => None,
        }
    }
}
