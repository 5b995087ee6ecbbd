//! What is on a port and which one would be granted: check, suggest, scan.

use serde::{Deserialize, Deserializer, Serialize};

use super::lease::Lease;
use crate::invalid::Invalid;
use crate::names::{ProjectPath, ServiceType};
use crate::port::Port;
use crate::process::Pid;
use crate::time::WallTime;

/// `GET /check/{port}`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CheckAnswer {
    /// The port asked about.
    pub port: Port,
    /// Whether it could be leased now.
    pub available: bool,
    /// The lease that covers it.
    pub allocated_to: Option<Lease>,
    /// Who listens on it, leased or not.
    pub system_usage: Option<SystemUsage>,
    /// Other processes that listen on it, on other addresses or with the same socket (a server that forked); absent if
    /// there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<SystemUsage>,
    /// Why it is not available; null if it is.
    pub reason: Option<String>,
}

/// Who listens on a port; null if that is unknown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SystemUsage {
    /// The process.
    pub pid: Option<Pid>,
    /// Its name (`node`).
    pub process: Option<String>,
    /// Its command line.
    pub command: Option<String>,
    /// Whose it is.
    pub user: Option<String>,
    /// Whether that is the daemon's own user.
    pub same_user: Option<bool>,
    /// The addresses it listens on, without the port.
    pub addresses: Vec<String>,
    /// Its working directory; the name it had, if it was deleted.
    pub working_directory: Option<String>,
    /// Whether its working directory was deleted.
    pub working_directory_deleted: Option<bool>,
    /// The worktree its working directory lies in.
    pub project_path: Option<ProjectPath>,
    /// The branch checked out there.
    pub branch: Option<String>,
    /// When the process started.
    pub started_at: Option<WallTime>,
    /// The container whose published port it serves; absent if it serves none, or if no engine says so. `project_path` and
    /// `branch` are then the container's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Container>,
}

/// A running container, as its engine names it; null where the engine does not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Container {
    /// Its name (`shop-web-1`).
    pub name: String,
    /// The compose project that it is of (`shop`).
    pub compose_project: Option<String>,
    /// The service that it is in that project (`web`).
    pub compose_service: Option<String>,
    /// The folder that it was started from.
    pub folder: Option<String>,
}

/// Query of `GET /suggest/{serviceType}`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams))]
#[serde(deny_unknown_fields)]
pub struct SuggestQuery {
    /// How many, 1 to 100; 5 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "count_in_query")]
    pub count: Option<u8>,
}

/// `GET /suggest/{serviceType}`: reserves nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SuggestAnswer {
    /// The type asked for.
    pub service_type: ServiceType,
    /// The first suggestion; null if there is none.
    pub port: Option<Port>,
    /// Ports an allocate would be given now, best first.
    pub suggestions: Vec<Port>,
    /// How many there are.
    pub count: usize,
}

/// Query of `GET /scan`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams))]
#[serde(deny_unknown_fields)]
pub struct ScanQuery {
    /// The lowest port; 1024 if absent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::read::port_in_query"
    )]
    pub start: Option<Port>,
    /// The highest port; 65535 if absent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "super::read::port_in_query"
    )]
    pub end: Option<Port>,
}

/// `GET /scan`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ScanAnswer {
    /// `3000-3099`
    pub scan_range: String,
    /// Every listener and every lease in the range, ascending.
    pub ports_in_use: Vec<PortInUse>,
}

/// A port with a listener, a lease, or both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PortInUse {
    /// The port.
    pub port: Port,
    /// The lease that covers it.
    pub allocated_to: Option<Lease>,
    /// Who listens on it.
    pub system_usage: Option<SystemUsage>,
    /// Other processes that do, as in [`CheckAnswer`]; absent if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<SystemUsage>,
}

impl CheckAnswer {
    /// All processes that listen on the port.
    pub fn listeners(&self) -> impl Iterator<Item = &SystemUsage> {
        self.system_usage.iter().chain(&self.others)
    }
}

impl PortInUse {
    /// All processes that listen on the port.
    pub fn listeners(&self) -> impl Iterator<Item = &SystemUsage> {
        self.system_usage.iter().chain(&self.others)
    }
}

/// Without saying why the port is not available.
impl From<PortInUse> for CheckAnswer {
    fn from(used: PortInUse) -> Self {
        let PortInUse { port, allocated_to, system_usage, others } = used;
        Self { port, available: false, allocated_to, system_usage, others, reason: None }
    }
}

fn count_in_query<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u8>, D::Error> {
    Option::<String>::deserialize(from)?.map(|text| count(&text).map_err(Invalid::serde)).transpose()
}

/// How many ports are asked for, as it is written.
///
/// # Errors
/// It is not a whole number from 1 to 100.
pub fn count(text: &str) -> Result<u8, Invalid> {
    // As for ports: digits and nothing else.
    let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let count = digits.and_then(|digits| digits.parse().ok()).filter(|count| (1..=100).contains(count));
    count.ok_or_else(|| Invalid::text(text, "is not a count", "a whole number from 1 to 100"))
}
