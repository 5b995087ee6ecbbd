//! What an entry of ours looks like in each agent's settings: its events, its matcher, its keys. Pure.

use serde_json::{Value, json};
use styxy_core::session::Agent;

/// How an event's entries are nested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nesting {
    /// `{"matcher": …, "hooks": [{…}]}` in the event's list.
    Groups,
    /// The entries themselves in the event's list, and `"version": 1` in the file.
    Flat,
}

/// An event that Styxy answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) event: &'static str,
    pub(crate) matcher: Option<&'static str>,
    /// In the agent's unit: milliseconds for Gemini CLI and Qwen Code, else seconds.
    pub(crate) timeout: Option<u32>,
    agent: Agent,
}

pub(crate) fn nesting(agent: Agent) -> Nesting {
    match agent {
        Agent::Claude | Agent::Codex | Agent::Gemini | Agent::Qwen => Nesting::Groups,
        Agent::Cursor | Agent::Copilot => Nesting::Flat,
    }
}

/// The events of `agent`. `WorktreeCreate` is never one of them: its hook has to create the worktree.
pub(crate) fn entries(agent: Agent) -> Vec<Entry> {
    let list: &[(&'static str, Option<&'static str>, Option<u32>)] = match agent {
        Agent::Claude => &[
            ("SessionStart", None, Some(5)),
            ("SubagentStart", None, Some(5)),
            ("CwdChanged", None, Some(5)),
            ("PreToolUse", Some("Bash|PowerShell"), Some(2)),
            ("PreSkillShellCommand", Some("Bash|PowerShell"), Some(2)),
            ("PostToolUse", Some("Bash|PowerShell|EnterWorktree"), Some(5)),
            ("PostToolUseFailure", Some("Bash|PowerShell"), Some(2)),
            ("SessionEnd", None, Some(1)),
        ],
        Agent::Codex => &[
            ("SessionStart", None, Some(5)),
            ("SubagentStart", None, Some(5)),
            ("PreToolUse", Some("Bash"), Some(2)),
            ("PostToolUse", Some("Bash"), Some(2)),
            // Codex warns of more than three seconds.
            ("SessionEnd", None, Some(3)),
        ],
        Agent::Cursor => &[
            ("sessionStart", None, None),
            ("beforeShellExecution", None, None),
            ("postToolUse", None, None),
            ("sessionEnd", None, None),
        ],
        Agent::Gemini => &[
            ("SessionStart", None, Some(5000)),
            ("BeforeTool", Some("run_shell_command"), Some(2000)),
            ("AfterTool", Some("run_shell_command"), Some(2000)),
            ("SessionEnd", None, Some(1000)),
        ],
        // Old versions count milliseconds, and new ones do so from 1000 up.
        Agent::Qwen => &[
            ("SessionStart", None, Some(5000)),
            ("SubagentStart", None, Some(5000)),
            ("PreToolUse", Some("run_shell_command"), Some(2000)),
            ("PostToolUse", Some("run_shell_command"), Some(2000)),
            ("SessionEnd", None, Some(1000)),
        ],
        Agent::Copilot => &[
            ("sessionStart", None, Some(5)),
            ("subagentStart", None, Some(5)),
            ("preToolUse", Some("bash|powershell"), Some(2)),
            ("postToolUse", Some("bash|powershell"), Some(2)),
            ("sessionEnd", None, Some(2)),
        ],
    };
    list.iter()
        .map(|(event, matcher, timeout)| Entry { event, matcher: *matcher, timeout: *timeout, agent })
        .collect()
}

impl Entry {
    /// The command that the agent's shell runs.
    pub(crate) fn command(&self, program: &str) -> String {
        format!("{program} hook {}", self.agent.as_str())
    }

    /// Under which key it is: Copilot has one for each system's shell.
    pub(crate) fn command_key(&self, program: &str) -> &'static str {
        match self.agent {
            Agent::Copilot if program.contains('\\') => "powershell",
            Agent::Copilot => "bash",
            Agent::Claude | Agent::Codex | Agent::Cursor | Agent::Gemini | Agent::Qwen => "command",
        }
    }

    /// Under which key its timeout is.
    pub(crate) const fn timeout_key(&self) -> &'static str {
        match self.agent {
            Agent::Copilot => "timeoutSec",
            Agent::Claude | Agent::Codex | Agent::Cursor | Agent::Gemini | Agent::Qwen => "timeout",
        }
    }

    /// The element of the event's list.
    pub(crate) fn element(&self, nesting: Nesting, program: &str) -> Value {
        let command = self.command(program);
        match nesting {
            Nesting::Flat => {
                let mut hook = serde_json::Map::new();
                if self.agent == Agent::Copilot {
                    hook.insert("type".to_owned(), "command".into());
                }
                hook.insert(self.command_key(program).to_owned(), command.into());
                if let Some(timeout) = self.timeout {
                    hook.insert(self.timeout_key().to_owned(), timeout.into());
                }
                if let Some(matcher) = self.matcher {
                    hook.insert("matcher".to_owned(), matcher.into());
                }
                hook.into()
            }
            Nesting::Groups => {
                let mut hook = json!({ "type": "command", "command": command });
                if let Some(timeout) = self.timeout {
                    hook["timeout"] = timeout.into();
                }
                match self.matcher {
                    Some(matcher) => json!({ "matcher": matcher, "hooks": [hook] }),
                    None => json!({ "hooks": [hook] }),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::invocation::Reader;
    use super::*;

    #[test]
    fn copilots_command_is_for_the_shell_of_its_system() {
        let entry = entries(Agent::Copilot)[0];
        let element = |program: &str| entry.element(Nesting::Flat, program);
        assert_eq!(element("/opt/styxy")["bash"], "/opt/styxy hook copilot");
        assert_eq!(element(r"C:\x\styxy.exe")["powershell"], r"C:\x\styxy.exe hook copilot");
        let quoted = element(&Reader::PowerShell.call(r"C:\a b\styxy.exe"))["powershell"].clone();
        assert_eq!(quoted, r#"& "C:\a b\styxy.exe" hook copilot"#);
    }
}
