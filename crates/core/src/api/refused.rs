//! What the guard has refused: signals and ports. Programs swallow the line, so that it can be read here again.

use serde::{Deserialize, Serialize};

use crate::names::{InstanceId, ProjectPath};
use crate::time::WallTime;

/// `GET /refusals`: without a field, every one that is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusalsQuery {
    /// Only those of programs in this session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
}

/// `POST /refusals/report`: those that were not reported yet, each once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReportRequest {
    /// Those of programs in this session.
    pub instance_id: InstanceId,
}

/// The answer to both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RefusalsAnswer {
    /// The latest 64 of each session, the oldest first.
    pub refusals: Vec<Refused>,
}

/// What was refused to a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Refused {
    /// When.
    pub at: WallTime,
    /// What the program wanted.
    pub wanted: Wanted,
    /// The session that the program runs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<InstanceId>,
    /// The worktree that it works in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_path: Option<ProjectPath>,
    /// What it said on stderr: whose it is, what is yours, and how to insist.
    pub message: String,
}

/// What a program under the guard wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// To signal a process, or several.
    Signal,
    /// To bind a port.
    Bind,
}
