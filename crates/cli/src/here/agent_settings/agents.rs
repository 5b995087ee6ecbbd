//! What differs between the agents beside their entries: where their settings are, how a command of theirs begins, what is left to do.

use std::env;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use styxy_client::agents::Agent;

use super::entry::{Nesting, nesting};
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
    PossibleValuesParser::new(names).try_map(|name| Agent::named(&name).ok_or("not an agent"))
}

/// Which settings are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    User,
    Project,
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
    fn a_program_with_another_name_is_refused() {
        let known = |path| known(Agent::Claude, path);
        assert_eq!(known("/usr/bin/styxy").as_deref(), Some("/usr/bin/styxy"));
        assert_eq!(known("/it's/a b/styxy"), Some(Reader::of(Agent::Claude).call("/it's/a b/styxy")));
        assert_eq!(known("/usr/bin/styxy-old"), None);
        assert_eq!(known("/usr/bin/styxy (deleted)"), None);
    }
}
