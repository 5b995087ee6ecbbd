//! `styxy daemon uninstall`: the daemon no longer starts at login.

use std::io::Write;

use super::install::{Done, confirmed, lines};
use crate::here::context::Context;
use crate::here::login::Login;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;

/// No longer start the daemon at login
///
/// Undoes styxy daemon install. The daemon keeps running, and any command starts it. To remove all of Styxy:
/// styxy uninstall
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy daemon uninstall
  styxy daemon uninstall --yes   without confirmation, for scripts"))]
pub(crate) struct Args {
    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let login = Login::for_removal()?;
        let changed = login.is_there()?;
        if changed {
            let commands = lines(&login.uninstall);
            output::note(&format!("This will be run:\n{commands}\nand {} removed.", login.file.display()));
            if !self.yes
                && !confirmed("No longer start the daemon at login?", "styxy daemon uninstall --yes")?
            {
                return Ok(Exit::Refused);
            }
            login.take()?;
        }
        context.output.answer(&Done { login: &login, changed }, |out| {
            let sentence = if changed { "no longer starts at login" } else { "did not start at login" };
            writeln!(out, "The daemon {sentence}. Any command that needs it starts it.")
        })?;
        Ok(Exit::Done)
    }
}
