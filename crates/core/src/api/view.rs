//! `GET /view`: everything that runs, as the live view shows it.

use serde::{Deserialize, Serialize};

use super::lease::{ConflictView, ListenerView};
use super::refused::Refused;
use crate::names::{InstanceId, LockId, ProjectPath, ServiceType};
use crate::port::Port;
use crate::process::Pid;
use crate::time::WallTime;

/// `GET /view`: repositories, their worktrees, and the services of each; beside them the agent sessions and what the guard refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ViewAnswer {
    /// When this was true.
    pub at: WallTime,
    /// The daemon's version.
    pub version: String,
    /// Those with a conflict first, then by name. Last the one without a name: what belongs to no worktree.
    pub repositories: Vec<RepositoryView>,
    /// By name.
    pub sessions: Vec<SessionView>,
    /// The latest 50 refusals of the guard, the newest first.
    pub refusals: Vec<Refused>,
}

/// The worktrees of one repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RepositoryView {
    /// The name of the folder that it was made in; null for what belongs to no worktree. Two repositories may have one name.
    pub name: Option<String>,
    /// Those with a conflict first, then by path.
    pub worktrees: Vec<WorktreeView>,
}

/// The services of one worktree, or of a project outside of version control.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WorktreeView {
    /// Its folder.
    pub path: Option<ProjectPath>,
    /// The branch that is checked out there; null for a detached head, and where nobody knows.
    pub branch: Option<String>,
    /// Those in conflict first, then those with a lease, then listeners without one; each by port.
    pub services: Vec<ServiceView>,
}

/// One lease, or one port without a lease that somebody listens on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ServiceView {
    /// The port.
    pub port: Port,
    /// How it is.
    pub state: ServiceState,
    /// `dev/web`, or `dev` for a lease without a name; null without a lease.
    pub name: Option<String>,
    /// What kind of server the lease is for.
    pub service_type: Option<ServiceType>,
    /// The lease.
    pub lock_id: Option<LockId>,
    /// The agent session that the lease was asked for by.
    pub instance_id: Option<InstanceId>,
    /// The server that listens; while nobody does, the process that the lease is for. Null if neither is known.
    pub process: Option<ListenerView>,
    /// The user whose process that is, if it is another one than the daemon's.
    pub user: Option<String>,
    /// The stranger that has bound the lease's port.
    pub stranger: Option<ConflictView>,
    /// Resident memory of the process that listens, in bytes; null for a container, and where the system does not say.
    pub memory: Option<u64>,
    /// Since when the lease stands; without a lease, since when the process runs.
    pub since: Option<WallTime>,
    /// `http://localhost:3000`
    pub url: String,
    /// The stable address by the name of the service and its worktree; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_url: Option<String>,
}

/// How a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// A stranger listens on the lease's port.
    Conflict,
    /// Its server listens.
    Active,
    /// Nothing listens yet, or no longer.
    Granted,
    /// Somebody listens, without a lease.
    Unleased,
}

impl ServiceState {
    /// As written on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Active => "active",
            Self::Granted => "granted",
            Self::Unleased => "unleased",
        }
    }
}

/// One agent session: registered, or named by a lease.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SessionView {
    /// Its name.
    pub instance_id: InstanceId,
    /// Where it works, if it said so.
    pub path: Option<ProjectPath>,
    /// Its process, if it was registered with one.
    pub pid: Option<Pid>,
    /// Since when it is known; for one that is not registered, since its first lease.
    pub since: WallTime,
    /// Its last heartbeat, if it lives by heartbeats.
    pub last_heartbeat: Option<WallTime>,
    /// The ports of its leases, ascending.
    pub ports: Vec<Port>,
}
