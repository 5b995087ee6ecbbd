//! What becomes of one settings file.

use std::path::PathBuf;

use styxy_client::agents::Agent;

use super::edit::Trouble;
use super::{agents, codex_config, file};
use crate::say::failure::Failure;

/// A settings file before and after a change.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) agent: Agent,
    pub(crate) path: PathBuf,
    pub(crate) before: String,
    pub(crate) after: String,
    /// Nothing else is in it, as in a file that Styxy has made.
    pub(crate) is_left_over: bool,
}

impl Change {
    /// The settings of `agent` at `path`, as `edit` changes them.
    ///
    /// # Errors
    /// They cannot be read or changed.
    pub(crate) fn of(
        agent: Agent,
        path: PathBuf,
        edit: impl FnOnce(&str) -> Result<String, Trouble>,
    ) -> Result<Self, Failure> {
        let before = file::read(&path)?;
        let after = edit(&before).map_err(|trouble| file::unfit(&path, &before, &trouble))?;
        let is_left_over = agents::is_left_over(agent, &after);
        Ok(Self { agent, path, before, after, is_left_over })
    }

    /// Codex' `config.toml` at `path`, without the guard's file.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn without_variables(path: PathBuf) -> Result<Self, Failure> {
        let before = file::read(&path)?;
        let after = codex_config::without(&before);
        Ok(Self { agent: Agent::Codex, is_left_over: after.is_empty(), path, before, after })
    }

    /// Whether anything changes.
    pub(crate) fn is_one(&self) -> bool {
        self.before != self.after
    }
}
