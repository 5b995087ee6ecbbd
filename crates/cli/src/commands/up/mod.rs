//! `styxy up`: has the services of this worktree run.

mod attached;
mod detached;
mod folders;
mod print;
mod shown;
mod start;
mod system;

use crate::here::context::Context;
use crate::here::variables;
use crate::here::worktree::Worktree;
use crate::say::examples::examples;
use crate::say::exit::Exit;
use crate::say::failure::Failure;
use crate::say::output;
use crate::up::sources;
use crate::up::stack::Stack;

/// Start the services of this worktree, each on its own port
///
/// What runs already stays as it is; what is missing is started, and what was changed is started again on its port. Each service is
/// told its port in `PORT` and the addresses of all others. On a terminal it follows the logs until Ctrl-C, which ends the services;
/// elsewhere it waits until they are ready, and leaves them running. Nothing is restarted when it ends: `styxy up` again is the
/// restart.
#[derive(Debug, clap::Args)]
#[command(after_help = examples!("  styxy up                  all services of this worktree, with their logs
  styxy up -d               the same in the background; returns when they are ready
  styxy up web              one service, and those that it comes after
  styxy up --wait           attached without a terminal too, for a test runner
  styxy up --print          what would run, start, stay or end, and why
  styxy up -C ../shop-fix   those of another worktree"))]
pub(crate) struct Args {
    /// Only these, and those that they come after [default: all]
    #[arg(value_name = "SERVICE")]
    services: Vec<String>,
    /// Leave them running, and return when they are ready
    #[arg(short, long)]
    detach: bool,
    /// Stay attached without a terminal too: the services end with this command
    #[arg(long, conflicts_with = "detach")]
    wait: bool,
    /// Say what would run and why, what would start, stay or end now, and on which port; change nothing
    #[arg(long, conflicts_with_all = ["detach", "wait"])]
    print: bool,
    #[command(flatten)]
    worktree: Worktree,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let here = self.worktree.caller()?;
        let stack = sources::find(&here)?.only(&self.services)?;
        folders::check(&here, &stack)?;
        let stack = match variables::inherited() {
            Some(port) => {
                let (stack, said) = stack.with_port(&self.services, port);
                if let Some(said) = said {
                    output::note(&said);
                }
                stack
            }
            None => stack,
        };
        if self.print {
            return self.foretell(context, &here, &stack);
        }
        self.start(context, &here, &stack)
    }

    fn foretell(
        &self,
        context: &Context,
        here: &styxy_client::Caller,
        stack: &Stack,
    ) -> Result<Exit, Failure> {
        let foreseen = crate::up::ask::foreseen(here, stack, self.extent());
        print::print(context, stack, crate::here::context::block_on(foreseen)??)
    }

    const fn extent(&self) -> crate::up::wire::Extent {
        if self.services.is_empty() { crate::up::wire::Extent::All } else { crate::up::wire::Extent::Some }
    }

    fn start(&self, context: &Context, here: &styxy_client::Caller, stack: &Stack) -> Result<Exit, Failure> {
        use std::io::IsTerminal as _;
        let is_seen = std::io::stdout().is_terminal();
        let follows = self.wait
            || !self.detach && is_seen && context.output.format() == crate::say::output::Format::Human;
        let mode = if follows { start::Mode::Attached } else { start::Mode::Detached };
        start::up(context, here, stack, self.extent(), mode)
    }
}
