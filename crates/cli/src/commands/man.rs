//! `styxy man`, hidden: writes the man pages, for the build.

use std::fs;
use std::path::PathBuf;

use clap::CommandFactory;

use crate::args::Cli;
use crate::exit::Exit;
use crate::failure::Failure;

/// Write a man page for every command into a folder
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder, made if it is not there
    dir: PathBuf,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        fs::create_dir_all(&self.dir)?;
        clap_mangen::generate_to(Cli::command(), &self.dir)?;
        Ok(Exit::Done)
    }
}
