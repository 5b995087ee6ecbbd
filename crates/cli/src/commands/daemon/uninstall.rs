//! `styxy daemon uninstall`: the daemon no longer starts at login.

use std::io::Write;

use super::install::{Done, lines, would_be};
use crate::here::context::Context;
use crate::here::login::Login;
use crate::say::consent::Consent;
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
  styxy daemon uninstall --dry-run   show what would be done
  styxy daemon uninstall --yes       without confirmation, for scripts"))]
pub(crate) struct Args {
    #[command(flatten)]
    consent: Consent,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let login = Login::for_removal()?;
        let changed = login.is_there()?;
        if changed {
            let (will, commands) = (self.consent.will(), lines(&login.uninstall));
            let plan = format!("This {will} be run:\n{commands}\nand {} removed.", login.file.display());
            if self.consent.is_dry() {
                return would_be(context, &login, &plan);
            }
            output::note(&plan);
            let question = "No longer start the daemon at login?";
            if !self.consent.is_given(question, "styxy daemon uninstall --yes")? {
                return Ok(Exit::Refused);
            }
            login.take()?;
        }
        context.output.answer(&Done::new(&login, changed), |out| {
            let sentence = if changed { "no longer starts at login" } else { "did not start at login" };
            writeln!(out, "The daemon {sentence}. Any command that needs it starts it.")
        })?;
        Ok(Exit::Done)
    }
}
