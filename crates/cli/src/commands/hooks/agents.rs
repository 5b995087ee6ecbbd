//! What differs between the agents: where their settings are, which events there are, how an entry looks.

use std::env;
use std::path::PathBuf;

use serde_json::{Value, json};
use styxy_client::place::project_root;

use super::Named;
use crate::failure::Failure;
use crate::place::user_home;

/// Whose settings are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    User,
    Project,
}

/// Where an event's entries stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `{"matcher": …, "hooks": [{…}]}` in the event's list.
    Groups,
    /// The entries themselves in the event's list, and `"version": 1` in the file.
    Flat,
}

/// An event that Styxy answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) event: &'static str,
    pub(super) matcher: Option<&'static str>,
    /// In the agent's own unit: Gemini CLI counts milliseconds.
    timeout: Option<u32>,
    agent: &'static str,
}

/// The settings file.
///
/// # Errors
/// There is no home folder, or no checkout around the current folder.
pub(super) fn settings(agent: Named, whose: Whose) -> Result<PathBuf, Failure> {
    let folder = |variable: &str, name: &str| -> Result<PathBuf, Failure> {
        match env::var_os(variable).filter(|value| !value.is_empty()) {
            Some(folder) => Ok(PathBuf::from(folder)),
            None => Ok(user_home()
                .ok_or_else(|| Failure::usage("there is no home folder", "set HOME"))?
                .join(name)),
        }
    };
    let file = match agent {
        // The path of a program is no matter for those who share the repository.
        Named::Claude if whose == Whose::Project => "settings.local.json",
        Named::Claude | Named::Gemini => "settings.json",
        Named::Codex | Named::Cursor => "hooks.json",
    };
    let name = match agent {
        Named::Claude => ".claude",
        Named::Codex => ".codex",
        Named::Cursor => ".cursor",
        Named::Gemini => ".gemini",
    };
    let folder = match (whose, agent) {
        (Whose::Project, _) => {
            let here = env::current_dir().unwrap_or_default();
            let root = project_root(&here, user_home().as_deref());
            let root = root.ok_or_else(|| {
                Failure::usage(
                    "--project: the current folder is in no checkout",
                    "go to one, or leave --project out",
                )
            })?;
            Ok(root.join(name))
        }
        (Whose::User, Named::Claude) => folder("CLAUDE_CONFIG_DIR", name),
        (Whose::User, Named::Codex) => folder("CODEX_HOME", name),
        (Whose::User, Named::Cursor | Named::Gemini) => folder("", name),
    }?;
    Ok(folder.join(file))
}

pub(super) fn form(agent: Named) -> Form {
    match agent {
        Named::Claude | Named::Codex | Named::Gemini => Form::Groups,
        Named::Cursor => Form::Flat,
    }
}

/// The events of `agent`. `WorktreeCreate` is never one: whoever registers it has to make worktrees.
pub(super) fn entries(agent: Named) -> Vec<Entry> {
    let list: &[(&'static str, Option<&'static str>, Option<u32>)] = match agent {
        Named::Claude => &[
            ("SessionStart", None, Some(5)),
            ("CwdChanged", None, Some(5)),
            ("PreToolUse", Some("Bash|PowerShell"), Some(2)),
            ("SessionEnd", None, Some(1)),
        ],
        Named::Codex => &[("SessionStart", None, Some(5)), ("PreToolUse", Some("Bash"), Some(2))],
        Named::Cursor => {
            &[("sessionStart", None, None), ("beforeShellExecution", None, None), ("sessionEnd", None, None)]
        }
        Named::Gemini => &[
            ("SessionStart", None, Some(5000)),
            ("BeforeTool", Some("run_shell_command"), Some(2000)),
            ("SessionEnd", None, Some(1000)),
        ],
    };
    let agent = match agent {
        Named::Claude => "claude",
        Named::Codex => "codex",
        Named::Cursor => "cursor",
        Named::Gemini => "gemini",
    };
    list.iter()
        .map(|(event, matcher, timeout)| Entry { event, matcher: *matcher, timeout: *timeout, agent })
        .collect()
}

impl Entry {
    /// The command that the agent's shell runs.
    pub(super) fn command(&self, program: &str) -> String {
        format!("{program} hook {}", self.agent)
    }

    /// The element of the event's list.
    pub(super) fn element(&self, form: Form, program: &str) -> Value {
        let command = self.command(program);
        match form {
            Form::Flat => json!({ "command": command }),
            Form::Groups => {
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

/// Whether `command` is one of Styxy's, with whatever path: `… hook claude`.
pub(super) fn is_ours(command: &str) -> bool {
    let Some((program, agent)) = command.trim().rsplit_once(" hook ") else { return false };
    let program = program.trim_matches(['"', '\'']);
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
    name.strip_suffix(".exe").unwrap_or(name) == "styxy"
        && matches!(agent, "claude" | "codex" | "cursor" | "gemini")
}

/// This program's own path, quoted for a shell if need be.
///
/// # Errors
/// It cannot be told, or is not Unicode.
pub(super) fn program() -> Result<String, Failure> {
    let hint = "install Styxy with npm, and try again";
    let path = env::current_exe()
        .map_err(|error| Failure::usage(format!("the path of this program cannot be told: {error}"), hint))?;
    let path =
        path.to_str().ok_or_else(|| Failure::usage("the path of this program is not Unicode", hint))?;
    Ok(quoted(path))
}

fn quoted(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+@:,=%".contains(&byte);
    if path.bytes().all(plain) {
        path.to_owned()
    } else if cfg!(windows) {
        format!("\"{path}\"")
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

/// What a person has to do then.
pub(super) fn after(agent: Named) -> &'static str {
    match agent {
        Named::Codex => "Codex asks you to trust the new hooks when it starts.",
        Named::Claude | Named::Cursor | Named::Gemini => "New sessions use it.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_commands_are_known_by_their_form_wherever_the_program_is() {
        for ours in [
            "styxy hook claude",
            "/usr/bin/styxy hook codex",
            "'/a b/styxy' hook claude",
            "\"C:\\x\\styxy.exe\" hook gemini",
        ] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in [
            "styxy hook",
            "mystyxy hook claude",
            "styxy run x",
            "echo styxy hook claude; x",
            "styxy hook claude2",
        ] {
            assert!(!is_ours(other), "{other}");
        }
        assert!(is_ours(&format!("{} hook claude", quoted("/it's/a b/styxy"))));
    }
}
