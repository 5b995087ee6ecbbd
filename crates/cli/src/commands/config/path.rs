//! `styxy config path`: where config.json is, whether it exists or not.

use crate::here::context::{self, Context};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::{self, Format};

/// Print where config.json is, or would be
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy config path
  $EDITOR \"$(styxy config path)\""))]
pub(crate) struct Args {}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Self {} = self;
        let path = context::layout()?.config();
        match context.output.format() {
            Format::Json => output::value(&path.to_string_lossy())?,
            Format::Human => output::foreign(&[path.as_os_str().as_encoded_bytes(), b"\n"].concat())?,
        }
        Ok(Exit::Done)
    }
}
