//! `styxy hooks`: adds Styxy's hooks to an agent's settings, and removes them.
//!
//! A settings file belongs to its user: only our lines in it change.

mod diff;

use std::path::PathBuf;

use clap::Subcommand;
use styxy_client::agents::Agent;

use crate::here::agent_settings::agents::{self, Scope};
use crate::here::agent_settings::change::Change;
use crate::here::agent_settings::{codex_config, edit, entry, file};
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
        let entries = if self.uninstall {
            Change::of(self.agent, path, edit::without)?
        } else {
            let shell = agents::has_variables(self.agent).then(|| self.shell_file()).flatten();
            let program = agents::program(self.agent)?;
            Change::of(self.agent, path, |text| installed(self.agent, text, &program, shell.as_deref()))?
        };
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
            let shown = diff::unified(&change.path.display().to_string(), &change.before, &change.after);
            output::foreign(shown.as_bytes())?;
        }
        if self.dry_run {
            output::note("Nothing was changed.");
            return Ok(Exit::Done);
        }
        let done: Result<Vec<String>, Failure> = changes.iter().map(|change| self.make(change)).collect();
        let mut said = done?;
        said.extend((!self.uninstall).then(|| agents::after(self.agent).to_owned()));
        output::note(&said.join(" "));
        Ok(Exit::Done)
    }

    /// Makes a change, and says so.
    fn make(&self, change: &Change) -> Result<String, Failure> {
        let shown = change.path.display();
        // A file of the agent's own stays, even if nothing is in it.
        let goes = change.after.is_empty() || agents::owns_file(self.agent) && change.is_left_over();
        if self.uninstall && goes {
            file::remove(&change.path, &change.before)?;
            return Ok(format!("{shown} was removed."));
        }
        file::write(&change.path, &change.before, &change.after)?;
        Ok(format!("{shown} was changed."))
    }

    /// The guard's file among the variables of Codex' shells; none if there is no guard here.
    fn codex_variables(&self, path: PathBuf) -> Result<Option<Change>, Failure> {
        if self.uninstall {
            return Change::of(self.agent, path, |text| Ok(codex_config::without(text))).map(Some);
        }
        let Some(shell) = self.shell_file() else { return Ok(None) };
        let shown = path.display().to_string();
        let with = |text: &str| {
            codex_config::with(text, &shell).unwrap_or_else(|| {
                output::warning(&format!(
                    "{shown} sets the variables of shells in a form that Styxy does not change; for the guard, add BASH_ENV = \"{shell}\" to them"
                ));
                text.to_owned()
            })
        };
        Change::of(self.agent, path, |text| Ok(with(text))).map(Some)
    }

    /// The guard's file for the agent's shell, written unless nothing is to be changed; none if that is impossible. The start of a
    /// session tries again.
    #[cfg(target_os = "linux")]
    fn shell_file(&self) -> Option<String> {
        let layout = context::layout().ok()?;
        let file = if self.dry_run {
            guarded::shell_file(&layout)?
        } else {
            guarded::Guard::install(&layout, |name| std::env::var_os(name)).ok()?.shell
        };
        file.into_os_string().into_string().ok()
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "the same signature as on Linux")]
    const fn shell_file(&self) -> Option<String> {
        None
    }
}

/// `before` with the entries of `agent`, which run `program`, and with the guard's file for its shell.
fn installed(
    agent: Agent,
    before: &str,
    program: &str,
    shell: Option<&str>,
) -> Result<String, edit::Trouble> {
    let (entries, nesting) = (entry::entries(agent), entry::nesting(agent));
    edit::with(before, edit::Wanted { entries: &entries, nesting, program, shell })
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
