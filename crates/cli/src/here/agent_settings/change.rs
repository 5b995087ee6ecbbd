//! What becomes of one settings file.

use std::path::PathBuf;

use styxy_client::agents::Agent;

use super::edit::Trouble;
use super::{agents, file};
use crate::say::failure::Failure;

/// A settings file before and after a change.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) agent: Agent,
    pub(crate) path: PathBuf,
    pub(crate) before: String,
    pub(crate) after: String,
}

impl Change {
    /// The file of `agent` at `path`, as `edit` changes it.
    ///
    /// # Errors
    /// It cannot be read or changed.
    pub(crate) fn of(
        agent: Agent,
        path: PathBuf,
        edit: impl FnOnce(&str) -> Result<String, Trouble>,
    ) -> Result<Self, Failure> {
        let before = file::read(&path)?;
        let after = edit(&before).map_err(|trouble| file::unfit(&path, &before, &trouble))?;
        Ok(Self { agent, path, before, after })
    }

    /// Whether anything changes.
    pub(crate) fn is_one(&self) -> bool {
        self.before != self.after
    }

    /// Whether nothing else is in it, as in a file that Styxy has made.
    pub(crate) fn is_left_over(&self) -> bool {
        self.after.is_empty() || agents::is_left_over(self.agent, &self.after)
    }
}
