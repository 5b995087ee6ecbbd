//! What differs between the agents: where their settings are, which events they have, what an entry looks like.

use std::env;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde_json::{Value, json};
use styxy_client::agents::Agent;

use super::invocation::Reader;
use super::recognised::is_ours;
use crate::here::caller::{caller, user_home};
use crate::say::failure::Failure;

/// Reads an agent by its name on the command line; the help says what people call it.
pub(crate) fn by_name() -> impl TypedValueParser<Value = Agent> {
    let product = |agent| match agent {
        Agent::Claude => "Claude Code",
        Agent::Codex => "OpenAI Codex",
        Agent::Cursor => "Cursor",
        Agent::Gemini => "Gemini CLI",
        Agent::Qwen => "Qwen Code",
        Agent::Copilot => "GitHub Copilot CLI",
    };
    let names = Agent::ALL.map(|agent| PossibleValue::new(agent.as_str()).help(product(agent)));
    PossibleValuesParser::new(names).try_map(|name| agent(&name).ok_or("not an agent"))
}

pub(super) fn agent(name: &str) -> Option<Agent> {
    Agent::ALL.into_iter().find(|agent| agent.as_str() == name)
}

/// Which settings are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    User,
    Project,
}

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

/// The settings file.
///
/// # Errors
/// There is no home folder, or no checkout around the current folder.
pub(crate) fn settings(agent: Agent, scope: Scope) -> Result<PathBuf, Failure> {
    let folder = |variable: &str, name: &str| -> Result<PathBuf, Failure> {
        match env::var_os(variable).filter(|value| !value.is_empty()) {
            Some(folder) => Ok(PathBuf::from(folder)),
            None => {
                Ok(user_home().ok_or_else(|| Failure::usage("no home folder is set", "set HOME"))?.join(name))
            }
        }
    };
    let file = match agent {
        // The path of the program is not for others who use the repository.
        Agent::Claude if scope == Scope::Project => "settings.local.json",
        Agent::Claude | Agent::Gemini | Agent::Qwen => "settings.json",
        Agent::Codex | Agent::Cursor => "hooks.json",
        // It reads every file of a folder.
        Agent::Copilot => "hooks/styxy.json",
    };
    let name = match agent {
        Agent::Claude => ".claude",
        Agent::Codex => ".codex",
        Agent::Cursor => ".cursor",
        Agent::Gemini => ".gemini",
        Agent::Qwen => ".qwen",
        Agent::Copilot if scope == Scope::Project => ".github",
        Agent::Copilot => ".copilot",
    };
    let folder = match (scope, agent) {
        (Scope::Project, _) => {
            let caller = caller();
            let root = caller.checkout().ok_or_else(|| {
                Failure::usage(
                    "--project: the current folder is not in a checkout",
                    "change to a checkout, or leave --project out",
                )
            })?;
            Ok(root.join(name))
        }
        (Scope::User, Agent::Claude) => folder("CLAUDE_CONFIG_DIR", name),
        (Scope::User, Agent::Codex) => folder("CODEX_HOME", name),
        (Scope::User, Agent::Qwen) => folder("QWEN_HOME", name),
        (Scope::User, Agent::Copilot) => folder("COPILOT_HOME", name),
        (Scope::User, Agent::Cursor | Agent::Gemini) => folder("", name),
    }?;
    Ok(folder.join(file))
}

/// Whether the file is Styxy's own, so that it goes with its entries.
pub(crate) const fn owns_file(agent: Agent) -> bool {
    matches!(agent, Agent::Copilot)
}

/// Whether `text` is what is left of a file that Styxy has made, when its entries are gone.
pub(crate) fn is_left_over(agent: Agent, text: &str) -> bool {
    match nesting(agent) {
        Nesting::Groups => text.trim() == "{}",
        Nesting::Flat => text.split_whitespace().collect::<String>() == "{\"version\":1}",
    }
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

/// Whether the settings of `agent` have variables for its shell.
pub(crate) const fn has_variables(agent: Agent) -> bool {
    matches!(agent, Agent::Claude)
}

/// The path of this program, as the beginning of a command that `agent` runs.
///
/// # Errors
/// It is unknown or not Unicode, or the program is not called `styxy`.
pub(crate) fn program(agent: Agent) -> Result<String, Failure> {
    let hint = "install Styxy with npm, and try again";
    let path = styxy_client::own_program()
        .map_err(|error| Failure::usage(format!("the path of this program is unknown: {error}"), hint))?;
    let path =
        path.to_str().ok_or_else(|| Failure::usage("the path of this program is not Unicode", hint))?;
    known(agent, path)
        // They could be neither corrected nor removed.
        .ok_or_else(|| {
            Failure::usage(format!("entries that run {path} could not be recognised as Styxy's"), hint)
        })
}

fn known(agent: Agent, path: &str) -> Option<String> {
    let program = Reader::of(agent).call(path);
    is_ours(&format!("{program} hook claude"), &[]).then_some(program)
}

/// What the user has to do afterwards.
pub(crate) fn after(agent: Agent) -> &'static str {
    match agent {
        Agent::Codex => {
            "Start codex once and trust the new hooks (/hooks). Until then it runs none of them, and codex exec does not say so."
        }
        Agent::Claude | Agent::Cursor | Agent::Gemini | Agent::Qwen | Agent::Copilot => {
            "New sessions use the hooks."
        }
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_program_with_another_name_is_refused() {
        let known = |path| known(Agent::Claude, path);
        assert_eq!(known("/usr/bin/styxy").as_deref(), Some("/usr/bin/styxy"));
        assert_eq!(known("/it's/a b/styxy"), Some(Reader::of(Agent::Claude).call("/it's/a b/styxy")));
        assert_eq!(known("/usr/bin/styxy-old"), None);
        assert_eq!(known("/usr/bin/styxy (deleted)"), None);
    }
}
