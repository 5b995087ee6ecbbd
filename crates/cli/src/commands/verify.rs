//! `styxy verify`: a check, for scripts and tests, that the server on a port is this worktree's.

use styxy_core::Port;

use crate::here::caller::caller;
use crate::here::context::Context;
use crate::here::ownership::{self, Here};
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::whose::headline;

/// Check that the server on a port is this worktree's
///
/// Exits 0 if it is. Otherwise as `styxy who`: 4 nobody's, 5 a sibling worktree's, 6 somebody else's, 7 an orphan's. Run
/// it before tests that reuse a server which runs already: what answers may be another checkout.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy verify 3000 && npx playwright test
  styxy verify 3000 -q || exit 1
  styxy verify 3000 --json     the same as: styxy who 3000 --json"))]
pub(crate) struct Args {
    /// The port to check
    #[arg(allow_negative_numbers = true)]
    port: Port,
    /// Print nothing; the exit code is the answer
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let here = Here::of(caller())?;
        let answer = context.ask(async |client| ownership::whose(client, self.port, &here).await)?;
        if !self.quiet {
            context.output.answer(&answer, |out| {
                std::io::Write::write_all(out, format!("{}.\n", headline(&answer)).as_bytes())
            })?;
        }
        Ok(Exit::whose(answer.whose))
    }
}
