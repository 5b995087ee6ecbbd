//! `styxy config schema`: the JSON Schemas of `config.json` and `.styxy.json`.

use styxy_core::{config, project};

use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;

/// Print the JSON Schema of config.json or .styxy.json, for editors
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy config schema
  styxy config schema > config.schema.json
  styxy config schema --project > styxy.schema.json"))]
pub(crate) struct Args {
    /// Print the schema of .styxy.json, the project file
    #[arg(long)]
    project: bool,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let schema = if self.project { project::SCHEMA } else { config::SCHEMA };
        output::text(format!("{}\n", schema.trim_end()).as_bytes())?;
        Ok(Exit::Done)
    }
}
