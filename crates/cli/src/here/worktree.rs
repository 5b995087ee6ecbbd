//! `-C DIR`: the worktree that a command is about.

use std::path::PathBuf;

use styxy_client::Caller;

use crate::here::caller::caller;
use crate::say::failure::Failure;
use crate::say::shell_word::quoted;

/// The option, as a part of a command's arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Worktree {
    /// The worktree [default: this one]
    #[arg(short = 'C', value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Worktree {
    /// The option as it was typed, for a command to type next.
    pub(crate) fn words(&self) -> String {
        let folder = self.directory.as_ref().map(|folder| quoted(&folder.to_string_lossy()));
        folder.map(|folder| format!(" -C {folder}")).unwrap_or_default()
    }

    /// Somebody in that worktree.
    ///
    /// # Errors
    /// There is no such folder.
    pub(crate) fn caller(&self) -> Result<Caller, Failure> {
        let here = caller();
        match &self.directory {
            None => Ok(here.clone()),
            Some(folder) if folder.is_dir() => Ok(here.at(folder)),
            Some(folder) => {
                let error = format!("-C: {} is not a folder", folder.display());
                Err(Failure::usage(error, "git worktree list"))
            }
        }
    }
}
