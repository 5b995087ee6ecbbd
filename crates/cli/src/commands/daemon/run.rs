//! `styxy daemon run`: this process is the daemon.

use styxy_daemon::{Mode, RunOptions};

use crate::here::context;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// Be the daemon, in the foreground, until stopped
///
/// For a service manager, and to watch it at work. Exits 1 if a daemon is running already.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy daemon run"))]
pub(crate) struct Args {
    /// Let go of the starter, and tell it on stdout how the start went
    #[arg(long, hide = true)]
    detached: bool,
}

impl Args {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let home = context::layout()?.root().to_owned();
        let mode = if self.detached { Mode::Detached } else { Mode::Foreground };
        styxy_daemon::run(RunOptions { home, mode })?;
        Ok(Exit::Done)
    }
}
