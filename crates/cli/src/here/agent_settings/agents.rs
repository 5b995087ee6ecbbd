//! What differs between the agents: where their settings are, which events they have, what an entry looks like.

use std::env;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde_json::{Value, json};
use styxy_client::agents::Agent;

use super::invocation::Reader;
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

fn agent(name: &str) -> Option<Agent> {
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

/// Whether an entry's command and arguments are Styxy's, wherever the program is: `… hook claude`.
///
/// Without arguments an agent passes the command to a shell. A complete command that also has arguments does not work; it is
/// one of ours that has to be corrected.
pub(crate) fn is_ours(command: &str, arguments: &[&str]) -> bool {
    let as_program = || match arguments {
        [before @ .., "hook", name] => agent(name).is_some() && is_styxy(&[&[command], before].concat()),
        _ => false,
    };
    is_whole(command.trim()) || as_program()
}

fn is_whole(command: &str) -> bool {
    // PowerShell calls what is quoted only if that comes first.
    let command = command.strip_prefix('&').map_or(command, str::trim_start);
    let Some((rest, name)) = command.rsplit_once(char::is_whitespace) else { return false };
    let Some((program, "hook")) = rest.trim_end().rsplit_once(char::is_whitespace) else { return false };
    agent(name).is_some() && is_styxy(&words(program.trim_end()))
}

/// The words before `hook`. A quoted program is one word.
fn words(program: &str) -> Vec<&str> {
    match program.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let inside = program[1..].strip_suffix(quote).unwrap_or_default();
            // An escaped apostrophe in a path that is quoted for a shell does not end the word.
            if inside.replace(r"'\''", "").contains(quote) { Vec::new() } else { vec![inside] }
        }
        _ => program.split_whitespace().collect(),
    }
}

fn is_styxy(words: &[&str]) -> bool {
    let package = |words: &[&str]| {
        let mut named = words.iter().filter(|word| !word.starts_with('-'));
        let name = named.next().is_some_and(|name| *name == "styxy" || name.starts_with("styxy@"));
        name && named.next().is_none()
    };
    match words {
        [program] => {
            let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
            let name = [".exe", ".cmd"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
            name == "styxy"
        }
        ["npx" | "pnpx" | "bunx", rest @ ..]
        | ["npm" | "pnpm" | "yarn" | "bun", "exec" | "dlx" | "x", rest @ ..] => package(rest),
        _ => false,
    }
}

/// Whether `BASH_ENV` names the guard's file, of whatever folder.
pub(crate) fn is_shell_file(path: &str) -> bool {
    path.strip_suffix("/env.bash")
        .is_some_and(|folder| folder.ends_with("/guard") || folder.ends_with("-guard"))
}

/// Whether the settings of `agent` have variables for its shell.
#[cfg(any(target_os = "linux", test))]
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
    fn our_commands_are_recognised_wherever_the_program_is() {
        for ours in [
            "styxy hook claude",
            " styxy  hook\tclaude ",
            "/usr/bin/styxy hook codex",
            "'/a b/styxy' hook claude",
            "\"C:\\x\\styxy.exe\" hook gemini",
            "& \"C:\\x y\\styxy.exe\" hook gemini",
            "npx styxy hook claude",
            "npx --yes styxy@1.2 hook claude",
            "pnpm dlx styxy hook codex",
        ] {
            assert!(is_ours(ours, &[]), "{ours}");
        }
        for other in [
            "styxy hook",
            "hook claude",
            "mystyxy hook claude",
            "styxy run x",
            "echo styxy hook claude; x",
            "echo /usr/bin/styxy hook claude",
            "\"echo\" \"/usr/bin/styxy\" hook claude",
            "' hook claude",
            "styxy hook claude2",
            "npx styxy-extra hook claude",
            "npx other styxy hook claude",
            "npx hook claude",
        ] {
            assert!(!is_ours(other, &[]), "{other}");
        }
        assert!(is_ours(&format!("{} hook claude", Reader::Posix.call("/it's/a b/styxy")), &[]));
    }

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
    fn the_guards_file_is_known_in_any_folder() {
        for ours in ["/h/.styxy/guard/env.bash", "/run/user/7/styxy/styxy-0af-guard/env.bash"] {
            assert!(is_shell_file(ours), "{ours}");
        }
        for other in ["", "/h/.bashrc", "/h/guard.env.bash", "env.bash", "/h/guarded/env.bash"] {
            assert!(!is_shell_file(other), "{other}");
        }
    }

    #[test]
    fn a_program_with_another_name_is_refused() {
        let known = |path| known(Agent::Claude, path);
        assert_eq!(known("/usr/bin/styxy").as_deref(), Some("/usr/bin/styxy"));
        assert_eq!(known("/it's/a b/styxy"), Some(Reader::of(Agent::Claude).call("/it's/a b/styxy")));
        assert_eq!(known("/usr/bin/styxy-old"), None);
        assert_eq!(known("/usr/bin/styxy (deleted)"), None);
    }

    #[test]
    fn a_command_with_separate_arguments_is_recognised_too() {
        assert!(is_ours("styxy", &["hook", "claude"]));
        assert!(is_ours("/a b/styxy", &["hook", "claude"]));
        assert!(is_ours("npx", &["-y", "styxy", "hook", "claude"]));
        assert!(!is_ours("styxy", &["run", "claude"]));
        assert!(!is_ours("styxy", &["hook"]));
        assert!(!is_ours("styxy", &["hook", "claude", "more"]));
        assert!(!is_ours("echo", &["styxy", "hook", "claude"]));
    }
}
