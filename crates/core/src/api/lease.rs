//! Leases as the wire shows them, and the routes that list and release them.

use serde::{Deserialize, Serialize};

use crate::names::{InstanceId, LockId, ProjectId, ProjectPath, ServiceName, ServiceType};
use crate::port::Port;
use crate::process::Pid;
use crate::time::WallTime;

/// One live lease.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Lease {
    /// The lease's name, unique for ever.
    pub lock_id: LockId,
    /// The port.
    pub port: Port,
    /// What kind of server it is for.
    pub service_type: ServiceType,
    /// Which of several.
    pub service_name: Option<ServiceName>,
    /// The agent session it was asked for by.
    pub instance_id: Option<InstanceId>,
    /// Whether it is of a service of the worktree's stack, which all sessions there have in common. `instance_id` is then the session
    /// of its server; left out for other leases, and by older daemons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<bool>,
    /// The checkout's root.
    pub project_path: Option<ProjectPath>,
    /// Which folder that is, if the request said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<ProjectId>,
    /// The name of its server: `dev.shop.localhost`. Left out for a lease of no project, and by daemons of version 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its address by that name at the daemon's own port: `http://dev.shop.localhost:9876`. Left out while the front door is shut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_url: Option<String>,
    /// Whether something listens.
    pub state: State,
    /// Who must live for the lease to stand.
    pub owner: OwnerView,
    /// Since when it stands.
    pub allocated_at: WallTime,
    /// When something was last seen listening on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_listening: Option<WallTime>,
    /// What is known of the server that listens on it. Absent while nothing listens, and from a daemon of 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listener: Option<ListenerView>,
    /// The stranger that has bound its port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<ConflictView>,
}

/// Whether something listens on a lease's port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing listens.
    Granted,
    /// Something listens.
    Active,
}

/// Who must live for a lease to stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OwnerView {
    /// What sort of owner.
    pub kind: OwnerKind,
    /// Its process; absent while the lease waits for a listener, and for an instance that sends heartbeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<Pid>,
    /// The process' name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// When the process started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<WallTime>,
}

/// The sorts of owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OwnerKind {
    /// One process.
    Process,
    /// An agent session that sends heartbeats or has a process.
    Instance,
    /// Whoever listens on the port.
    Listener,
}

/// The server that listens on a leased port. It need not be the lease's owner: `npm` owns the lease, and `node` listens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ListenerView {
    /// Its pid, if it is known.
    pub pid: Option<Pid>,
    /// Its name, if it is known.
    pub process: Option<String>,
    /// The container that it serves; absent if it serves none, or if no engine says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

/// A stranger on a leased port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConflictView {
    /// Its pid, if it is known.
    pub pid: Option<Pid>,
    /// Its name, if it is known.
    pub process: Option<String>,
}

/// `GET /allocations`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams))]
#[serde(deny_unknown_fields)]
pub struct AllocationsQuery {
    /// Only this service type's.
    #[serde(default, alias = "service", skip_serializing_if = "Option::is_none")]
    pub service_type: Option<ServiceType>,
    /// Only this instance's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// Only this project's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_path: Option<ProjectPath>,
    /// Only this port's.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::read::port_in_query"
    )]
    pub port: Option<Port>,
}

/// The leases that a filter lets through, by port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AllocationsAnswer {
    /// Ascending by port.
    pub allocations: Vec<Lease>,
}

/// Query of `DELETE /allocate/{lockId}`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams))]
#[serde(deny_unknown_fields)]
pub struct ReleaseQuery {
    /// Only if the lease waits for a server that nobody has started: then the answer may say that it is not released. The end of a
    /// process that had it is waited for, up to a second.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::read::truth_in_query"
    )]
    pub waiting: Option<bool>,
}

/// `DELETE /allocate/{lockId}`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReleaseAnswer {
    /// False only where the lease was to be waiting, and is not.
    pub success: bool,
    /// The port that is free again, or would be.
    pub port: Port,
    /// A sentence for people.
    pub message: String,
}
