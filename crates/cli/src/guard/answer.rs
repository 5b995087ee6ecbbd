//! Answers in each agent's own form.

use serde_json::{Value, json};
use styxy_client::agents::Agent;

use super::session::Began;

/// The context for a session that begins.
pub(super) fn context(agent: Agent, event: &str, began: &Began) -> Value {
    let mut answer = said(agent, event, &began.said);
    if agent == Agent::Cursor {
        let env: serde_json::Map<String, Value> =
            began.variables.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        answer["env"] = env.into();
    }
    answer
}

/// What the agent should know after a command.
pub(super) fn said(agent: Agent, event: &str, said: &str) -> Value {
    match agent {
        Agent::Claude | Agent::Codex | Agent::Gemini | Agent::Qwen => {
            json!({ "hookSpecificOutput": { "hookEventName": event, "additionalContext": said } })
        }
        Agent::Cursor => json!({ "additional_context": said }),
        Agent::Copilot => json!({ "additionalContext": said }),
    }
}

/// A command must not run, and why.
pub(super) fn denial(agent: Agent, event: &str, why: &str) -> Value {
    match agent {
        Agent::Claude | Agent::Codex | Agent::Qwen => json!({ "hookSpecificOutput": {
            "hookEventName": event, "permissionDecision": "deny", "permissionDecisionReason": why,
        } }),
        Agent::Cursor => json!({ "permission": "deny", "user_message": why, "agent_message": why }),
        Agent::Gemini => json!({ "decision": "deny", "reason": why }),
        Agent::Copilot => json!({ "permissionDecision": "deny", "permissionDecisionReason": why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, snapshot};

    /// The names that each agent has for the start of a session and for a shell command.
    const EVENTS: [(Agent, &str, &str); 6] = [
        (Agent::Claude, "SessionStart", "PreToolUse"),
        (Agent::Codex, "SessionStart", "PreToolUse"),
        (Agent::Cursor, "sessionStart", "beforeShellExecution"),
        (Agent::Gemini, "SessionStart", "BeforeTool"),
        (Agent::Qwen, "SessionStart", "PreToolUse"),
        (Agent::Copilot, "sessionStart", "preToolUse"),
    ];

    #[test]
    fn every_agent_gets_context_and_a_denial_in_its_own_form() {
        let shown = EVENTS.into_iter().flat_map(|(agent, start, command)| {
            let variables = vec![("PORT".to_owned(), "8000".to_owned())];
            let began = Began { said: "Ports that Styxy has leased: dev 8000.".to_owned(), variables };
            let title = |event: &str| format!("{} {event}", agent.as_str());
            [
                (title(start), format!("{:#}\n", context(agent, start, &began))),
                (title(command), format!("{:#}\n", denial(agent, command, "Port 3000 is in use."))),
            ]
        });
        snapshot!("answers", each(shown));
    }

    #[test]
    fn what_is_allowed_and_what_ends_gets_no_answer() {
        let told = |agent, event: &Value| crate::guard::answer(agent, event.to_string().as_bytes());
        for (agent, _, command) in EVENTS {
            let shell = if agent == Agent::Gemini { "run_shell_command" } else { "Bash" };
            let event = json!({"hook_event_name": command, "tool_name": shell, "command": "ls", "cwd": "/",
                "tool_input": {"command": "ls"}});
            assert_eq!(told(agent, &event), None, "{event}");
        }
        let moved = json!({"hook_event_name": "CwdChanged", "old_cwd": "/", "new_cwd": "/", "cwd": "/"});
        let cleared = json!({"hook_event_name": "SessionEnd", "reason": "clear", "cwd": "/"});
        assert_eq!((told(Agent::Claude, &moved), told(Agent::Claude, &cleared)), (None, None));
    }
}
