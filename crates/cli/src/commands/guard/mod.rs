//! `styxy guard`: the guard in one's own shell.

pub(crate) mod env;
pub(crate) mod status;

use clap::Subcommand;

use crate::here::context::Context;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// Keep a shell from ending another worktree's servers
#[derive(Debug, Subcommand)]
#[command(after_help = examples!("  styxy guard status                         what is live
  eval \"$(styxy guard env)\"                  this shell, from now on
  styxy agent -- claude                      one run of an agent"))]
pub(crate) enum Command {
    Env(env::Args),
    Status(status::Args),
}

impl Command {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Env(args) => args.run(context),
            Self::Status(args) => args.run(context),
        }
    }
}
