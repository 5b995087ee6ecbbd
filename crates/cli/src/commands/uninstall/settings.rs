//! Styxy's entries in agents' settings: the user's, and those of the checkout that the command runs in.

use std::fs;

use styxy_client::agents::Agent;

use crate::here::agent_settings::agents::{self, Scope};
use crate::here::agent_settings::change::Change;
use crate::here::agent_settings::{codex_config, edit, file};
use crate::say::failure::Failure;

/// Every settings file that has entries of Styxy, as it is without them.
///
/// # Errors
/// One mentions Styxy and cannot be read or changed.
pub(super) fn all() -> Result<Vec<Change>, Failure> {
    let mut all: Vec<Change> = Vec::new();
    // What has no word of Styxy need not be valid.
    let without = |text: &str| if text.contains("styxy") { edit::without(text) } else { Ok(text.to_owned()) };
    for agent in Agent::ALL {
        for scope in [Scope::User, Scope::Project] {
            // Outside of a checkout there are none of a checkout's.
            let Ok(path) = agents::settings(agent, scope) else { continue };
            if all.iter().all(|known| known.path != path) {
                all.extend(Some(Change::of(agent, path, without)?).filter(Change::is_one));
            }
        }
    }
    if let Ok(hooks) = agents::settings(Agent::Codex, Scope::User) {
        let path = hooks.with_file_name("config.toml");
        let variables = Change::of(Agent::Codex, path, |text| Ok(codex_config::without(text)))?;
        all.extend(Some(variables).filter(Change::is_one));
    }
    Ok(all)
}

/// Takes the entries out; a file that has nothing else goes, with its folder if that is empty then.
///
/// # Errors
/// The file cannot be written.
pub(super) fn clean(settings: &Change) -> Result<(), Failure> {
    file::write(&settings.path, &settings.before, &settings.after)?;
    let is_link = settings.path.symlink_metadata().is_ok_and(|found| found.is_symlink());
    if settings.is_left_over() && !is_link {
        let _ = fs::remove_file(&settings.path);
        // Copilot's file has a folder of its own in the agent's.
        let folders = if agents::owns_file(settings.agent) { 2 } else { 1 };
        for folder in settings.path.ancestors().skip(1).take(folders) {
            let _ = fs::remove_dir(folder);
        }
    }
    Ok(())
}
