//! `styxy daemon`: the daemon's own life.

mod describe;
mod logs;
mod restart;
mod run;
mod start;
mod status;
mod stop;

use clap::Subcommand;

use crate::args::examples;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

pub(super) use describe::addresses;
#[cfg(test)]
pub(super) use describe::tests;

/// Start, stop and look at the daemon
///
/// There is no need to start it by hand: any command that needs it does.
#[derive(Debug, Subcommand)]
#[command(after_help = examples!("  styxy daemon status
  styxy daemon restart
  styxy daemon logs -f"))]
pub(crate) enum Command {
    Start(start::Args),
    Stop(stop::Args),
    Restart(restart::Args),
    Status(status::Args),
    Run(run::Args),
    Logs(logs::Args),
}

impl Command {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Start(args) => args.run(context),
            Self::Stop(args) => args.run(context),
            Self::Restart(args) => args.run(context),
            Self::Status(args) => args.run(context),
            Self::Run(args) => args.run(),
            Self::Logs(args) => args.run(),
        }
    }
}
