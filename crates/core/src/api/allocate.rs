//! `POST /allocate`.

use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::lease::{OwnerView, State};
use crate::door_rules::DoorRules;
use crate::invalid::Invalid;
use crate::label::Label;
use crate::names::{InstanceId, LockId, ProjectId, ProjectPath, RequestId, ServiceName, ServiceType};
use crate::port::Port;
use crate::process::Pid;

/// Asks for one port, or with `block` or `services` for several, all or none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AllocateRequest {
    /// What kind of server it is for; required unless `services` is given.
    #[serde(alias = "service", default, skip_serializing_if = "Option::is_none")]
    pub service_type: Option<ServiceType>,
    /// Which of several servers of that kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<ServiceName>,
    /// The name if none is given: that of the package that it is for. The live lease of this project and type that an ancestor
    /// of `pid` owns, or the session, is given for it under any name (`reuse`). Not beside `service_name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_name: Option<ServiceName>,
    /// Preferred port; another one is granted, with a `reason`, if it is taken.
    #[serde(alias = "port", default, skip_serializing_if = "Option::is_none")]
    pub preferred_port: Option<Port>,
    /// The default port of this kind of server: tried after those that this key had before, without a `reason` if it is
    /// taken. Not beside `preferred_port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_port: Option<Port>,
    /// That port or a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<bool>,
    /// Get the live lease of the same key and instance again, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reuse: Option<bool>,
    /// The agent session it is for: the owner if it is registered and no `pid` is given, else a label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// It is for a service of the worktree's stack: with `reuse` it gets the lease of that service, whichever session it was told to,
    /// unless a process has it; and a new one is for all sessions of the worktree. Without `reuse` or `project_path` it means nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<bool>,
    /// The checkout's root, canonical; only a key, never opened by the daemon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_path: Option<ProjectPath>,
    /// Which folder `project_path` is: another one for the same path made again, and the same for a folder that moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<ProjectId>,
    /// What the worktree at `project_path` is to be called in host names: `login-shop`. Another worktree may have that name
    /// already; then this one gets a suffix. Without it the worktree keeps its name, or is called as its folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// How requests by name reach the server. What the last request for a lease says counts; without it, everything is as usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub door: Option<DoorRules>,
    /// The owner process: alive, and of the daemon's user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<Pid>,
    /// A repeat of this request under the same id gets the first answer again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// Says what would be granted, and remembers nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// So many consecutive ports instead of one, all of the same key, all or none: 2 to 16. The wish is for the first one. The
    /// answer has the form of a group's, in ascending order. Not beside `services`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "block_in_body")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<u8>, minimum = 2, maximum = 16))]
    pub block: Option<u8>,
    /// A group instead of one service: up to 64 members, granted all or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<MemberRequest>>,
}

impl AllocateRequest {
    /// How many members a group may have.
    pub const MAX_MEMBERS: usize = 64;
    /// How many ports a block may have.
    pub const BLOCK: RangeInclusive<u8> = 2..=16;
}

fn block_in_body<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u8>, D::Error> {
    Option::<Value>::deserialize(from)?.map(|value| size(&value).map_err(Invalid::serde)).transpose()
}

/// Reads the size of a block, as it is typed.
///
/// # Errors
/// It is not a whole number from 2 to 16.
pub fn block(text: &str) -> Result<u8, Invalid> {
    size(&text.parse::<u64>().map_or_else(|_| Value::from(text), Value::from))
}

fn size(value: &Value) -> Result<u8, Invalid> {
    let number = value.as_u64().and_then(|number| u8::try_from(number).ok());
    number.filter(|number| AllocateRequest::BLOCK.contains(number)).ok_or_else(|| {
        let (least, most) = (AllocateRequest::BLOCK.start(), AllocateRequest::BLOCK.end());
        Invalid::new(value, "is not the size of a block", format!("a whole number from {least} to {most}"))
    })
}

/// One member of a group: what differs from the request around it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct MemberRequest {
    /// What kind of server it is for; required.
    #[serde(alias = "service", default, skip_serializing_if = "Option::is_none")]
    pub service_type: Option<ServiceType>,
    /// Which of several servers of that kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<ServiceName>,
    /// As in a request for one service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_name: Option<ServiceName>,
    /// The port wished for.
    #[serde(alias = "port", default, skip_serializing_if = "Option::is_none")]
    pub preferred_port: Option<Port>,
    /// The port this kind of server has when nobody says otherwise. Not beside `preferred_port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_port: Option<Port>,
    /// That port or a refusal of the whole group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<bool>,
    /// As in the request around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reuse: Option<bool>,
    /// As in the request around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// As in a request for one service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<bool>,
    /// As in the request around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_path: Option<ProjectPath>,
    /// As in the request around it; none beside a `project_path` of its own means that it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<ProjectId>,
    /// As in the request around it; none beside a `project_path` of its own means that it keeps its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// How requests by name reach the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub door: Option<DoorRules>,
    /// As in the request around it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<Pid>,
}

/// The answer to [`AllocateRequest`]: one grant, or a group's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum AllocateAnswer {
    /// A group's grants.
    Group(GroupAnswer),
    /// One grant.
    One(Grant),
}

impl AllocateAnswer {
    /// The grants, in the order asked for.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        match self {
            Self::Group(group) => &group.leases,
            Self::One(grant) => std::slice::from_ref(grant),
        }
    }
}

/// A group's grants, in the order asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GroupAnswer {
    /// Always true.
    pub success: bool,
    /// One grant per member.
    pub leases: Vec<Grant>,
}

/// One port granted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Grant {
    /// Always true.
    pub success: bool,
    /// The port.
    pub port: Port,
    /// The lease; null after a dry run.
    pub lock_id: Option<LockId>,
    /// As asked for.
    pub service_type: ServiceType,
    /// As asked for, or the default name.
    pub service_name: Option<ServiceName>,
    /// Whether something listens on it already.
    pub state: State,
    /// Who must live for the lease to stand.
    pub owner: OwnerView,
    /// `http://localhost:PORT`
    pub url: String,
    /// The name of its server: `dev.shop.localhost`. Left out for a lease of no project, and by daemons of version 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its address by that name at the daemon's own port: `http://dev.shop.localhost:9876`. Left out while the front door is shut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named_url: Option<String>,
    /// Whether it is a lease this key had already (`reuse`).
    pub reused: bool,
    /// Whether it is somebody else's: the one lease of a singleton service type.
    pub existing: bool,
    /// Why it is not the port wished for, or whose lease it is; else null.
    pub reason: Option<String>,
    /// The port this key had until now, taken by a stranger; else null.
    pub displaced_from: Option<Port>,
    /// The port of another server that runs for the same project, service type and name. Left out where there is none, and
    /// by daemons of version 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running: Option<Port>,
    /// A sentence for people.
    pub message: String,
}
