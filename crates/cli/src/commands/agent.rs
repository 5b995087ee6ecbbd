//! `styxy agent`: one run of a coding agent, or of a shell, under the guard.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use styxy_core::api::Refusal;

use crate::here::context::{self, Context};
use crate::here::guarded::{self, Guard};
use crate::here::off::off;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;

/// Run an agent or a shell under the guard
///
/// Under the guard a signal to another worktree's or another live session's server is not sent, and a port that is leased to
/// them is not bound. The program says so, whose it is, and how to insist. Everything else stays as it is, and without the daemon
/// nothing is refused. It helps against accidents, and is not a security boundary: static programs, sudo and `env -i` are not under it.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy agent -- claude                      this session of the agent, and all that it starts
  styxy agent -- bash                        a shell
  env STYXY=off kill 4242                    signal it all the same"))]
pub(crate) struct Args {
    /// The command and its arguments
    #[arg(trailing_var_arg = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Some((program, arguments)) = self.command.split_first() else { return Ok(Exit::Done) };
        let mut command = Command::new(program);
        command.args(arguments);
        if off().is_none() {
            let set = |name: &str| std::env::var_os(name);
            match Guard::install(&context::layout()?, set) {
                Ok(guard) => {
                    command.envs(guard.variables(set));
                }
                Err(error) => output::warning(&format!(
                    "{}; the command runs without the guard",
                    Refusal::from(error).error
                )),
            }
            guarded::warn_without_daemon(context);
        }
        Err(Failure::not_run(program, &command.exec()))
    }
}
