//! `styxy hooks`: adds Styxy's hooks to an agent's settings, and removes them.
//!
//! A settings file belongs to its user: only our lines in it change.

mod diff;

use std::path::PathBuf;

use clap::Subcommand;
use styxy_client::agents::Agent;

use crate::here::agent_settings::agents::{self, Scope};
use crate::here::agent_settings::{codex_config, edit, file};
#[cfg(target_os = "linux")]
use crate::here::{context, guarded};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;

/// Add Styxy's hooks to a coding agent's settings
#[derive(Debug, Subcommand)]
#[command(after_help = examples!("  styxy hooks install claude"))]
pub(crate) enum Command {
    Install(Install),
}

/// Make a coding agent ask Styxy about ports
///
/// Adds entries that run `styxy hook` to the agent's settings, and leaves everything else as it is, byte for byte. Shows
/// what it changes. On Linux the shells of Claude Code and Codex also get the guard's file as `BASH_ENV`, those of Codex in its
/// config.toml. Running it again changes nothing; after an update that moved the program, it corrects the path. It also
/// corrects entries of Styxy that are duplicated or have a wrong matcher or timeout.
///
/// --uninstall restores the file as it was, and keeps what others have changed since. A file that was missing or empty
/// becomes an empty object. While the entries are there, a list or object that was empty before is marked by a blank line
/// before its closing bracket; without that line it is removed too.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy hooks install claude
  styxy hooks install claude --dry-run    show what would change
  styxy hooks install codex --project     for this checkout only
  styxy hooks install claude --uninstall  remove them again"))]
pub(crate) struct Install {
    /// The agent whose settings are changed
    #[arg(value_parser = agents::by_name())]
    agent: Agent,
    /// Change this checkout's settings instead of the user's
    #[arg(long)]
    project: bool,
    /// Show what would change, without changing anything
    #[arg(long)]
    dry_run: bool,
    /// Remove Styxy's entries
    #[arg(long)]
    uninstall: bool,
}

impl Command {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Install(args) => args.run(),
        }
    }
}

impl Install {
    fn run(self) -> Result<Exit, Failure> {
        let scope = if self.project { Scope::Project } else { Scope::User };
        let path = agents::settings(self.agent, scope)?;
        let before = file::read(&path)?;
        let after = if self.uninstall {
            edit::without(&before)
        } else {
            let shell = agents::has_variables(self.agent).then(|| shell_file(self.dry_run)).flatten();
            installed(self.agent, &before, &agents::program(self.agent)?, shell.as_deref())
        };
        let after = after.map_err(|trouble| file::unfit(&path, &before, &trouble))?;
        let is_left_over = agents::owns_file(self.agent) && agents::is_left_over(self.agent, &after);
        let entries = Change { path, before, after, is_left_over };
        let variables = if self.agent == Agent::Codex && !self.project {
            self.codex_variables(entries.path.with_file_name("config.toml"))?
        } else {
            None
        };
        let changes: Vec<&Change> =
            std::iter::once(&entries).chain(&variables).filter(|change| change.is_one()).collect();
        if changes.is_empty() {
            let state =
                if self.uninstall { "has no entries of Styxy" } else { "already has Styxy's entries" };
            output::note(&format!("{} {state}.", entries.path.display()));
            return Ok(Exit::Done);
        }
        for change in &changes {
            change.show()?;
        }
        if self.dry_run {
            output::note("Nothing was changed.");
            return Ok(Exit::Done);
        }
        let done: Result<Vec<String>, Failure> = changes.iter().map(|change| self.make(change)).collect();
        output::note(&format!("{} {}", done?.join(" "), agents::after(self.agent)));
        Ok(Exit::Done)
    }

    /// Makes a change, and says so.
    fn make(&self, change: &Change) -> Result<String, Failure> {
        let shown = change.path.display();
        if self.uninstall && change.is_left_over {
            file::remove(&change.path, &change.before)?;
            return Ok(format!("{shown} was removed."));
        }
        file::write(&change.path, &change.before, &change.after)?;
        Ok(format!("{shown} was changed."))
    }

