//! `styxy daemon start`: starts the daemon, and returns when it is ready.

use styxy_client::Contact;

use crate::here::context::{self, Autostart, Context};
use crate::say::daemon::briefly;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;

/// Start the daemon, unless it is running
///
/// Returns when the daemon is ready. The daemon keeps running when the terminal is closed.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy daemon start"))]
pub(crate) struct Args {}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Self {} = self;
        let contact = context::renewed(Autostart::Always, async |client| client.connect().await)??;
        let (what, status, notes) = match contact {
            Contact::Running(status) => ("is already running", status, Vec::new()),
            Contact::Started { status, notes } => ("started", status, notes),
        };
        context.output.answer(&status, |out| briefly(what, &status, &notes, out))?;
        Ok(Exit::Done)
    }
}
