//! `styxy config path`: where config.json is, whether it exists or not.

use std::io::Write;

use crate::here::context::{self, Context};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// Print where config.json is, or would be
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy config path
  $EDITOR \"$(styxy config path)\""))]
pub(crate) struct Args {}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Self {} = self;
        let path = context::layout()?.config();
        context.output.answer(&path.to_string_lossy(), |out| {
            out.write_all(path.as_os_str().as_encoded_bytes())?;
            writeln!(out)
        })?;
        Ok(Exit::Done)
    }
}
