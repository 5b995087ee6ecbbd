//! `styxy hooks`: adds Styxy's hooks to an agent's settings, and removes them.
//!
//! A settings file belongs to its user: only our lines in it change.

mod diff;

use clap::Subcommand;
use styxy_client::agents::Agent;

use crate::here::agent_settings::agents::{self, Scope};
use crate::here::agent_settings::{edit, file};
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
/// what it changes. Running it again changes nothing; after an update that moved the program, it corrects the path. It also
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
            installed(self.agent, &before, &agents::program(self.agent)?)
        };
        let after = after.map_err(|trouble| file::unfit(&path, &before, &trouble))?;
        let shown = path.display();
        if after == before {
            let state =
                if self.uninstall { "has no entries of Styxy" } else { "already has Styxy's entries" };
            output::note(&format!("{shown} {state}."));
            return Ok(Exit::Done);
        }
        output::foreign(diff::unified(&shown.to_string(), &before, &after).as_bytes())?;
        if self.dry_run {
            output::note("Nothing was changed.");
            return Ok(Exit::Done);
        }
        file::write(&path, &before, &after)?;
        output::note(&format!("{shown} was changed. {}", agents::after(self.agent)));
        Ok(Exit::Done)
    }
}

/// `before` with the entries of `agent`, which run `program`.
fn installed(agent: Agent, before: &str, program: &str) -> Result<String, edit::Trouble> {
    let entries = agents::entries(agent);
    edit::with(before, edit::Wanted { entries: &entries, nesting: agents::nesting(agent), program })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, snapshot};

    /// What `--dry-run` shows for these settings.
    fn change(agent: Agent, before: &str) -> String {
        diff::unified("settings.json", before, &installed(agent, before, "/opt/styxy/styxy").unwrap())
    }

    #[test]
    fn every_agents_entries_are_shown_as_a_change_of_its_settings() {
        let without_settings = Agent::ALL.map(|agent| (agent.as_str(), change(agent, "")));
        snapshot!("install", each(without_settings));
        let settings = "{\n  \"model\": \"opus\", // mine\n  \"hooks\": {\n    \"SessionEnd\": [],\n    \"Stop\": []\n  }\n}\n";
        let installed = installed(Agent::Claude, settings, "/usr/bin/styxy").unwrap();
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
