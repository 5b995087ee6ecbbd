//! `styxy verify`: whether the server on a port is really yours, for scripts and tests.

use crate::here::caller::caller;
use crate::here::context::Context;
use crate::here::ownership::{self, Here};
use crate::here::target::{self, Target};
use crate::here::verb::Verb;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::whose::headline;
use crate::up::kept;
use crate::up::typed;

/// Check that the server on a port is really yours
///
/// Exits 0 if it runs in this worktree, otherwise as `styxy who` does: 4 if nothing listens, 5 for another worktree of this
/// repository, 6 for somebody else's server, 7 for a server whose worktree was deleted. Run it before tests that reuse a
/// running server: the one that answers may belong to another checkout.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy verify 3000 && npx playwright test
  styxy verify 3000 -q || exit 1
  styxy verify dev -q
  styxy verify 3000 --json     the same as: styxy who 3000 --json"))]
pub(crate) struct Args {
    #[arg(value_name = "TARGET", help = target::HELP, allow_negative_numbers = true)]
    target: Target,
    /// Print nothing; the exit code is the answer
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let here = Here::of(caller())?;
        let named = typed::named(self.target, None, Verb::Verify)?;
        let answer = context.ask(async |client| {
            let port = named.find(client).await?.port();
            ownership::whose(client, port, &here).await
        })?;
        if !self.quiet {
            let answer = kept::with_service(answer.clone(), &here.caller);
            context.output.answer(&answer, |out| {
                std::io::Write::write_all(out, format!("{}.\n", headline(&answer)).as_bytes())
            })?;
        }
        Ok(Exit::whose(answer.whose))
    }
}
