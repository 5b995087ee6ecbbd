//! `styxy daemon stop`: stops the daemon, and returns when it has ended.

use std::io::Write;

use styxy_client::Stopped;

use crate::here::context::{self, Autostart, Context};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// Stop the daemon, if it is running
///
/// The leases are kept for the next daemon. With --json: the last status of the daemon, or null.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy daemon stop"))]
pub(crate) struct Args {}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Self {} = self;
        let was = match context::ask_with(Autostart::Never, async |client| client.stop().await)? {
            Stopped::WasRunning(status) => Some(status),
            Stopped::WasNot => None,
        };
        context.output.answer(&was, |out| match &was {
            None => writeln!(out, "The daemon was not running."),
            Some(status) if status.allocations == 0 => writeln!(out, "Stopped (pid {}).", status.pid),
            Some(status) => {
                writeln!(out, "Stopped (pid {}). Leases kept: {}.", status.pid, status.allocations)
            }
        })?;
        Ok(Exit::Done)
    }
}
