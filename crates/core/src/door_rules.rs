//! What a project says of requests that reach one of its servers by name (R126). The front door obeys it.

use serde::{Deserialize, Serialize};

/// How requests by name reach a server, where that is not as usual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct DoorRules {
    /// Whether pages of other sites may speak to it: its own rules for other origins decide then.
    #[serde(default, skip_serializing_if = "is_shut")]
    pub open: bool,
    /// What its `Host` header says.
    #[serde(default, skip_serializing_if = "HostHeader::is_kept")]
    pub host: HostHeader,
}

/// What the `Host` header says that a server gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema, schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum HostHeader {
    /// The name, as the client sent it.
    #[default]
    Kept,
    /// `localhost:PORT`, for a server that refuses the name.
    Local,
}

impl DoorRules {
    /// Whether everything is as usual.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl HostHeader {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Kept, Self::Local];

    /// As written in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Local => "local",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    const fn is_kept(&self) -> bool {
        matches!(self, Self::Kept)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_shut(open: &bool) -> bool {
    !*open
}
