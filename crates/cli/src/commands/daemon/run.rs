//! `styxy daemon run`: runs the daemon in this process.

use styxy_daemon::{Mode, RunOptions};

use crate::here::context;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// Run the daemon in the foreground until it is stopped
///
/// For service managers and for debugging. Exits 1 if the daemon is already running.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy daemon run"))]
pub(crate) struct Args {
    /// Detach from the process that starts it, after reporting on stdout how the start went
    #[arg(long, hide = true)]
    detached: bool,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let home = context::layout()?.root().to_owned();
        let mode = if self.detached { Mode::Detached } else { Mode::Foreground };
        styxy_daemon::run(RunOptions { home, mode })
            .map_err(|refusal| Failure::of_start(refusal, Failure::Refused))?;
        Ok(Exit::Done)
    }
}
