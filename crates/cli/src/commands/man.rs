//! `styxy man` (hidden): writes the man pages, for the build.

use std::fs;
use std::path::PathBuf;

use clap::Command;

use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// Write a man page for every command into a folder
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder; created if it does not exist
    dir: PathBuf,
}

impl Args {
    /// Writes the pages of `command`, the whole command line.
    pub(crate) fn run(self, command: Command) -> Result<Exit, Failure> {
        fs::create_dir_all(&self.dir)?;
        clap_mangen::generate_to(command, &self.dir)?;
        Ok(Exit::Done)
    }
}