    /// The guard's file among the variables of Codex' shells; none if there is no guard here.
    fn codex_variables(&self, path: PathBuf) -> Result<Option<Change>, Failure> {
        let before = file::read(&path)?;
        if self.uninstall {
            let after = codex_config::without(&before);
            let is_left_over = after.is_empty();
            return Ok(Some(Change { path, before, after, is_left_over }));
        }
        let Some(shell) = shell_file(self.dry_run) else { return Ok(None) };
        let after = codex_config::with(&before, &shell);
        if after.is_none() {
            output::warning(&format!(
                "{} sets the variables of shells in a form that Styxy does not change; for the guard, add BASH_ENV = \"{shell}\" to them",
                path.display()
            ));
        }
        Ok(after.map(|after| Change { path, before, after, is_left_over: false }))
    }
}

/// What becomes of one file.
struct Change {
    path: PathBuf,
    before: String,
    after: String,
    /// Nothing else is in it, as in a file that Styxy has made.
    is_left_over: bool,
}

impl Change {
    fn is_one(&self) -> bool {
        self.before != self.after
    }

    fn show(&self) -> Result<(), Failure> {
        let change = diff::unified(&self.path.display().to_string(), &self.before, &self.after);
        Ok(output::foreign(change.as_bytes())?)
    }
}

/// `before` with the entries of `agent`, which run `program`, and with the guard's file for its shell.
fn installed(
    agent: Agent,
    before: &str,
    program: &str,
    shell: Option<&str>,
) -> Result<String, edit::Trouble> {
    let (entries, nesting) = (agents::entries(agent), agents::nesting(agent));
    edit::with(before, edit::Wanted { entries: &entries, nesting, program, shell })
}

/// The guard's file for the agent's shell, written unless nothing is to be changed; none if that is impossible. The start of a
/// session tries again.
#[cfg(target_os = "linux")]
fn shell_file(is_dry: bool) -> Option<String> {
    let layout = context::layout().ok()?;
    let file = if is_dry {
        guarded::shell_file(&layout)?
    } else {
        guarded::Guard::install(&layout, |name| std::env::var_os(name)).ok()?.shell
    };
    file.into_os_string().into_string().ok()
}

#[cfg(not(target_os = "linux"))]
fn shell_file(_: bool) -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, snapshot};

    fn shell(agent: Agent) -> Option<&'static str> {
        agents::has_variables(agent).then_some("/home/ada/.styxy/guard/env.bash")
    }

    /// What `--dry-run` shows for these settings.
    fn change(agent: Agent, before: &str) -> String {
        diff::unified(
            "settings.json",
            before,
            &installed(agent, before, "/opt/styxy/styxy", shell(agent)).unwrap(),
        )
    }

    #[test]
    fn every_agents_entries_are_shown_as_a_change_of_its_settings() {
        let without_settings = Agent::ALL.map(|agent| (agent.as_str(), change(agent, "")));
        snapshot!("install", each(without_settings));
        let settings = "{\n  \"model\": \"opus\", // mine\n  \"hooks\": {\n    \"SessionEnd\": [],\n    \"Stop\": []\n  }\n}\n";
        let installed =
            installed(Agent::Claude, settings, "/usr/bin/styxy", Some("/h/.styxy/guard/env.bash")).unwrap();
        let without = edit::without(&installed).unwrap();
        snapshot!(
            "install_beside_others",
            each([
                ("install", change(Agent::Claude, settings)),
                ("the program has moved", change(Agent::Claude, &installed)),
                ("uninstall", diff::unified("settings.json", &installed, &without)),
                ("CRLF", change(Agent::Codex, "{\r\n\t\"a\": 1\r\n}\r\n").replace('\r', "CR")),
            ])
        );
    }
}
