//! `styxy config`: shows and checks the settings.

mod init;
mod path;
mod schema;
mod show;
mod validate;

use clap::Subcommand;

use crate::here::context::Context;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// Show and check the settings
///
/// The daemon reads config.json when it starts; `styxy daemon restart` applies changes.
#[derive(Debug, Subcommand)]
#[command(after_help = examples!("  styxy config show
  styxy config init && $EDITOR \"$(styxy config path)\"
  styxy config validate && styxy daemon restart"))]
pub(crate) enum Command {
    Show(show::Args),
    Validate(validate::Args),
    Path(path::Args),
    Schema(schema::Args),
    Init(init::Args),
}

impl Command {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Show(args) => args.run(context),
            Self::Validate(args) => args.run(context),
            Self::Path(args) => args.run(context),
            Self::Schema(args) => args.run(),
            Self::Init(args) => args.run(context),
        }
    }
}
