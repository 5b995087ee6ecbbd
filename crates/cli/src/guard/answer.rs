//! Answers in each agent's own form.

use serde_json::{Value, json};
use styxy_client::agents::Agent;

use super::session::Began;

/// What the session is told as it begins.
pub(super) fn context(agent: Agent, event: &str, began: &Began) -> Value {
    let said = &began.said;
    match agent {
        Agent::Claude | Agent::Codex | Agent::Gemini => {
            json!({ "hookSpecificOutput": { "hookEventName": event, "additionalContext": said } })
        }
        Agent::Cursor => {
            let env: serde_json::Map<String, Value> =
                began.variables.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
            json!({ "additional_context": said, "env": env })
        }
    }
}

/// That a command is not to run, and why.
pub(super) fn denial(agent: Agent, event: &str, why: &str) -> Value {
    match agent {
        Agent::Claude | Agent::Codex => json!({ "hookSpecificOutput": {
            "hookEventName": event, "permissionDecision": "deny", "permissionDecisionReason": why,
        } }),
        Agent::Cursor => json!({ "permission": "deny", "user_message": why, "agent_message": why }),
        Agent::Gemini => json!({ "decision": "deny", "reason": why }),
    }
}
