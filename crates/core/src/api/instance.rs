//! Instances: agent sessions that send heartbeats, or have a process.

use serde::{Deserialize, Serialize};

use super::lease::Lease;
use crate::config::Seconds;
use crate::names::{InstanceId, ProjectPath};
use crate::process::Pid;
use crate::time::WallTime;

/// `POST /instance/register`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// Its name.
    pub instance_id: InstanceId,
    /// Where it works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<ProjectPath>,
    /// Its process: then it lives as long as that does and needs no heartbeat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<Pid>,
    /// How many seconds it lives after its last heartbeat, from 1 to 86400; else `instance_ttl` of the configuration. With a `pid` it
    /// has no meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<f64>, minimum = 1, maximum = 86400))]
    pub expires_in: Option<Seconds>,
    /// Any JSON of up to 1 KiB (`quotas.metadata_bytes`); given back by `GET /instance/list`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<serde_json::Value>))]
    pub metadata: Option<serde_json::Value>,
}

/// The answer to [`RegisterRequest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RegisterAnswer {
    /// Always true.
    pub success: bool,
    /// Its name.
    pub instance_id: InstanceId,
    /// Send a heartbeat this often, in seconds; null if it has a process and needs none.
    pub heartbeat_interval: Option<f64>,
    /// It expires this many seconds after its last heartbeat; null if it has a process.
    pub expires_in: Option<f64>,
}

/// `POST /instance/heartbeat`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct BeatRequest {
    /// Whose heartbeat.
    pub instance_id: InstanceId,
}

/// The answer to a heartbeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BeatAnswer {
    /// Always true.
    pub success: bool,
    /// Whose heartbeat.
    pub instance_id: InstanceId,
    /// This heartbeat.
    pub last_heartbeat: WallTime,
    /// Seconds until it expires without another; null if it has a process.
    pub expires_in: Option<f64>,
}

/// `DELETE /instance/{id}`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EndInstanceAnswer {
    /// Always true.
    pub success: bool,
    /// Its name.
    pub instance_id: InstanceId,
    /// Its leases that ended with it; those that something listens on passed to the listener.
    pub released: Vec<Lease>,
}

/// `GET /instance/list`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct InstancesAnswer {
    /// By name.
    pub instances: Vec<InstanceView>,
}

/// One live instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct InstanceView {
    /// Its name.
    pub instance_id: InstanceId,
    /// Where it works.
    pub working_directory: Option<ProjectPath>,
    /// Its process, if it was registered with one.
    pub pid: Option<Pid>,
    /// Since when it is known.
    pub registered_at: WallTime,
    /// Its last heartbeat, or its registration.
    pub last_heartbeat: WallTime,
    /// The leases asked for by it.
    pub active_allocations: Vec<Lease>,
    /// As registered; null if nothing was.
    #[cfg_attr(feature = "schema", schema(value_type = Option<serde_json::Value>))]
    pub metadata: Option<serde_json::Value>,
}
