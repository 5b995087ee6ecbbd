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
    /// In the agent's unit: milliseconds for Gemini CLI, else seconds.
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
        Agent::Claude | Agent::Gemini => "settings.json",
        Agent::Codex | Agent::Cursor => "hooks.json",
    };
    let name = match agent {
        Agent::Claude => ".claude",
        Agent::Codex => ".codex",
        Agent::Cursor => ".cursor",
        Agent::Gemini => ".gemini",
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
        (Scope::User, Agent::Cursor | Agent::Gemini) => folder("", name),
    }?;
    Ok(folder.join(file))
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
        Agent::Claude | Agent::Codex | Agent::Gemini => Nesting::Groups,
        Agent::Cursor => Nesting::Flat,
    }
}

/// The events of `agent`. `WorktreeCreate` is never one of them: its hook has to create the worktree.
pub(crate) fn entries(agent: Agent) -> Vec<Entry> {
    let list: &[(&'static str, Option<&'static str>, Option<u32>)] = match agent {
        Agent::Claude => &[
            ("SessionStart", None, Some(5)),
            ("CwdChanged", None, Some(5)),
            ("PreToolUse", Some("Bash|PowerShell"), Some(2)),
            ("SessionEnd", None, Some(1)),
        ],
        Agent::Codex => &[("SessionStart", None, Some(5)), ("PreToolUse", Some("Bash"), Some(2))],
        Agent::Cursor => {
            &[("sessionStart", None, None), ("beforeShellExecution", None, None), ("sessionEnd", None, None)]
        }
        Agent::Gemini => &[
            ("SessionStart", None, Some(5000)),
            ("BeforeTool", Some("run_shell_command"), Some(2000)),
            ("SessionEnd", None, Some(1000)),
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

    /// The element of the event's list.
    pub(crate) fn element(&self, nesting: Nesting, program: &str) -> Value {
        let command = self.command(program);
        match nesting {
            Nesting::Flat => json!({ "command": command }),
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
        Agent::Codex => "Codex asks you to trust the new hooks when it starts.",
        Agent::Claude | Agent::Cursor | Agent::Gemini => "New sessions use the hooks.",
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
