//! Styxy's entries in agents' settings: the user's, and those of the checkout that the command runs in.

use std::fs;
use std::path::PathBuf;

use styxy_client::agents::Agent;

use crate::here::agent_settings::agents::{self, Scope};
use crate::here::agent_settings::{codex_config, edit, file};
use crate::say::failure::Failure;

/// A settings file with entries of Styxy.
#[derive(Debug)]
pub(super) struct Settings {
    agent: Agent,
    pub(super) path: PathBuf,
    before: String,
    after: String,
    /// Nothing else is in it, as in a file that Styxy has made.
    pub(super) is_left_over: bool,
}

impl Settings {
    /// Every settings file that has entries of Styxy.
    ///
    /// # Errors
    /// One mentions Styxy and cannot be read or changed.
    pub(super) fn all() -> Result<Vec<Self>, Failure> {
        let mut all: Vec<Self> = Vec::new();
        for agent in Agent::ALL {
            for scope in [Scope::User, Scope::Project] {
                // Outside of a checkout there are none of a checkout's.
                let Ok(path) = agents::settings(agent, scope) else { continue };
                if all.iter().all(|known| known.path != path) {
                    all.extend(Self::at(agent, path)?);
                }
            }
        }
        if let Ok(hooks) = agents::settings(Agent::Codex, Scope::User) {
            let path = hooks.with_file_name("config.toml");
            let before = file::read(&path)?;
            let after = codex_config::without(&before);
            let is_left_over = after.is_empty();
            let found = Self { agent: Agent::Codex, path, before, after, is_left_over };
            all.extend(Some(found).filter(|found| found.after != found.before));
        }
        Ok(all)
    }

    fn at(agent: Agent, path: PathBuf) -> Result<Option<Self>, Failure> {
        let before = file::read(&path)?;
        // What has no word of Styxy need not be valid.
        if !before.contains("styxy") {
            return Ok(None);
        }
        let after = edit::without(&before).map_err(|trouble| file::unfit(&path, &before, &trouble))?;
        let is_left_over = agents::is_left_over(agent, &after);
        Ok((after != before).then_some(Self { agent, path, before, after, is_left_over }))
    }

    /// Takes the entries out; a file that has nothing else goes, with its folder if that is empty then.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn clean(&self) -> Result<(), Failure> {
        file::write(&self.path, &self.before, &self.after)?;
        let is_link = self.path.symlink_metadata().is_ok_and(|found| found.is_symlink());
        if self.is_left_over && !is_link {
            let _ = fs::remove_file(&self.path);
            // Copilot's file has a folder of its own in the agent's.
            let folders = if agents::owns_file(self.agent) { 2 } else { 1 };
            for folder in self.path.ancestors().skip(1).take(folders) {
                let _ = fs::remove_dir(folder);
            }
        }
        Ok(())
    }
}
