//! `styxy guard status`: whether this shell is under the guard, and why not.

use crate::here::context::{self, Context};
use crate::here::guarded;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output::{self, Format};

/// Say whether this shell is under the guard, and why not
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy guard status
  styxy agent -- styxy guard status          what an agent's shell would say"))]
pub(crate) struct Args {}

/// What is live.
#[derive(serde::Serialize)]
struct Status {
    /// Whether the library is loaded into the programs of this shell.
    library: bool,
    /// Whether the daemon's guard listens where they ask.
    daemon: bool,
    /// The variable that turns the guard off.
    off: Option<&'static str>,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let Self {} = self;
        let status = Status {
            library: guarded::has_library(),
            daemon: guarded::answers(&context::layout()?),
            off: guarded::off(),
        };
        match context.output.format() {
            Format::Json => output::value(&status)?,
            Format::Human => output::raw(said(&status).as_bytes())?,
        }
        Ok(Exit::Done)
    }
}

fn said(status: &Status) -> String {
    let library = match (status.library, status.off) {
        (_, Some(variable)) => format!("off, by {variable}=off"),
        (true, None) => "loaded: programs ask before they signal or bind".to_owned(),
        (false, None) => "not loaded: eval \"$(styxy guard env)\"".to_owned(),
    };
    let daemon =
        if status.daemon { "listens" } else { "does not listen, so nothing is refused: styxy daemon start" };
    format!("library  {library}\ndaemon   {daemon}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::shown::{each, snapshot};

    #[test]
    fn each_layer_says_whether_it_is_live_and_what_to_type() {
        let status = |library, daemon, off| said(&Status { library, daemon, off });
        snapshot!(
            "guard_status",
            each([
                ("live", status(true, true, None)),
                ("not set up", status(false, true, None)),
                ("off", status(true, true, Some("STYXY_GUARD"))),
                ("without a daemon", status(true, false, None)),
            ])
        );
    }
}
