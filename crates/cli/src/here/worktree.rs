//! `-C DIR`: the worktree that a command is about.

use std::path::PathBuf;

use styxy_client::Caller;

use crate::here::caller::caller;

/// The option, as a part of a command's arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Worktree {
    /// The worktree [default: this one]
    #[arg(short = 'C', value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Worktree {
    /// Somebody in that worktree.
    pub(crate) fn caller(&self) -> Caller {
        let here = caller();
        self.directory.as_deref().map_or_else(|| here.clone(), |folder| here.at(folder))
    }
}
