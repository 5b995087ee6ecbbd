//! `styxy config schema`: what an editor needs to help with `config.json`.

use styxy_core::config::SCHEMA;

use crate::args::examples;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

/// Print the JSON Schema of config.json, for editors
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy config schema
  styxy config schema > config.schema.json"))]
pub(crate) struct Args {}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let Self {} = self;
        output::text(format!("{}\n", SCHEMA.trim_end()).as_bytes())?;
        Ok(Exit::Done)
    }
}
