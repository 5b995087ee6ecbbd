//! `styxy keeper`: the process that keeps the services of a worktree. `styxy up` starts it.

use std::path::PathBuf;

use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// Keep the services of a worktree
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The root of the worktree
    #[arg(long, value_name = "DIR")]
    root: PathBuf,
}

impl Args {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        crate::up::keeper::keep(self.root)
    }
}
