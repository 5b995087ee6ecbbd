//! The daemon itself: status, configuration, cleanup.

use serde::{Deserialize, Serialize};

use super::lease::Lease;
use crate::config::Config;
use crate::process::Pid;

/// `GET /status`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StatusAnswer {
    /// `running`
    pub status: String,
    /// The daemon's version.
    pub version: String,
    /// The contract's version.
    pub api_version: u32,
    /// The daemon's process.
    pub pid: Pid,
    /// Seconds since it was ready.
    pub uptime: f64,
    /// Live leases.
    pub allocations: usize,
    /// Live instances.
    pub instances: usize,
    /// Where it listens.
    pub listen: Listen,
    /// What it uses.
    pub memory: Memory,
    /// How its journal is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<Journal>,
    /// What it watches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watches: Option<Watches>,
    /// What a person should know: a port other than the configured one, a damaged journal moved aside, …
    #[serde(default)]
    pub notes: Vec<String>,
}

/// Where the daemon listens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Listen {
    /// `127.0.0.1:9876`, `[::1]:9876`; empty if no port could be had.
    pub tcp: Vec<String>,
    /// The Unix socket's path, or the named pipe's name.
    pub socket: String,
}

/// Memory in use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Memory {
    /// Resident, in bytes.
    pub rss: u64,
}

/// How the journal is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Journal {
    /// Mapped, or appended to because it cannot be mapped.
    pub mode: JournalMode,
    /// Which generation.
    pub generation: u64,
    /// Bytes written in it.
    pub used: u64,
    /// Bytes it has room for.
    pub capacity: u64,
    /// What went wrong last, if something did.
    pub trouble: Option<String>,
}

/// The ways to keep the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JournalMode {
    /// A mapped file: no system call per request.
    Mapped,
    /// Plain appends.
    Plain,
}

/// What the daemon watches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Watches {
    /// Processes watched by a handle of the kernel's.
    pub processes: usize,
    /// Processes looked at once a second, because no handle could be had.
    pub polled: usize,
}

/// `GET /config`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ConfigAnswer {
    /// The file that is read, whether it exists or not.
    pub path: String,
    /// What is in force.
    pub config: Config,
    /// What of it came from the file: `listen_port`, `service_types.dev`, …
    pub from_file: Vec<String>,
}

/// `POST /cleanup`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CleanupRequest {
    /// End every lease, whoever lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
}

/// What a cleanup did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CleanupAnswer {
    /// Always true.
    pub success: bool,
    /// How many leases ended.
    pub cleaned: usize,
    /// Those leases, as they last were.
    pub released: Vec<Lease>,
    /// A sentence for people.
    pub message: String,
}
