//! `styxy daemon`: starts, stops and inspects the daemon.

mod install;
pub(crate) mod logs;
mod restart;
mod run;
mod start;
pub(crate) mod status;
mod stop;
mod uninstall;

use clap::Subcommand;

use crate::here::context::Context;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// Start, stop and inspect the daemon
///
/// You do not need to start it by hand: any command that needs it does.
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
    Install(install::Args),
    Uninstall(uninstall::Args),
}

impl Command {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Start(args) => args.run(context),
            Self::Stop(args) => args.run(context),
            Self::Restart(args) => args.run(context),
            Self::Status(args) => args.run(context),
            Self::Run(args) => args.run(),
            Self::Logs(args) => args.run(),
            Self::Install(args) => args.run(context),
            Self::Uninstall(args) => args.run(context),
        }
    }
}
