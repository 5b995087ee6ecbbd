//! Which agents have Styxy's entries in their settings, and whether these are of this version.

use std::path::{Path, PathBuf};

use styxy_client::agents::Agent;

use super::agents::{self, Scope};
use super::{edit, entry, file};

/// A settings file with entries of Styxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installed {
    pub(crate) agent: Agent,
    pub(crate) scope: Scope,
    pub(crate) path: PathBuf,
    pub(crate) age: Age,
}

/// Which version made the entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    Current,
    /// They go on working, but events are missing.
    Older,
}

impl Installed {
    /// Those of `agent` that count in the current folder: the user's, and the checkout's.
    pub(crate) fn of(agent: Agent) -> Vec<Self> {
        let at = |scope| Self::at(agent, scope, agents::settings(agent, scope).ok()?);
        [Scope::User, Scope::Project].into_iter().filter_map(at).collect()
    }

    fn at(agent: Agent, scope: Scope, path: PathBuf) -> Option<Self> {
        let text = file::read(&path).ok().filter(|text| text.contains("styxy"))?;
        let age = if edit::is_older(&text, &entry::entries(agent), entry::nesting(agent)) {
            Age::Older
        } else if edit::without(&text).is_ok_and(|without| without != text) {
            Age::Current
        } else {
            return None;
        };
        Some(Self { agent, scope, path, age })
    }

    /// What makes the entries those of this version.
    pub(crate) fn command(&self) -> String {
        let scope = if self.scope == Scope::Project { " --project" } else { "" };
        format!("styxy hooks install {}{scope}", self.agent.as_str())
    }
}

/// Whether Codex was told to trust the hooks of its file at `path`: else it runs none of them, and does not say so. It keeps a hash
/// for each entry, so an entry that changes has to be trusted again, which cannot be seen here.
pub(crate) fn is_trusted(path: &Path) -> bool {
    let Some(settings) = path.parent().map(|folder| folder.join("config.toml")) else { return false };
    let key = format!("{}:session_start:", path.display());
    file::read(&settings).is_ok_and(|text| text.contains(&key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::here::agent_settings::edit::Wanted;

    #[test]
    fn entries_of_an_older_version_are_known_whatever_program_they_run() {
        let wanted = entry::entries(Agent::Claude);
        let nesting = entry::nesting(Agent::Claude);
        let is_older = |text: &str| edit::is_older(text, &wanted, nesting);
        let of = |entries, program| Wanted { entries, nesting, program, shell: None };
        let all = edit::with("", of(&wanted[..], "npx styxy")).unwrap();
        assert!(!is_older(&all) && !is_older("") && !is_older("{\"hooks\": {}}") && !is_older("{"));
        let first = edit::with("", of(&wanted[..1], "styxy")).unwrap();
        assert!(is_older(&first));
        let other = all.replace("PowerShell", "Other");
        assert!(is_older(&other), "a matcher of before");
    }

    #[test]
    fn codex_trusts_hooks_by_the_name_of_their_file() {
        let top = tempfile::tempdir().unwrap();
        let hooks = top.path().join("hooks.json");
        assert!(!is_trusted(&hooks));
        let state =
            format!("[hooks.state.\"{}:session_start:0:0\"]\ntrusted_hash = \"sha256:0\"\n", hooks.display());
        std::fs::write(top.path().join("config.toml"), state).unwrap();
        assert!(is_trusted(&hooks));
    }
}
