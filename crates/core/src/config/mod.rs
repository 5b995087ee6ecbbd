//! `config.json`: what a user may set, what holds where they set nothing, and how a mistake is reported.

mod builtin;
mod parse;
mod quotas;
#[cfg(feature = "schema")]
mod schema;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::invalid::Invalid;
use crate::names::ServiceType;
use crate::port::{Port, PortRange};
use crate::time::Millis;

pub(crate) use parse::file;
pub use parse::{ConfigError, Parsed, parse};
pub use quotas::Quotas;
#[cfg(feature = "schema")]
pub use schema::schema;

/// The JSON Schema of `config.json`, for editors.
pub const SCHEMA: &str = include_str!("../../../../docs/config.schema.json");

/// Everything in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Config {
    /// The TCP port asked for; none means 9876, or the next free one up to 9886.
    pub listen_port: Option<Port>,
    /// How much the log says.
    pub log_level: LogLevel,
    /// How often everything is re-checked, as a safety net.
    pub cleanup_interval: Seconds,
    /// How long a lease without an owner waits for a listener.
    pub bind_ttl: Seconds,
    /// How long a listener's lease stands after it stopped listening.
    pub unbind_grace: Seconds,
    /// How long an instance lives after its last heartbeat.
    pub instance_ttl: Seconds,
    /// Where a port comes from when a service type's own are all taken; none for nowhere.
    pub overflow_range: Option<PortRange>,
    /// Whether an unknown service type is refused rather than given a port of the overflow range.
    pub strict_service_types: bool,
    /// How much one checkout, one owner and all together may have; a daemon of 0.1.0 says nothing of it.
    #[serde(default)]
    pub quotas: Quotas,
    /// With what the services of `styxy up` end that nobody ends by hand.
    #[serde(default)]
    pub end_with: EndWith,
    /// How long they outlive the agent session that they end with.
    #[serde(default = "EndWith::grace")]
    pub session_grace: Seconds,
    /// The known service types, by name.
    pub service_types: BTreeMap<ServiceType, ServiceTypeConfig>,
}

/// Where the ports of one kind of server come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ServiceTypeConfig {
    /// Tried first, in order.
    pub preferred_ports: Vec<Port>,
    /// Tried next, ascending.
    pub range: PortRange,
    /// For people.
    pub description: String,
    /// Whether there is one lease of it on the machine, or any number.
    pub instance_behavior: InstanceBehavior,
}

/// How many leases of a service type there may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum InstanceBehavior {
    /// Any number.
    #[default]
    Multi,
    /// One, machine-wide; later askers are given the existing one.
    Single,
}

impl InstanceBehavior {
    /// Both, as a file may say.
    pub const ALL: [Self; 2] = [Self::Multi, Self::Single];

    /// As written in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Multi => "multi",
            Self::Single => "single",
        }
    }
}

/// How much the log says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// A person must act.
    Error,
    /// Something went wrong and was coped with.
    Warn,
    /// The daemon's own life.
    #[default]
    Info,
    /// Each lease.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// Every level, the quietest first.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// As written in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// With what the services of `styxy up` end that nobody ends by hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema, utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum EndWith {
    /// Their worktree.
    #[default]
    Worktree,
    /// The agent session that has started them, or their worktree.
    Session,
    /// Nothing.
    Never,
}

impl EndWith {
    /// All, as a file may say.
    pub const ALL: [Self; 3] = [Self::Worktree, Self::Session, Self::Never];

    /// As written in the file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Worktree => "worktree",
            Self::Session => "session",
            Self::Never => "never",
        }
    }

    /// How long services outlive their session if nothing else is said.
    const fn grace() -> Seconds {
        Seconds::new(300)
    }
}

/// A duration, written as a number of seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(Millis);

impl Seconds {
    /// The longest that may be configured: a leap year.
    pub const MAX: Self = Self::new(366 * 24 * 3600);

    /// A whole number of seconds.
    #[must_use]
    pub const fn new(seconds: u64) -> Self {
        Self(seconds * 1000)
    }
    /// So many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: Millis) -> Self {
        Self(millis)
    }
    /// So many seconds, to the nearest millisecond; none if negative, not a number or longer than [`Self::MAX`].
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked first")]
    pub fn from_f64(seconds: f64) -> Option<Self> {
        let fits = (0.0..=Self::MAX.as_f64()).contains(&seconds);
        fits.then(|| Self((seconds * 1000.0).round() as Millis))
    }
    /// In milliseconds.
    #[must_use]
    pub const fn millis(self) -> Millis {
        self.0
    }
    /// As a number of seconds.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "durations of years are far below 2^52 milliseconds")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1000) {
            to.serialize_u64(self.0 / 1000)
        } else {
            to.serialize_f64(self.as_f64())
        }
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(from)?;
        Self::from_f64(number).ok_or_else(|| {
            let allowed = format!("a number of seconds from 0 to {}", Self::MAX.0 / 1000);
            Invalid::new(number, "is not a duration", allowed).serde()
        })
    }
}
