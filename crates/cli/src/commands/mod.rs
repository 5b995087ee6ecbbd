//! Every subcommand: its arguments and what it does, one file each.

mod allocate;
mod check;
mod cleanup;
mod completions;
mod config;
mod daemon;
mod doctor;
mod env;
mod firebase;
mod hook;
mod hooks;
mod instances;
mod kill;
mod list;
mod man;
mod mcp;
mod open;
mod release;
mod run;
mod scan;
mod server;
mod suggest;
mod verify;
mod wait;
mod who;
mod whose;
mod words;

use clap::Subcommand;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// The subcommands, in the order the help lists them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(run::Args),
    Allocate(allocate::Args),
    Release(release::Args),
    Env(env::Args),
    Check(check::Args),
    Who(who::Args),
    Verify(verify::Args),
    Wait(wait::Args),
    Open(open::Args),
    Kill(kill::Args),
    Firebase(firebase::Args),
    #[command(subcommand)]
    Hooks(hooks::Command),
    Hook(hook::Args),
    Suggest(suggest::Args),
    List(list::Args),
    Instances(instances::Args),
    Scan(scan::Args),
    Cleanup(cleanup::Args),
    #[command(subcommand)]
    Daemon(daemon::Command),
    #[command(subcommand)]
    Config(config::Command),
    Mcp(mcp::Args),
    Doctor(doctor::Args),
    Completions(completions::Args),
    #[command(hide = true)]
    Man(man::Args),
}

impl Command {
    /// Does what was asked, and says how it ended.
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Run(args) => args.run(context),
            Self::Env(args) => args.run(context),
            Self::Allocate(args) => args.run(context),
            Self::Release(args) => args.run(context),
            Self::Check(args) => args.run(context),
            Self::Who(args) => args.run(context),
            Self::Verify(args) => args.run(context),
            Self::Wait(args) => args.run(context),
            Self::Open(args) => args.run(context),
            Self::Kill(args) => args.run(context),
            Self::Firebase(args) => args.run(context),
            Self::Hook(args) => args.run(),
            Self::Hooks(command) => command.run(),
            Self::Suggest(args) => args.run(context),
            Self::List(args) => args.run(context),
            Self::Instances(args) => args.run(context),
            Self::Scan(args) => args.run(context),
            Self::Cleanup(args) => args.run(context),
            Self::Daemon(command) => command.run(context),
            Self::Config(command) => command.run(context),
            Self::Mcp(args) => args.run(context),
            Self::Doctor(args) => args.run(context),
            Self::Completions(args) => args.run(),
            Self::Man(args) => args.run(),
        }
    }
}
