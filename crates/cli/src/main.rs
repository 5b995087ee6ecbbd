//! The `styxy` command: asks the daemon, and is the daemon.
//!
//! Each subcommand is one file in `commands`, with its arguments and its `run`. Nothing but `output` prints, nothing
//! but `exit` knows exit codes, and nothing here decides who gets a port: that is the daemon's.

mod age;
mod args;
mod commands;
mod config_file;
mod context;
mod exit;
mod failure;
mod fallback;
mod frameworks;
mod output;
mod packages;
mod place;
mod process;
mod table;
mod tools;
mod variables;
mod version;
mod wishes;

use std::process::ExitCode;

use clap::Parser;

use args::Cli;
use context::Context;
use exit::Exit;

fn main() -> ExitCode {
    let (output, done) = match Cli::try_parse() {
        Ok(cli) => {
            let context = Context::new(&cli.global);
            let done = cli.command.run(&context);
            (context.output, done)
        }
        Err(stopped) => return args::stopped(&stopped).into(),
    };
    done.unwrap_or_else(|failure| output.failure(&failure)).into()
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
