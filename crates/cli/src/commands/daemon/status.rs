//! `styxy daemon status`: whether the daemon runs, and its state.

use styxy_core::api::{Code, Refusal};

use crate::here::context::{self, Autostart, Context};
use crate::say::daemon::fully;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// Show whether the daemon runs, and its state
///
/// Exits 3 if it does not run, or runs and does not answer. Never starts it.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy status
  styxy status --json | jq -r '.listen.tcp[0]'"))]
pub(crate) struct Args {}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Self {} = self;
        let running = context::ask_with(Autostart::Never, async |client| client.running().await)?;
        let status = running.ok_or_else(not_running)?;
        context.output.answer(&status, |out| fully(&status, out))?;
        Ok(Exit::Done)
    }
}

fn not_running() -> Refusal {
    Refusal::new(Code::DaemonUnreachable, "the daemon is not running").hint("styxy daemon start")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{failed, snapshot};

    #[test]
    fn without_a_daemon_it_says_how_to_start_one() {
        snapshot!("status_without_a_daemon", failed(not_running()));
    }
}
