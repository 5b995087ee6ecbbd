//! Puts the shell of an agent's session under the guard (R94), and says whether it is.

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "elsewhere.rs")]
mod system;

use std::env;

use serde_json::{Value, json};
use styxy_core::InstanceId;
use styxy_core::api::InstanceView;

pub(super) use system::of;

use crate::here::agent_settings::recognised::is_shell_file;

/// What a session under the guard says of itself when it is registered.
pub(super) fn mark() -> Value {
    json!({ "guard": true })
}

/// Whether the shells of this session are under the guard: by the variables that the agent itself has, as under `styxy agent`, by
/// its settings, or by what was done when the session began. An entry of an older version has done nothing.
pub(super) fn is_live(session: Option<&InstanceId>, all: &[InstanceView]) -> bool {
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let reads_ours = || env::var("BASH_ENV").is_ok_and(|file| is_shell_file(&file));
    let is_marked = |found: &InstanceView| {
        Some(&found.instance_id) == session
            && found.metadata.as_ref().is_some_and(|said| said["guard"] == true)
    };
    is_set("STYXY_GUARD_SOCKET") || reads_ours() || all.iter().any(is_marked)
}
