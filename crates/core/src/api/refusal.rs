//! What a refused request gets.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Rule;

/// A refusal: what, why, and the next command to type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[error("{error}")]
pub struct Refusal {
    /// Always false.
    pub success: bool,
    /// A sentence.
    pub error: String,
    /// What programs branch on.
    pub code: Code,
    /// The next command to type; null if there is none.
    pub hint: Option<String>,
    /// The facts behind the sentence.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub details: Map<String, Value>,
}

impl Refusal {
    /// A refusal without hint and details.
    pub fn new(code: Code, error: impl Into<String>) -> Self {
        Self { success: false, error: error.into(), code, hint: None, details: Map::new() }
    }
    /// With the next command to type.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    /// With one fact more.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
    /// With the rule that it is about, in `details.rule`.
    #[must_use]
    pub fn rule(self, rule: Rule) -> Self {
        self.detail("rule", rule.as_str())
    }
    /// The rule that it is about; none also for a rule that only a newer daemon knows.
    #[must_use]
    pub fn broken_rule(&self) -> Option<Rule> {
        self.details.get("rule").and_then(|rule| Rule::deserialize(rule).ok())
    }
}

/// What programs branch on: a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A field is missing, unknown or not of its form; `details` has `field`, `found` and `allowed`.
    InvalidRequest,
    /// Not from here, or not yours; `details.rule` is a [`Rule`].
    Forbidden,
    /// No lease has ever had this id, or it ended long ago.
    UnknownLease,
    /// No such instance.
    UnknownInstance,
    /// No such route.
    UnknownRoute,
    /// The route exists, with other methods.
    MethodNotAllowed,
    /// The exact port is taken; `details` says by whom.
    PortUnavailable,
    /// Every port that could be given is taken.
    NoFreePort,
    /// A live instance of this id belongs to another process.
    InstanceExists,
    /// The lease has ended; `details.reason` says why.
    LeaseEnded,
    /// The instance expired: register it again.
    InstanceExpired,
    /// A body of more than 16 KiB.
    BodyTooLarge,
    /// multipart is not understood.
    UnsupportedMediaType,
    /// The same `request_id` came with another body.
    RequestIdReused,
    /// The journal cannot be written, so nothing was changed.
    StorageUnavailable,
    /// No server answers there, or not yet, or none of this worktree's (said by the command only).
    NotRunning,
    /// No daemon answers (said by clients only).
    DaemonUnreachable,
}

impl Code {
    /// Every code, for tables and tests.
    pub const ALL: [Self; 17] = [
        Self::InvalidRequest,
        Self::Forbidden,
        Self::UnknownLease,
        Self::UnknownInstance,
        Self::UnknownRoute,
        Self::MethodNotAllowed,
        Self::PortUnavailable,
        Self::NoFreePort,
        Self::InstanceExists,
        Self::LeaseEnded,
        Self::InstanceExpired,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::RequestIdReused,
        Self::StorageUnavailable,
        Self::NotRunning,
        Self::DaemonUnreachable,
    ];

    /// As written on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Forbidden => "forbidden",
            Self::UnknownLease => "unknown_lease",
            Self::UnknownInstance => "unknown_instance",
            Self::UnknownRoute => "unknown_route",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::PortUnavailable => "port_unavailable",
            Self::NoFreePort => "no_free_port",
            Self::InstanceExists => "instance_exists",
            Self::LeaseEnded => "lease_ended",
            Self::InstanceExpired => "instance_expired",
            Self::BodyTooLarge => "body_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::RequestIdReused => "request_id_reused",
            Self::StorageUnavailable => "storage_unavailable",
            Self::NotRunning => "not_running",
            Self::DaemonUnreachable => "daemon_unreachable",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_as_it_is_named() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }
}
