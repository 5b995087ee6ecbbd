//! `styxy daemon stop`: stops the daemon, and returns when it has ended.

use std::fs;
use std::io::Write;

use styxy_core::with_causes;

use crate::here::context::{self, Autostart, Context};
use crate::here::stop::{End, stop};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;

/// Stop the daemon, if it is running
///
/// The leases are kept for the next daemon. If it does not answer, the process that holds its lock is ended. With --json:
/// the last status of the daemon, or null.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy daemon stop"))]
pub(crate) struct Args {}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Self {} = self;
        // A hook does not start it again (R39). It is said first, since a hook may run at any time.
        let stopped = context::layout()?.stopped();
        let _ = fs::write(&stopped, "");
        let end = context::ask_with(Autostart::Never, async |client| stop(client).await);
        let end = end.inspect_err(|_| drop(fs::remove_file(&stopped)))?;
        let was = match &end {
            End::Stopped(status) => Some(status),
            End::Ended { why, .. } => {
                output::note(&format!("note: {}", with_causes(why)));
                None
            }
            End::WasNot => None,
        };
        context.output.answer(&was, |out| match &end {
            End::WasNot => writeln!(out, "The daemon was not running."),
            End::Ended { pid, .. } => writeln!(out, "Ended the daemon (pid {pid}). Its leases are kept."),
            End::Stopped(status) if status.allocations == 0 => {
                writeln!(out, "Stopped (pid {}).", status.pid)
            }
            End::Stopped(status) => {
                writeln!(out, "Stopped (pid {}). Leases kept: {}.", status.pid, status.allocations)
            }
        })?;
        Ok(Exit::Done)
    }
}
